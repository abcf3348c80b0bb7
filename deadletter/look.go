// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"slices"

	"github.com/spanbridge/spanbridge/queue"
)

// Look reads the letters in a directory without the lock and without changing
// anything, also while a gateway uses them. Letters that are marked to be sent
// again are among them. What the disk has damaged is left out; damaged says how
// many records that are.
func Look(fs queue.FS) (letters []Letter, damaged int, err error) {
	in, err := queue.Inspect(fs)
	if err != nil {
		return nil, 0, err
	}
	from := uint64(0)
	for _, c := range in.Cursors {
		if c.Name == cursorName && c.Fault == "" {
			from = c.Next
		}
	}
	gone := make(map[uint64]bool)
	err = in.Each(from, func(s queue.Stored) bool {
		if s.Err != nil {
			damaged++
			return true
		}
		l, kind, ids, err := parse(s.Seq, s.Record)
		switch {
		case err != nil:
			damaged++
		case kind == kindLetter:
			letters = append(letters, *l)
		case kind == kindGone:
			for _, id := range ids {
				gone[id] = true
			}
		}
		return true
	})
	return slices.DeleteFunc(letters, func(l Letter) bool { return gone[l.ID] }), damaged, err
}
