// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// scanned is what a look at the file of a segment found.
type scanned struct {
	segment
	head      segmentHead
	headGood  bool
	sealed    bool   // its end is marked: nothing after that was ever written
	lastGroup uint64 // the first number of the last group in it
	length    int64  // of the file
	torn      int64  // bytes after the last frame that are not zero
	lost      []gap  // where numbers are missing
	// places is the last frame of them, of the group that begins with placesAt.
	places   []byte
	placesAt uint64
	// cut is the head of a last frame that is not there as a whole.
	cut *frameHead
	// bad are the records whose bytes are not what they were, by slot.
	bad     []int
	classOf func(head []byte) uint8
}

// gap is a part of a file in which no frame was found, and the records that must
// have been there.
type gap struct {
	offset      int64
	first, last uint64
}

// scan looks at every frame. It finds the next good one after a bad one. The
// bytes of the records are looked at only in a file whose end is not marked:
// those are the ones that a crash may have torn. Others are checked when they are
// read.
func scan(f File, name string, deep bool, classOf func([]byte) uint8) (*scanned, error) {
	v, err := newView(f)
	if err != nil {
		return nil, err
	}
	base, salt, _ := parseSegmentName(name)
	s := &scanned{
		segment: segment{name: name, salt: saltSum(salt), base: base, next: base, end: segmentHeadSize, size: v.size},
		length:  v.size,
		classOf: classOf,
	}
	if s.head, s.headGood, err = parseSegmentHead(v.at(0, segmentHeadSize)); err != nil {
		return nil, err
	}
	s.headGood = s.headGood && s.head.base == base && s.head.salt == salt
	s.frames(v, deep || !s.marked(v))
	return s, nil
}

// marked is true when a mark of the end is at the end of the file.
func (s *scanned) marked(v *view) bool {
	if v.size < segmentHeadSize+frameHeadSize {
		return false
	}
	h, ok := parseFrameHead(v.at(v.size-frameHeadSize, frameHeadSize), s.salt)
	return ok && h.kind == kindEnd
}

func (s *scanned) frames(v *view, deep bool) {
	off := int64(segmentHeadSize)
	for off < v.size {
		h, ok := s.frame(v, off)
		if !ok {
			at, torn := s.search(v, off)
			if at < 0 {
				s.torn = torn
				return
			}
			off = at
			continue
		}
		if h.seq > s.next {
			s.lost = append(s.lost, gap{s.end, s.next, h.seq - 1})
		}
		if h.kind == kindEnd {
			s.sealed = true
			s.reach(h.seq)
			s.end = off + frameHeadSize
			if _, torn := s.search(v, s.end); torn > 0 {
				s.torn = torn
			}
			return
		}
		s.lastGroup = h.seq - min(uint64(h.back), h.seq)
		if h.kind == kindPlaces {
			s.reach(h.seq)
			if s.whole(v, off, &h) {
				s.places, s.placesAt = bytes.Clone(v.at(off+frameHeadSize, int(h.body))), h.seq
			}
			off = min(off+h.size(), v.size)
			s.end = off
			continue
		}
		if off+h.size() > v.size {
			s.cut = &h
			s.torn = v.size - off
			return
		}
		bad := deep && !s.whole(v, off, &h)
		s.add(&h, off, s.class(v, off, &h), bad)
		if bad {
			s.bad = append(s.bad, int(h.seq-s.base))
		}
		off += h.size()
		s.end = off
	}
}

// mostHead is how much of the head of a record is looked at to find its class.
const mostHead = 64

func (s *scanned) class(v *view, off int64, h *frameHead) uint8 {
	if s.classOf == nil || h.items == 0 {
		return 0
	}
	if class := s.classOf(v.at(off+frameHeadSize, int(min(h.head, mostHead)))); class < Classes {
		return class
	}
	return 0
}

// acknowledged is the number below which the file shows that all records were
// acknowledged. The head of a file is written with its first group, so that a
// bad one in front of one group says that nothing in it was.
func (s *scanned) acknowledged() uint64 {
	switch {
	case s.sealed:
		return s.next
	case s.lastGroup > s.base:
		return s.lastGroup
	case s.headGood:
		return s.head.continues
	default:
		return 0
	}
}

// frame reads the head of a frame. One with a number that cannot be is none.
func (s *scanned) frame(v *view, off int64) (h frameHead, ok bool) {
	h, ok = parseFrameHead(v.at(off, frameHeadSize), s.salt)
	return h, ok && h.seq >= s.next && s.fits(h.seq)
}

// fits is true for a number that a record in the file can have: each one from
// the first on has taken its part of it.
func (s *scanned) fits(seq uint64) bool { return seq-s.base <= uint64(s.length/frameHeadSize) }

// whole is true when a record is as it was written.
func (s *scanned) whole(v *view, off int64, h *frameHead) bool {
	sum := uint32(0)
	all := v.sum(off+frameHeadSize, int(h.head)+int(h.body), func(p []byte) { sum = crc32.Update(sum, castagnoli, p) })
	return all && sum == h.sum
}

// search finds the next frame. Where there is none it gives -1, and the number of
// bytes up to the last one that is not zero.
func (s *scanned) search(v *view, from int64) (at, torn int64) {
	end := from
	for off := from; off < v.size; {
		p := v.at(off, viewSize)
		if len(p) == 0 {
			break
		}
		for i := 0; ; {
			next := bytes.Index(p[i:], []byte(frameMagic))
			if next < 0 {
				break
			}
			i += next
			if place := off + int64(i); place%frameAlign == 0 && place > from {
				// Looked at apart: the view's buffer may move.
				var head [frameHeadSize]byte
				if n, _ := v.f.ReadAt(head[:], place); n == len(head) {
					if h, ok := parseFrameHead(head[:], s.salt); ok && h.seq >= s.next && s.fits(h.seq) {
						return place, 0
					}
				}
			}
			i++
		}
		if n := lastNonZero(p); n >= 0 {
			end = off + int64(n) + 1
		}
		// A magic may lie across two looks.
		step := int64(len(p))
		if off+step < v.size {
			step = max(frameAlign, (step-frameAlign)&^(frameAlign-1))
		}
		off += step
	}
	return -1, end - from
}

func lastNonZero(p []byte) int {
	n := len(p)
	for n >= 8 && binary.LittleEndian.Uint64(p[n-8:]) == 0 {
		n -= 8
	}
	for n > 0 && p[n-1] == 0 {
		n--
	}
	return n - 1
}
