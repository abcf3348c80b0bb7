// SPDX-License-Identifier: Apache-2.0

package queuetest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/spanbridge/spanbridge/queue"
)

// Cache is a directory whose changes stay in the memory of the process until they
// are synced: with the process, however it ends, goes what a power cut would take.
// Beneath is the disk. A name in a directory is a change too, which Sync of the
// directory brings there, those of one directory in their order, as a journal does.
//
// A Cache whose Leak was called brings of what was not synced yet some to the disk,
// any of its sectors and the names up to any of them.
type Cache struct {
	under queue.FS

	mu     sync.Mutex
	names  map[string]*cached // as the process sees them
	unsaid []renaming         // changes of names that are not on the disk
	stages int
	leak   *rand.Rand
}

// cached is a file, wherever it is on the disk.
type cached struct {
	at      string // its name there
	changes []change
	written int // so many of them were tried; they stay when that has failed
}

// renaming is a change of names: from "" is a new file, to "" a removal.
type renaming struct {
	from, to string
	file     *cached
}

// stageSuffix ends the names of files on the disk that have none there yet.
const stageSuffix = ".unnamed"

// NewCache is a cache over a directory, which nobody else may use.
func NewCache(under queue.FS) *Cache { return &Cache{under: under} }

// Leak has every second sector that is written, and now and then the names, reach
// the disk at once, as the seed has it.
func (c *Cache) Leak(seed uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leak = rand.New(rand.NewPCG(seed, 3))
}

// leaks draws whether a change reaches the disk before it is synced.
func (c *Cache) leaks(oneIn int) bool { return c.leak != nil && c.leak.IntN(oneIn) == 0 }

// Path implements queue.FS.
func (c *Cache) Path() string { return c.under.Path() }

// Lock implements queue.FS. It makes the directory, as a change that stays.
func (c *Cache) Lock() (io.Closer, error) { return c.under.Lock() }

// look reads the directory, once.
func (c *Cache) look() error {
	if c.names != nil {
		return nil
	}
	names, err := c.under.Names()
	if err != nil {
		return err
	}
	c.names = make(map[string]*cached)
	for _, name := range names {
		if strings.HasSuffix(name, stageSuffix) {
			if err := c.under.Remove(name); err != nil { // of a process that ended
				return err
			}
			continue
		}
		c.names[name] = &cached{at: name}
	}
	return nil
}

// Names implements queue.FS.
func (c *Cache) Names() ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.look(); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(c.names)), nil
}

// Create implements queue.FS.
func (c *Cache) Create(name string) (queue.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.look(); err != nil {
		return nil, err
	}
	if c.names[name] != nil {
		return nil, fmt.Errorf("create %s: %w", name, fs.ErrExist)
	}
	i := &cached{at: fmt.Sprintf("%d%s", c.stages, stageSuffix)}
	c.stages++
	real, err := c.under.Create(i.at)
	if err != nil {
		return nil, err
	}
	c.rename(renaming{to: name, file: i})
	return &cachedFile{c, i, real}, nil
}

// Open implements queue.FS.
func (c *Cache) Open(name string, write bool) (queue.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.look(); err != nil {
		return nil, err
	}
	i := c.names[name]
	if i == nil {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	real, err := c.under.Open(i.at, write)
	if err != nil {
		return nil, err
	}
	return &cachedFile{c, i, real}, nil
}

// Rename implements queue.FS.
func (c *Cache) Rename(from, to string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.look(); err != nil {
		return err
	}
	i := c.names[from]
	if i == nil {
		return fmt.Errorf("rename %s: %w", from, fs.ErrNotExist)
	}
	c.rename(renaming{from, to, i})
	return nil
}

// Remove implements queue.FS.
func (c *Cache) Remove(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.look(); err != nil {
		return err
	}
	i := c.names[name]
	if i == nil {
		return fmt.Errorf("remove %s: %w", name, fs.ErrNotExist)
	}
	c.rename(renaming{from: name, file: i})
	return nil
}

func (c *Cache) rename(r renaming) {
	delete(c.names, r.from)
	if r.to != "" {
		c.names[r.to] = r.file
	}
	c.unsaid = append(c.unsaid, r)
	if c.leaks(4) {
		_ = c.say() // an error is the one of the sync that is to come
	}
}

// Sync implements queue.FS. What it could not bring to the disk is tried again by
// the next one.
func (c *Cache) Sync() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.say()
}

