// SPDX-License-Identifier: Apache-2.0

package span

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Buffer is the memory of one message: of its body, and of what a Builder makes of
// it. Memory that is fresh has to be cleared, and mapped by the kernel, which costs
// as much as a tenth of all else that is done for a span: that of a message which
// nobody needs any more is used for one to come.
//
// It goes with the batch, which counts who holds it; see Batch.Hold. The one who asked
// for the buffer is the first, and hands that on with the batch. A buffer that
// somebody forgets to release is left to the garbage collector, so that whoever is in
// doubt holds it and never says that they are done.
type Buffer struct {
	// Body is for the message, within the room that it has.
	Body []byte

	slabs   slabs
	holders atomic.Int32
}

// NewBuffer is a buffer that nobody else has, with an empty Body of room for n bytes.
func NewBuffer(n int) *Buffer {
	f := takeBuffer(n)
	f.holders.Store(1)
	return f
}

// Grow is a buffer whose Body has room for n bytes more: this one, or one with a copy
// of its Body, when this one is released.
func (f *Buffer) Grow(n int) *Buffer {
	if n <= cap(f.Body)-len(f.Body) {
		return f
	}
	longer := NewBuffer(len(f.Body) + n)
	longer.Body = append(longer.Body, f.Body...)
	f.Release()
	return longer
}

// Memory is how many bytes the buffer has, with those for what is made of its Body.
func (f *Buffer) Memory() int {
	if fenced { // where they are many, and no part of the heap
		return cap(f.Body)
	}
	return cap(f.Body) + f.slabs.bytes()
}

// Bare lets go of all memory but that of the Body.
func (f *Buffer) Bare() { f.slabs = slabs{} }

// Release says that the body is no longer needed, of which no batch was made.
func (f *Buffer) Release() { f.release(nil) }

func (f *Buffer) release(b *Batch) {
	switch n := f.holders.Add(-1); {
	case n == 0:
		if b != nil {
			// What still points to the batch finds nothing, rather than spans of another.
			f.slabs = b.slabs
			b.slabs, b.body = slabs{}, nil
		}
		f.giveBack()
	case n < 0 && fenced:
		panic("span: a buffer was released more often than it was held")
	}
}

// Hold keeps the memory of a batch from being used for another one until Release: one
// more needs it. Who reads a batch must have been told of it by somebody who held it
// at that time.
func (b *Batch) Hold() {
	if b.buffer != nil {
		b.buffer.holders.Add(1)
	}
}

// Release says that one of those who hold the batch is done with it, and with every
// string, text and span of it.
func (b *Batch) Release() {
	if b.buffer != nil {
		b.buffer.release(b)
	}
}

// Buffers are kept by the length of body that they are for, in eight steps from each
// power of two to the next: an eighth at most of a body's memory is empty, and the
// slabs of a message of that length are about as long.
const (
	leastBufferBits = 9  // what is shorter hardly costs anything
	mostBufferBits  = 20 // longer ones are rare, and cost as much for other reasons
	bufferSteps     = 8
)

// bufferSize is the step for a body of n bytes, and how long it is; more than there are
// for one that is too long.
func bufferSize(n int) (step, size int) {
	n = max(n, 1<<leastBufferBits)
	b := bits.Len(uint(n)) - 1
	unit := 1 << b / bufferSteps
	of := (n - 1<<b + unit - 1) / unit
	return (b-leastBufferBits)*bufferSteps + of, 1<<b + of*unit
}

// bufferSizes is how many steps there are.
const bufferSizes = (mostBufferBits-leastBufferBits)*bufferSteps + 1

// BufferSize is how much memory NewBuffer sets aside for a body of n bytes.
func BufferSize(n int) int {
	if step, size := bufferSize(n); step < bufferSizes {
		return size
	}
	return n
}

// buffers are those that nobody holds. What they have is the garbage collector's after
// two of its rounds.
var buffers [bufferSizes]sync.Pool

// Slabs that are much longer than the body has any need of, which a sender can bring
// about, are not kept.
const (
	leastSlabs     = 64 << 10
	mostSlabsShare = 8
)

// keep sets aside what may be used again.
func (f *Buffer) keep() {
	step, size := bufferSize(cap(f.Body))
	if step >= bufferSizes || size != cap(f.Body) { // too long, or somebody appended beyond its room
		return
	}
	f.Body = f.Body[:0]
	if f.slabs.bytes() > max(leastSlabs, mostSlabsShare*cap(f.Body)) {
		f.slabs = slabs{}
	}
	f.slabs.emptied()
	buffers[step].Put(f)
}

// kept is a buffer that was set aside; nil: there is none.
func kept(step int) *Buffer {
	if step >= bufferSizes {
		return nil
	}
	f, _ := buffers[step].Get().(*Buffer)
	return f
}
