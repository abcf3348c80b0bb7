// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Options of a log on disk.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Log is told what a start finds, and what is lost; nil: nobody is.
	Log *slog.Logger
	// SegmentBytes is the length of a file; 0: 64 MiB. A group of records that is
	// longer has a file of its own.
	SegmentBytes int64
	// RecentBytes is the memory for the newest records and their companions.
	RecentBytes int64
	// MaxBytes and MaxAge bound the log whatever its cursors need: the oldest
	// files go, and what cursors lose by that is counted. 0: no bound.
	MaxBytes int64
	MaxAge   time.Duration
	// ForgetAfter is how long a cursor that nobody asks for any more holds its
	// records.
	ForgetAfter time.Duration
	// Synced is told how long each sync took.
	Synced func(time.Duration)
	// ClassOf tells the class of a record of an earlier process from the beginning
	// of its head, which may be damaged; nil: it is 0.
	ClassOf func(head []byte) uint8
}

// Found is what Open found.
type Found struct {
	Segments int
	Records  int
	Items    int64
	Bytes    int64
	// Damages are lost records that had been acknowledged, the first hundred.
	Damages        []Damage
	DamagedRecords int
	// Torn are the remains of a group whose writing did not come to its end: it
	// was not acknowledged, unless the disk has damaged it later.
	Torn      []Damage
	TornBytes int64
	// Short is a file that ends before the space that was reserved for it: who
	// cut it may have cut off records without a trace.
	Short string
}

const mostDamages = 100

