// SPDX-License-Identifier: Apache-2.0

package span

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// SkyWalking names a trace by a string of any form, a segment by another, and
// a span by its number in the segment. The three functions here map those
// names to numbers and back. They hold no state, so a header written by a
// middleware, a report and another node of the gateway agree.
//
//	trace name             --TraceOf-->      128 bit
//	(segment name, number) --SpanOf-->       64 bit
//	(trace, span id)       --SegmentName-->  segment name, whose span is number 0
//
// SpanOf inverts SegmentName: SpanOf(TraceOf(name), SegmentName(t, s), 0) = s.

// TraceOf is the trace id that a SkyWalking trace name stands for: a UUID with
// dashes or 32 hex digits give their 16 bytes, 16 hex digits an id of 64 bits,
// everything else (the three-part form of the Java agent, decimal numbers) the
// first 16 bytes of a hash. It is never zero.
func TraceOf(name string) TraceID {
	t, _ := TraceNamed(name)
	return t
}

// TraceNamed is TraceOf, and whether the name is what AppendHex32 writes of the
// id: then it needs no keeping.
func TraceNamed(name string) (t TraceID, follows bool) {
	var ok bool
	switch len(name) {
	case 32:
		t, ok = hexPair(name[:16], name[16:])
		follows = ok && isLower(name)
	case 16:
		var err error
		t.Lo, err = parseHex(name)
		ok = err == nil
	case 36:
		if name[8] == '-' && name[13] == '-' && name[18] == '-' && name[23] == '-' {
			var a [32]byte
			n := copy(a[:], name[:8])
			n += copy(a[n:], name[9:13])
			n += copy(a[n:], name[14:18])
			n += copy(a[n:], name[19:23])
			copy(a[n:], name[24:])
			t, ok = hexPair(string(a[:16]), string(a[16:]))
		}
	}
	if ok && !t.IsZero() {
		return t, follows
	}
	h := hash("sw8:t:", name)
	t = TraceID{binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:16])}
	if t.IsZero() {
		t.Lo = 1
	}
	return t, false
}

// isLower is true for hex digits without an upper-case letter, whose bit 0x20 is
// the one that figures and lower-case letters have.
func isLower(digits string) bool {
	all := byte(0x20)
	for i := range len(digits) {
		all &= digits[i]
	}
	return all != 0
}

func hexPair(hi, lo string) (TraceID, bool) {
	h, err1 := parseHex(hi)
	l, err2 := parseHex(lo)
	return TraceID{h, l}, err1 == nil && err2 == nil
}

// hash is SHA-256 of the parts in a row, without an allocation for short ones.
func hash(parts ...string) [32]byte {
	var a [256]byte
	buf := a[:0]
	for _, p := range parts {
		buf = append(buf, p...)
	}
	return sha256.Sum256(buf)
}

// segmentPrefix is the first half of the segment names that SegmentName makes
// for a trace. It makes the names unique across traces, since OAP keeps
// segments under their name alone.
func segmentPrefix(t TraceID) uint64 {
	var a [6 + 16]byte
	copy(a[:], "sw8:p:")
	binary.BigEndian.PutUint64(a[6:], t.Hi)
	binary.BigEndian.PutUint64(a[14:], t.Lo)
	h := sha256.Sum256(a[:])
	return binary.BigEndian.Uint64(h[:8])
}

// AppendSegmentName appends the name of the segment whose span number 0 is
// span id of trace t: 32 lower-case hex digits, a form that SkyWalking agents
// use themselves.
func AppendSegmentName(dst []byte, t TraceID, id ID) []byte {
	return id.AppendHex(appendHex64(dst, segmentPrefix(t)))
}

// SegmentName is AppendSegmentName as a string.
func SegmentName(t TraceID, id ID) string {
	return string(AppendSegmentName(nil, t, id))
}

// SpanOf is the id of span number n of a segment in trace t. For a segment
// named by SegmentName and number 0 it is the id given there; otherwise a hash
// of name and number. It is never zero.
func SpanOf(t TraceID, segment string, n int32) ID {
	if n == 0 && len(segment) == 32 {
		if p, ok := hexPair(segment[:16], segment[16:]); ok && p.Lo != 0 && p.Hi == segmentPrefix(t) {
			return ID(p.Lo)
		}
	}
	var digits [11]byte
	return firstID(hash(hashSpan, segment, "S", string(strconv.AppendInt(digits[:0], int64(n), 10))))
}

// hashSpan is what the hash for a span begins with.
const hashSpan = "sw8:s:"

func firstID(h [32]byte) ID {
	for at := 0; at <= 24; at += 8 {
		if v := binary.BigEndian.Uint64(h[at:]); v != 0 {
			return ID(v)
		}
	}
	return 1
}

// SegmentIDs are the ids of the spans of one segment: SpanOf, with what it does for
// each of them alike done once.
type SegmentIDs struct {
	root ID // of number 0, if SegmentName may have made the name
	made bool
	buf  []byte // what is hashed, up to the number
	room [96]byte
}

// Reset takes another segment of a trace.
func (g *SegmentIDs) Reset(t TraceID, segment string) {
	g.root, g.made = 0, false
	if len(segment) == 32 {
		if p, ok := hexPair(segment[:16], segment[16:]); ok && p.Lo != 0 && p.Hi == segmentPrefix(t) {
			g.root, g.made = ID(p.Lo), isLower(segment)
		}
	}
	if g.buf == nil {
		g.buf = g.room[:0]
	}
	g.buf = append(append(append(g.buf[:0], hashSpan...), segment...), 'S')
}

// Of is SpanOf of a number.
func (g *SegmentIDs) Of(n int32) ID {
	if n == 0 && g.root != 0 {
		return g.root
	}
	return firstID(sha256.Sum256(strconv.AppendInt(g.buf, int64(n), 10)))
}

// Made is the id whose segment has this name by SegmentName, 0 where there is none.
func (g *SegmentIDs) Made() ID {
	if g.made {
		return g.root
	}
	return 0
}
