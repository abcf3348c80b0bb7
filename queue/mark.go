// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"strings"
	"time"
)

// mark is what the file of a cursor says.
type mark struct {
	next uint64 // the oldest record that is not committed
	// at is the number that the log had come to then: places that were written
	// with a record from at on are later.
	at uint64
	// max is the bound of the cursor, which holds on when nobody asks for it any
	// more.
	max  int64
	left time.Time // since when nobody does; zero: somebody did
}

const (
	markSuffix = ".cursor"
	markSize   = 4096
	markFormat = "queue cursor 1\nnext %d\nat %d\nmax %d\nleft %s\n"
	markOwned  = "-"
)

// A name may hold what a file's name may not.
func markName(cursor string) string { return url.PathEscape(cursor) + markSuffix }

func parseMarkName(name string) (cursor string, ok bool) {
	escaped, ok := strings.CutSuffix(name, markSuffix)
	if !ok {
		return "", false
	}
	cursor, err := url.PathUnescape(escaped)
	return cursor, err == nil
}

// append writes the file: text, for the person who looks at it at night.
func (m mark) append(p []byte) []byte {
	left := markOwned
	if !m.left.IsZero() {
		left = m.left.UTC().Format(time.RFC3339Nano)
	}
	at := len(p)
	p = fmt.Appendf(p, markFormat, m.next, m.at, m.max, left)
	return fmt.Appendf(p, "crc32c %08x\n", crc32.Checksum(p[at:], castagnoli))
}

var errMark = errors.New("its checksum is wrong, or it is no file of a cursor")

func parseMark(p []byte) (m mark, err error) {
	i := bytes.LastIndex(p, []byte("crc32c "))
	if i < 0 || string(p[i:]) != fmt.Sprintf("crc32c %08x\n", crc32.Checksum(p[:i], castagnoli)) {
		return m, errMark
	}
	var left string
	if _, err := fmt.Sscanf(string(p[:i]), markFormat, &m.next, &m.at, &m.max, &left); err != nil {
		return m, errMark
	}
	if left != markOwned {
		if m.left, err = time.Parse(time.RFC3339Nano, left); err != nil {
			return m, errMark
		}
	}
	return m, nil
}

// appendPlaces writes where the cursors are that have moved since their files were
// written. That goes with every group: so a crash repeats what was committed
// since the last group, or since the files were written, whichever is later.
func (l *Log) appendPlaces(p []byte) []byte {
	for _, c := range l.cursors {
		if next := c.needs(); next != c.saved.next && c.claimed {
			p = binary.AppendUvarint(p, uint64(len(c.name)))
			p = append(p, c.name...)
			p = binary.AppendUvarint(p, next)
		}
	}
	return p
}

func parsePlaces(p []byte) map[string]uint64 {
	places := make(map[string]uint64)
	for len(p) > 0 {
		size, n := binary.Uvarint(p)
		if n <= 0 || size > uint64(len(p)-n) {
			break
		}
		name := string(p[n : n+int(size)])
		p = p[n+int(size):]
		next, n := binary.Uvarint(p)
		if n <= 0 {
			break
		}
		places[name], p = next, p[n:]
	}
	return places
}

// recoverCursors makes a cursor of each file of one. One whose file cannot be
// read begins with the oldest record: rather twice than not at all.
func (l *Log) recoverCursors(names []string, scans []*scanned) error {
	journals := readJournals(l.disk.fs, names)
	for _, file := range names {
		name, ok := parseMarkName(file)
		if !ok {
			continue
		}
		p, err := readAll(l.disk.fs, file, markSize)
		if err != nil {
			return fmt.Errorf("queue: %s/%s: %w", l.disk.fs.Path(), file, err)
		}
		m, err := parseMark(p)
		if err != nil {
			m = mark{next: l.disk.oldest(), max: 1 << 30}
			l.disk.opts.Log.Error("a cursor of the queue is damaged: it begins with the oldest record", "cursor", name, "err", err)
		}
		saved := m
		for _, s := range scans {
			if next, ok := parsePlaces(s.places)[name]; ok && s.placesAt >= m.at {
				m.next = next
			}
		}
		if said := journals[name]; said != nil {
			m.next = max(m.next, said.next)
		}
		c := l.newCursor(name, m.next)
		c.opts = CursorOptions{MaxBytes: m.max, WhenFull: DropOldest, Dropped: func(items int, _ uint8, _ Why) { l.disk.stats.Forgotten += int64(items) }}
		c.left, c.saved = m.left, saved
		if err != nil {
			c.saved = mark{}
		}
		l.next = max(l.next, m.next)
	}
	l.recoverJournals(journals)
	return nil
}
