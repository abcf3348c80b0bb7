// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"testing"

	"github.com/spanbridge/spanbridge/queue"
)

// TestShed: the oldest records go that only cursors want which drop them. Those that
// another one needs stay, and so do those that are on their way and the newest one.
func TestShed(t *testing.T) {
	for name, tt := range map[string]struct {
		other string // what another cursor does with the records
		ask   int64
		want  int // records that are dropped
	}{
		"alone":           {"none", 2500, 3},
		"everything":      {"none", 1 << 40, 9},
		"one behind":      {"behind", 1 << 40, 0},
		"one in front":    {"in front", 1 << 40, 4},
		"on its way":      {"taken", 1 << 40, 8},
		"nothing to give": {"none", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			log := queue.NewMemory(0)
			dropped := 0
			c, err := log.Cursor("drops", queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.DropOldest, Dropped: func(items int, _ uint8, why queue.Why) {
				if why != queue.Memory {
					t.Errorf("dropped because %s", why)
				}
				dropped += items
			}})
			if err != nil {
				t.Fatal(err)
			}
			var other *queue.Cursor
			if tt.other == "behind" || tt.other == "in front" {
				if other, err = log.Cursor("keeps", queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}); err != nil {
					t.Fatal(err)
				}
			}
			for range 10 {
				if err := log.Append(queue.Record{Body: make([]byte, 872), Items: 1}); err != nil { // 1000 with what a record costs
					t.Fatal(err)
				}
			}
			switch tt.other {
			case "in front":
				for range 4 {
					free(t, other)
				}
			case "taken":
				if _, ok, err := c.TryTake(); !ok || err != nil {
					t.Fatal(ok, err)
				}
			}
			freed := log.Shed(tt.ask)
			if dropped != tt.want || freed != int64(1000*tt.want) {
				t.Errorf("%d records dropped, %d bytes freed, want %d", dropped, freed, tt.want)
			}
			if items, _ := c.Held(); items != int64(10-tt.want) {
				t.Errorf("%d items are held, want %d", items, 10-tt.want)
			}
		})
	}
}

// TestShedAfterRewind: no more is dropped than is asked for, though the oldest were
// given out before.
func TestShedAfterRewind(t *testing.T) {
	b := &bench{t: t, log: queue.NewMemory(0), dropped: make(map[queue.Why]int)}
	b.cursor = b.reader("c", queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.DropOldest})
	b.append(0, 10, 100)
	for range 5 {
		if _, ok, err := b.cursor.TryTake(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	b.cursor.Rewind()
	b.log.Shed(1)
	equal(t, "what is left", drain(t, b.cursor), upTo(10)[1:])
}
