// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"slices"

	"github.com/spanbridge/spanbridge/span"
)

// Plan is what an encoder told of the attributes of a span. It is the same for
// all spans whose attributes have these keys and types in this order, and whose
// resource has such ones: those of a fleet have a few dozen of such shapes.
type Plan struct {
	// Forms are the keys of the attributes as the encoder writes them, nil for one
	// that is not written.
	Forms [][]byte
	// Note is what the encoder said of them for itself.
	Note uint8

	keys  []string // those of the resource first
	own   listed
	found []keyPlace
	last  int // of found: that was looked for before

	// The list of them, as it was written for spans before, in the order of their use.
	lists [2]listText
}

// keyPlace is the place of a key that was looked for, -1 for none.
type keyPlace struct {
	key   string
	place int
}

// find is keySet.find.
func (p *Plan) find(key string) int {
	// They are looked for in the same order for each span.
	for range p.found {
		if p.last == len(p.found) {
			p.last = 0
		}
		if f := &p.found[p.last]; f.key == key {
			return f.place
		}
		p.last++
	}
	// Keys that are looked for are those that encoders know, which are few.
	place := slices.Index(p.keys, key)
	p.found = append(p.found, keyPlace{key, place})
	return place
}

// listText is the list of a span's attributes, or their types, as it is written:
// the text, and where in it the values of which attributes have to be.
type listText struct {
	choices         []choice
	typed, mirrored bool
	text            []byte
	holes           []hole
}

// hole is where a value was cut out of a text, and which attribute's it is. While the
// text is written it is the value itself.
type hole struct{ from, to, attr int }

// is true for the text of a list of which so much is known.
func (t *listText) is(l *listed) bool {
	return t.typed == l.typed && t.mirrored == l.mirrored && slices.Equal(t.choices, l.choices)
}

// shapes holds plans by the sequences of keys and types that they are for.
type shapes struct {
	root shape
	size int // bytes that it has come to, roughly

	// credit is earned by each span and spent on plans, so that spans whose shapes
	// do not come again cost little more than without.
	credit int
	saving bool // there was none, and it waits for more
}

const (
	// mostShapes bounds the memory in bytes. What is beyond makes it forget all:
	// shapes that are in use are soon there again.
	mostShapes = 1 << 20
	// mostPlanned is how many attributes are worth a plan, mostAlike how many
	// shapes go on from where one ends.
	mostPlanned = 64
	mostAlike   = 16
	// planCredit is what a plan costs, mostCredit how much is saved. When all is spent
	// there has to be enough for some dozens, lest one sender be the one who comes
	// whenever there is enough for one.
	planCredit = 16
	fewCredit  = 64 * planCredit
	mostCredit = 512 * planCredit
)

// shape is a sequence of keys with types; this is the last of them.
type shape struct {
	key  string
	sort uint8
	plan *Plan // if spans had this shape
	// The sequences that are longer by one: the one that was met last, and the next one
	// that goes on from where this one does.
	longer, other *shape
}

// sortOf is what counts of an attribute besides its key.
func sortOf(a *span.Attr) uint8 {
	if a.Mirrored {
		return uint8(a.Type) | 1<<6
	}
	return uint8(a.Type)
}

// ofResource marks the attributes of a resource.
const ofResource = 1 << 7

// after is the shape that goes on from this one with attributes, nil if it is not known.
func (p *shape) after(b *span.Batch, attrs []span.Attr, mark uint8) *shape {
	for i := range attrs {
		a := &attrs[i]
		key, sort := b.Str(a.Key), sortOf(a)|mark
		n := p.longer
		if n == nil || n.sort != sort || n.key != key {
			if n = p.find(key, sort); n == nil {
				return nil
			}
		}
		p = n
	}
	return p
}

// find finds a longer shape that is not the one that was met last.
func (p *shape) find(key string, sort uint8) *shape {
	last := p.longer
	if last == nil {
		return nil
	}
	for n := last.other; n != nil; last, n = n, n.other {
		if n.sort == sort && n.key == key {
			last.other, n.other, p.longer = n.other, p.longer, n
			return n
		}
	}
	return nil
}

// add is after for one that becomes known.
func (s *shapes) add(p *shape, attrs []span.Attr, mark uint8, keys []string) *shape {
	for i := range attrs {
		key, sort := keys[i], sortOf(&attrs[i])|mark
		n := p.longer
		if n == nil || n.sort != sort || n.key != key {
			if n = p.find(key, sort); n == nil {
				const size = 64
				s.size += size + len(key)
				n = &shape{key: key, sort: sort, other: p.longer}
				p.longer = n
				p.bound()
			}
		}
		p = n
	}
	return p
}

// bound lets the one go that was not met for the longest time, if they are many.
func (p *shape) bound() {
	n := p.longer
	for range mostAlike - 1 {
		if n = n.other; n == nil {
			return
		}
	}
	n.other = nil
}

// earn is called for each span.
func (s *shapes) earn() {
	if s.credit < mostCredit {
		s.credit++
	}
}

// pays spends what a plan costs. It is false if that is not there.
func (s *shapes) pays() bool {
	s.saving = s.credit < planCredit || s.saving && s.credit < fewCredit
	if s.saving {
		return false
	}
	s.credit -= planCredit
	if s.size > mostShapes {
		s.root, s.size = shape{}, 0
	}
	return true
}
