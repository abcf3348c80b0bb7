// SPDX-License-Identifier: Apache-2.0

package span

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"
)

func TestText(t *testing.T) {
	t.Parallel()
	w := NewBuilder([]byte("0123456789"), Origin{Format: "f"})
	b := w.Batch()
	f := func(text Text, present bool, want string) {
		t.Helper()
		if text.Present() != present || text.Len() != len(want) || b.Str(text) != want || string(b.AppendStr([]byte("x"), text)) != "x"+want {
			t.Errorf("%v: %v %q, want %v %q", text, text.Present(), b.Str(text), present, want)
		}
	}
	f(Text{}, false, "")
	f(Empty, true, "")
	f(At(0, 0), true, "")
	f(At(10, 0), true, "")
	f(At(0, 3), true, "012")
	f(At(9, 1), true, "9")
	f(At(0, 10), true, "0123456789")
	f(SideAt(0, 0), true, "")
	first := w.Copy("first")
	second := w.CopyBytes([]byte("second"))
	f(first, true, "first")
	f(second, true, "second")
	f(w.Copy(""), true, "")
	w.Copy(strings.Repeat("more", 1000)) // the side memory moves
	f(first, true, "first")
	side := append(w.Side(), "appended"...)
	at := len(side) - len("appended")
	w.SetSide(side)
	f(SideAt(at, len("appended")), true, "appended")
	if string(b.Body()) != "0123456789" || b.Origin.Format != "f" {
		t.Error("body or origin")
	}
}

func TestValidText(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		w := NewBuilder([]byte(in), Origin{})
		given := At(0, len(in))
		got := w.ValidText(given)
		if w.Str(got) != want || (got == given) != (in == want) {
			t.Errorf("%q: %q, want %q", in, w.Str(got), want)
		}
	}
	f("", "")
	f("plain", "plain")
	f("ünï 世界 🚀", "ünï 世界 🚀")
	f("\x00", "\x00")
	f("a\xffb", "a\uFFFDb")
	f("\xe4\xb8", "\uFFFD")
	f("\xed\xa0\x80", "\uFFFD") // half of a surrogate pair
}

// fill adds one of everything.
func fill(w *Builder) {
	attrs, events, refs := w.AttrMark(), w.EventMark(), w.RefMark()
	w.Attr(IntAttr(w.Copy("k"), 1))
	w.Event(Event{Time: 1})
	w.Ref(Ref{Span: 1, Agent: w.AgentRef(AgentRef{Number: 1})})
	w.Instance(Instance{Ping: true})
	w.Span(Span{
		ID: 1, Attrs: w.AttrsFrom(attrs), Events: w.EventsFrom(events), Refs: w.RefsFrom(refs),
		Resource: w.Resource(Resource{Dropped: 1}), Scope: w.Scope(Scope{Dropped: 1}),
		Segment: w.Segment(Segment{Spans: 1}), Agent: w.Agent(Agent{Number: 1}),
	})
}

