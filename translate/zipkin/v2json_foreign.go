// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// foreignWriter writes spans of other protocols as AppendJSON does and finds their
// residues on the way: what is written is told to the sight as v2span will read
// it, with the outcome of the tags and the fields of events. What these read in
// an unusual way it leaves to a draft.
type foreignWriter struct {
	sight *residue.Sight
	scope span.Scope
	whole bool // all texts of the span were UTF-8
	sep   string

	// The tags of the resource, as they were written for the span before.
	resource     []byte
	local        []byte // the local endpoint of the span before
	localOf      span.Endpoint
	localOfBatch *span.Batch
}

// forget forgets what it knows of batches.
func (f *foreignWriter) forget() {
	if f.sight == nil {
		return
	}
	f.sight.Forget()
	f.localOfBatch = nil
}

// appendForeign appends a span of another protocol with its residue. It returns
// false, with nothing appended, for one that needs a draft.
func (e *JSONEncoder) appendForeign(d []byte, it *span.Item) ([]byte, bool) {
	f, s := &e.foreign, it.Span()
	start := len(d)
	if !f.sight.Begin(it) {
		return d, false
	}
	f.whole, f.sep = true, `,"tags":{`
	d, ok := f.head(d, it)
	if ok {
		d, ok = e.foreignEvents(d, it.Batch, s)
	}
	if ok {
		d, ok = f.tags(d, it.Batch, s)
	}
	if ok {
		d, ok = f.made(d, it.Batch, s)
	}
	if !ok || !f.whole {
		return d[:start], false
	}
	if e.opts.Residue == translate.Exact {
		d = append(d, f.sep...)
		d = append(d, `"`+residue.Key+`":"`...)
		d, ok = f.sight.Append(d, translate.Exact, &e.losses)
		d = append(d, `"}`...)
	} else {
		d, ok = f.sight.Append(d, e.opts.Residue, &e.losses)
		if f.sep == "," {
			d = append(d, '}')
		}
	}
	if !ok {
		return d[:start], false
	}
	if s.Sampling&span.Debug != 0 {
		d = append(d, `,"debug":true`...)
	}
	if f.sight.Span.Has&span.Shared != 0 {
		d = append(d, `,"shared":true`...)
	}
	return append(d, '}'), true
}

// text appends a text that will be read as it is.
func (f *foreignWriter) text(d []byte, s string) []byte {
	if out, ok := wire.AppendPlain(d, s); ok {
		return unmark(out)
	}
	d, whole := wire.AppendWhole(d, s)
	f.whole = f.whole && whole
	return unmark(d)
}

// head appends all up to the annotations.
func (f *foreignWriter) head(d []byte, it *span.Item) ([]byte, bool) {
	b, s, v := it.Batch, it.Span(), &f.sight.Span
	id, parent, shared := wireIdentity(it, s)
	if id == 0 || id == parent || s.Trace.IsZero() || shared && s.Kind == span.KindClient ||
		isInvented(b, s.Local.Service) {
		return d, false
	}
	v.Trace, v.ID, v.Parent = s.Trace, id, parent
	v.Wire, v.Has = span.Wire{ID: id, Parent: parent}, with(span.HasWire, span.Shared, shared)
	d = appendIdentity(d, s, id, parent)
	if kinds[s.Kind].name != "" {
		v.Kind = s.Kind
	}
	if s.Name.Len() > 0 {
		d = append(d, `,"name":`...)
		d = f.text(d, b.Str(s.Name))
		v.Name = s.Name
	}
	if start, ok := startMicros(s); ok {
		d = append(d, `,"timestamp":`...)
		d = wire.AppendDecimal(d, start)
		v.Start = start * 1000
		v.Has |= span.HasStart
	}
	if dur, ok := durationMicros(s); ok {
		d = append(d, `,"duration":`...)
		d = wire.AppendDecimal(d, dur)
		v.Duration = dur * 1000
		v.Has |= span.HasDuration
	}
	if b == f.localOfBatch && s.Local == f.localOf {
		d = append(d, f.local...)
	} else {
		from := len(d)
		whole := f.whole
		f.whole = true
		d = f.endpoint(d, `,"localEndpoint":{`, b, &s.Local)
		f.localOfBatch = nil
		if f.whole {
			f.local, f.localOf, f.localOfBatch = append(f.local[:0], d[from:]...), s.Local, b
		}
		f.whole = f.whole && whole
	}
	d = f.endpoint(d, `,"remoteEndpoint":{`, b, &s.Remote)
	v.Local, v.Remote = seenEndpoint(s.Local), seenEndpoint(s.Remote)
	if s.Sampling&span.Debug != 0 {
		v.Sampling = span.Debug | span.Sampled
	}
	return d, true
}

