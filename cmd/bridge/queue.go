// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
)

// openQueue opens the log that the configuration asks for.
func openQueue(c config.Queue, set *metrics.Set, log *slog.Logger) (*queue.Log, error) {
	if c.Dir == "" {
		return queue.NewMemory(int64(c.Decoded)), nil
	}
	q, _, err := queue.Open(queue.Dir(c.Dir), queue.Options{
		Now: time.Now, Log: log, RecentBytes: int64(c.Decoded),
		MaxBytes: int64(c.MaxBytes), MaxAge: c.MaxAge, ForgetAfter: c.ForgetAfter,
		Synced: set.Synced(),
	})
	if err != nil {
		return nil, fmt.Errorf("queue.dir: %w", err)
	}
	set.Disk(func() metrics.Disk {
		s := q.Stats()
		return metrics.Disk{
			Bytes: s.Bytes, Segments: int64(s.Segments), Records: s.Records,
			Failures: s.Failures, Damaged: s.Damaged, Forgotten: s.Forgotten,
		}
	})
	return q, nil
}
