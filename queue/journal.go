// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// journal is the file of what a reader is done with beyond its place. It begins
// with all of that; what comes is added at the end. When it has grown another one
// takes its place, and it goes as soon as that one is on the disk. FORMAT.md draws
// it.
type journal struct {
	cursor *Cursor
	disk   *disk

	mu      sync.Mutex // before that of the log
	file    File       // nil: the next entry begins one
	name    string
	number  uint64 // of the newest file
	salt    uint32
	end     int64
	full    int64 // another file is begun when this one has got there
	buf     []byte
	id      uint64 // of the last entry
	next    uint64 // place of the cursor in it
	old     []string
	dirty   bool // not synced
	unnamed bool // its name is not
	blocked bool // until the keeper comes by: it could not be written
	failing bool
	closed  bool
}

const (
	journalSuffix = ".done"
	journalMagic  = "SBQDONE\n"
	// journalHead is the magic and a salt, with which checksums begin.
	journalHead = 16
	entryHead   = 8 // length and checksum
	// journalReserve is taken on the disk beforehand, so that entries find room on
	// one that is full.
	journalReserve = 256 << 10
	mostJournal    = 1 << 30
)

func journalName(cursor string, n uint64) string {
	return fmt.Sprintf("%s.%d%s", url.PathEscape(cursor), n, journalSuffix)
}

func parseJournalName(name string) (cursor string, n uint64, ok bool) {
	rest, ok := strings.CutSuffix(name, journalSuffix)
	i := strings.LastIndexByte(rest, '.')
	if !ok || i < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(rest[i+1:], 10, 64)
	cursor, err2 := url.PathUnescape(rest[:i])
	return cursor, n, err == nil && err2 == nil && journalName(cursor, n) == name
}

// openEntry begins an entry: room for its head, its id, and the place.
func openEntry(p []byte, id, next uint64) []byte {
	p = append(p, make([]byte, entryHead)...)
	p = binary.AppendUvarint(p, id)
	return binary.AppendUvarint(p, next)
}

// closeEntry fills the head of an entry that begins at from.
func closeEntry(p []byte, from int, salt uint32) {
	content := p[from+entryHead:]
	binary.LittleEndian.PutUint32(p[from:], uint32(len(content)))
	binary.LittleEndian.PutUint32(p[from+4:], crc32.Update(salt, castagnoli, content))
}

// entryWriter appends records to an entry, in the order of their numbers.
type entryWriter struct {
	id, last uint64
	p        []byte
}

func (w *entryWriter) record(seq uint64, sum uint32, runs []Run) {
	w.p = binary.AppendUvarint(w.p, seq-w.last)
	w.last = seq
	w.p = binary.LittleEndian.AppendUint32(w.p, sum)
	w.p = binary.AppendUvarint(w.p, uint64(len(runs)))
	to := uint32(0)
	for _, r := range runs {
		w.p = binary.AppendUvarint(w.p, w.id-r.With)
		w.p = binary.AppendUvarint(w.p, uint64(r.From-to))
		w.p = binary.AppendUvarint(w.p, uint64(r.To-r.From))
		to = r.To
	}
}

// write adds the entry in buf.
func (j *journal) write() {
	if j.blocked {
		return
	}
	err := error(nil)
	if j.file == nil {
		err = j.begin() // with what the entry says
	} else {
		closeEntry(j.buf, 0, j.salt)
		_, err = j.file.WriteAt(j.buf, j.end)
		j.end += int64(len(j.buf))
		j.dirty = true
	}
	log := j.disk.opts.Log
	switch {
	case err != nil:
		j.abandon()
		j.blocked = true
		if !j.failing {
			j.failing = true
			log.Error("what a reader of the queue is done with cannot be written: a crash now would repeat it", "cursor", j.cursor.name, "err", err)
		}
	case j.failing:
		j.failing = false
		log.Info("what a reader of the queue is done with is written again", "cursor", j.cursor.name)
	}
}

// abandon stops writing the file: it goes when there is another one.
func (j *journal) abandon() {
	if j.file != nil {
		j.file.Close()
		j.file, j.old = nil, append(j.old, j.name)
	}
}

// begin goes on in another file, which begins with all that counts.
func (j *journal) begin() error {
	var head [journalHead]byte
	copy(head[:], journalMagic)
	_, _ = rand.Read(head[len(journalMagic):])
	salt := crc32.Checksum(head[len(journalMagic):], castagnoli)
	content, _ := j.all(head[:])
	closeEntry(content, journalHead, salt)
	j.number++
	name := journalName(j.cursor.name, j.number)
	f, err := j.disk.fs.Create(name)
	if err != nil {
		return err
	}
	_ = f.Reserve(max(journalReserve, 2*int64(len(content)))) // without, it needs room for each entry
	if _, err := f.WriteAt(content, 0); err != nil {
		f.Close()
		_ = j.disk.fs.Remove(name)
		return err
	}
	j.abandon()
	j.file, j.name, j.salt, j.end, j.dirty, j.unnamed = f, name, salt, int64(len(content)), true, true
	j.full = max(journalReserve/2, 2*j.end)
	return nil
}

// all appends an entry of all that the reader is done with, and says of how many
// records that is.
func (j *journal) all(p []byte) (_ []byte, records int) {
	c := j.cursor
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	next := c.needs()
	w := entryWriter{id: j.id, last: next, p: openEntry(p, j.id, next)}
	for i := range c.taken {
		if at := &c.taken[i]; len(at.done) > 0 {
			w.record(at.seq, at.sum, unite(slices.Clone(at.done)))
			records++
		}
	}
	for _, m := range c.remembered {
		if m.seq >= c.upcoming() {
			w.record(m.seq, m.sum, m.runs)
			records++
		}
	}
	return w.p, records
}

// keep syncs what was written, and removes files that are not needed any more. The
// places of the cursors have been written.
func (j *journal) keep() error {
	j.mu.Lock()
	j.blocked = false
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	if j.file != nil && j.end > j.full {
		if err := j.begin(); err != nil {
			j.mu.Unlock()
			return err
		}
	}
	f, dirty, unnamed, old := j.file, j.dirty, j.unnamed, j.old
	if f == nil && len(old) > 0 {
		if _, records := j.all(nil); records > 0 {
			old = nil // of an earlier process, and still needed
		}
	}
	j.dirty, j.unnamed = false, false
	j.mu.Unlock()
	var err error
	if f != nil && dirty {
		if err = f.Sync(); err == nil && unnamed {
			err = j.disk.fs.Sync()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		// A second sync that succeeds proves nothing of what the first one was for.
		j.dirty, j.unnamed, j.full = true, true, 0
		return err
	}
	for _, name := range old {
		if err := j.disk.fs.Remove(name); err != nil {
			break
		}
		j.old = j.old[1:]
	}
	return nil
}

// close ends the journal. Nothing stays when the places say all.
func (j *journal) close(placed bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	_, records := j.all(nil)
	if records > 0 || !placed {
		if j.file == nil {
			return nil
		}
		return errors.Join(j.file.Sync(), j.file.Close())
	}
	j.abandon()
	j.remove()
	return nil
}

// discard removes the journal of a cursor that is gone.
func (j *journal) discard() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	j.closed = true
	j.abandon()
	j.remove()
}

// remove removes all files of the journal.
func (j *journal) remove() {
	for _, name := range j.old {
		_ = j.disk.fs.Remove(name)
	}
	j.old = nil
}
