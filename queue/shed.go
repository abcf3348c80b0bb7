// SPDX-License-Identifier: Apache-2.0

package queue

// Shed makes room in memory: it drops the oldest records, of so many bytes together,
// that are held for cursors whose policy is DropOldest and for no others, and says of
// how many bytes they were. Those of a cursor that refuses or makes wait stay, and so
// would their memory if others let go of them. A log on disk has none to give.
func (l *Log) Shed(bytes int64) (freed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.disk != nil || l.closed {
		return 0
	}
	var drop []*Cursor
	below := l.last // the newest record stays
	from := l.next
	for _, c := range l.cursors {
		switch {
		case c.opts.WhenFull != DropOldest:
			below = min(below, c.needs())
		default:
			drop = append(drop, c)
			from = min(from, c.upcoming())
		}
	}
	seq := from
	for e, ok := l.engine.find(from); ok && e.seq < below && freed < bytes; e, ok = l.engine.find(seq) {
		freed += e.size
		seq = e.seq + 1
	}
	for _, c := range drop {
		c.dropBelow(min(seq, below), Memory)
	}
	l.trim()
	return freed
}