// Open opens the log in a directory, as it was left or as a crash left it, and
// makes the directory when it is not there. Nothing in it is written again: the
// log goes on in a new file. The error is that of a directory that cannot be
// used; damage is none.
//
// Call Settle when all cursors have been asked for.
func Open(fs FS, opts Options) (*Log, *Found, error) {
	if opts.Now == nil {
		return nil, nil, errors.New("queue: no clock")
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.SegmentBytes == 0 {
		opts.SegmentBytes = 64 << 20
	}
	opts.SegmentBytes = min(opts.SegmentBytes, mostSegment/2)
	lock, err := fs.Lock()
	if err != nil {
		return nil, nil, err
	}
	d := &disk{fs: fs, opts: opts, lock: lock, buf: make([]byte, 0, writeBuffer), recent: recent{max: opts.RecentBytes}}
	l := newLog(d)
	l.disk = d
	found, err := l.recover()
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	found.log(fs, opts.Log)
	l.keeper = newKeeper(l)
	return l, found, nil
}

// recover finds what is in the directory.
func (l *Log) recover() (*Found, error) {
	d := l.disk
	names, err := d.fs.Names()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	found := &Found{}
	var scans []*scanned
	for _, name := range names {
		switch _, _, ok := parseSegmentName(name); {
		case ok:
			s, err := scanFile(d.fs, name, false, d.opts.ClassOf)
			if err != nil {
				return nil, fmt.Errorf("queue: %s/%s: %w", d.fs.Path(), name, err)
			}
			scans = append(scans, s)
		case strings.HasSuffix(name, temporarySuffix):
			_ = d.fs.Remove(name)
		}
	}
	l.next, d.continues = found.judge(scans)
	for _, s := range scans {
		if s.records == 0 && len(s.lost) == 0 && s.torn == 0 {
			_ = d.fs.Remove(s.name)
			continue
		}
		d.cutTail(s)
		d.segments = append(d.segments, &s.segment)
		found.Segments++
		found.Records += s.records
		found.Items += s.items
		found.Bytes += s.end
	}
	after := l.next
	if err := l.recoverCursors(names, scans); err != nil {
		return nil, err
	}
	l.findMissing(found, scans, after)
	d.stats.Damaged = int64(found.DamagedRecords)
	d.lostCursors = len(l.cursors) == 0 && found.Records > 0
	if err := d.begin(l.next, 0, d.opts.Now()); err != nil && !diskFull(err) {
		return nil, fmt.Errorf("queue: %w", err)
	} else if err != nil {
		d.fails(err, d.opts.Now())
	}
	for _, c := range l.cursors {
		l.count(c)
	}
	return found, nil
}

func scanFile(fs FS, name string, deep bool, classOf func([]byte) uint8) (*scanned, error) {
	f, err := fs.Open(name, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return scan(f, name, deep, classOf)
}

// cutTail takes what was reserved and not used from a file. What is torn stays:
// somebody may want to look at it.
func (d *disk) cutTail(s *scanned) {
	end := s.end + s.torn
	if s.length <= end {
		return
	}
	f, err := d.fs.Open(s.name, true)
	if err == nil {
		err = f.Truncate(end)
		f.Close()
	}
	if err != nil {
		d.opts.Log.Warn("the reserve at the end of a segment could not be cut off", "segment", s.name, "err", err)
		return
	}
	s.size = end
}

// judge decides what is damage and what is only the end of a crash, and gives
// the number with which the log goes on, and the one below which everything is
// known to have been acknowledged. A record is known to have been
// acknowledged when its file has a mark at the end, when the next segment says so,
// or when a later group is in its file.
func (found *Found) judge(scans []*scanned) (next, continues uint64) {
	next, continues = 1, 1
	for i, s := range scans {
		acknowledged := s.acknowledged()
		continues = max(continues, acknowledged)
		last := i+1 == len(scans)
		if !last && scans[i+1].headGood {
			acknowledged = max(acknowledged, scans[i+1].head.continues)
		}
		if !last {
			// Records of a write that failed and was taken back, which a power cut has
			// brought back: the log went on without them.
			s.forget(scans[i+1].base)
		}
		for _, g := range s.lost {
			found.judged(acknowledged, Damage{Segment: s.name, Offset: g.offset, First: g.first, Last: g.last, Why: "no frame was found there"})
		}
		for _, n := range s.bad {
			seq := s.base + uint64(n)
			if seq >= s.next {
				continue
			}
			at := &s.slots[n]
			damage := Damage{
				Segment: s.name, Offset: int64(at.offset) * frameAlign, First: seq, Last: seq,
				Items: int(at.items), Known: true, Why: "its checksum is wrong",
			}
			found.judged(acknowledged, damage)
			if seq >= acknowledged {
				// Nobody was promised it.
				s.records--
				s.items -= int64(at.items)
				*at = slot{}
			}
		}
		if h := s.cut; h != nil && (last || h.seq < scans[i+1].base) {
			found.judged(acknowledged, Damage{
				Segment: s.name, Offset: s.end, First: h.seq, Last: h.seq, Items: int(h.items), Known: true,
				Why: fmt.Sprintf("the file ends %d bytes before the record does", s.end+h.size()-s.length),
			})
			s.reach(h.seq + 1)
		}
		if s.torn > 0 && s.next == s.base {
			s.reach(s.base + 1) // no other file may have that number in its name
		}
		found.TornBytes += s.torn
		if !last && scans[i+1].headGood && s.next < scans[i+1].head.continues {
			next := scans[i+1].head.continues
			found.damage(Damage{Segment: s.name, Offset: s.end, First: s.next, Last: next - 1, Why: "the end of the file is missing"})
			s.reach(next)
		}
		if s.headGood && !s.sealed && last && s.length < s.head.reserved {
			found.Short = s.name
		}
		next = max(next, s.next)
		if s.headGood {
			next = max(next, s.head.continues)
		}
	}
	return next, continues
}

// judged notes a damage, as such where it was acknowledged.
func (found *Found) judged(acknowledged uint64, d Damage) {
	if d.First >= acknowledged {
		found.Torn = append(found.Torn, d)
		return
	}
	found.damage(d)
}

func (found *Found) damage(d Damage) {
	found.DamagedRecords += d.records()
	if len(found.Damages) < mostDamages {
		found.Damages = append(found.Damages, d)
	}
}

// findMissing finds records that a cursor needs and whose files are gone: at the
// front, and at the end where the place of another cursor shows that there were
// more. After is the number after the last one found.
func (l *Log) findMissing(found *Found, scans []*scanned, after uint64) {
	if len(l.disk.segments) == 0 {
		return
	}
	for _, c := range l.cursors {
		if c.read < after && after < l.next {
			last := l.disk.segments[len(l.disk.segments)-1]
			found.damage(Damage{Segment: last.name, Offset: last.end, First: after, Last: l.next - 1, Why: "another cursor has been there, and no file has them"})
			break
		}
	}
	low := l.disk.segments[0].base
	for _, s := range scans {
		if s.base == low && s.headGood {
			low = min(low, s.head.continues)
		}
	}
	for _, c := range l.cursors {
		if c.read < low && c.read > 0 {
			found.damage(Damage{Segment: l.disk.segments[0].name, First: c.read, Last: low - 1, Why: "the file before this one is missing, which " + c.name + " needs"})
			return
		}
	}
}

func (found *Found) log(fs FS, log *slog.Logger) {
	log.Info("the queue on disk is open", "dir", fs.Path(), "segments", found.Segments, "records", found.Records, "items", found.Items,
		"bytes", found.Bytes, "damaged_records", found.DamagedRecords, "torn_bytes", found.TornBytes)
	for i, d := range found.Damages {
		if i == 10 {
			log.Error("more records in the queue are lost", "records", found.DamagedRecords, "places", len(found.Damages)-i)
			break
		}
		log.Error("records in the queue are lost", "damage", d.String())
	}
	for i, d := range found.Torn {
		if i == 10 {
			break
		}
		log.Warn("the end of the log was torn, as by a crash: not acknowledged unless the disk damaged it later", "what", d.String())
	}
	if found.Short != "" {
		log.Warn("a segment is shorter than it was made: records at its end may be missing without a trace", "segment", found.Short)
	}
}
