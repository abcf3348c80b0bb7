// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"github.com/spanbridge/spanbridge/queue"
)

// Look reads the letters in a directory without the lock and without changing
// anything, also while a gateway uses them, and gives each to f until it returns
// false. Letters that are marked to be sent again are among them. What the disk has
// damaged is left out; damaged says how many records that are.
func Look(fs queue.FS, f func(*Letter) bool) (damaged int, err error) {
	in, err := queue.Inspect(fs)
	if err != nil {
		return 0, err
	}
	from := uint64(0)
	for _, c := range in.Cursors {
		if c.Name == cursorName && c.Fault == "" {
			from = c.Next
		}
	}
	// What takes a letter out stands behind it.
	gone := make(map[uint64]bool)
	err = in.Each(from, func(s queue.Stored) bool {
		if s.Err != nil {
			damaged++
			return true
		}
		switch _, kind, ids, err := parse(s.Seq, s.Record); {
		case err != nil:
			damaged++
		case kind == kindGone:
			for _, id := range ids {
				gone[id] = true
			}
		}
		return true
	})
	if err != nil {
		return damaged, err
	}
	return damaged, in.Each(from, func(s queue.Stored) bool {
		if s.Err != nil || gone[s.Seq] {
			return true
		}
		l, kind, _, err := parse(s.Seq, s.Record)
		return err != nil || kind != kindLetter || f(l)
	})
}
