// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Dir is a directory of the operating system. Open makes it when it is not there.
func Dir(path string) FS { return dir(path) }

// ErrInUse is the answer to a process that opens a log which another one has.
var ErrInUse = errors.New("a directory is for one process")

type dir string

const lockName = "LOCK"

func (d dir) file(name string) string { return filepath.Join(string(d), name) }

func (d dir) Path() string { return string(d) }

func (d dir) Names() (names []string, err error) {
	entries, err := os.ReadDir(string(d))
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func (d dir) Create(name string) (File, error) {
	f, err := os.OpenFile(d.file(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (d dir) Open(name string, write bool) (File, error) {
	how := os.O_RDONLY
	if write {
		how = os.O_RDWR
	}
	f, err := os.OpenFile(d.file(name), how, 0)
	if err != nil {
		return nil, err
	}
	if _, _, ok := parseSegmentName(name); ok && !write {
		if err := keepWhole(f); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	return file{f}, nil
}

func (d dir) Rename(from, to string) error { return os.Rename(d.file(from), d.file(to)) }
func (d dir) Remove(name string) error     { return remove(d.file(name)) }
func (d dir) Sync() error                  { return syncDir(string(d)) }

// Lock makes the directory when it is not there: it is the first thing that is
// done with it.
func (d dir) Lock() (io.Closer, error) {
	if _, err := os.Stat(string(d)); err != nil {
		// Spans may hold what is nobody else's business.
		if err := os.MkdirAll(string(d), 0o700); err != nil {
			return nil, err
		}
		if err := syncDir(filepath.Dir(filepath.Clean(string(d)))); err != nil {
			return nil, err
		}
	}
	f, taken, err := lockFile(d.file(lockName))
	switch {
	case taken:
		return nil, fmt.Errorf("queue: %s is in use by %s: %w", string(d), d.owner(), ErrInUse)
	case err != nil:
		return nil, err
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return f, nil
}

// owner is the process that has the lock, as far as can be told.
func (d dir) owner() string {
	p, err := os.ReadFile(d.file(lockName))
	if pid := strings.TrimSpace(string(p)); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}

type file struct{ *os.File }

func (f file) Size() (int64, error) {
	i, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return i.Size(), nil
}

func (f file) Reserve(size int64) error { return reserve(f.File, size) }
func (f file) Sync() error              { return syncData(f.File) }
