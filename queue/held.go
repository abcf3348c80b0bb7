// SPDX-License-Identifier: Apache-2.0

package queue

// Held is a companion with memory, that of the record's Body among it, which is used
// for something else once nobody holds it. A log that has taken a record holds its
// companion, as the writer did before, until no cursor needs it; each reader that
// was given the record holds it besides, until it says that it is done. One that
// never does leaves the memory to the garbage collector.
type Held interface {
	Hold()
	Release()
}

func hold(r *Record) {
	if h, ok := r.Companion.(Held); ok {
		h.Hold()
	}
}

func release(r *Record) {
	if h, ok := r.Companion.(Held); ok {
		h.Release()
	}
}
