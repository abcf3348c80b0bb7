// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// lookEvery is how often files are looked at, at most; nobody looks while nobody
// asks. Contents are compared and not times: a mounted secret is exchanged by a
// link, and some file systems know only whole seconds.
const lookEvery = time.Second

// mostFile bounds a file: keys and certificates are small.
const mostFile = 4 << 20

// source is a file with the setting that names it; without a name there is
// nothing to read.
type source struct{ setting, name string }

// reread is what files mean, read again when they change.
type reread[T any] struct {
	files []source
	parse func(contents [][]byte) (T, error)
	log   *slog.Logger

	mu       sync.Mutex
	looked   time.Time
	contents [][]byte // from which value was made
	value    T
	fault    string // that was logged last
}

// newReread reads for the first time, when a fault is an error.
func newReread[T any](log *slog.Logger, parse func(contents [][]byte) (T, error), files ...source) (*reread[T], error) {
	r := &reread[T]{files: files, parse: parse, log: log}
	r.looked = time.Now()
	if err := r.read(); err != nil {
		return nil, err
	}
	return r, nil
}

// now is what the files mean now.
func (r *reread[T]) now() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.looked) < lookEvery {
		return r.value
	}
	r.looked = time.Now()
	err := r.read()
	switch {
	case err == nil:
		r.fault = ""
	case err.Error() != r.fault:
		r.fault = err.Error()
		r.log.Error("a file cannot be used, what was read before stays in force", "err", err)
	}
	return r.value
}

func (r *reread[T]) read() error {
	contents := make([][]byte, len(r.files))
	for i, f := range r.files {
		if f.name == "" {
			continue
		}
		info, err := os.Stat(f.name)
		if err != nil {
			return fmt.Errorf("%s: %w", f.setting, err)
		}
		if info.Size() > mostFile || info.IsDir() {
			return fmt.Errorf("%s: %s, want a file of at most %d bytes", f.setting, f.name, mostFile)
		}
		if contents[i], err = os.ReadFile(f.name); err != nil {
			return fmt.Errorf("%s: %w", f.setting, err)
		}
	}
	if r.contents != nil && slices.EqualFunc(contents, r.contents, bytes.Equal) {
		return nil
	}
	value, err := r.parse(contents)
	if err != nil {
		return err
	}
	if r.contents != nil {
		for _, f := range r.files {
			if f.name != "" {
				r.log.Info("what a file says has changed", "setting", f.setting, "file", f.name)
			}
		}
	}
	r.contents, r.value = contents, value
	return nil
}
