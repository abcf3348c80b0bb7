// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Message is an encoded body, and where its ids and times are.
type Message struct {
	Body  []byte
	Spans int

	id, time   form
	ids, times []place
}

// place is where an id or a time stands. Add is the lower half of the id, or the
// microseconds since the start of the request.
type place struct {
	at  int
	add uint64
}

// form is how numbers are written, all of them in as many bytes.
type form struct {
	size int
	put  func(dst []byte, v uint64)
}

// The forms of ids.
var (
	hexadecimal = form{16, func(dst []byte, v uint64) {
		const digits = "0123456789abcdef"
		for i := range 16 {
			dst[i] = digits[v>>(60-4*i)&15]
		}
	}}
	bigEndian = form{8, binary.BigEndian.PutUint64}
	zigzag10  = form{10, putZigzag}
)

// The forms of times, which are given in microseconds.
var (
	decimalMicros = form{16, func(dst []byte, v uint64) { strconv.AppendUint(dst[:0], v, 10) }}
	bigMicros     = form{8, binary.BigEndian.PutUint64}
	zigzagMicros  = form{8, putZigzag}
	littleNanos   = form{8, func(dst []byte, v uint64) { binary.LittleEndian.PutUint64(dst, v*1000) }}
	varintMillis  = form{6, func(dst []byte, v uint64) { binary.PutUvarint(dst, v/1000) }}
	varintSeconds = form{5, func(dst []byte, v uint64) { binary.PutUvarint(dst, v/1_000_000) }}
)

// What is encoded, to be found and overwritten. The times of a trace lie in one
// second: where only its seconds can be overwritten, the fractions stay.
var (
	sampleNonce = Nonce(0)
	sampleTime  = time.Unix(1_700_000_000, int64(100*time.Millisecond)).UTC()
)

func putZigzag(dst []byte, v uint64) { binary.PutUvarint(dst, v<<1) }

// Nonce is the half of all ids that is new in the n-th request: thirty bits that
// look random and do not come again, behind two that keep the length of a varint.
func Nonce(n uint32) uint32 { return 1<<30 | (n*0x2545f491+0x1b873593)&(1<<30-1) }

// newMessage finds the ids and times of the traces in what was encoded of them,
// with sampleNonce and sampleTime.
func newMessage(body []byte, list []Trace, ids, times form) (*Message, error) {
	m := &Message{Body: body, id: ids, time: times}
	lows := make(map[uint64]bool)
	seen := make(map[string]uint64)
	note := func(at time.Duration) {
		micros := uint64(at / time.Microsecond)
		pattern := string(times.of(uint64(sampleTime.UnixMicro()) + micros))
		if had, ok := seen[pattern]; !ok || micros < had {
			seen[pattern] = micros
		}
	}
	for i := range list {
		lows[uint64(list[i].ID)] = true
		for j := range list[i].Spans {
			s := &list[i].Spans[j]
			m.Spans++
			lows[uint64(s.ID)] = true
			lows[uint64(s.Parent)] = true
			note(s.Start)
			note(s.Start + s.Duration)
			for _, e := range s.Events {
				note(e.At)
			}
		}
	}
	delete(lows, 0)
	for low := range lows {
		m.ids = append(m.ids, m.find(ids.of(uint64(sampleNonce)<<32|low), low)...)
	}
	for pattern, add := range seen {
		m.times = append(m.times, m.find([]byte(pattern), add)...)
	}
	if len(m.ids) < 2 || len(m.times) == 0 {
		return nil, fmt.Errorf("traffic: %d ids and %d times found in what was written of %d spans", len(m.ids), len(m.times), m.Spans)
	}
	byPlace := func(a, b place) int { return a.at - b.at }
	slices.SortFunc(m.ids, byPlace)
	slices.SortFunc(m.times, byPlace)
	return m, nil
}

func (f form) of(v uint64) []byte {
	b := make([]byte, f.size)
	f.put(b, v)
	return b
}

func (m *Message) find(pattern []byte, add uint64) (all []place) {
	for from := 0; ; {
		at := bytes.Index(m.Body[from:], pattern)
		if at < 0 {
			return all
		}
		all = append(all, place{from + at, add})
		from += at + len(pattern)
	}
}

// Fresh makes the spans new ones, which begin now.
func (m *Message) Fresh(nonce uint32, now time.Time) {
	high, micros := uint64(nonce)<<32, uint64(now.UnixMicro())
	for _, p := range m.ids {
		m.id.put(m.Body[p.at:p.at+m.id.size], high|p.add)
	}
	for _, p := range m.times {
		m.time.put(m.Body[p.at:p.at+m.time.size], micros+p.add)
	}
}

// clone is a message that can be made fresh by itself.
func (m *Message) clone() *Message {
	c := *m
	c.Body = bytes.Clone(m.Body)
	return &c
}

// Request is what is answered once: one message, or several in a stream.
type Request struct {
	Messages []*Message
	Spans    int
}

// Fresh makes the spans new ones, which begin now.
func (r *Request) Fresh(nonce uint32, now time.Time) {
	for _, m := range r.Messages {
		m.Fresh(nonce, now)
	}
}

// Clone is a request that can be made fresh by itself.
func (r *Request) Clone() *Request {
	c := &Request{Spans: r.Spans}
	for _, m := range r.Messages {
		c.Messages = append(c.Messages, m.clone())
	}
	return c
}

// Size is the bytes of the bodies.
func (r *Request) Size() (n int) {
	for _, m := range r.Messages {
		n += len(m.Body)
	}
	return n
}