// isInvented is true for the name that stands for none.
func isInvented(b *span.Batch, service span.Text) bool {
	return service.Len() == len(noServiceName) && strings.EqualFold(b.Str(service), noServiceName)
}

func (f *foreignWriter) endpoint(d []byte, key string, b *span.Batch, p *span.Endpoint) []byte {
	if !wire.IsValid(b.Str(p.Service)) {
		f.whole = false
	}
	return appendEndpoint(d, key, b, p)
}

// seenEndpoint is an endpoint as it is read.
func seenEndpoint(p span.Endpoint) span.Endpoint {
	if p.Service.Len() == 0 {
		p.Service = span.Text{}
	}
	return p
}

// foreignEvents appends the annotations, unless they will be read in another
// order or as something else.
func (e *JSONEncoder) foreignEvents(d []byte, b *span.Batch, s *span.Span) ([]byte, bool) {
	f := &e.foreign
	g := f.sight
	events := b.Events(s.Events)
	for i := range events {
		ev := &events[i]
		v := span.Event{Time: ev.Time / 1000 * 1000, Name: ev.Name}
		if v.Name.Len() == 0 {
			v.Name = span.Empty
		}
		if v.Time <= 0 || i > 0 && v.Time <= g.Events[i-1].Time || strings.IndexByte(b.Str(ev.Name), '|') >= 0 {
			return d, false
		}
		if i == 0 {
			d = append(d, `,"annotations":[{"timestamp":`...)
		} else {
			d = append(d, `,{"timestamp":`...)
		}
		d = wire.AppendDecimal(d, ev.Time/1000)
		d = append(d, `,"value":`...)
		if hasFields(b, ev) {
			if !simpleFields(b, ev) || !wire.IsValid(b.Str(ev.Name)) {
				return d, false
			}
			e.text = appendEventText(e.text[:0], b, ev)
			d = appendText(d, e.text)
			v.Attrs, v.Dropped = ev.Attrs, ev.Dropped
		} else {
			d = f.text(d, b.Str(ev.Name))
		}
		d = append(d, '}')
		g.Events = append(g.Events, v)
	}
	if len(events) > 0 {
		d = append(d, ']')
	}
	return d, true
}

