// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"hash/maphash"
	"unsafe"
)

// names are texts that places share: services, instances and endpoints are few,
// and to compare two of them is to compare numbers. Number 0 is the empty text.
// A text goes when its last user does.
type names struct {
	seed   maphash.Seed
	heads  []int32 // the first of a list, by hash
	chunks [][]name
	n      int32 // numbers given out, 0 among them
	free   int32 // the first of those to use again
	long   map[int32]string
	usual  [usualNames]int32 // some of those that were held last
}

// usualNames is how many texts are found again without their hash.
const usualNames = 64

// name is a text. Nearly all are short enough to lie in it, so that the garbage
// collector need not look into them.
type name struct {
	hash   uint64
	users  int32
	next   int32 // in its list, or among the free
	length uint16
	loose  bool // it is in no list
	text   [usualName]byte
}

const usualName = 77 // a name takes 96 bytes then

func (g *names) at(n int32) *name { return &g.chunks[n>>chunkBits][n&(1<<chunkBits-1)] }

// text is the text of a number. It holds until the number is let go.
func (g *names) text(n int32) string {
	if n == 0 {
		return ""
	}
	a := g.at(n)
	if a.length > usualName {
		return g.long[n]
	}
	return unsafe.String(&a.text[0], int(a.length))
}

// hash is the hash of a text of a number.
func (g *names) hash(n int32) uint64 {
	if n == 0 {
		return 0
	}
	return g.at(n).hash
}

// hold is the number of a text, for one more user.
func (g *names) hold(s string) int32 {
	if s == "" {
		return 0
	}
	last := &g.usual[(uint(len(s))*5+uint(s[0])+uint(s[len(s)-1])*3)%usualNames]
	if n := *last; n != 0 && g.text(n) == s {
		if a := g.at(n); a.users > 0 && !a.loose {
			a.users++
			return n
		}
	}
	n := g.search(s)
	*last = n
	return n
}

// search is hold by the hash of a text.
func (g *names) search(s string) int32 {
	if g.n >= int32(len(g.heads)) {
		g.grow()
	}
	h := maphash.String(g.seed, s)
	head := &g.heads[h&uint64(len(g.heads)-1)]
	for n := *head; n != 0; n = g.at(n).next {
		if a := g.at(n); a.hash == h && g.text(n) == s {
			a.users++
			return n
		}
	}
	n := g.add(s, h)
	g.at(n).next, *head = *head, n
	return n
}

// holdLoose is hold for a text that nobody else has; it is not found again.
func (g *names) holdLoose(s string) int32 {
	if s == "" {
		return 0
	}
	if g.n == 0 {
		g.grow()
	}
	n := g.add(s, 0)
	g.at(n).loose = true
	return n
}

// add gives a text a number.
func (g *names) add(s string, h uint64) int32 {
	n := g.free
	if n != 0 {
		g.free = g.at(n).next
	} else {
		n = g.n
		if int(n)>>chunkBits == len(g.chunks) {
			g.chunks = append(g.chunks, make([]name, 1<<chunkBits))
		}
		g.n++
	}
	a := g.at(n)
	a.hash, a.users, a.length, a.loose = h, 1, uint16(len(s)), false
	if len(s) > usualName {
		g.long[n] = string([]byte(s)) // s may point into a batch
	} else {
		copy(a.text[:], s)
	}
	return n
}

// share is a number for one more user.
func (g *names) share(n int32) int32 {
	if n != 0 {
		g.at(n).users++
	}
	return n
}

// swap holds a text in place of that of a number.
func (g *names) swap(n int32, s string) int32 {
	if g.text(n) == s {
		return n
	}
	now := g.hold(s)
	g.release(n)
	return now
}

// release lets go of a number for one user.
func (g *names) release(n int32) {
	if n == 0 {
		return
	}
	a := g.at(n)
	if a.users--; a.users > 0 {
		return
	}
	if !a.loose {
		at := &g.heads[a.hash&uint64(len(g.heads)-1)]
		for *at != n {
			at = &g.at(*at).next
		}
		*at = a.next
	}
	if a.length > usualName {
		delete(g.long, n)
	}
	a.next, g.free = g.free, n
}

func (g *names) grow() {
	if g.n == 0 {
		g.n, g.long = 1, make(map[int32]string)
		g.chunks = append(g.chunks, make([]name, 1<<chunkBits))
	}
	g.heads = make([]int32, max(fewHeads, 2*len(g.heads)))
	for n := int32(1); n < g.n; n++ {
		a := g.at(n)
		if a.users == 0 || a.loose {
			continue
		}
		head := &g.heads[a.hash&uint64(len(g.heads)-1)]
		a.next, *head = *head, n
	}
}
