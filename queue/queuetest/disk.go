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
	"sync"

	"github.com/spanbridge/spanbridge/queue"
)

// Op is an operation of a disk.
type Op string

// Operations.
const (
	Create   Op = "create"
	Open     Op = "open"
	Read     Op = "read"
	Write    Op = "write"
	Truncate Op = "truncate"
	Reserve  Op = "reserve"
	SyncFile Op = "sync"
	Rename   Op = "rename"
	Remove   Op = "remove"
	SyncDir  Op = "syncdir"
)

// ErrCrashed is what operations give once the process has come to its end.
var ErrCrashed = errors.New("queuetest: the process has crashed")

// Disk is a directory in memory. The zero value is an empty one.
type Disk struct {
	mu      sync.Mutex
	files   map[string]*inode
	durable map[string]*inode // the names as they are on the disk
	unsaid  []func(map[string]*inode)
	locked  bool
	crashed bool
	// crashIn is how many changes may still be made; crash says that it counts.
	crashIn int
	crash   bool
	rng     *rand.Rand

	space int64 // 0: no end of it
	lies  bool
	fault func(Op, string) error
	syncs int
}

// FailWith has f decide which operations fail. It is told the operation and the
// file; nil lets everything succeed again. A write that fails has written a part
// of its bytes, in the middle of a sector as a rule.
func (d *Disk) FailWith(f func(Op, string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// SetSpace bounds the bytes of all files; 0 is no bound.
func (d *Disk) SetSpace(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.space = bytes
}

// Lie makes syncs succeed without doing anything.
func (d *Disk) Lie(lies bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lies = lies
}

// CrashAfter ends the process after n more changes: the next one is done in part,
// as the seed has it, and from then on nothing works.
func (d *Disk) CrashAfter(n int, seed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crash, d.crashIn, d.rng = true, n, rand.New(rand.NewPCG(seed, 1))
}

// Crash ends the process now.
func (d *Disk) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashed = true
}

// Crashed tells whether the process has come to its end.
func (d *Disk) Crashed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.crashed
}

// Syncs is how many syncs of files there were.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Left says what a crash leaves of changes that were not synced.
type Left int

// What is left.
const (
	// Everything: the process was killed, the system has written all of it since.
	Everything Left = iota
	// Nothing: power went, and no change that was not synced has reached the disk.
	Nothing
	// Some: power went, and any of the sectors have reached the disk, in any order.
	Some
)

// After is the disk as another process finds it after the crash.
func (d *Disk) After(left Left, seed uint64) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashed = true
	rng := rand.New(rand.NewPCG(seed, 2))
	names := maps.Clone(d.durable)
	if names == nil {
		names = make(map[string]*inode)
	}
	// A journal brings names in the order in which they changed.
	said := len(d.unsaid)
	switch left {
	case Nothing:
		said = 0
	case Some:
		said = rng.IntN(said + 1)
	}
	for _, f := range d.unsaid[:said] {
		f(names)
	}
	after := &Disk{files: make(map[string]*inode), durable: make(map[string]*inode)}
	kept := make(map[*inode]*inode)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		i := names[name]
		if kept[i] == nil {
			data := i.after(left, rng)
			kept[i] = &inode{data: data, durable: slices.Clone(data)}
		}
		after.files[name], after.durable[name] = kept[i], kept[i]
	}
	return after
}

// change is asked before each one. Part is how much of a write of n bytes is
// done; the error is what the caller gets.
func (d *Disk) change(op Op, name string, n int) (part int, err error) {
	if d.crashed {
		return 0, ErrCrashed
	}
	if d.crash {
		if d.crashIn == 0 {
			d.crashed = true
			return d.rng.IntN(n + 1), ErrCrashed
		}
		d.crashIn--
	}
	if d.fault != nil {
		if err := d.fault(op, name); err != nil {
			return n * 5 / 8, err
		}
	}
	return n, nil
}

func (d *Disk) used() (n int64) {
	for _, i := range d.files {
		n += int64(len(i.data))
	}
	return n
}

// room is how many bytes a file may grow by.
func (d *Disk) room() int64 {
	if d.space == 0 {
		return 1 << 50
	}
	return max(0, d.space-d.used())
}

// rename is a change of names.
func (d *Disk) rename(f func(map[string]*inode)) {
	if d.files == nil {
		d.files, d.durable = make(map[string]*inode), make(map[string]*inode)
	}
	f(d.files)
	d.unsaid = append(d.unsaid, f)
}

// Path implements queue.FS.
func (d *Disk) Path() string { return "queuetest" }

// Names implements queue.FS.
func (d *Disk) Names() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.crashed {
		return nil, ErrCrashed
	}
	return slices.Sorted(maps.Keys(d.files)), nil
}

// Create implements queue.FS.
func (d *Disk) Create(name string) (queue.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.change(Create, name, 0); err != nil {
		return nil, err
	}
	if d.files[name] != nil {
		return nil, fmt.Errorf("create %s: %w", name, fs.ErrExist)
	}
	i := &inode{}
	d.rename(func(names map[string]*inode) { names[name] = i })
	return &file{d, i, name, true}, nil
}

// Open implements queue.FS.
func (d *Disk) Open(name string, write bool) (queue.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.crashed {
		return nil, ErrCrashed
	}
	if d.fault != nil {
		if err := d.fault(Open, name); err != nil {
			return nil, err
		}
	}
	i := d.files[name]
	if i == nil {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	return &file{d, i, name, write}, nil
}

// Rename implements queue.FS.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.change(Rename, to, 0); err != nil {
		return err
	}
	i := d.files[from]
	if i == nil {
		return fmt.Errorf("rename %s: %w", from, fs.ErrNotExist)
	}
	d.rename(func(names map[string]*inode) {
		delete(names, from)
		names[to] = i
	})
	return nil
}

// Remove implements queue.FS.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.change(Remove, name, 0); err != nil {
		return err
	}
	if d.files[name] == nil {
		return fmt.Errorf("remove %s: %w", name, fs.ErrNotExist)
	}
	d.rename(func(names map[string]*inode) { delete(names, name) })
	return nil
}

// Sync implements queue.FS.
func (d *Disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.change(SyncDir, "", 0); err != nil || d.lies {
		return err
	}
	d.durable = maps.Clone(d.files)
	d.unsaid = nil
	return nil
}

// Lock implements queue.FS.
func (d *Disk) Lock() (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return nil, errors.New("queuetest: the disk is in use")
	}
	d.locked = true
	return unlock{d}, nil
}

type unlock struct{ d *Disk }

func (u unlock) Close() error {
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	u.d.locked = false
	return nil
}

// Files are the contents of all files.
func (d *Disk) Files() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make(map[string][]byte)
	for name, i := range d.files {
		all[name] = slices.Clone(i.data)
	}
	return all
}

// Put gives a file another content, as somebody else would: it is durable at
// once.
func (d *Disk) Put(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := &inode{data: slices.Clone(data), durable: slices.Clone(data)}
	d.rename(func(names map[string]*inode) { names[name] = i })
	d.durable[name] = i
}

// Alter changes bytes of a file that is open, as a failing disk does.
func (d *Disk) Alter(name string, f func([]byte)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.files[name].data)
	f(d.files[name].durable)
}