// simpleFields is true for fields that will be read as they are.
func simpleFields(b *span.Batch, e *span.Event) bool {
	attrs := b.Attrs(e.Attrs)
	for i := range attrs {
		a := &attrs[i]
		if a.Mirrored || !wire.IsValid(b.Str(a.Key)) {
			return false
		}
		switch a.Type {
		case span.Int, span.Bool:
		case span.String:
			if !wire.IsValid(b.Str(a.Text())) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// tags appends the tags of the span and of its resource.
func (f *foreignWriter) tags(d []byte, b *span.Batch, s *span.Span) ([]byte, bool) {
	g := f.sight
	attrs := b.Attrs(s.Attrs)
	if p := g.Plan(); p != nil {
		for i, form := range p.Forms {
			if form != nil {
				d = f.tag(d, b, form, &attrs[i])
			}
		}
	} else {
		for i := range attrs {
			a := &attrs[i]
			k := g.Key(b.Str(a.Key))
			if k == nil {
				return d, false
			}
			if a.Mirrored {
				continue
			}
			if k.Told || !k.Whole || !g.Own(i, true, false) {
				return d, false
			}
			d = f.tag(d, b, k.Form, a)
		}
		g.OwnTold(0)
	}
	r := b.Resource(s.Resource)
	if r == nil {
		return d, true
	}
	if g.Told() {
		if len(f.resource) > 0 {
			d = append(d, f.sep...)
			f.sep = ","
			d = append(d, f.resource...)
		}
		return d, true
	}
	attrs = b.Attrs(r.Attrs)
	from, whole := len(d)+len(f.sep), f.whole
	f.whole = true
	for i := range attrs {
		a := &attrs[i]
		if a.Mirrored {
			continue
		}
		k := g.ResourceKey(i)
		if k.Told || !k.Whole || !g.OfResource(i, true, false, false) {
			return d, false
		}
		d = f.tag(d, b, k.Form, a)
	}
	if !f.whole {
		return d, false
	}
	g.ResourceTold()
	f.resource = append(f.resource[:0], d[min(from, len(d)):]...)
	f.whole = whole
	return d, true
}

// keyForm is the key of a tag as it is written behind another one.
func keyForm(key string) []byte { return append(appendText([]byte{','}, key), ':') }

func (f *foreignWriter) tag(d []byte, b *span.Batch, key []byte, a *span.Attr) []byte {
	if len(f.sep) > 1 { // the first one
		d = append(d, f.sep...)
		f.sep, key = ",", key[1:]
	}
	d = append(d, key...)
	if a.Type == span.String || a.Type == span.JSON {
		return f.text(d, b.Str(a.Text()))
	}
	return append(b.AppendText(append(d, '"'), a), '"')
}

// isTold is true for the keys of tags that outcome.read takes for more than
// tags, and some others.
func isTold(key string) bool {
	if len(key) < len("error") {
		return false
	}
	switch key[0] {
	case 'e':
		return key == "error"
	case 'o':
		return strings.HasPrefix(key, "ot")
	case 'w':
		return key == tagState
	case 's':
		return key == tagKind
	case 'b':
		return strings.HasPrefix(key, residue.Key)
	}
	return false
}

// made appends the tags that say what Zipkin has no field for, as CollectTags
// has them.
func (f *foreignWriter) made(d []byte, b *span.Batch, s *span.Span) ([]byte, bool) {
	v := &f.sight.Span
	if c := b.Scope(s.Scope); c != nil {
		f.scope = span.Scope{}
		if c.Name.Len() > 0 {
			d = f.say(d, tagScopeName, b.Str(c.Name), true)
			f.scope.Name = c.Name
			f.sight.Scope = &f.scope
		}
		if c.Version.Len() > 0 {
			d = f.say(d, tagScopeVersion, b.Str(c.Version), true)
			f.scope.Version = c.Version
			f.sight.Scope = &f.scope
		}
	}
	if s.State.Len() > 0 {
		d = f.say(d, tagState, b.Str(s.State), true)
		v.State = s.State
	}
	if s.Agent != 0 {
		var ok bool
		if d, ok = f.agent(d, b, s); !ok {
			return d, false
		}
	}
	switch s.Status {
	case span.StatusError:
		message := b.Str(s.StatusMessage)
		if !s.StatusMessage.Present() && s.Has&span.HasStatus == 0 {
			message = "true"
		}
		switch message {
		case "":
			v.StatusMessage = span.Empty
		case "true":
		default:
			v.StatusMessage = s.StatusMessage
		}
		v.Status = span.StatusError
		d = f.say(d, "error", message, true)
		if s.Has&span.HasStatus != 0 {
			d = f.say(d, "otel.status_code", "ERROR", true)
			v.Has |= span.HasStatus
		}
	case span.StatusOK:
		d = f.say(d, "otel.status_code", "OK", true)
		v.Status = span.StatusOK
		v.Has |= span.HasStatus
	}
	if s.Kind == span.KindInternal {
		d = f.say(d, tagKind, span.KindInternal.String(), true)
		v.Kind = span.KindInternal
	}
	return d, true
}

// say appends a tag whose key no other one has.
func (f *foreignWriter) say(d []byte, key, text string, mirrored bool) []byte {
	d = append(d, f.sep...)
	f.sep = ","
	d = append(d, '"')
	d = append(d, key...)
	d = append(d, `":`...)
	d = f.text(d, text)
	f.whole = f.sight.Made(key, residue.Value{Text: text}, mirrored, false) && f.whole
	return d
}

// add appends a tag unless there is no text or one of its key.
func (f *foreignWriter) add(d []byte, key, text string) []byte {
	if text == "" || f.sight.Visible(key) {
		return d
	}
	return f.say(d, key, text, false)
}

// agent appends what a SkyWalking agent said, as translate.Tags has it.
func (f *foreignWriter) agent(d []byte, b *span.Batch, s *span.Span) ([]byte, bool) {
	a := b.Agent(s.Agent)
	if g := b.Segment(s.Segment); g != nil {
		d = f.add(d, translate.TagInstance, b.Str(g.Instance))
		d = f.add(d, translate.TagTraceName, b.Str(g.TraceName))
		d = f.add(d, translate.TagSegment, b.Str(g.Name))
	}
	d = f.add(d, translate.TagNumber, decimal(a.Number))
	parents := 0
	refs := b.Refs(s.Refs)
	for i := range refs {
		if ar := b.AgentRef(refs[i].Agent); ar != nil && refs[i].Parent {
			d = f.add(d, translate.TagParentSegment, b.Str(ar.Segment))
			d = f.add(d, translate.TagParentNumber, decimal(ar.Number))
			parents++
		}
	}
	if a.Layer != 0 {
		d = f.add(d, translate.TagLayer, translate.LayerName(a.Layer))
	}
	if a.Component != 0 {
		d = f.add(d, translate.TagComponent, decimal(a.Component))
	}
	return f.add(d, translate.TagPeer, b.Str(a.Peer)), parents <= 1
}

func decimal(n int32) string { return strconv.Itoa(int(n)) }
