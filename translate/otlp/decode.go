// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"errors"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// reader reads an ExportTraceServiceRequest in protobuf.
type reader struct {
	w    *span.Builder
	bad  *translate.Malformed
	side bool // the request lies in the side memory, since the body is JSON
	ids  idNames
	n    int // number of the span in the request, from 1
	end  int // of the request

	// refused are the spans that the reading of JSON has found fault with.
	refused []wire.UnitFault

	// Of the group being read.
	local           span.Endpoint
	resource, scope uint32

	// repaired: nobody who keeps to the protocol writes the message just read
	// like that, so its bytes are not to be copied: a backend that refuses them
	// would refuse the spans of others with them.
	repaired bool

	residues residue.Reader
}

// idNames are the names of fields in messages, spelled as the body spells them.
type idNames struct{ trace, span, parent string }

// decodeProto reads an ExportTraceServiceRequest in protobuf.
func decodeProto(body []byte, origin span.Origin) (*span.Batch, error) {
	r := &reader{w: span.NewBuilder(body, origin), bad: &translate.Malformed{Format: "otlp proto"}}
	r.ids = idNames{"trace_id", "span_id", "parent_span_id"}
	r.request(wire.ReadProto(body))
	r.residues.Restore(r.w)
	return r.w.Batch(), r.bad.OrNil()
}

// Fields that hold the spans at each level.
const (
	resourceSpansField = 1
	scopeSpansField    = 2
	spansField         = 2
	// instrumentationLibrarySpans is what scope_spans was called before
	// OTLP 0.15, with the same layout.
	instrumentationLibrarySpans = 1000
)

func (r *reader) request(p wire.Proto) {
	// A span takes 250 to 500 bytes and has 4 to 10 attributes. The first ones tell
	// how many there are.
	r.end = p.End
	r.w.Grow(0, min((p.End-p.Pos)/50+1, 64))
	r.each(p, resourceSpansField, r.resourceSpans)
}

// each reads the messages of one field. A fault in what lies between them ends
// it: where the next one starts is not known.
func (r *reader) each(p wire.Proto, field int, read func(wire.Proto)) {
	for {
		f, typ, ok := p.Next()
		if !ok {
			break
		}
		if f != field || typ != wire.TypeBytes {
			r.skip(&p, f, typ)
			continue
		}
		if m := p.Message(); p.Err == nil {
			read(m)
		}
	}
	if p.Err != nil {
		r.stop(r.faultOf(r.place(), p.Err))
	}
}

// stop records a fault outside of spans. One is told; the others are of the same
// kind, that an unknown number of spans is lost.
func (r *reader) stop(f translate.Fault) {
	if !r.bad.Cut {
		r.bad.Stop(f)
	}
}

// faultOf describes an error of the reader. What came as JSON has no byte that
// its sender would know.
func (r *reader) faultOf(place string, err error) translate.Fault {
	var w *wire.Fault
	if r.side && errors.As(err, &w) {
		return translate.Fault{Place: place, Found: w.Found, Want: w.Want}
	}
	return translate.FaultOf(place, err)
}

// place is where the reading stands.
func (r *reader) place() string {
	if r.n == 0 {
		return ""
	}
	return "after span " + strconv.Itoa(r.n)
}

// head is what stands beside the spans of a group. Fields may come in any
// order, so it is looked for before the spans are read. Faults are left to
// the reading of the spans.
type head struct {
	about  wire.Proto // the resource or the scope
	given  bool       // about is set
	spans  int        // messages in the field that the spans or their groups have
	schema span.Text
	old    bool // the group has instrumentation_library_spans only
}

func (r *reader) head(p wire.Proto) (h head) {
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			m := p.Message()
			if p.Err == nil {
				h.about, h.given = m, true
			}
		case field == 3 && typ == wire.TypeBytes:
			h.schema = r.nonEmpty(&p)
		case field == instrumentationLibrarySpans && typ == wire.TypeBytes:
			h.old = true
			r.skip(&p, field, typ)
		case field == spansField && typ == wire.TypeBytes:
			h.spans++
			r.skip(&p, field, typ)
		default:
			r.skip(&p, field, typ)
		}
	}
	// Senders in between wrote the same spans under both names.
	h.old = h.old && h.spans == 0
	return h
}

