// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// The bytes on disk. FORMAT.md draws them.
const (
	segmentMagic = "SBQLOG\r\n"
	frameMagic   = "\xf7rec"
	formatNumber = 1

	segmentHeadSize = 64
	frameHeadSize   = 48

	// Frames begin at multiples of it, so that a search for the next one looks at
	// few places.
	frameAlign = 8

	kindRecord = 1
	kindEnd    = 2
	kindPlaces = 3

	// maxRecord bounds a record, so that a length can be trusted for memory.
	maxRecord = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentHead begins a segment.
type segmentHead struct {
	salt uint64
	// base is the number of the first record in it; continues is the number after
	// the last record that was acknowledged before it. Numbers between are of
	// records that could not be written.
	base, continues uint64
	created         int64 // ns since 1970
	reserved        int64 // bytes taken on the disk beforehand, 0: none
}

func (h *segmentHead) append(p []byte) []byte {
	at := len(p)
	p = append(p, segmentMagic...)
	p = append(p, 0, 0, 0, 0)
	p = binary.LittleEndian.AppendUint32(p, formatNumber)
	for _, v := range []uint64{h.salt, h.base, h.continues, uint64(h.created), uint64(h.reserved), 0} {
		p = binary.LittleEndian.AppendUint64(p, v)
	}
	binary.LittleEndian.PutUint32(p[at+8:], crc32.Checksum(p[at+12:], castagnoli))
	return p
}

// parseSegmentHead reads the head of a segment. A head of another version is
// told apart from a damaged one: such a segment is not ours to repair.
func parseSegmentHead(p []byte) (h segmentHead, ok bool, err error) {
	if len(p) < segmentHeadSize || string(p[:8]) != segmentMagic ||
		binary.LittleEndian.Uint32(p[8:]) != crc32.Checksum(p[12:segmentHeadSize], castagnoli) {
		return h, false, nil
	}
	if v := binary.LittleEndian.Uint32(p[12:]); v != formatNumber {
		return h, false, fmt.Errorf("format %d, want %d: it was written by another version", v, formatNumber)
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(p[i:]) }
	return segmentHead{at(16), at(24), at(32), int64(at(40)), int64(at(48))}, true, nil
}

const segmentSuffix = ".seg"

// segmentName has all that is needed to read a segment whose head is damaged.
func segmentName(base, salt uint64) string {
	return fmt.Sprintf("%020d-%016x%s", base, salt, segmentSuffix)
}

func parseSegmentName(name string) (base, salt uint64, ok bool) {
	if !strings.HasSuffix(name, segmentSuffix) || len(name) != 20+1+16+len(segmentSuffix) {
		return 0, 0, false
	}
	n, err := fmt.Sscanf(name, "%020d-%016x"+segmentSuffix, &base, &salt)
	return base, salt, n == 2 && err == nil && segmentName(base, salt) == name
}

// saltSum is where the checksum of a frame's head begins. The salt is in no
// frame, so that bytes which a client sends are never taken for one.
func saltSum(salt uint64) uint32 {
	return crc32.Checksum(binary.LittleEndian.AppendUint64(nil, salt), castagnoli)
}

// frameHead begins a frame.
type frameHead struct {
	seq   uint64
	time  int64 // ns since 1970
	items uint32
	head  uint32
	body  uint32
	sum   uint32 // of head and body
	back  uint32 // how many records of the same group are before it
	kind  byte
}

// size is the length of the whole frame.
func (h *frameHead) size() int64 { return frameSize(int(h.head), int(h.body)) }

func frameSize(head, body int) int64 {
	return (frameHeadSize + int64(head) + int64(body) + frameAlign - 1) &^ (frameAlign - 1)
}

func (h *frameHead) put(p []byte, salt uint32) {
	_ = p[frameHeadSize-1]
	copy(p, frameMagic)
	binary.LittleEndian.PutUint64(p[8:], h.seq)
	binary.LittleEndian.PutUint64(p[16:], uint64(h.time))
	binary.LittleEndian.PutUint32(p[24:], h.items)
	binary.LittleEndian.PutUint32(p[28:], h.head)
	binary.LittleEndian.PutUint32(p[32:], h.body)
	binary.LittleEndian.PutUint32(p[36:], h.sum)
	binary.LittleEndian.PutUint32(p[40:], h.back)
	binary.LittleEndian.PutUint32(p[44:], uint32(h.kind))
	binary.LittleEndian.PutUint32(p[4:], crc32.Update(salt, castagnoli, p[8:frameHeadSize]))
}

// parseFrameHead reads the head of a frame; ok is false when it is none.
func parseFrameHead(p []byte, salt uint32) (h frameHead, ok bool) {
	if len(p) < frameHeadSize || string(p[:4]) != frameMagic ||
		binary.LittleEndian.Uint32(p[4:]) != crc32.Update(salt, castagnoli, p[8:frameHeadSize]) {
		return h, false
	}
	at := func(i int) uint32 { return binary.LittleEndian.Uint32(p[i:]) }
	h = frameHead{
		seq: binary.LittleEndian.Uint64(p[8:]), time: int64(binary.LittleEndian.Uint64(p[16:])),
		items: at(24), head: at(28), body: at(32), sum: at(36), back: at(40), kind: byte(at(44)),
	}
	return h, h.kind >= kindRecord && h.kind <= kindPlaces && uint64(h.head)+uint64(h.body) <= maxRecord
}

// recordSum is the checksum of what is in a record.
func recordSum(head, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, body)
}

// errDamaged is a record that cannot be read for good.
var errDamaged = errors.New("queue: the record is damaged")

// Damage is a part of a log that cannot be read any more.
type Damage struct {
	Segment string // name of the file
	Offset  int64  // where in it
	// First and Last are the numbers of the records that were there.
	First, Last uint64
	// Items is what the writer counted in them, where Known.
	Items int
	Known bool
	Why   string
}

func (d Damage) String() string {
	records := fmt.Sprintf("record %d", d.First)
	if d.Last != d.First {
		records = fmt.Sprintf("records %d to %d", d.First, d.Last)
	}
	items := "an unknown number of items"
	if d.Known {
		items = fmt.Sprintf("%d items", d.Items)
	}
	return fmt.Sprintf("%s with %s, %s at byte %d: %s", records, items, d.Segment, d.Offset, d.Why)
}

func (d Damage) records() int { return int(d.Last - d.First + 1) }

func fromUnix(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