// say brings the changes of names to the disk.
func (c *Cache) say() error {
	for len(c.unsaid) > 0 {
		var err error
		switch r := c.unsaid[0]; r.to {
		case "":
			err = c.under.Remove(r.from)
		default:
			if err = c.under.Rename(r.file.at, r.to); err == nil {
				r.file.at = r.to
			}
		}
		if err != nil {
			return err
		}
		c.unsaid = c.unsaid[1:]
	}
	return nil
}

// cachedFile is an open file.
type cachedFile struct {
	c    *Cache
	i    *cached
	real queue.File
}

func (f *cachedFile) Close() error { return f.real.Close() }

// size is the length as the process sees it.
func (f *cachedFile) size() (int64, error) {
	size, err := f.real.Size()
	for _, x := range f.i.changes {
		size = x.length(size)
	}
	return size, err
}

// Size implements queue.File.
func (f *cachedFile) Size() (int64, error) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	return f.size()
}

// ReadAt implements queue.File: what is on the disk, with the changes over it.
func (f *cachedFile) ReadAt(p []byte, off int64) (int, error) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if len(f.i.changes) == 0 {
		return f.real.ReadAt(p, off)
	}
	size, err := f.size()
	switch {
	case err != nil:
		return 0, err
	case off < 0:
		return 0, errors.New("queuetest: a negative offset")
	case off >= size:
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), size-off))
	got, err := f.real.ReadAt(p[:n], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	clear(p[got:n])
	for _, x := range f.i.changes {
		x.show(p[:n], off)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements queue.File.
func (f *cachedFile) WriteAt(p []byte, off int64) (int, error) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	x := change{off, slices.Clone(p)}
	f.i.changes = append(f.i.changes, x)
	if f.c.leak == nil {
		return len(p), nil
	}
	for s := range x.sectors {
		if f.c.leaks(2) {
			// An error is the one of the sync that is to come.
			_, _ = f.real.WriteAt(s.data, s.off)
		}
	}
	return len(p), nil
}

// Truncate implements queue.File.
func (f *cachedFile) Truncate(size int64) error {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.i.changes = append(f.i.changes, change{off: size})
	if f.c.leaks(2) {
		_ = f.real.Truncate(size)
	}
	return nil
}

// Reserve implements queue.File. Where the disk has no room the next sync says so,
// as on a file system that looks for room late.
func (f *cachedFile) Reserve(size int64) error {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	now, err := f.size()
	if err != nil || size <= now {
		return err
	}
	f.i.changes = append(f.i.changes, change{off: size})
	if f.c.leaks(2) {
		_ = f.real.Truncate(size)
	}
	return nil
}

// Sync implements queue.File. As on Linux, what a sync failed to write counts as
// written, is read as if it were, and is never written again. The disk itself is not
// waited for: it is not the one that loses its power.
func (f *cachedFile) Sync() error {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	failed := f.i.written > 0
	for ; f.i.written < len(f.i.changes); f.i.written++ {
		x := f.i.changes[f.i.written]
		var err error
		if x.data == nil {
			err = f.real.Truncate(x.off)
		} else {
			_, err = f.real.WriteAt(x.data, x.off)
		}
		if err != nil {
			f.i.written = len(f.i.changes)
			return err
		}
	}
	if !failed {
		f.i.changes, f.i.written = nil, 0
	}
	return nil
}
