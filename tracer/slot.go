// SPDX-License-Identifier: Apache-2.0

package tracer

import "sync"

// Numbers of slots. A face comes again after (numRings × restingSlots × faces)
// spans or so: about 8,000.
const (
	numRings     = 4
	restingSlots = 64
	faces        = 32
	// maxKept is with how many faces that have memory of their own a slot is let
	// go: it keeps them from being collected.
	maxKept = 8
)

// slot is memory for one span at a time that is not recorded. Each use of it
// shows another face, and a face that is not the present one does nothing: who
// keeps a span beyond its Finish does not meet another request's. A face whose
// span was given memory of its own is not used again.
type slot struct {
	ring *ring
	// ring.mu guards what follows, but for what is in faces.
	begun   begun
	present *unsampled // nil while the slot rests
	next    int
	kept    int
	faces   [faces]unsampled
}

// ring are slots that rest, first in first out. None is taken out before the
// ring is full, so that each rests long.
type ring struct {
	tracer *Tracer
	mu     sync.Mutex
	slots  [restingSlots]*slot
	first  int
	n      int
	_      [40]byte // to a cache line
}

func (r *ring) take(n *begun) *unsampled {
	r.mu.Lock()
	if r.n < restingSlots {
		r.mu.Unlock()
		s := &slot{ring: r}
		for i := range s.faces {
			s.faces[i].in = s
		}
		s.begun, s.present = *n, &s.faces[0]
		return s.present
	}
	s := r.slots[r.first]
	r.slots[r.first] = nil
	r.first = (r.first + 1) % restingSlots
	r.n--
	s.begun, s.present = *n, &s.faces[s.next]
	f := s.present
	r.mu.Unlock()
	return f
}

// rest takes the slot back. It wants the lock to be held.
func (s *slot) rest() {
	s.begun, s.present = begun{}, nil
	if s.kept == maxKept {
		return
	}
	for {
		s.next = (s.next + 1) % faces
		if s.faces[s.next].own.Load() == nil {
			break
		}
	}
	if r := s.ring; r.n < restingSlots {
		r.slots[(r.first+r.n)%restingSlots] = s
		r.n++
	}
}

// finish ends the use of a face; false if it is not the present one.
func (s *slot) finish(f *unsampled) bool {
	s.ring.mu.Lock()
	present := s.present == f
	if present {
		s.rest()
	}
	s.ring.mu.Unlock()
	return present
}

// keep gives a face memory of its own; nil if its span is over.
func (s *slot) keep(f *unsampled) *kept {
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	if s.present == f {
		f.own.Store(&kept{begun: s.begun})
		s.kept++
		s.rest()
	}
	return f.own.Load()
}

func (s *slot) rename(f *unsampled, operation string) {
	s.ring.mu.Lock()
	if s.present == f {
		s.begun.operation = operation
	}
	s.ring.mu.Unlock()
}
