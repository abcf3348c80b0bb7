// SPDX-License-Identifier: Apache-2.0

package span

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf8"
	"unsafe"
)

// Builder fills a batch. A decoder adds the details of a span first (Attr,
// Event, Ref give ranges by the marks taken before) and the span itself last;
// when the span turns out malformed, Undo takes its details back and the spans
// before it stay.
type Builder struct {
	b       Batch
	charged int // bytes that the slabs have grown to, roughly
	growth
	spare *Span // what NextSpan gives when the batch is over
	used  int   // places of spans that were written to; those behind are zero
}

// MaxSlabs bounds the memory of a batch beside its body. A span that takes two
// bytes in a body may take three hundred here, so that the length of the body
// bounds nothing. What is added beyond is left out and the batch is Over.
const MaxSlabs = 256 << 20

// full is asked before a slab of n elements grows.
func (w *Builder) full(n int, size uintptr) bool {
	if !w.b.over {
		w.charged += max(n, 16) * int(size)
		w.b.over = w.charged > w.most()
	}
	return w.b.over
}

// most is how many bytes the slabs may grow to.
func (w *Builder) most() int { return most(&w.b.Origin) }

func most(o *Origin) int {
	if o.Room > 0 {
		return o.Room
	}
	return MaxSlabs
}

// NewBuilder starts a batch that owns the body. The body must not be changed
// afterwards and must not be longer than MaxBody.
func NewBuilder(body []byte, origin Origin) *Builder {
	w := &Builder{}
	if f := origin.Buffer; f != nil {
		origin.Buffer = nil
		w.b.buffer = f
		w.b.slabs, f.slabs = f.slabs, slabs{}
		w.used = cap(w.b.spans)
	}
	w.b.body = body
	w.b.Origin = origin
	w.b.protocol = ProtocolOf(origin.Format)
	w.b.number = nextNumber()
	return w
}

// Reset starts another batch with the memory of the last one, which must not be
// in use any more.
func (w *Builder) Reset(body []byte, origin Origin) {
	b := &w.b
	b.emptied()
	*b = Batch{Origin: origin, protocol: ProtocolOf(origin.Format), body: body, slabs: b.slabs}
	b.Origin.Buffer = nil
	w.charged, w.growth = 0, growth{}
}

// Stale counts an entry of a residue that was ignored.
func (w *Builder) Stale(entry string) {
	for i := range w.b.stale {
		if s := &w.b.stale[i]; s.Entry == entry {
			s.Spans++
			return
		}
	}
	w.b.stale = append(w.b.stale, Stale{entry, 1})
}

// Grow makes room for that many more spans and attributes.
func (w *Builder) Grow(spans, attrs int) {
	w.charged += spans*int(unsafe.Sizeof(Span{})) + attrs*int(unsafe.Sizeof(Attr{}))
	w.b.spans = slices.Grow(w.b.spans, spans)
	w.b.attrs = slices.Grow(w.b.attrs, attrs)
}

// Batch is the finished batch. The builder must not be used afterwards.
func (w *Builder) Batch() *Batch { return &w.b }

// Str is the text as a string that points into the memory of the batch.
func (w *Builder) Str(t Text) string { return w.b.Str(t) }

// Len is the number of spans added so far.
func (w *Builder) Len() int { return len(w.b.spans) }

// Copy keeps a copy of s in the side memory.
func (w *Builder) Copy(s string) Text {
	at := len(w.b.side)
	w.b.side = append(w.b.side, s...)
	return SideAt(at, len(s))
}

// CopyBytes keeps a copy of p in the side memory.
func (w *Builder) CopyBytes(p []byte) Text {
	at := len(w.b.side)
	w.b.side = append(w.b.side, p...)
	return SideAt(at, len(p))
}

// Side is the side memory, to append to; SetSide puts the grown memory back.
// It is for decoders that write a text piece by piece.
func (w *Builder) Side() []byte { return w.b.side }

// SetSide is the second half of Side.
func (w *Builder) SetSide(m []byte) { w.b.side = m }