// resourceSpans reads the spans of one resource. If what it says of the
// resource cannot be read, the spans are left out rather than given to no
// service.
func (r *reader) resourceSpans(p wire.Proto) {
	h := r.head(p)
	r.local, r.resource = span.Endpoint{}, 0
	if h.given || h.schema.Present() {
		mark := r.w.Mark()
		res, err := r.readResource(&h)
		if err != nil {
			r.w.Undo(mark)
			r.stop(r.faultOf(joinPlace(r.place(), "resource"), err))
			return
		}
		r.resource = r.w.Resource(res)
	}
	if h.old {
		r.each(p, instrumentationLibrarySpans, r.scopeSpans)
		return
	}
	r.each(p, scopeSpansField, r.scopeSpans)
}

// scopeSpans reads the spans of one scope.
func (r *reader) scopeSpans(p wire.Proto) {
	h := r.head(p)
	r.scope = 0
	if h.given || h.schema.Present() {
		mark := r.w.Mark()
		s, err := r.readScope(&h)
		if err != nil {
			r.w.Undo(mark)
			r.stop(r.faultOf(joinPlace(r.place(), "scope"), err))
			return
		}
		r.scope = r.w.Scope(s)
	}
	// The shortest span has both ids and the tag that it stands behind.
	const shortest = 2 + 18 + 10
	r.w.Grow(min(h.spans, (p.End-p.Pos)/shortest), 0)
	r.each(p, spansField, r.countSpan)
}

// countSpan reads a span, or takes back what it has added if it is malformed.
func (r *reader) countSpan(p wire.Proto) {
	r.n++
	mark := r.w.Mark()
	r.w.At(p.Pos, r.end)
	var fault translate.Fault
	var ok bool
	if len(r.refused) > 0 && r.refused[0].Unit == r.n {
		fault = translate.FaultOf(r.refused[0].Field, &r.refused[0].Fault)
		r.refused = r.refused[1:]
	} else {
		fault, ok = r.span(p)
	}
	if !ok {
		r.w.Undo(mark)
		fault.Place = joinPlace("span "+strconv.Itoa(r.n), fault.Place)
		r.bad.Refuse(fault)
	}
}

func joinPlace(outer, inner string) string {
	switch {
	case outer == "":
		return inner
	case inner == "":
		return outer
	}
	return outer + ": " + inner
}

// skip steps over a field that has no meaning here. A group may be nested so
// deep that other readers give up, which is no reason not to read it.
func (r *reader) skip(p *wire.Proto, field, typ int) {
	const group = 3
	if typ == group {
		r.repaired = true
	}
	p.Skip(field, typ)
}

// at is a place of the request as a text of the batch.
func (r *reader) at(pos, n int) span.Text {
	if r.side {
		return span.SideAt(pos, n)
	}
	return span.At(pos, n)
}

// text reads a string.
func (r *reader) text(p *wire.Proto) span.Text {
	at, n := p.Bytes()
	return r.textAt(at, n)
}

func (r *reader) textAt(at, n int) span.Text {
	if r.side {
		return r.repair(span.SideAt(at, n))
	}
	t := r.w.ValidAt(at, n)
	if t != span.At(at, n) {
		r.repaired = true
	}
	return t
}

func (r *reader) repair(t span.Text) span.Text {
	v := r.w.ValidText(t)
	if v != t {
		r.repaired = true
	}
	return v
}

// nonEmpty is text for fields where an empty string means absent.
func (r *reader) nonEmpty(p *wire.Proto) span.Text {
	if t := r.text(p); t.Len() > 0 {
		return t
	}
	return span.Text{}
}
