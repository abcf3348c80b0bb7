// SPDX-License-Identifier: Apache-2.0

package span

import (
	"time"
	"unsafe"
)

// Origin says how the body of a batch came.
type Origin struct {
	Format    string // the name of its form, such as "zipkin.v2.json"
	Transport string // "http", "grpc" or "udp"
	Received  int64  // ns since 1970
	// Tenant is whose spans they are, as the client's header says; "": nobody said.
	Tenant string
	// Room is how much memory the batch may take beside its body; 0: MaxSlabs.
	Room int
	// Buffer has the body, and memory for what is made of it; nil: a Builder makes its
	// own. It goes over to the batch, whose Origin has none.
	Buffer *Buffer
	// Outline: nobody will look at tags and annotations of spans that are Exact: a
	// decoder may leave them out. See Batch.Outline.
	Outline bool
	// Patience is how long whoever sent the batch may be kept waiting for room in
	// a queue; 0: not at all.
	Patience time.Duration
}

// Batch is the content of one message. It does not change once built; all its
// methods may be called from several goroutines.
type Batch struct {
	Origin Origin

	protocol Protocol // of Origin.Format
	number   uint64

	body   []byte // as received
	over   bool
	buffer *Buffer // of the body and the slabs; nil: they are the garbage collector's

	stale []Stale

	outlined bool
	outline  Outline // if it is outlined

	slabs
}

// Body is the message as it was received. It must not be changed.
func (b *Batch) Body() []byte { return b.body }

// Over is true for a batch that would have taken more memory than MaxSlabs, or
// the room of its origin: it
// is not whole and must be refused.
func (b *Batch) Over() bool { return b.over }

// Stale counts what a residue said of spans that were changed since: it was
// ignored.
type Stale struct {
	Entry string // of the residue; see package residue
	Spans int
}

// Stale is what residues said in vain.
func (b *Batch) Stale() []Stale { return b.stale }

// Protocol is the protocol of the format that the body came in.
func (b *Batch) Protocol() Protocol { return b.protocol }

// Len is the number of spans.
func (b *Batch) Len() int { return len(b.spans) }

// Spans are the spans in the order of the message.
func (b *Batch) Spans() []Span { return b.spans }

// Instances are the notices about reporting processes.
func (b *Batch) Instances() []Instance { return b.instances }

// Str is the text as a string. It points into the memory of the batch: whoever
// keeps it longer than the batch copies it.
func (b *Batch) Str(t Text) string {
	if t.n == 0 {
		return ""
	}
	m := b.bytes(t)
	return unsafe.String(unsafe.SliceData(m), len(m))
}

// AppendStr appends the text to dst.
func (b *Batch) AppendStr(dst []byte, t Text) []byte {
	if t.n == 0 {
		return dst
	}
	return append(dst, b.bytes(t)...)
}

// Join is the text from the beginning of t to the end of u, if u comes behind it in
// the body with one byte between them, which is sep.
func (b *Batch) Join(t, u Text, sep byte) (both Text, ok bool) {
	end := t.pos + t.n
	if (t.pos|u.pos)&sideBit != 0 || u.pos != end+1 || b.body[end] != sep {
		return t, false
	}
	return Text{t.pos, u.pos + u.n - t.pos}, true
}

func (b *Batch) bytes(t Text) []byte {
	if t.pos&sideBit != 0 {
		p := t.pos &^ sideBit
		return b.side[p : p+t.n]
	}
	return b.body[t.pos : t.pos+t.n]
}

// Attrs are the attributes of a range.
func (b *Batch) Attrs(r Range) []Attr { return b.attrs[r.First : r.First+r.N] }

// Events are the events of a range.
func (b *Batch) Events(r Range) []Event { return b.events[r.First : r.First+r.N] }

// Refs are the references of a range.
func (b *Batch) Refs(r Range) []Ref { return b.refs[r.First : r.First+r.N] }

// Resource is the resource of a span; nil for number 0.
func (b *Batch) Resource(n uint32) *Resource { return numbered(b.resources, n) }

// Scope is the scope of a span; nil for number 0.
func (b *Batch) Scope(n uint32) *Scope { return numbered(b.scopes, n) }

// Segment is the segment of a span; nil for number 0.
func (b *Batch) Segment(n uint32) *Segment { return numbered(b.segments, n) }

// Agent is what a SkyWalking agent said of a span; nil for number 0.
func (b *Batch) Agent(n uint32) *Agent { return numbered(b.agents, n) }

// AgentRef is what a SkyWalking agent said of a reference; nil for number 0.
func (b *Batch) AgentRef(n uint32) *AgentRef { return numbered(b.agentRefs, n) }

func numbered[T any](slab []T, n uint32) *T {
	if n == 0 {
		return nil
	}
	return &slab[n-1]
}

// Find is the last attribute of the range with this key; nil if there is none.
func (b *Batch) Find(r Range, key string) *Attr {
	attrs := b.Attrs(r)
	for i := len(attrs) - 1; i >= 0; i-- {
		if b.Str(attrs[i].Key) == key {
			return &attrs[i]
		}
	}
	return nil
}

// Memory is the number of bytes that the batch keeps alive, its body included.
func (b *Batch) Memory() int {
	return int(unsafe.Sizeof(*b)) + cap(b.body) + b.slabs.bytes()
}

// Common is the number of bytes of the longest resource, scope or segment head:
// what protocols without them say again for each of the spans.
func (b *Batch) Common() (most int) {
	attrs := func(r Range) (n int) {
		for i := range b.Attrs(r) {
			a := &b.Attrs(r)[i]
			n += a.Key.Len()
			if a.Type == String || a.Type == Bytes || a.Type == JSON {
				n += a.Text().Len()
			}
		}
		return n
	}
	for i := range b.resources {
		most = max(most, attrs(b.resources[i].Attrs)+b.resources[i].Schema.Len())
	}
	for i := range b.scopes {
		s := &b.scopes[i]
		most = max(most, attrs(s.Attrs)+s.Name.Len()+s.Version.Len()+s.Schema.Len())
	}
	for i := range b.segments {
		g := &b.segments[i]
		most = max(most, g.TraceName.Len()+g.Name.Len()+g.Service.Len()+g.Instance.Len())
	}
	return most
}
