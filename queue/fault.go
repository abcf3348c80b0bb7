// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"fmt"
	"time"
)

// Fault is why the log takes no records now: what the disk said when it was last
// written to. nil: it takes them. Whoever sends may be kept away meanwhile; the
// log tries the disk by itself until it works.
func (l *Log) Fault() error {
	if l.disk == nil {
		return nil
	}
	if err := l.disk.fault.Load(); err != nil {
		return *err
	}
	return nil
}

func (d *disk) fails(err error, now time.Time) {
	d.fault.Store(&err)
	if d.failing.IsZero() {
		d.failing = now
		d.opts.Log.Error("the queue on disk takes no records: clients are told to come again", "dir", d.fs.Path(), "err", err)
	}
}

func (d *disk) works(now time.Time) {
	d.fault.Store(nil)
	if !d.failing.IsZero() {
		d.opts.Log.Info("the queue on disk takes records again", "dir", d.fs.Path(), "after", now.Sub(d.failing).Round(time.Millisecond))
		d.failing = time.Time{}
	}
}

// probeBytes is the space that there must be for the log to call a disk good that
// was full.
const probeBytes = 1 << 20

// probe tries a disk that has failed, as an append would: it may be that nobody
// sends any more because of it.
func (l *Log) probe() {
	if l.Fault() == nil {
		return
	}
	l.mu.Lock()
	if l.busy || l.closed {
		l.mu.Unlock()
		return
	}
	l.busy = true
	first := l.next
	l.mu.Unlock()
	d := l.disk
	now := d.opts.Now()
	err := d.probe(first, now)
	if err == nil {
		d.works(now)
	} else {
		d.fails(fmt.Errorf("tried again: %w", err), now)
		d.giveUp()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.row) > 0 {
		l.row[0].turn <- true
		return
	}
	l.busy = false
	l.idle.Broadcast()
}

func (d *disk) probe(first uint64, now time.Time) error {
	if d.writer == nil {
		if err := d.begin(first, probeBytes, now); err != nil {
			return err
		}
	}
	return d.writer.file.Sync()
}
