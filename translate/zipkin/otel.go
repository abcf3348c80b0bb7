// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Tags and texts in which OpenTelemetry's Zipkin exporters write what Zipkin has
// no field for (its specification, trace/sdk_exporters/zipkin.md, and the
// translator of the Collector).
const (
	tagScopeName      = "otel.scope.name"
	tagScopeVersion   = "otel.scope.version"
	tagLibraryName    = "otel.library.name"
	tagLibraryVersion = "otel.library.version"
	tagState          = "w3c.tracestate"
	tagKind           = "span.kind"
	tagLink           = "otlp.link."
	// noServiceName stands for none in the local endpoint; JSON writers put it
	// into lower case.
	noServiceName = "OTLPResourceNoServiceName"
	// maxStateTries bounds the work for a link whose tracestate looks like
	// attributes again and again.
	maxStateTries = 8
)

// invented is the name of a service, absent where it stands for none.
func invented(w *span.Builder, service span.Text) span.Text {
	if service.Len() == len(noServiceName) && strings.EqualFold(w.Str(service), noServiceName) {
		return span.Text{}
	}
	return service
}

// otelTags is what those tags said.
type otelTags struct {
	any             bool
	scope, version  span.Text
	library, libver span.Text
	state           span.Text
	internal, links bool
}

// read takes a tag into account whose key is longer than that of a residue,
// and marks it if a field will say the same.
func (o *otelTags) read(w *span.Builder, key string, a *span.Attr) {
	if a.Type != span.String {
		return
	}
	to := (*span.Text)(nil)
	switch key[0] {
	case 'o':
		switch key {
		case tagScopeName:
			to = &o.scope
		case tagScopeVersion:
			to = &o.version
		case tagLibraryName:
			to = &o.library
		case tagLibraryVersion:
			to = &o.libver
		default:
			if strings.HasPrefix(key, tagLink) {
				o.links, o.any = true, true
			}
		}
	case 'w':
		if key == tagState {
			to = &o.state
		}
	case 's':
		if key == tagKind && w.Str(a.Text()) == "internal" {
			o.internal, o.any = true, true
		}
	case 'b':
		residue.Inside(w, a)
	}
	if to != nil && a.Text().Len() > 0 {
		*to = a.Text()
		a.Mirrored, o.any = true, true
	}
}

// set takes what was read into the fields of the span.
func (o *otelTags) set(w *span.Builder, s *span.Span, attrs int) {
	s.State = o.state
	if !o.scope.Present() {
		o.scope = o.library
	}
	if !o.version.Present() {
		o.version = o.libver
	}
	if o.scope.Present() || o.version.Present() {
		s.Scope = w.SameScope(span.Scope{Name: o.scope, Version: o.version})
	}
	if o.internal && s.Kind == span.KindUnset {
		for i := range s.Attrs.Len() {
			if a := &w.AttrsSince(attrs)[i]; w.Str(a.Key) == tagKind && a.Type == span.String && w.Str(a.Text()) == "internal" {
				s.Kind = span.KindInternal
				a.Mirrored = true
			}
		}
	}
	if o.links {
		s.Refs = readLinks(w, attrs, s.Attrs.Len())
	}
}

// readLinks reads the links among n attributes, in the order of their numbers:
// writers of protobuf have tags in any order.
func readLinks(w *span.Builder, attrs, n int) span.Range {
	type place struct{ number, attr int }
	var few [8]place
	places := few[:0]
	for i := range n {
		a := &w.AttrsSince(attrs)[i]
		if number, ok := linkNumber(w.Str(a.Key)); ok && a.Type == span.String {
			places = append(places, place{number, i})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return a.number - b.number })
	refs := w.RefMark()
	for _, p := range places {
		if readLink(w, w.Str(w.AttrsSince(attrs)[p.attr].Text())) {
			w.AttrsSince(attrs)[p.attr].Mirrored = true
		}
	}
	return w.RefsFrom(refs)
}

// linkNumber is the number in the key of a link.
func linkNumber(key string) (int, bool) {
	if !strings.HasPrefix(key, tagLink) {
		return 0, false
	}
	n, err := strconv.ParseUint(key[len(tagLink):], 10, 16)
	return int(n), err == nil
}

