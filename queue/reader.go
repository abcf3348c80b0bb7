// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// readAhead is how much a cursor reads at once, where records are small.
const readAhead = 128 << 10

// reader is a cursor's place in the files: the one that it reads, and what it
// has read of it beforehand.
type reader struct {
	mu      sync.Mutex
	segment *segment
	file    File
	buf     []byte
	from    int64 // where in the file buf begins
}

// frame reads the bytes of a frame, which are the caller's own.
func (r *reader) frame(fs FS, e entry) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.segment != e.segment {
		r.drop()
		f, err := fs.Open(e.segment.name, false)
		if err != nil {
			return nil, err
		}
		r.file, r.segment = f, e.segment
	}
	p := make([]byte, e.size)
	if e.size > readAhead/2 {
		_, err := r.file.ReadAt(p, e.offset)
		if err != nil {
			r.drop()
		}
		return p, err
	}
	if e.offset < r.from || e.offset+e.size > r.from+int64(len(r.buf)) {
		if r.buf == nil {
			r.buf = make([]byte, readAhead)
		}
		// Not beyond the last record: there is what the next one will change.
		r.buf, r.from = r.buf[:min(readAhead, e.limit-e.offset)], e.offset
		n, err := r.file.ReadAt(r.buf, e.offset)
		r.buf = r.buf[:n]
		if int64(n) < e.size {
			r.drop()
			return nil, err
		}
	}
	copy(p, r.buf[e.offset-r.from:])
	return p, nil
}

func (r *reader) drop() {
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.segment, r.buf, r.from = nil, nil, r.buf[:0], 0
}

// leave closes the file if it is of a segment that is no longer needed: it would keep
// its space until the next read from disk, which a cursor that keeps up never does. One
// that is just read is left alone.
func (r *reader) leave(s *segment) {
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if r.segment == s {
		r.drop()
	}
}

func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	r.buf = nil
}

// parseFrame takes a frame apart and checks it.
func parseFrame(p []byte, seq uint64, salt uint32) (Record, frameHead, error) {
	h, ok := parseFrameHead(p, salt)
	if !ok || h.seq != seq || h.kind != kindRecord || h.size() != int64(len(p)) {
		return Record{}, h, fmt.Errorf("%w: its frame is not what it was", errDamaged)
	}
	head, body := p[frameHeadSize:][:h.head:h.head], p[frameHeadSize+int(h.head):][:h.body:h.body]
	if recordSum(head, body) != h.sum {
		return Record{}, h, fmt.Errorf("%w: its checksum is wrong", errDamaged)
	}
	return Record{Head: head, Body: body, Items: int(h.items), sum: h.sum}, h, nil
}

// load reads a record from its file.
func (d *disk) load(e entry, from *reader) (Record, error) {
	p, err := from.frame(d.fs, e)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Record{}, fmt.Errorf("%w: its file has become shorter", errDamaged)
	}
	if err != nil {
		return Record{}, err
	}
	r, _, err := parseFrame(p, e.seq, e.segment.salt)
	return r, err
}
