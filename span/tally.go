// SPDX-License-Identifier: Apache-2.0

package span

// Tally is numbers of spans by the protocol that they came by.
type Tally [NumProtocols]int

// Total is the spans of all protocols.
func (t *Tally) Total() (n int) {
	for _, v := range t {
		n += v
	}
	return n
}

// Add adds other spans.
func (t *Tally) Add(other *Tally) {
	for p, v := range other {
		t[p] += v
	}
}

// Sub takes spans away.
func (t *Tally) Sub(other *Tally) {
	for p, v := range other {
		t[p] -= v
	}
}

// Count adds items.
func (t *Tally) Count(items []Item) {
	for from := 0; from < len(items); {
		b, to := items[from].Batch, from+1
		for to < len(items) && items[to].Batch == b {
			to++
		}
		t[b.protocol] += to - from
		from = to
	}
}

// Share is n of the spans, of each protocol as many as its part of them is: for a
// number of which nobody says which they are. There are at most as many as spans.
func (t *Tally) Share(n int) (part Tally) {
	all := t.Total()
	n = min(max(n, 0), all)
	left, among := n, all
	for p, v := range t {
		if v == 0 {
			continue
		}
		part[p] = (left*v + among/2) / among
		left -= part[p]
		among -= v
	}
	return part
}