// readLink reads trace|span|state|{attributes}|dropped. A tracestate may hold
// the separator too: it ends where attributes begin that can be read.
func readLink(w *span.Builder, text string) bool {
	trace, rest, ok1 := strings.Cut(text, "|")
	id, rest, ok2 := strings.Cut(rest, "|")
	cut := strings.LastIndexByte(rest, '|')
	if !ok1 || !ok2 || cut < 0 {
		return false
	}
	dropped, err := strconv.ParseUint(rest[cut+1:], 10, 32)
	ref := span.Ref{Kind: span.Link, Dropped: uint32(dropped)}
	var err1, err2 error
	ref.Trace, err1 = span.ParseTraceID(trace)
	ref.Span, err2 = span.ParseID(id)
	if err != nil || err1 != nil || err2 != nil {
		return false
	}
	rest = rest[:cut]
	for at, tries := 0, 0; tries < maxStateTries; at++ {
		i := strings.IndexByte(rest[at:], '|')
		if i < 0 {
			return false
		}
		at += i
		state, object := rest[:at], rest[at+1:]
		if object != "null" && !strings.HasPrefix(object, "{") {
			continue
		}
		tries++
		mark := w.Mark()
		first := w.AttrMark()
		if object != "null" && !appendFields(w, object) {
			w.Undo(mark)
			continue
		}
		ref.Attrs = w.AttrsFrom(first)
		if state != "" {
			ref.State = w.Copy(state)
		}
		w.Ref(ref)
		return true
	}
	return false
}

// appendFields adds the members of a JSON object as attributes. It returns false
// for a text that is none.
func appendFields(w *span.Builder, object string) bool {
	j := wire.JSON{Buf: []byte(object)}
	j.Object()
	for {
		k, ok := j.Key()
		if !ok {
			break
		}
		key := w.Copy(j.Text(k))
		c := j.Peek()
		at := j.Pos
		switch c {
		case '"':
			w.Attr(span.StringAttr(key, w.Copy(j.Text(j.String()))))
			continue
		case 't', 'f':
			w.Attr(span.BoolAttr(key, j.Bool()))
			continue
		}
		j.Skip()
		if j.Err != nil {
			break
		}
		text := object[at:j.Pos]
		switch c {
		case '{', '[':
			w.Attr(span.TextAttr(key, span.JSON, w.Copy(text)))
		case 'n':
			w.Attr(span.TextAttr(key, span.Null, span.Text{}))
		default:
			if v, err := strconv.ParseInt(text, 10, 64); err == nil {
				w.Attr(span.IntAttr(key, v))
			} else {
				f, _ := strconv.ParseFloat(text, 64)
				w.Attr(span.FloatAttr(key, f))
			}
		}
	}
	return j.Err == nil && j.Pos == len(object)
}

// expandEvents reads annotations of the form name|{fields}|dropped as events
// with fields: those that would be written just so. Others, such as foo|bar,
// are a text.
func expandEvents(w *span.Builder, mark int) {
	events := w.EventsSince(mark)
	for i := range events {
		text := w.Str(events[i].Name)
		if len(text) < len("|{}|0") || text[len(text)-1] > '9' || !strings.Contains(text, "|{") {
			continue
		}
		expand(w, &events[i], text)
	}
}

func expand(w *span.Builder, e *span.Event, text string) {
	end := strings.LastIndexByte(text, '|')
	start := strings.Index(text, "|{")
	if end <= start {
		return
	}
	dropped, err := strconv.ParseUint(text[end+1:], 10, 32)
	if err != nil {
		return
	}
	mark := w.Mark()
	first := w.AttrMark()
	next := span.Event{Time: e.Time, Dropped: uint32(dropped), Name: span.Empty}
	if start > 0 {
		next.Name = w.Copy(text[:start])
	}
	ok := appendFields(w, text[start+1:end])
	next.Attrs = w.AttrsFrom(first)
	if !ok || !hasFields(w.Batch(), &next) || !bytes.Equal(appendEventText(nil, w.Batch(), &next), []byte(text)) {
		w.Undo(mark)
		return
	}
	*e = next
}
