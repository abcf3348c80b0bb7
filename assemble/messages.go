// SPDX-License-Identifier: Apache-2.0

package assemble

// messages are those from the oldest with a span that waits to the newest: the
// part of the log that cannot be let go.
type messages struct {
	list  []message
	from  int // the first one of list that counts
	last  int // the one that was found last
	bytes int64
}

type message struct {
	number  uint64
	bytes   int
	waiting int // spans
}

// add appends a message; numbers grow. It counts until trim is called with none
// of its spans waiting.
func (m *messages) add(number uint64, bytes int) {
	if m.from > 0 && m.from == len(m.list) {
		m.list, m.from = m.list[:0], 0
	}
	m.list = append(m.list, message{number: number, bytes: bytes})
	m.bytes += int64(bytes)
}

// trim forgets the oldest messages in which nothing waits.
func (m *messages) trim() {
	for m.from < len(m.list) && m.list[m.from].waiting == 0 {
		m.bytes -= int64(m.list[m.from].bytes)
		m.from++
	}
	if m.from > 1024 && 2*m.from > len(m.list) {
		m.list = append(m.list[:0], m.list[m.from:]...)
		m.from = 0
	}
}

func (m *messages) find(number uint64) *message {
	if m.last < len(m.list) && m.list[m.last].number == number {
		return &m.list[m.last]
	}
	lo, hi := m.from, len(m.list)
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); m.list[mid].number < number {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	m.last = lo
	return &m.list[lo]
}

func (m *messages) hold(number uint64)    { m.find(number).waiting++ }
func (m *messages) release(number uint64) { m.find(number).waiting-- }
