// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"io"
)

// FS is the directory of a log on disk. Dir gives a real one; queuetest has one
// that fails on command.
type FS interface {
	// Path names the directory in messages.
	Path() string
	// Names are the files in it.
	Names() ([]string, error)
	// Create makes a file that is not there yet, to read and write.
	Create(name string) (File, error)
	// Open opens a file, to read or also to write.
	Open(name string, write bool) (File, error)
	// Rename gives a file another name, in place of the one that has it.
	Rename(from, to string) error
	Remove(name string) error
	// Sync makes the names durable. Where a platform has no way to ask for that
	// it does nothing.
	Sync() error
	// Lock keeps other processes out until it is closed. The error says who has
	// it.
	Lock() (io.Closer, error)
}

// File is a file of a log.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Reserve makes the file that long and takes the space for it on the disk,
	// so that later writes change no length and find room. The error is
	// ErrNoReserve where that cannot be done.
	Reserve(size int64) error
	// Sync makes durable what was written, with the length that is needed to read
	// it again.
	Sync() error
}

// ErrNoReserve is the answer of a file whose platform or file system cannot take
// space beforehand. Then files grow with every write, which costs time only.
var ErrNoReserve = errors.New("queue: space cannot be reserved")

// replace puts a file with new content in place of an old one: after a crash it
// has either.
func replace(fs FS, name string, content []byte) error {
	temporary := name + temporarySuffix
	if err := writeNew(fs, temporary, content); err != nil {
		_ = fs.Remove(temporary)
		return err
	}
	if err := fs.Rename(temporary, name); err != nil {
		_ = fs.Remove(temporary)
		return err
	}
	return fs.Sync()
}

// temporarySuffix ends the names of files that are not yet what they will be.
const temporarySuffix = ".new"

func writeNew(fs FS, name string, content []byte) error {
	f, err := fs.Create(name)
	if err != nil {
		// One that a crash has left.
		_ = fs.Remove(name)
		if f, err = fs.Create(name); err != nil {
			return err
		}
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	return err
}

// readAll reads a small file.
func readAll(fs FS, name string, most int64) ([]byte, error) {
	f, err := fs.Open(name, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := make([]byte, most)
	n, err := f.ReadAt(p, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return p[:n], nil
}