// ValidText is the text itself, or a copy with every invalid UTF-8 sequence
// replaced. Protobuf and thrift promise UTF-8 and do not always keep it.
func (w *Builder) ValidText(t Text) Text {
	if w.Valid(t) {
		return t
	}
	return w.CopyBytes(bytes.ToValidUTF8(w.b.bytes(t), []byte("\uFFFD")))
}

// Valid is true for a text that is UTF-8.
func (w *Builder) Valid(t Text) bool {
	m := w.b.bytes(t)
	return IsASCII(m) || utf8.Valid(m)
}

// ValidAt is ValidText of n bytes at pos of the body.
func (w *Builder) ValidAt(pos, n int) Text {
	p := w.b.body[pos : pos+n]
	// IsASCII, for which the compiler would put a call.
	var bits uint64
	if n >= 8 {
		bits = binary.LittleEndian.Uint64(p[n-8:])
		for ; len(p) > 8; p = p[8:] {
			bits |= binary.LittleEndian.Uint64(p)
		}
	} else if !isShortASCII(p) {
		bits = highs
	}
	if bits&highs != 0 {
		return w.ValidText(At(pos, n))
	}
	return At(pos, n)
}

// Mark is a state of the slabs to return to.
type Mark struct {
	attrs, events, refs, resources, scopes, segments, agents, agentRefs, instances, spans int
}

// Mark remembers the state of the slabs.
func (w *Builder) Mark() Mark {
	b := &w.b
	return Mark{
		len(b.attrs), len(b.events), len(b.refs), len(b.resources), len(b.scopes), len(b.segments),
		len(b.agents), len(b.agentRefs), len(b.instances), len(b.spans),
	}
}

// Undo takes back everything added since the mark, apart from side memory.
func (w *Builder) Undo(m Mark) {
	b := &w.b
	b.attrs, b.events, b.refs = b.attrs[:m.attrs], b.events[:m.events], b.refs[:m.refs]
	b.resources, b.scopes, b.segments = b.resources[:m.resources], b.scopes[:m.scopes], b.segments[:m.segments]
	b.agents, b.agentRefs = b.agents[:m.agents], b.agentRefs[:m.agentRefs]
	b.instances, b.spans = b.instances[:m.instances], b.spans[:m.spans]
}

// Attr adds an attribute.
func (w *Builder) Attr(a Attr) {
	if len(w.b.attrs) == cap(w.b.attrs) && !more(w, &w.b.attrs) {
		return
	}
	w.b.attrs = append(w.b.attrs, a)
}

// AttrMark is the place of the next attribute.
func (w *Builder) AttrMark() int { return len(w.b.attrs) }

// AttrsFrom is the range of the attributes added since the mark.
func (w *Builder) AttrsFrom(mark int) Range { return since(mark, len(w.b.attrs)) }

// AttrsSince are the attributes added since the mark, to be changed in place.
func (w *Builder) AttrsSince(mark int) []Attr { return w.b.attrs[mark:] }

// Event adds an event.
func (w *Builder) Event(e Event) {
	if len(w.b.events) == cap(w.b.events) && !more(w, &w.b.events) {
		return
	}
	w.b.events = append(w.b.events, e)
}

// EventMark is the place of the next event.
func (w *Builder) EventMark() int { return len(w.b.events) }

// EventsFrom is the range of the events added since the mark.
func (w *Builder) EventsFrom(mark int) Range { return since(mark, len(w.b.events)) }

// EventsSince are the events added since the mark, to be changed in place.
func (w *Builder) EventsSince(mark int) []Event { return w.b.events[mark:] }

// TruncateEvents takes back the events from place n on.
func (w *Builder) TruncateEvents(n int) { w.b.events = w.b.events[:n] }

// Ref adds a reference.
func (w *Builder) Ref(r Ref) {
	if len(w.b.refs) == cap(w.b.refs) && !more(w, &w.b.refs) {
		return
	}
	w.b.refs = append(w.b.refs, r)
}

// RefMark is the place of the next reference.
func (w *Builder) RefMark() int { return len(w.b.refs) }

// RefsFrom is the range of the references added since the mark.
func (w *Builder) RefsFrom(mark int) Range { return since(mark, len(w.b.refs)) }

