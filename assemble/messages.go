// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"slices"

	"github.com/spanbridge/spanbridge/span"
)

// messages are those from the oldest with a span that waits to the newest: the
// part of the log that cannot be let go. What waits names its message by a place,
// so that the tables of what waits are free of pointers; places grow, and begin
// again at 0 behind the greatest.
type messages struct {
	list  []message
	from  int    // the first one of list that counts
	first uint32 // the place of list[0]
	bytes int64
}

type message struct {
	number  uint64
	batch   *span.Batch // nil when nothing waits: its memory is used again then
	bytes   int
	waiting int // spans
}

// add appends a message; numbers grow. It counts until trim is called with none
// of its spans waiting.
func (m *messages) add(number uint64, bytes int) (place uint32) {
	if m.from > 0 && m.from == len(m.list) {
		m.first += uint32(m.from)
		m.list, m.from = m.list[:0], 0
	}
	m.list = append(m.list, message{number: number, bytes: bytes})
	m.bytes += int64(bytes)
	return m.first + uint32(len(m.list)-1)
}

// trim forgets the oldest messages in which nothing waits.
func (m *messages) trim() {
	for m.from < len(m.list) && m.list[m.from].waiting == 0 {
		m.bytes -= int64(m.list[m.from].bytes)
		m.from++
	}
	if m.from > 1024 && 2*m.from > len(m.list) {
		m.list = slices.Delete(m.list, 0, m.from)
		m.first += uint32(m.from)
		m.from = 0
	}
}

func (m *messages) at(place uint32) *message { return &m.list[place-m.first] }

// span is a span that waits.
func (m *messages) span(place uint32, index int32) *span.Span {
	return &m.at(place).batch.Spans()[index]
}

// earlier is true for the place of an earlier message, or the same.
func earlier(a, b uint32) bool { return int32(a-b) <= 0 }

func (m *messages) hold(place uint32, b *span.Batch) {
	a := m.at(place)
	a.batch = b
	a.waiting++
}

func (m *messages) release(place uint32) {
	a := m.at(place)
	if a.waiting--; a.waiting == 0 {
		a.batch = nil
	}
}
