// SPDX-License-Identifier: Apache-2.0

package queue

import "sync"

// pending is a record whose writer waits.
type pending struct {
	record Record
	size   int64  // what it takes of a cursor's bound
	sum    uint32 // of its bytes, where the engine wants it
	err    error
	// turn is told true when it is the turn of the waiting goroutine to write for
	// all that wait, and false when another one has written its record.
	turn chan bool
}

var pendings = sync.Pool{New: func() any { return &pending{turn: make(chan bool, 1)} }}

func takePending() *pending { return pendings.Get().(*pending) }

func (p *pending) giveBack() {
	*p = pending{turn: p.turn}
	pendings.Put(p)
}

// Bounds of a group: what is written at once.
const (
	maxGroupRecords = 1024
	maxGroupBytes   = 4 << 20
)

// commit writes the records at the front of the row, the first of which is the
// caller's own, and passes the turn on. While it writes the next group gathers: a
// sync costs about the same for one record and for many. The log is locked, but
// for the time of the writing.
func (l *Log) commit() {
	n, bytes := 0, int64(0)
	for n < len(l.row) && n < maxGroupRecords && (n == 0 || bytes+l.row[n].size <= maxGroupBytes) {
		bytes += l.row[n].size
		n++
	}
	group := append(l.group[:0], l.row[:n]...)
	l.group = group
	rest := copy(l.row, l.row[n:])
	clear(l.row[rest:])
	l.row = l.row[:rest]

	first := l.next
	var err error
	if l.immediate {
		err = l.engine.write(first, group)
	} else {
		l.busy = true
		if l.disk != nil {
			l.disk.places = l.appendPlaces(l.disk.places[:0])
		}
		l.mu.Unlock()
		err = l.engine.write(first, group)
		l.mu.Lock()
	}
	l.rowBytes -= bytes
	l.next = first + uint64(n)
	if err == nil {
		l.published(first, group)
	} else {
		l.admitNext()
	}
	for i, p := range group {
		p.err = err
		if i > 0 {
			p.turn <- false
		}
	}
	clear(group)
	if len(l.row) > 0 {
		l.row[0].turn <- true
		return
	}
	l.busy = false
	l.idle.Broadcast()
}
