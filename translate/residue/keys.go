// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"hash/maphash"
	"strings"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// Known is a key of attributes that was met before, with what an encoder needs to
// know of it. Spans have the same keys over and over.
type Known struct {
	key   string
	after uint16 // the key that came next the last time
	place uint16 // in the list of the span, from 1; 0: it is not there
	// quoted is the key as a residue has it, if it is plain.
	quoted []byte
	// Whole: it is UTF-8.
	Whole bool
	// Told: a decoder takes an attribute of the key for more than that.
	Told bool
	// Form is the key as the encoder writes it.
	Form []byte
}

// keySet holds the keys of a span's attributes and of its resource's by their
// places: those of the resource first, which stay for the spans after it. They
// are numbers of keys that are known.
type keySet struct {
	told func(key string) bool
	form func(key string) []byte

	within bool // quotes are escaped

	known []Known               // number 0 stands for none
	slots [1 << slotBits]uint16 // the numbers by a hash, and those behind it
	list  []uint16
	fresh int // keys that became known with the span
}

const (
	mostKnown = 1 << (slotBits - 1)
	slotBits  = 11 // twice as many as there are keys: a search ends soon
	// mostKeys is how many attributes a span may have, and longestKey how long
	// their keys.
	mostKeys   = 1000
	longestKey = 256
	// mostFresh is how many keys may become known with one span.
	mostFresh = mostKnown / 2
)

// full is true when no other key can become known.
func (k *keySet) full() bool { return len(k.known) == mostKnown }

// begin sees to it that there is room for other keys: when there is none it forgets
// all, and returns false. Those that are in use are soon known again, so that keys
// that a client makes up cost the others next to nothing.
func (k *keySet) begin() bool {
	if len(k.known) == 0 {
		k.known = append(k.known, Known{})
	}
	k.fresh = 0
	if !k.full() {
		return true
	}
	k.cut(0)
	clear(k.known)
	k.known = k.known[:1]
	clear(k.slots[:])
	return false
}

// cut takes the keys from place n on out.
func (k *keySet) cut(n int) {
	for _, number := range k.list[n:] {
		k.known[number].place = 0
	}
	k.list = k.list[:n]
}

// add adds a key. It returns nil for one that is there, that is too long or that
// there is no room for.
func (k *keySet) add(key string) *Known {
	prev := uint16(0)
	if n := len(k.list); n > 0 {
		prev = k.list[n-1]
	}
	number := k.known[prev].after
	if number == 0 || k.known[number].key != key {
		if number = k.number(key); number == 0 {
			return nil
		}
		k.known[prev].after = number
	}
	known := &k.known[number]
	if known.place != 0 || len(k.list) == mostKeys {
		return nil
	}
	k.list = append(k.list, number)
	known.place = uint16(len(k.list))
	return known
}

// at is the key at a place.
func (k *keySet) at(place int) *Known { return &k.known[k.list[place]] }

// number is the number of a key, which becomes known if it is not.
func (k *keySet) number(key string) uint16 {
	h, number := k.search(key)
	if number != 0 || len(key) > longestKey || k.fresh == mostFresh || k.full() {
		return number
	}
	k.fresh++
	k.slots[h] = uint16(len(k.known))
	own := strings.Clone(key)
	var quoted []byte
	if wire.IsPlain(own) {
		quote := `"`
		if k.within {
			quote = `\"`
		}
		quoted = []byte(quote + own + quote)
	}
	k.known = append(k.known, Known{key: own, quoted: quoted, Whole: utf8.ValidString(own), Told: k.told(own), Form: k.form(own)})
	return k.slots[h]
}

// search finds the slot of a key, and its number, 0 for one that is not known.
func (k *keySet) search(key string) (slot uint, number uint16) {
	for h := hashKey(key); ; h = (h + 1) % uint(len(k.slots)) {
		if number = k.slots[h]; number == 0 || k.known[number].key == key {
			return h, number
		}
	}
}

// find is the place of a key, -1 for none.
func (k *keySet) find(key string) int {
	_, number := k.search(key)
	return int(k.known[number].place) - 1
}

// hashKey is not for senders to know, who choose the keys.
func hashKey(s string) uint { return uint(maphash.String(seed, s)) % (1 << slotBits) }

var seed = maphash.MakeSeed()