func TestUndo(t *testing.T) {
	t.Parallel()
	w := NewBuilder(nil, Origin{})
	fill(w)
	mark := w.Mark()
	fill(w)
	fill(w)
	if w.Len() != 3 || w.Mark() == mark {
		t.Errorf("%d spans", w.Len())
	}
	w.Undo(mark)
	if w.Mark() != mark || w.Len() != 1 {
		t.Errorf("%+v, want %+v", w.Mark(), mark)
	}
	fill(w)
	b := w.Batch()
	for i := range b.Spans() {
		s := &b.Spans()[i]
		if len(b.Attrs(s.Attrs)) != 1 || len(b.Events(s.Events)) != 1 || len(b.Refs(s.Refs)) != 1 ||
			b.Resource(s.Resource).Dropped != 1 || b.Scope(s.Scope).Dropped != 1 || b.Segment(s.Segment).Spans != 1 ||
			b.Agent(s.Agent).Number != 1 || b.AgentRef(b.Refs(s.Refs)[0].Agent).Number != 1 || int(s.Agent) != i+1 {
			t.Errorf("span %d: %+v", i, s)
		}
	}
	if b.Len() != 2 || len(b.Instances()) != 2 {
		t.Errorf("%d spans, %d instances", b.Len(), len(b.Instances()))
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	b := NewBuilder(nil, Origin{}).Batch()
	if b.Resource(0) != nil || b.Scope(0) != nil || b.Segment(0) != nil || b.Agent(0) != nil || b.AgentRef(0) != nil {
		t.Error("number 0 is something")
	}
	if len(b.Attrs(Range{})) != 0 || len(b.Events(Range{})) != 0 || len(b.Refs(Range{})) != 0 || (Range{N: 3}).Len() != 3 {
		t.Error("an empty range has elements")
	}
}

func TestInPlace(t *testing.T) {
	t.Parallel()
	w := NewBuilder(nil, Origin{})
	fill(w)
	w.AttrsSince(0)[0].Mirrored = true
	w.EventsSince(0)[0].Time = 9
	w.RefsSince(0)[0].Span = 9
	w.SegmentAt(1).Spans = 9
	w.SpanAt(0).ID = 9
	w.Event(Event{})
	w.TruncateEvents(1)
	b := w.Batch()
	s := &b.Spans()[0]
	if !b.Attrs(s.Attrs)[0].Mirrored || b.Events(s.Events)[0].Time != 9 || b.Refs(s.Refs)[0].Span != 9 || b.Segment(1).Spans != 9 || s.ID != 9 {
		t.Errorf("%+v", s)
	}
	if it := (Item{Batch: b}); it.Span() != s {
		t.Error("Item.Span")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	w := NewBuilder(nil, Origin{})
	w.Attr(IntAttr(w.Copy("before"), 0))
	mark := w.AttrMark()
	for i, key := range []string{"a", "b", "a", ""} {
		w.Attr(IntAttr(w.Copy(key), int64(i)))
	}
	r := w.AttrsFrom(mark)
	w.Attr(IntAttr(w.Copy("after"), 0))
	b := w.Batch()
	f := func(key string, want int64) {
		t.Helper()
		if a := b.Find(r, key); a == nil || a.Int() != want {
			t.Errorf("%q: %v", key, a)
		}
	}
	f("a", 2)
	f("b", 1)
	f("", 3)
	for _, key := range []string{"before", "after", "c"} {
		if b.Find(r, key) != nil {
			t.Errorf("%s is found", key)
		}
	}
}

func TestGrow(t *testing.T) {
	t.Parallel()
	w := NewBuilder(make([]byte, 100), Origin{})
	empty := w.Batch().Memory()
	w.Grow(10, 50)
	if grown := w.Batch().Memory() - empty; grown < 10*int(unsafe.Sizeof(Span{}))+50*int(unsafe.Sizeof(Attr{})) {
		t.Errorf("%d bytes", grown)
	}
}

// A slab grows by what the spans so far took of the body.
func TestGrowth(t *testing.T) {
	t.Parallel()
	const spans, size = 1000, 50
	f := func(room int, most int) {
		t.Helper()
		w := NewBuilder(make([]byte, spans*size), Origin{Room: room})
		empty := w.Batch().Memory()
		for i := range spans {
			w.At(i*size, spans*size)
			for range 5 {
				w.Attr(Attr{})
			}
			w.Ref(Ref{})
			w.NextSpan().ID = ID(i + 1)
			w.AddSpan()
		}
		b := w.Batch()
		if b.Over() || b.Len() != spans || b.Spans()[spans-1].ID != spans {
			t.Fatalf("over %v with %d spans", b.Over(), b.Len())
		}
		need := spans * int(unsafe.Sizeof(Span{})+5*unsafe.Sizeof(Attr{})+unsafe.Sizeof(Ref{}))
		if m := b.Memory() - empty; m < need || m > need*most/100 {
			t.Errorf("%d bytes where %d are needed", m, need)
		}
	}
	f(0, 135)
	f(2<<20, 150)
}

// A guess that turns out wrong costs memory and no more.
func TestGrowthMisled(t *testing.T) {
	t.Parallel()
	w := NewBuilder(make([]byte, 1<<20), Origin{Room: 1 << 16})
	for i := range 100 {
		w.At(i, 1<<20)
		w.Attr(Attr{})
		w.Event(Event{})
	}
	if b := w.Batch(); b.Over() || b.Memory() > 1<<20+1<<16 {
		t.Errorf("over %v with %d bytes", b.Over(), b.Memory())
	}
	for range 3000 {
		w.Attr(Attr{})
	}
	if !w.Batch().Over() {
		t.Error("not over")
	}
	w.NextSpan().ID = 1
	w.AddSpan()
	if w.Len() != 0 {
		t.Error("a span that is over")
	}
	w.Reset(make([]byte, 10), Origin{})
	if w.NextSpan().ID != 0 || w.Len() != 0 {
		t.Error("a span that is not empty")
	}
	w.At(5, 10)
	w.AddSpan()
}

func TestASCII(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		p := bytes.Repeat([]byte{0x7f}, n)
		w := NewBuilder(p, Origin{})
		if text := w.ValidAt(0, n); !IsASCII(p) || text != At(0, n) {
			t.Errorf("%d bytes", n)
		}
		for i := range p {
			p[i] = 0x80
			if IsASCII(p) || w.ValidAt(0, n) == At(0, n) {
				t.Errorf("byte %d of %d", i, n)
			}
			p[i] = 0
		}
	}
}

// What is added beyond MaxSlabs is left out.
func TestOver(t *testing.T) {
	t.Parallel()
	w := NewBuilder(nil, Origin{})
	fill(w)
	if w.Batch().Over() {
		t.Error("over with one span")
	}
	w.charged = MaxSlabs
	before := w.Mark()
	for range 20 {
		fill(w)
	}
	b := w.Batch()
	if !b.Over() || b.Len() > 16 {
		t.Errorf("over %v with %d spans, before %+v", b.Over(), b.Len(), before)
	}
	for i := range b.Spans() {
		s := &b.Spans()[i]
		b.Attrs(s.Attrs)
		b.Events(s.Events)
		b.Refs(s.Refs)
	}
}

// A batch holds no pointers but those of its slabs: the sizes are part of what
// a million spans cost.
func TestSizes(t *testing.T) {
	t.Parallel()
	f := func(name string, got, want uintptr) {
		t.Helper()
		if got != want {
			t.Errorf("%s takes %d bytes, want %d", name, got, want)
		}
	}
	f("Span", unsafe.Sizeof(Span{}), 224)
	f("Attr", unsafe.Sizeof(Attr{}), 24)
	f("Event", unsafe.Sizeof(Event{}), 32)
	f("Endpoint", unsafe.Sizeof(Endpoint{}), 32)
	f("Text", unsafe.Sizeof(Text{}), 8)
}

func TestNames(t *testing.T) {
	t.Parallel()
	for k, want := range []string{"", "internal", "server", "client", "producer", "consumer", ""} {
		if got := Kind(k).String(); got != want {
			t.Errorf("kind %d: %s", k, got)
		}
	}
}

// What NextSpan gives is empty, whatever stood there before.
func TestNextSpanIsEmpty(t *testing.T) {
	t.Parallel()
	w := NewBuilder(nil, Origin{})
	fill := func() {
		t.Helper()
		s := w.NextSpan()
		if *s != (Span{}) {
			t.Fatalf("span %d is %+v", w.Len()+1, *s)
		}
		*s = Span{ID: 1, Name: Empty}
	}
	for round := range 3 {
		for i := range 40 {
			fill()
			switch i % 4 {
			case 0, 1:
				w.AddSpan()
			case 2: // left where it is
			case 3:
				mark := w.Mark()
				w.Span(Span{ID: 2})
				w.Span(Span{ID: 3})
				w.Undo(mark)
			}
			if i%10 == 9 {
				w.Grow(5*round, 0)
			}
		}
		w.Reset(nil, Origin{})
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	b := NewBuilder([]byte("ab,cd;ef"), Origin{}).Batch()
	for _, c := range []struct {
		t, u Text
		want string
	}{
		{At(0, 2), At(3, 2), "ab,cd"},
		{At(3, 2), At(6, 2), ""},
		{At(0, 2), At(6, 2), ""},
		{At(3, 2), At(0, 2), ""},
		{At(0, 1), At(2, 1), ""},
		{SideAt(0, 2), At(3, 2), ""},
		{At(0, 2), SideAt(3, 2), ""},
		{At(0, 2), Empty, ""},
	} {
		both, ok := b.Join(c.t, c.u, ',')
		if ok != (c.want != "") || ok && b.Str(both) != c.want {
			t.Errorf("%v and %v: %q, %v", c.t, c.u, b.Str(both), ok)
		}
	}
}
