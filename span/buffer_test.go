// SPDX-License-Identifier: Apache-2.0

package span

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestBufferSize: a buffer has room for what was asked for, and an eighth more at most.
func TestBufferSize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 5000), rapid.IntRange(0, 3<<20)).Draw(t, "bytes")
		step, size := bufferSize(n)
		if size < n || n >= 1<<leastBufferBits && size > n+n/bufferSteps+1 {
			t.Fatalf("%d bytes for %d", size, n)
		}
		if again, same := bufferSize(size); again != step || same != size {
			t.Fatalf("%d is step %d of %d bytes, and that is step %d of %d", n, step, size, again, same)
		}
		if (step < bufferSizes) != (n <= 1<<mostBufferBits) {
			t.Fatalf("%d bytes are of step %d, of %d that are kept", n, step, bufferSizes)
		}
		f := NewBuffer(n)
		defer f.Release()
		if got, want := cap(f.Body), BufferSize(n); len(f.Body) != 0 || got != want {
			t.Fatalf("a buffer for %d bytes has %d of %d bytes, want 0 of %d", n, len(f.Body), got, want)
		}
	})
}

// filled is a batch of n spans, each with two attributes and a name beside the body,
// in a buffer.
func filled(n int) *Batch {
	f := NewBuffer(100 * n)
	for i := range n {
		f.Body = fmt.Appendf(f.Body, "span %d;", i)
	}
	w := NewBuilder(f.Body, Origin{Format: "test", Buffer: f})
	for i := range n {
		mark := w.AttrMark()
		w.Attr(StringAttr(w.Copy("key"), w.Copy(fmt.Sprintf("value %d", i))))
		w.Attr(IntAttr(w.Copy("number"), int64(i)))
		s := w.NextSpan()
		s.ID, s.Name, s.Attrs = ID(i+1), w.Copy(fmt.Sprintf("name %d of %d", i, n)), w.AttrsFrom(mark)
		w.AddSpan()
	}
	return w.Batch()
}

func checkFilled(t *testing.T, b *Batch, n int) {
	t.Helper()
	if b.Len() != n {
		t.Fatalf("%d spans, want %d", b.Len(), n)
	}
	for i := range b.Spans() {
		s := &b.Spans()[i]
		want := Span{ID: ID(i + 1), Name: s.Name, Attrs: Range{uint32(2 * i), 2}}
		if *s != want {
			t.Fatalf("span %d is %+v, want %+v", i, *s, want)
		}
		if got, want := b.Str(s.Name), fmt.Sprintf("name %d of %d", i, n); got != want {
			t.Fatalf("span %d is called %q, want %q", i, got, want)
		}
		if got, want := b.Str(b.Find(s.Attrs, "key").Text()), fmt.Sprintf("value %d", i); got != want {
			t.Fatalf("span %d has %q, want %q", i, got, want)
		}
	}
}

// TestBuffers has batches built, held and released by several goroutines at once: what
// one of them holds nobody else writes to, and nothing of a former batch is in a new one.
func TestBuffers(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 300 {
				n := 1 + (i*7+g*13)%90
				b := filled(n)
				b.Hold()
				var reading sync.WaitGroup
				reading.Go(func() {
					checkFilled(t, b, n)
					b.Release()
				})
				checkFilled(t, b, n)
				if i%5 == 0 { // a changed copy is never given back, nor is the batch wrong by it
					d := b.Draft()
					d.Spans()[0].ID = 77
					d.Batch().Release()
					checkFilled(t, b, n)
				}
				b.Release()
				reading.Wait()
				if b.Len() != 0 || b.Body() != nil {
					t.Errorf("a batch that was released has %d spans and %d bytes", b.Len(), len(b.Body()))
				}
			}
		})
	}
	all.Wait()
}

// TestTwoBuilders: a body that is decoded twice gives two batches that share no slabs.
func TestTwoBuilders(t *testing.T) {
	t.Parallel()
	filled(20).Release()
	f := NewBuffer(2000)
	first := NewBuilder(f.Body, Origin{Buffer: f})
	first.Span(Span{ID: 1})
	second := NewBuilder(f.Body, Origin{Buffer: f})
	second.Span(Span{ID: 2})
	if a, b := first.Batch().Spans()[0].ID, second.Batch().Spans()[0].ID; a != 1 || b != 2 {
		t.Errorf("spans %v and %v, want 1 and 2", a, b)
	}
	if second.Batch().Origin.Buffer != nil {
		t.Error("the origin of a batch has the buffer still")
	}
}

// TestLongSlabs: a small message that was made of very many spans does not leave its
// memory to small messages after it. It runs alone: others would have the buffer by then.
func TestLongSlabs(t *testing.T) {
	f := NewBuffer(1000)
	w := NewBuilder(f.Body, Origin{Buffer: f})
	for range 10_000 {
		w.Span(Span{ID: 1})
	}
	b := w.Batch()
	b.Release()
	if n := f.slabs.bytes(); n != 0 {
		t.Errorf("%d bytes of slabs were kept for a body of 1000", n)
	}
}

// TestBodyGrows: a body that grows stays what it was.
func TestBodyGrows(t *testing.T) {
	t.Parallel()
	f := NewBuffer(0)
	var want []byte
	for i := range 5000 {
		f = f.Grow(7)
		f.Body = fmt.Appendf(f.Body, "%07d", i)
		want = fmt.Appendf(want, "%07d", i)
	}
	if string(f.Body) != string(want) {
		t.Error("the body is another one")
	}
	f.Release()
}

// TestBodyBeyondItsRoom: a body that was appended to beyond its room, whose memory has
// a length of its own then, is not taken for a longer one.
func TestBodyBeyondItsRoom(t *testing.T) {
	for range 100 {
		f := NewBuffer(600)
		f.Body = make([]byte, 0, 641)
		f.Release()
		f = NewBuffer(704)
		if cap(f.Body) < 704 {
			t.Fatalf("a buffer for 704 bytes has %d", cap(f.Body))
		}
		f.Release()
	}
}