// RefsSince are the references added since the mark, to be changed in place.
func (w *Builder) RefsSince(mark int) []Ref { return w.b.refs[mark:] }

// Resource adds a resource and gives its number.
func (w *Builder) Resource(r Resource) uint32 {
	if n := len(w.b.resources); n == 0 || n < cap(w.b.resources) || !w.full(n, unsafe.Sizeof(r)) {
		w.b.resources = append(w.b.resources, r)
	}
	return uint32(len(w.b.resources))
}

// Scope adds a scope and gives its number.
func (w *Builder) Scope(s Scope) uint32 {
	if n := len(w.b.scopes); n == 0 || n < cap(w.b.scopes) || !w.full(n, unsafe.Sizeof(s)) {
		w.b.scopes = append(w.b.scopes, s)
	}
	return uint32(len(w.b.scopes))
}

// SameScope is Scope for one without attributes, unless the last one added says
// the same: then it is that number.
func (w *Builder) SameScope(s Scope) uint32 {
	n := len(w.b.scopes)
	if n > 0 {
		last := &w.b.scopes[n-1]
		if last.Attrs.N == 0 && last.Dropped == s.Dropped && w.Str(last.Name) == w.Str(s.Name) &&
			w.Str(last.Version) == w.Str(s.Version) && w.Str(last.Schema) == w.Str(s.Schema) {
			return uint32(n)
		}
	}
	return w.Scope(s)
}

// Segment adds a segment and gives its number.
func (w *Builder) Segment(s Segment) uint32 {
	if n := len(w.b.segments); n < cap(w.b.segments) || more(w, &w.b.segments) || n == 0 {
		w.b.segments = append(w.b.segments, s)
	}
	return uint32(len(w.b.segments))
}

// SegmentAt is the segment of a number, to be changed in place.
func (w *Builder) SegmentAt(n uint32) *Segment { return &w.b.segments[n-1] }

// Agent adds what an agent says of a span and gives its number.
func (w *Builder) Agent(a Agent) uint32 {
	if n := len(w.b.agents); n < cap(w.b.agents) || more(w, &w.b.agents) || n == 0 {
		w.b.agents = append(w.b.agents, a)
	}
	return uint32(len(w.b.agents))
}

// AgentRef adds what an agent says of a reference and gives its number.
func (w *Builder) AgentRef(r AgentRef) uint32 {
	if n := len(w.b.agentRefs); n < cap(w.b.agentRefs) || more(w, &w.b.agentRefs) || n == 0 {
		w.b.agentRefs = append(w.b.agentRefs, r)
	}
	return uint32(len(w.b.agentRefs))
}

// Instance adds a notice about a process.
func (w *Builder) Instance(i Instance) {
	if n := len(w.b.instances); n == cap(w.b.instances) && w.full(n, unsafe.Sizeof(i)) {
		return
	}
	w.b.instances = append(w.b.instances, i)
}

// Span adds a span.
func (w *Builder) Span(s Span) {
	if len(w.b.spans) == cap(w.b.spans) && !more(w, &w.b.spans) {
		return
	}
	w.b.spans = append(w.b.spans, s)
	w.used = max(w.used, len(w.b.spans))
}

// NextSpan is an empty span to be filled in, which becomes the next one of the
// batch with AddSpan. It is Span without the copying of a large struct.
func (w *Builder) NextSpan() *Span {
	n := len(w.b.spans)
	if n == cap(w.b.spans) && !more(w, &w.b.spans) {
		w.spare = new(Span)
		return w.spare
	}
	s := &w.b.spans[:n+1][n]
	if n < w.used {
		*s = Span{}
	}
	w.used = max(w.used, n+1)
	return s
}

// AddSpan adds what NextSpan gave. No other span may have been added in between.
func (w *Builder) AddSpan() {
	if n := len(w.b.spans); n < cap(w.b.spans) {
		w.b.spans = w.b.spans[:n+1]
	}
}

// SpanAt is a span added before, to be changed in place.
func (w *Builder) SpanAt(i int) *Span { return &w.b.spans[i] }

func since(mark, n int) Range { return Range{uint32(mark), uint32(n - mark)} }
