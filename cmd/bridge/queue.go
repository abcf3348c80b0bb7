// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/pipeline"
	"github.com/spanbridge/spanbridge/queue"
)

// disk gives the directory of a log; nil stands for queue.Dir. Only bridge soak has
// another one.
type disk func(path string) queue.FS

func (d disk) at(path string) queue.FS {
	if d == nil {
		return queue.Dir(path)
	}
	return d(path)
}

// unreadInMemory is what targets that get on have before them without holding up
// clients (docs/when-full.md).
const unreadInMemory = 16 << 20

// openQueue opens the log that the configuration asks for.
func openQueue(c config.Queue, disk disk, set *metrics.Set, log *slog.Logger) (*queue.Log, error) {
	if c.Dir == "" {
		q := queue.NewMemory(int64(c.Decoded))
		q.KeepPace(unreadInMemory)
		return q, nil
	}
	q, _, err := queue.Open(disk.at(c.Dir), queue.Options{
		Now: time.Now, Log: log, RecentBytes: int64(c.Decoded),
		MaxBytes: int64(c.MaxBytes), MaxAge: c.MaxAge, ForgetAfter: c.ForgetAfter,
		Synced: set.Synced(), ClassOf: pipeline.ClassOf,
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

// deadDir is where the dead letters lie, below the directory of the queue.
func deadDir(c config.Queue) string { return filepath.Join(c.Dir, "dead") }

// deadInMemory is the most bytes of dead letters without a directory.
const deadInMemory = 16 << 20

func deadBound(c config.Queue) int64 {
	if c.Dir == "" {
		return min(int64(c.Dead.MaxBytes), deadInMemory)
	}
	return int64(c.Dead.MaxBytes)
}

// openDead opens the dead letters.
func openDead(c config.Queue, disk disk, set *metrics.Set, log *slog.Logger) (*deadletter.Letters, error) {
	opts := deadletter.Options{
		MaxBytes: deadBound(c), MaxAge: c.Dead.MaxAge, Now: time.Now, Log: log.With("queue", "dead letters"),
		Lost: func(target string, spans int, why string) {
			set.DeadLost.WithLabelValues(target, why).Add(float64(spans))
		},
	}
	if c.Dir != "" {
		opts.FS = disk.at(deadDir(c))
	}
	letters, err := deadletter.Open(opts)
	if err != nil {
		return nil, fmt.Errorf("queue.dir: the dead letters: %w", err)
	}
	set.Dead(letters.Held)
	return letters, nil
}

// tidyDead lets go of old dead letters until the context ends.
func tidyDead(ctx context.Context, letters *deadletter.Letters) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			letters.Tidy()
		case <-ctx.Done():
			return
		}
	}
}
