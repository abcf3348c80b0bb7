// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
	raftwal "github.com/hashicorp/raft-wal"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
	"github.com/spanbridge/spanbridge/queue"
)

const segmentBytes = 64 << 20

// ours is the queue, with a reader that never comes.
type ours struct{ log *queue.Log }

func openQueue(dir string) (store, error) {
	l, _, err := queue.Open(queue.Dir(dir), queue.Options{Now: time.Now, SegmentBytes: segmentBytes, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	if _, err := l.Cursor("c", queue.CursorOptions{MaxBytes: 1 << 40, WhenFull: queue.Refuse}); err != nil {
		return nil, err
	}
	return ours{l}, l.Settle()
}

func (o ours) put(record []byte) error { return o.log.Append(queue.Record{Body: record, Items: 1}) }
func (o ours) close() error            { return o.log.Close() }

// committer gives groups to a store that has none: one goroutine writes what is
// waiting.
type committer struct {
	requests chan *request
	done     chan struct{}
	end      func() error
}

type request struct {
	record []byte
	done   chan error
}

func newCommitter(write func(group []*request) error, end func() error) *committer {
	c := &committer{requests: make(chan *request, 1024), done: make(chan struct{}), end: end}
	go func() {
		defer close(c.done)
		var group []*request
		for r := range c.requests {
			group = append(group[:0], r)
			for bytes := len(r.record); len(c.requests) > 0 && bytes < 4<<20; {
				r := <-c.requests
				group = append(group, r)
				bytes += len(r.record)
			}
			err := write(group)
			for _, r := range group {
				r.done <- err
			}
		}
	}()
	return c
}

func (c *committer) put(record []byte) error {
	r := &request{record, make(chan error, 1)}
	c.requests <- r
	return <-r.done
}

func (c *committer) close() error {
	close(c.requests)
	<-c.done
	return c.end()
}

// openBare appends to one file: no frames, no checksums, no segments.
func openBare(dir string) (store, error) {
	f, err := os.OpenFile(filepath.Join(dir, "bare"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return newCommitter(func(group []*request) error {
		for _, r := range group {
			if _, err := f.Write(r.record); err != nil {
				return err
			}
		}
		return syscall.Fdatasync(int(f.Fd()))
	}, f.Close), nil
}

func openRaft(dir string) (store, error) {
	w, err := raftwal.Open(dir, raftwal.WithSegmentSize(segmentBytes))
	if err != nil {
		return nil, err
	}
	var index atomic.Uint64
	return newCommitter(func(group []*request) error {
		logs := make([]*raft.Log, len(group))
		for i, r := range group {
			logs[i] = &raft.Log{Index: index.Add(1), Data: r.record}
		}
		return w.StoreLogs(logs)
	}, w.Close), nil
}

func openWlog(dir string) (store, error) {
	w, err := wlog.NewSize(slog.New(slog.DiscardHandler), nil, dir, segmentBytes, compression.None)
	if err != nil {
		return nil, err
	}
	var records [][]byte
	return newCommitter(func(group []*request) error {
		records = records[:0]
		for _, r := range group {
			records = append(records, r.record)
		}
		if err := w.Log(records...); err != nil {
			return err
		}
		return w.Sync()
	}, w.Close), nil
}
