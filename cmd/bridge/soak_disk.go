// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/spanbridge/spanbridge/queue"
)

// flipped is a bit that was changed on disk.
type flipped struct {
	segment string
	record  uint64
	offset  int64
	numbers []int // of the spans in the record
}

// flipBit changes one bit of a record in a sealed segment of a queue that nobody
// uses, of one that is still held for a target where there is such a record. It is
// nil where no segment is sealed and has a record.
func flipBit(dir string, rng *rand.Rand) (*flipped, error) {
	in, err := queue.Inspect(queue.Dir(dir))
	if err != nil {
		return nil, err
	}
	sealed := make(map[string]bool)
	for _, s := range in.Segments {
		sealed[s.Name] = s.Sealed
	}
	oldest := ^uint64(0)
	for _, c := range in.Cursors {
		oldest = min(oldest, c.Next)
	}
	var chosen *flipped
	wanted, candidates := false, 0
	err = in.Each(0, func(r queue.Stored) bool {
		if !sealed[r.Segment] || r.Err != nil || len(r.Body) == 0 {
			return true
		}
		if held := r.Seq >= oldest; held != wanted {
			if !held {
				return true
			}
			wanted, candidates = true, 0
		}
		// Each of them is as likely as another, without a list of all.
		candidates++
		if rng.IntN(candidates) == 0 {
			length := frameHead + len(r.Head) + len(r.Body)
			chosen = &flipped{segment: r.Segment, record: r.Seq, offset: r.Offset + int64(rng.IntN(length)), numbers: numbersIn(r.Body)}
		}
		return true
	})
	if err != nil || chosen == nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, chosen.segment), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], chosen.offset)
	if err == nil {
		b[0] ^= 1 << rng.IntN(8)
		_, err = f.WriteAt(b[:], chosen.offset)
	}
	return chosen, errors.Join(err, f.Close())
}

// frameHead is the length of the head of a frame (queue/FORMAT.md).
const frameHead = 48

// heldNumbers finds the spans that the queue holds for each of its targets, while
// nobody uses it.
func heldNumbers(dir string, found func(target string, numbers []int)) error {
	in, err := queue.Inspect(queue.Dir(dir))
	if err != nil || len(in.Cursors) == 0 {
		return err
	}
	oldest := ^uint64(0)
	for _, c := range in.Cursors {
		oldest = min(oldest, c.Next)
	}
	return in.Each(oldest, func(r queue.Stored) bool {
		numbers := numbersIn(r.Body)
		for i := range in.Cursors {
			c := &in.Cursors[i]
			if r.Seq < c.Next {
				continue
			}
			left := slices.Clone(numbers)
			for _, done := range c.Done(&r) {
				for item := done.From; item < done.To && len(left) == r.Items; item++ {
					left[item] = 0 // no number
				}
			}
			found(c.Name, left)
		}
		return true
	})
}

// mostBallast bounds the file that fills a small file system.
const mostBallast = 4 << 30

// ballast fills the file system of a directory to the last byte, and gives what
// takes it away again.
func ballast(dir string) (remove func() error, err error) {
	path := filepath.Join(dir, "ballast")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	remove = func() error { return errors.Join(f.Close(), os.Remove(path)) }
	written := int64(0)
	for size := 1 << 20; size > 0; {
		n, err := f.Write(make([]byte, size))
		written += int64(n)
		if err != nil {
			size /= 2
		}
		if written > mostBallast {
			return nil, errors.Join(fmt.Errorf("the file system of %s has more than %d MiB of space: give --small-disk only for a small one of its own", dir, mostBallast>>20), remove())
		}
	}
	return remove, nil
}
