// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// The tests say when: on a machine that is busy a second passes anywhere in them.
func init() { keepEvery = 1000 * time.Hour }

// Keep does at once what the keeper does each second.
func (l *Log) Keep() {
	if l.keeper != nil {
		l.keeper.round()
	}
}

// SetVersion makes the head of a segment say another version.
func SetVersion(p []byte, version uint32) {
	binary.LittleEndian.PutUint32(p[12:], version)
	binary.LittleEndian.PutUint32(p[8:], crc32.Checksum(p[12:segmentHeadSize], castagnoli))
}

// Waiting is how many appends wait for their turn.
func (l *Log) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.row)
}

// AppendGroup appends records as many writers would that come at the same time.
func (l *Log) AppendGroup(records ...Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last *pending
	for _, r := range records {
		p := &pending{record: r, turn: make(chan bool, 2)}
		if err := l.engine.prepare(p); err != nil {
			return err
		}
		if err := l.enter(context.Background(), p, 0); err != nil {
			return err
		}
		l.row = append(l.row, p)
		l.rowBytes += p.size
		last = p
	}
	l.commit()
	return last.err
}
