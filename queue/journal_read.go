// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
)

// journalContent is what the journals of a cursor say.
type journalContent struct {
	files  []string
	number uint64 // of the newest one
	id     uint64
	next   uint64
	// records are in the order of their numbers.
	records []remembered
}

// readJournals reads the journals of all cursors. What cannot be read counts as not
// said: that comes again.
func readJournals(fs FS, names []string) map[string]*journalContent {
	all := make(map[string]*journalContent)
	records := make(map[string]map[uint64]remembered)
	for _, name := range names {
		cursor, n, ok := parseJournalName(name)
		if !ok {
			continue
		}
		if all[cursor] == nil {
			all[cursor] = &journalContent{}
			records[cursor] = make(map[uint64]remembered)
		}
		c := all[cursor]
		c.files = append(c.files, name)
		c.number = max(c.number, n)
		if p, err := readWhole(fs, name); err == nil {
			c.parse(p, records[cursor])
		}
	}
	for cursor, c := range all {
		for seq, r := range records[cursor] {
			if r.runs = unite(r.runs); seq >= c.next && len(r.runs) > 0 {
				c.records = append(c.records, r)
			}
		}
		slices.SortFunc(c.records, func(a, b remembered) int { return cmp.Compare(a.seq, b.seq) })
	}
	return all
}

func readWhole(fs FS, name string) ([]byte, error) {
	f, err := fs.Open(name, false)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	f.Close()
	if err != nil {
		return nil, err
	}
	return readAll(fs, name, min(size, mostJournal))
}

// parse reads a file up to the first entry that is not whole.
func (c *journalContent) parse(p []byte, into map[uint64]remembered) {
	if len(p) < journalHead || string(p[:len(journalMagic)]) != journalMagic {
		return
	}
	salt := crc32.Checksum(p[len(journalMagic):journalHead], castagnoli)
	p = p[journalHead:]
	for len(p) >= entryHead {
		n := uint64(binary.LittleEndian.Uint32(p))
		if n == 0 || n > uint64(len(p)-entryHead) {
			return
		}
		content := p[entryHead : entryHead+n]
		if crc32.Update(salt, castagnoli, content) != binary.LittleEndian.Uint32(p[4:]) {
			return
		}
		c.entry(content, into)
		p = p[entryHead+n:]
	}
}

func (c *journalContent) entry(p []byte, into map[uint64]remembered) {
	r := varints{p: p}
	id, seq := r.next(), r.next()
	c.id, c.next = max(c.id, id), max(c.next, seq)
	for len(r.p) > 0 && !r.bad {
		seq += r.next()
		sum, n, to := r.sum(), r.next(), uint64(0)
		m := into[seq]
		if m.sum != sum {
			m = remembered{seq: seq, sum: sum}
		}
		for ; n > 0 && !r.bad; n-- {
			with := id - r.next()
			from := to + r.next()
			to = from + r.next()
			if to > 1<<32-1 || r.bad {
				return
			}
			m.runs = append(m.runs, Run{uint32(from), uint32(to), with})
		}
		m.seq = seq
		into[seq] = m
	}
}

// varints reads an entry.
type varints struct {
	p   []byte
	bad bool
}

func (r *varints) next() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		r.p, r.bad = nil, true
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *varints) sum() uint32 {
	if len(r.p) < 4 {
		r.p, r.bad = nil, true
		return 0
	}
	v := binary.LittleEndian.Uint32(r.p)
	r.p = r.p[4:]
	return v
}

// recoverJournals gives each cursor what its journals say, and removes those of
// cursors that are not there.
func (l *Log) recoverJournals(journals map[string]*journalContent) {
	for _, c := range l.cursors {
		if said := journals[c.name]; said != nil {
			c.remembered = said.records
			c.journal.old, c.journal.number, c.journal.id = said.files, said.number, said.id
			delete(journals, c.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(journals)) {
		for _, file := range journals[name].files {
			_ = l.disk.fs.Remove(file)
		}
	}
}
