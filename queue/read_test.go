// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// Read gives what a cursor has not committed, from memory or from the disk, and Claim
// gives back a cursor with its bound, none that is not there.
func TestReadAndClaim(t *testing.T) {
	open := func(disk *queuetest.Disk) *queue.Log {
		t.Helper()
		log, _, err := queue.Open(disk, queue.Options{Now: time.Now, RecentBytes: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return log
	}
	for _, disk := range []*queuetest.Disk{nil, {}} {
		log, first := queue.NewMemory(0), uint64(0)
		if disk != nil {
			log, first = open(disk), 1
		}
		c, err := log.Cursor("a", queue.CursorOptions{MaxBytes: 12345678, WhenFull: queue.Refuse})
		if err := errors.Join(err, log.Settle()); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if err := log.Append(queue.Record{Body: []byte{byte(i)}, Items: i}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range uint64(10) {
			if r, err := log.Read(first + i); err != nil || len(r.Body) != 1 || uint64(r.Body[0]) != i || uint64(r.Items) != i {
				t.Errorf("record %d: %+v, %v", first+i, r, err)
			}
		}
		if _, err := log.Read(first + 10); !errors.Is(err, queue.ErrNotKept) {
			t.Errorf("a record that is not there: %v", err)
		}
		if r, ok, err := c.TryTake(); err != nil || !ok || r.Seq != first {
			t.Errorf("reading has moved the cursor: %+v, %v, %v", r, ok, err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := log.Read(first); !errors.Is(err, queue.ErrClosed) {
			t.Error(err)
		}
		if disk == nil {
			continue
		}
		log = open(disk)
		if _, err := log.Claim("b"); err == nil || !strings.Contains(err.Error(), `"a"`) {
			t.Errorf("a cursor that is not there: %v", err)
		}
		c, err = log.Claim("a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Claim("a"); err == nil {
			t.Error("it is claimed twice")
		}
		for range 5 {
			if r, ok, err := c.TryTake(); err != nil || !ok {
				t.Fatal(ok, err)
			} else if r.Seq == first+3 {
				c.Commit(r.Seq)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		in, err := queue.Inspect(disk)
		if err != nil || len(in.Cursors) != 1 || in.Cursors[0].Next != first+4 || in.Cursors[0].HeldItems != 4+5+6+7+8+9 {
			t.Errorf("%+v, %v", in.Cursors, err)
		}
		if p := string(disk.Files()["a.cursor"]); !strings.Contains(p, "max 12345678\n") || !strings.Contains(p, "left -\n") {
			t.Errorf("the place of the cursor: %s", p)
		}
	}
}
