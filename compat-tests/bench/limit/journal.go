// SPDX-License-Identifier: Apache-2.0

//go:build linux

package limit

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// journal makes bytes durable. What waits is written together and synced once, and
// the file has its length from the start, so that a sync writes nothing else.
// Nobody reads it: at its end it begins again.
type journal struct {
	file *os.File

	wake   chan struct{}
	offset int64

	mu    sync.Mutex
	queue [][]byte
	ready *group
}

// group is those who wait for one sync.
type group struct {
	done chan struct{}
	err  error
}

const journalSize = 256 << 20

// mostVectors is how many buffers a call of the kernel takes.
const mostVectors = 1024

func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Fallocate(int(f.Fd()), 0, 0, journalSize); err != nil {
		f.Close()
		return nil, err
	}
	j := &journal{file: f, wake: make(chan struct{}, 1), ready: &group{done: make(chan struct{})}}
	go j.run()
	return j, nil
}

// write returns when the bytes are on disk.
func (j *journal) write(p []byte) error {
	j.mu.Lock()
	j.queue = append(j.queue, p)
	mine := j.ready
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default: // it is awake
	}
	<-mine.done
	return mine.err
}

// run writes for all who came by then, again and again.
func (j *journal) run() {
	for range j.wake {
		j.mu.Lock()
		queue, g := j.queue, j.ready
		j.queue, j.ready = nil, &group{done: make(chan struct{})}
		j.mu.Unlock()
		g.err = j.commit(queue)
		close(g.done)
	}
}

func (j *journal) commit(queue [][]byte) error {
	if len(queue) == 0 {
		return nil
	}
	for len(queue) > 0 {
		some := queue[:min(len(queue), mostVectors)]
		queue = queue[len(some):]
		size := int64(0)
		for _, p := range some {
			size += int64(len(p))
		}
		if j.offset+size > journalSize {
			j.offset = 0
		}
		n, err := unix.Pwritev(int(j.file.Fd()), some, j.offset)
		if err == nil && int64(n) < size {
			err = unix.EIO
		}
		if err != nil {
			return err
		}
		j.offset += size
	}
	return unix.Fdatasync(int(j.file.Fd()))
}

func (j *journal) close() { j.file.Close() }
