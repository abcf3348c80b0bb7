// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// disk keeps records in segments. What it writes with is used by the one
// goroutine whose turn it is, the rest by whoever has the lock of the log.
type disk struct {
	fs   FS
	opts Options
	lock io.Closer

	// To write.
	writer    *segmentWriter // nil: the next group begins a segment
	continues uint64         // the number after the last one that was acknowledged
	buf       []byte
	places    []byte    // where the cursors are, to be written with the group
	placed    int64     // what that has taken of the segment
	failing   time.Time // since when groups are not written
	failures  atomic.Int64
	fault     atomic.Pointer[error] // why they are not; nil: they are

	// To read.
	segments segments
	active   *segment // the last one, while it may grow
	recent   recent
	dead     []*segment // files to be removed
	ended    []*journal // the same
	stats    Stats

	// lostCursors is true for a log that has records and no cursor.
	lostCursors bool
}

// segmentWriter writes a segment.
type segmentWriter struct {
	segment  *segment
	file     File
	end      int64 // after the last group that is durable
	reserved int64
}

const writeBuffer = 1 << 20

func (d *disk) prepare(p *pending) error {
	r := &p.record
	if err := checkClass(r.Class); err != nil {
		return err
	}
	if n := len(r.Head) + len(r.Body); n > maxRecord || r.Items < 0 || int64(r.Items) > 1<<32-1 {
		return fmt.Errorf("queue: a record of %d bytes and %d items, want at most %d bytes and 32 bits of items", n, r.Items, maxRecord)
	}
	p.size = frameSize(len(r.Head), len(r.Body))
	p.sum = recordSum(r.Head, r.Body)
	r.sum = p.sum
	return nil
}

// write makes a group durable. A segment in which a write or a sync has failed
// is never written again: what the disk made of it nobody can tell, and a second
// sync that succeeds proves nothing about the data of the first.
func (d *disk) write(first uint64, group []*pending) error {
	now := d.opts.Now()
	err := d.writeGroup(first, group, now)
	if err == nil {
		d.continues = first + uint64(len(group))
		d.works(now)
		return nil
	}
	d.fails(err, now)
	d.failures.Add(1)
	d.giveUp()
	return fmt.Errorf("queue: %w", err)
}

func (d *disk) writeGroup(first uint64, group []*pending, now time.Time) error {
	need := d.placesSize()
	for _, p := range group {
		need += p.size
	}
	if w := d.writer; w != nil && w.end > segmentHeadSize && w.end+need+frameHeadSize > d.opts.SegmentBytes {
		d.seal(false)
	}
	if d.writer == nil {
		if err := d.begin(first, need, now); err != nil {
			return err
		}
	}
	w := d.writer
	off := w.end
	if err := d.writeFrames(w, &off, first, group, now); err != nil {
		return err
	}
	d.placed = d.placesSize()
	began := d.opts.Now()
	if err := w.file.Sync(); err != nil {
		return err
	}
	if d.opts.Synced != nil {
		d.opts.Synced(d.opts.Now().Sub(began))
	}
	w.end = off
	return nil
}

// writeFrames writes a group with as few writes as its length allows.
func (d *disk) writeFrames(w *segmentWriter, off *int64, first uint64, group []*pending, now time.Time) error {
	var head [frameHeadSize]byte
	var padding [frameAlign]byte
	d.buf = d.buf[:0]
	flush := func(p []byte) error {
		if len(p) == 0 {
			return nil
		}
		n, err := w.file.WriteAt(p, *off)
		if err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		*off += int64(n)
		return err
	}
	put := func(p []byte) error {
		if len(d.buf)+len(p) <= cap(d.buf) {
			d.buf = append(d.buf, p...)
			return nil
		}
		err := flush(d.buf)
		d.buf = d.buf[:0]
		if err == nil && len(p) > cap(d.buf)/2 {
			return flush(p)
		}
		d.buf = append(d.buf, p...)
		return err
	}
	frame := func(h *frameHead, bytes, body []byte) error {
		h.put(head[:], w.segment.salt)
		pad := int(h.size()) - frameHeadSize - len(bytes) - len(body)
		for _, part := range [...][]byte{head[:], bytes, body, padding[:pad]} {
			if err := put(part); err != nil {
				return err
			}
		}
		return nil
	}
	if len(d.places) > 0 {
		h := frameHead{seq: first, time: now.UnixNano(), body: uint32(len(d.places)), sum: recordSum(nil, d.places), kind: kindPlaces}
		if err := frame(&h, nil, d.places); err != nil {
			return err
		}
	}
	for i, p := range group {
		r := &p.record
		h := frameHead{
			seq: first + uint64(i), time: now.UnixNano(), items: uint32(r.Items), head: uint32(len(r.Head)), body: uint32(len(r.Body)),
			sum: p.sum, back: uint32(i), kind: kindRecord,
		}
		if err := frame(&h, r.Head, r.Body); err != nil {
			return err
		}
	}
	return flush(d.buf)
}

func (d *disk) placesSize() int64 {
	if len(d.places) == 0 {
		return 0
	}
	return frameSize(0, len(d.places))
}

