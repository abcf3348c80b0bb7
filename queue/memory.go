// SPDX-License-Identifier: Apache-2.0

package queue

import "errors"

// NewMemory makes a log that lives in memory. Companions are kept for the
// newest records only, as far as they fit into companionBytes.
func NewMemory(companionBytes int64) *Log {
	l := newLog(&memory{companionMax: companionBytes})
	l.immediate, l.settled = true, true
	return l
}

// memory keeps records in a ring.
type memory struct {
	ring  []Record
	first uint64 // number of the oldest record
	n     int    // records in the ring

	companionMax   int64
	companionBytes int64
	companionLow   uint64 // records below have no companion
}

func (m *memory) at(seq uint64) *Record { return &m.ring[seq&uint64(len(m.ring)-1)] }

func (*memory) prepare(p *pending) error {
	if err := checkClass(p.record.Class); err != nil {
		return err
	}
	p.size = int64(p.record.size())
	return nil
}

func (*memory) write(uint64, []*pending) error { return nil }

func (m *memory) keep(_ uint64, group []*pending) {
	for _, p := range group {
		m.append(p.record)
	}
}

func (m *memory) append(r Record) {
	if m.n == len(m.ring) {
		m.grow()
	}
	seq := m.first + uint64(m.n)
	*m.at(seq) = r
	m.n++
	m.companionBytes += int64(r.CompanionSize)
	for m.companionBytes > m.companionMax && m.companionLow < seq {
		m.dropCompanion(m.companionLow)
		m.companionLow++
	}
}

// dropCompanion lets go of a companion. The record's Body, which may be of the same
// memory, stays: so it is not released.
func (m *memory) dropCompanion(seq uint64) {
	if seq < m.first {
		return
	}
	r := m.at(seq)
	m.companionBytes -= int64(r.CompanionSize)
	r.Companion, r.CompanionSize = nil, 0
}

// drop lets go of a record.
func (m *memory) drop(seq uint64) {
	r := m.at(seq)
	m.companionBytes -= int64(r.CompanionSize)
	release(r)
	*r = Record{}
}

// grow doubles the ring, whose length is a power of two.
func (m *memory) grow() {
	old := *m
	m.ring = make([]Record, max(64, 2*len(old.ring)))
	for i := range old.n {
		seq := old.first + uint64(i)
		*m.at(seq) = *old.at(seq)
	}
}

func (m *memory) find(seq uint64) (entry, bool) {
	seq = max(seq, m.first)
	if seq >= m.first+uint64(m.n) {
		return entry{}, false
	}
	r := m.at(seq)
	return entry{seq: seq, items: r.Items, class: r.Class, size: int64(r.size())}, true
}

func (m *memory) recall(seq uint64) (Record, bool) { return *m.at(seq), true }

func (*memory) load(entry, *reader) (Record, error) { return Record{}, errors.ErrUnsupported }
func (*memory) damaged(entry, error)                {}

func (m *memory) forget(seq uint64) {
	if seq >= m.first && seq < m.first+uint64(m.n) {
		m.drop(seq)
	}
}

func (m *memory) trim(seq uint64) {
	for m.first < seq && m.n > 0 {
		m.drop(m.first)
		m.first++
		m.n--
	}
	m.companionLow = max(m.companionLow, m.first)
	// A ring that a burst has grown is given back when it is nearly empty.
	if len(m.ring) > 1024 && m.n < len(m.ring)/8 {
		old := *m
		m.ring = make([]Record, len(old.ring)/4)
		for i := range old.n {
			s := old.first + uint64(i)
			*m.at(s) = *old.at(s)
		}
	}
}

func (m *memory) close() error {
	m.ring, m.n = nil, 0
	return nil
}
