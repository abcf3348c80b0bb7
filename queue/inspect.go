// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Inspection is what is in the directory of a log. It is made without the lock
// and changes nothing, so it may be made of a log that a process uses; then the
// end of the last segment is still being written.
type Inspection struct {
	Segments []SegmentInfo
	Cursors  []CursorInfo
	// Found judges it as Open would.
	Found Found

	fs    FS
	scans []*scanned
}

// SegmentInfo is a file of records.
type SegmentInfo struct {
	Name        string
	First, Next uint64 // numbers of its records: First to before Next
	Records     int
	Items       int64
	Bytes, Size int64 // of the frames, and of the file
	Created     time.Time
	Newest      time.Time // when the last record came
	Sealed      bool      // its end is marked
	Torn        int64     // bytes at the end that are no frame
}

// CursorInfo is the place of a reader.
type CursorInfo struct {
	Name        string
	Next        uint64 // the oldest record that it has not committed
	HeldRecords int
	HeldItems   int64
	HeldBytes   int64
	Left        time.Time // since when nobody has asked for it; zero: somebody did
	Fault       string    // why its file cannot be read

	remembered []remembered
}

// Done are the items of a record that the reader is done with, beyond Next; as
// Taken.Done.
func (c *CursorInfo) Done(r *Stored) []Run {
	i, found := slices.BinarySearchFunc(c.remembered, r.Seq, func(m remembered, seq uint64) int { return cmp.Compare(m.seq, seq) })
	if !found {
		return nil
	}
	m := Cursor{remembered: c.remembered[i : i+1]}
	return m.recall(r.Seq, &r.Record)
}

// Stored is a record on disk.
type Stored struct {
	Taken
	At      time.Time // when it was appended
	Segment string
	Offset  int64
	// Err says why the record cannot be read; then only the number of its items is
	// known.
	Err error
}

// Inspect looks at the log in a directory, at every byte of it.
func Inspect(fs FS) (*Inspection, error) {
	names, err := fs.Names()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	in := &Inspection{fs: fs}
	for _, name := range names {
		if _, _, ok := parseSegmentName(name); !ok {
			continue
		}
		s, err := scanFile(fs, name, true, nil)
		if err != nil {
			return nil, fmt.Errorf("queue: %s/%s: %w", fs.Path(), name, err)
		}
		in.scans = append(in.scans, s)
	}
	in.Found.judge(in.scans)
	for _, s := range in.scans {
		in.Segments = append(in.Segments, SegmentInfo{
			Name: s.name, First: s.base, Next: s.next, Records: s.records, Items: s.items, Bytes: s.end, Size: s.length,
			Created: fromUnix(s.head.created), Newest: fromUnix(s.newest), Sealed: s.sealed, Torn: s.torn,
		})
		in.Found.Segments++
		in.Found.Records += s.records
		in.Found.Items += s.items
		in.Found.Bytes += s.end
	}
	journals := readJournals(fs, names)
	for _, file := range names {
		if name, ok := parseMarkName(file); ok {
			in.Cursors = append(in.Cursors, in.cursor(file, name, journals[name]))
		}
	}
	return in, nil
}

func (in *Inspection) cursor(file, name string, said *journalContent) CursorInfo {
	c := CursorInfo{Name: name}
	p, err := readAll(in.fs, file, markSize)
	var m mark
	if err == nil {
		m, err = parseMark(p)
	}
	if err != nil {
		c.Fault = err.Error()
	}
	for _, s := range in.scans {
		if next, ok := parsePlaces(s.places)[name]; ok && s.placesAt >= m.at {
			m.next = next
		}
	}
	if said != nil {
		m.next = max(m.next, said.next)
		c.remembered = said.records
	}
	c.Next, c.Left = m.next, m.left
	all := in.segments()
	for e, ok := all.find(m.next); ok; e, ok = all.find(e.seq + 1) {
		c.HeldRecords++
		c.HeldItems += int64(e.items)
		c.HeldBytes += e.size
	}
	return c
}

func (in *Inspection) segments() (all segments) {
	for _, s := range in.scans {
		all = append(all, &s.segment)
	}
	return all
}

// Each reads the records from a number on, in order, until f returns false.
// Damaged ones are shown as such.
func (in *Inspection) Each(from uint64, f func(Stored) bool) error {
	var r reader
	defer r.close()
	all := in.segments()
	for e, ok := all.find(from); ok; e, ok = all.find(e.seq + 1) {
		x := Stored{Taken: Taken{Seq: e.seq, Record: Record{Items: e.items}}, Segment: e.segment.name, Offset: e.offset}
		p, err := r.frame(in.fs, e)
		if err != nil {
			return fmt.Errorf("queue: %s/%s: %w", in.fs.Path(), e.segment.name, err)
		}
		record, h, err := parseFrame(p, e.seq, e.segment.salt)
		x.At = fromUnix(h.time)
		if err == nil {
			x.Record = record
		} else {
			x.Err = fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "queue: "))
		}
		if !f(x) {
			return nil
		}
	}
	return nil
}