// begin makes the next segment.
func (d *disk) begin(first uint64, need int64, now time.Time) (err error) {
	var salt [8]byte
	_, _ = rand.Read(salt[:])
	h := segmentHead{salt: binary.LittleEndian.Uint64(salt[:]), base: first, continues: d.continues, created: now.UnixNano()}
	name := segmentName(h.base, h.salt)
	f, err := d.fs.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			_ = d.fs.Remove(name)
		}
	}()
	// Near the end of the disk a smaller part of it will do.
	for size := max(d.opts.SegmentBytes, segmentHeadSize+need+frameHeadSize); ; size /= 2 {
		if err = f.Reserve(size); err == nil {
			h.reserved = size
			break
		}
		if errors.Is(err, ErrNoReserve) {
			break
		}
		if !diskFull(err) || size/2 < segmentHeadSize+need {
			return err
		}
	}
	if _, err = f.WriteAt(h.append(nil), 0); err != nil {
		return err
	}
	if err = d.fs.Sync(); err != nil {
		return err
	}
	s := &segment{name: name, salt: saltSum(h.salt), base: first, next: first, end: segmentHeadSize, newest: h.created, size: max(h.reserved, segmentHeadSize)}
	d.writer = &segmentWriter{segment: s, file: f, end: segmentHeadSize, reserved: h.reserved}
	return nil
}

// seal marks the end of the segment and gives back what was reserved. That the
// records in it are all there is known without the mark, from the head of the
// next segment; so nothing waits for it, and it may fail.
func (d *disk) seal(durably bool) {
	w := d.writer
	d.writer = nil
	defer w.file.Close()
	if w.end == segmentHeadSize {
		_ = d.fs.Remove(w.segment.name)
		return
	}
	var end [frameHeadSize]byte
	h := frameHead{seq: d.continues, time: d.opts.Now().UnixNano(), kind: kindEnd}
	h.put(end[:], w.segment.salt)
	_, err := w.file.WriteAt(end[:], w.end)
	if err == nil {
		err = w.file.Truncate(w.end + frameHeadSize)
	}
	if err == nil && durably {
		err = w.file.Sync()
	}
	if err != nil {
		d.opts.Log.Warn("the end of a segment could not be marked", "segment", w.segment.name, "err", err)
	}
}

// giveUp ends a segment that could not be written. What was acknowledged before
// is left alone; of the rest, as much as can be is taken away again.
func (d *disk) giveUp() {
	w := d.writer
	if w == nil {
		return
	}
	d.writer = nil
	_ = w.file.Truncate(w.end)
	w.file.Close()
	if w.end == segmentHeadSize {
		_ = d.fs.Remove(w.segment.name)
	}
}

func (d *disk) keep(first uint64, group []*pending) {
	w := d.writer
	s := w.segment
	if d.active != s {
		if d.active != nil {
			d.active.size = d.active.end
		}
		d.active = s
		d.segments = append(d.segments, s)
	}
	s.end += d.placed
	for i, p := range group {
		h := frameHead{
			seq: first + uint64(i), items: uint32(p.record.Items),
			head: uint32(len(p.record.Head)), body: uint32(len(p.record.Body)),
		}
		s.add(&h, s.end, p.record.Class, false)
		s.end += p.size
		d.recent.put(h.seq, &p.record)
	}
	s.newest = d.opts.Now().UnixNano()
	s.size = max(s.end, w.reserved)
}

func (d *disk) find(seq uint64) (entry, bool) { return d.segments.find(seq) }

func (d *disk) recall(seq uint64) (Record, bool) { return d.recent.get(seq) }

func (d *disk) damaged(e entry, err error) {
	if at := &e.segment.slots[e.seq-e.segment.base]; !at.bad {
		at.bad = true
		d.stats.Damaged++
	}
	if d.stats.Damaged > mostDamages {
		return // the log's own log is not to fill a disk that is ill already
	}
	d.opts.Log.Error("a record in the queue is lost", "damage", Damage{
		Segment: e.segment.name, Offset: e.offset, First: e.seq, Last: e.seq, Items: e.items, Known: true, Why: err.Error(),
	}.String())
}

// oldest is the number of the oldest record.
func (d *disk) oldest() uint64 {
	e, _ := d.find(0)
	return e.seq
}

func (d *disk) trim(seq uint64) {
	d.recent.trim(seq)
	for len(d.segments) > 0 && d.segments[0].next <= seq && d.segments[0] != d.active {
		d.dropFirst()
	}
}

// dropFirst lets go of the oldest segment. Its file is removed by the keeper,
// which first says where the cursors are: then a cursor whose records are missing
// at the next start has really lost them.
func (d *disk) dropFirst() {
	d.dead = append(d.dead, d.segments[0])
	d.segments = append(d.segments[:0], d.segments[1:]...)
}

func (d *disk) close() error {
	if d.writer != nil {
		d.seal(true)
	}
	return errors.Join(d.fs.Sync(), d.lock.Close())
}

func (*disk) forget(uint64) {} // its memory is of the newest records only
