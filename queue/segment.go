// SPDX-License-Identifier: Apache-2.0

package queue

import "sort"

// segment is what is known of a file of records: where each of them is. That is
// 16 bytes of memory for a record on disk.
type segment struct {
	name   string
	salt   uint32 // the sum with which checksums begin
	base   uint64 // number of the first record
	next   uint64 // number after the last one
	slots  []slot // of base and so on
	end    int64  // of the last frame
	newest int64  // time of the last record, ns since 1970
	size   int64  // what the file takes on disk

	records int
	items   int64
}

// slot is the place of a record; one of size 0 is not there.
type slot struct {
	offset, size uint32 // in units of frameAlign
	items        uint32
	bad          bool
	class        uint8
}

// mostSegment is what a slot can point to.
const mostSegment = int64(1<<32-1) * frameAlign

func (s *segment) add(h *frameHead, offset int64, class uint8, bad bool) {
	s.reach(h.seq)
	s.slots = append(s.slots, slot{uint32(offset / frameAlign), uint32(h.size() / frameAlign), h.items, bad, class})
	s.next = h.seq + 1
	s.newest = max(s.newest, h.time)
	s.records++
	s.items += int64(h.items)
}

// reach says that the next record is seq: those before that are not there are
// lost.
func (s *segment) reach(seq uint64) {
	for s.next < seq {
		s.slots = append(s.slots, slot{})
		s.next++
	}
}

// forget lets go of the records from seq on.
func (s *segment) forget(seq uint64) {
	for s.next > max(seq, s.base) {
		s.next--
		if at := s.slots[s.next-s.base]; at.size != 0 {
			s.records--
			s.items -= int64(at.items)
		}
		s.slots = s.slots[:s.next-s.base]
	}
}

// find gives the first record of the segment from seq on.
func (s *segment) find(seq uint64) (entry, bool) {
	seq = max(seq, s.base)
	for ; seq < s.next; seq++ {
		if at := s.slots[seq-s.base]; at.size != 0 {
			return entry{
				seq: seq, items: int(at.items), class: at.class, size: int64(at.size) * frameAlign, bad: at.bad,
				segment: s, offset: int64(at.offset) * frameAlign, limit: s.end,
			}, true
		}
	}
	return entry{}, false
}

// segments are in the order of their numbers.
type segments []*segment

func (all segments) find(seq uint64) (entry, bool) {
	n := len(all)
	if n == 0 || seq >= all[n-1].next {
		return entry{}, false
	}
	i := n - 1
	if seq < all[i].base {
		i = sort.Search(n, func(i int) bool { return seq < all[i].next })
	}
	for ; i < n; i++ {
		if e, ok := all[i].find(seq); ok {
			return e, true
		}
	}
	return entry{}, false
}
