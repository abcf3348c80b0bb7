// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/binary"
	"math"

	"github.com/spanbridge/spanbridge/span"
)

// The spans of a body say the same over and over: the process that reports and its neighbours, the keys of tags in the order of the
// library that sets them. What was read once, in the usual form, is compared
// afterwards rather than read again (BenchmarkDecodeV2JSON).

func starts(p []byte, s string) bool { return len(p) >= len(s) && string(p[:len(s)]) == s }

// endpointMemory holds the endpoints that came last, each at the place that its first
// bytes tell: to look for one costs one comparison.
type endpointMemory struct {
	known [1 << placeBits]struct {
		raw string // the object, as it stands in the body
		e   span.Endpoint
	}
	// inVain counts the endpoints since a known one that were none of these, passed
	// those that were not looked for. Where all differ, memory costs more than it saves.
	inVain, passed uint8
}

const placeBits = 4

// place is where an endpoint is remembered. What tells endpoints apart, the name of the
// service or the address, begins behind `{"serviceName":"` or before.
func place(rest []byte) int {
	const from = len(`{"serviceName":"`)
	if len(rest) < from+16 {
		return 0
	}
	p := (*[16]byte)(rest[from:])
	const odd = 0x9e3779b97f4a7c15
	return int((binary.LittleEndian.Uint64(p[:8])*odd ^ binary.LittleEndian.Uint64(p[8:])) * odd >> (64 - placeBits))
}

// tries is true when it is worth to look for the next endpoint, or to add it.
func (m *endpointMemory) tries() bool {
	const patience, pause = 16, 16
	if m.inVain < patience {
		return true
	}
	m.passed++
	return m.passed%pause == 0
}

// find is the endpoint that comes next and its length, if it is one of those.
func (m *endpointMemory) find(rest []byte) (e *span.Endpoint, n int) {
	k := &m.known[place(rest)]
	if n := len(k.raw); n > 0 && len(rest) >= n && rest[n-1] == '}' && string(rest[:n]) == k.raw {
		m.inVain = 0
		return &k.e, n
	}
	m.inVain = min(m.inVain, math.MaxUint8-1) + 1
	return nil, 0
}

// add remembers the first n bytes as an endpoint.
func (m *endpointMemory) add(rest []byte, n int, e *span.Endpoint) {
	k := &m.known[place(rest)]
	k.raw, k.e = asString(rest[:n]), *e
}

// tagMemory holds keys of tags, and which of them came after which.
type tagMemory struct {
	known [64]tagKey // number 0 stands for the beginning of a list
	n     uint8
}

type tagKey struct {
	lit     string // from behind its opening quote to the colon
	after   [2]uint8
	special bool // the tag may say something of the span
	poisons bool // see poisons
}

// next is the number of the key that comes next, 0 if it is not known to come
// after another one.
func (m *tagMemory) next(prev uint8, rest []byte) uint8 {
	after := &m.known[prev].after
	if k := after[0]; k != 0 && starts(rest, m.known[k].lit) {
		return k
	}
	if k := after[1]; k != 0 && starts(rest, m.known[k].lit) {
		after[0], after[1] = k, after[0]
		return k
	}
	return 0
}

// add remembers that a key came after another one. It gives the key's number,
// and 0 if there is no room.
func (m *tagMemory) add(prev uint8, lit string) uint8 {
	k := uint8(0)
	for i := uint8(1); i <= m.n; i++ {
		if m.known[i].lit == lit {
			k = i
			break
		}
	}
	if k == 0 {
		if int(m.n) == len(m.known)-1 {
			return 0
		}
		m.n++
		k = m.n
		m.known[k] = tagKey{lit: lit, special: isSpecial(lit[:len(lit)-2]), poisons: poisons(lit[:len(lit)-2])}
	}
	after := &m.known[prev].after
	after[0], after[1] = k, after[0]
	return k
}

// isSpecial is true for keys that outcome.read looks at, and for some more.
func isSpecial(key string) bool {
	if key == "" {
		return false
	}
	switch key[0] {
	case 'o', 'w', 's', 'b':
		return true
	}
	return key == "error"
}
