// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"bytes"
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
	// max is the bound of the cursor, which holds on when nobody asks for it any
	// more.
	max  int64
	left time.Time // since when nobody does; zero: somebody did
}

const (
	markSuffix = ".cursor"
	markSize   = 4096
	markFormat = "queue cursor 1\nnext %d\nmax %d\nleft %s\n"
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
	p = fmt.Appendf(p, markFormat, m.next, m.max, left)
	return fmt.Appendf(p, "crc32c %08x\n", crc32.Checksum(p[at:], castagnoli))
}

var errMark = errors.New("its checksum is wrong, or it is no file of a cursor")

func parseMark(p []byte) (m mark, err error) {
	i := bytes.LastIndex(p, []byte("crc32c "))
	if i < 0 || string(p[i:]) != fmt.Sprintf("crc32c %08x\n", crc32.Checksum(p[:i], castagnoli)) {
		return m, errMark
	}
	var left string
	if _, err := fmt.Sscanf(string(p[:i]), markFormat, &m.next, &m.max, &left); err != nil {
		return m, errMark
	}
	if left != markOwned {
		if m.left, err = time.Parse(time.RFC3339Nano, left); err != nil {
			return m, errMark
		}
	}
	return m, nil
}

// recoverCursors makes a cursor of each file of one. One whose file cannot be
// read begins with the oldest record: rather twice than not at all.
func (l *Log) recoverCursors(names []string) error {
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
		c := l.newCursor(name, m.next)
		c.opts = CursorOptions{MaxBytes: m.max, WhenFull: DropOldest, Dropped: func(items int, _ Why) { l.disk.stats.Forgotten += int64(items) }}
		c.left, c.saved = m.left, m
		if err != nil {
			c.saved = mark{}
		}
		l.next = max(l.next, m.next)
	}
	return nil
}
