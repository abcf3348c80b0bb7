// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
)

// Tag is a key with a value: an attribute still to be written as text, or text.
type Tag struct {
	Key  string
	Attr *span.Attr
	Text string
}

// AppendValue appends the value as text.
func (t *Tag) AppendValue(dst []byte, b *span.Batch) []byte {
	if t.Attr != nil {
		return b.AppendText(dst, t.Attr)
	}
	return append(dst, t.Text...)
}

// Tags collects what a span says for protocols whose only place for details
// are tags with a text. It is used again for the next span.
type Tags struct {
	List []Tag
	at   map[string]int // of spans with many tags
}

// Reset forgets the tags.
func (t *Tags) Reset() {
	t.List = t.List[:0]
	clear(t.at)
}

// fewTags is the number of tags up to which a search through all is cheapest.
const fewTags = 32

// Find is the place of a key, -1 when it is not there.
func (t *Tags) Find(key string) int {
	if len(t.List) <= fewTags {
		for i := range t.List {
			if t.List[i].Key == key {
				return i
			}
		}
		return -1
	}
	if len(t.at) < len(t.List) {
		if t.at == nil {
			t.at = make(map[string]int)
		}
		for i := len(t.at); i < len(t.List); i++ {
			t.at[t.List[i].Key] = i
		}
	}
	if i, ok := t.at[key]; ok {
		return i
	}
	return -1
}

// Set adds a tag; one of the same key gives way.
func (t *Tags) Set(tag Tag) {
	if i := t.Find(tag.Key); i >= 0 {
		t.List[i] = tag
		return
	}
	t.List = append(t.List, tag)
}

// Remove takes out the tag at place i.
func (t *Tags) Remove(i int) {
	t.List = slices.Delete(t.List, i, i+1)
	clear(t.at) // the places behind it have moved
}

// Add adds a tag unless there is one of the same key.
func (t *Tags) Add(key, text string) {
	if t.Find(key) < 0 {
		t.List = append(t.List, Tag{Key: key, Text: text})
	}
}

// Collect takes the tags of a span: its attributes, of which the last one of a
// key counts, then what else is known and has no field in such protocols:
// resource, scope, tracestate, what a SkyWalking agent said. With own set the
// batch came by the protocol that is written, so that mirrored attributes are
// its own tags.
func (t *Tags) Collect(b *span.Batch, s *span.Span, own bool) {
	t.Reset()
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		if a := &attrs[i]; own || !a.Mirrored {
			t.Set(Tag{Key: b.Str(a.Key), Attr: a})
		}
	}
	if r := b.Resource(s.Resource); r != nil {
		attrs := b.Attrs(r.Attrs)
		for i := range attrs {
			if a := &attrs[i]; (own || !a.Mirrored) && t.Find(b.Str(a.Key)) < 0 {
				t.List = append(t.List, Tag{Key: b.Str(a.Key), Attr: a})
			}
		}
	}
	if c := b.Scope(s.Scope); c != nil && !own {
		t.addText(b, "otel.scope.name", c.Name)
		t.addText(b, "otel.scope.version", c.Version)
	}
	if s.State.Len() > 0 && !own {
		t.addText(b, "w3c.tracestate", s.State)
	}
	if s.Agent != 0 {
		t.collectAgent(b, s)
	}
}

func (t *Tags) addText(b *span.Batch, key string, v span.Text) {
	if v.Len() > 0 {
		t.Add(key, b.Str(v))
	}
}

// Tags that carry what only SkyWalking has a field for. The names with sw8 are
// those of OpenTelemetry's translator.
const (
	TagTraceName     = "sw8.trace_id"
	TagSegment       = "sw8.segment_id"
	TagNumber        = "sw8.span_id"
	TagParentSegment = "sw8.parent_segment_id"
	TagParentNumber  = "sw8.parent_span_id"
	TagInstance      = "service.instance.id"
	TagLayer         = "sw.layer"
	TagComponent     = "sw.component"
	TagPeer          = "sw.peer"
)

func (t *Tags) collectAgent(b *span.Batch, s *span.Span) {
	a := b.Agent(s.Agent)
	if g := b.Segment(s.Segment); g != nil {
		t.addText(b, TagInstance, g.Instance)
		t.addText(b, TagTraceName, g.TraceName)
		t.addText(b, TagSegment, g.Name)
	}
	t.Add(TagNumber, strconv.Itoa(int(a.Number)))
	for _, r := range b.Refs(s.Refs) {
		if ar := b.AgentRef(r.Agent); ar != nil && r.Parent {
			t.addText(b, TagParentSegment, ar.Segment)
			t.Add(TagParentNumber, strconv.Itoa(int(ar.Number)))
		}
	}
	if a.Layer != 0 {
		t.Add(TagLayer, LayerName(a.Layer))
	}
	if a.Component != 0 {
		t.Add(TagComponent, strconv.Itoa(int(a.Component)))
	}
	t.addText(b, TagPeer, a.Peer)
}

var layerNames = [...]string{"Unknown", "Database", "RPCFramework", "Http", "MQ", "Cache", "FAAS", "GenAI"}

// LayerName is the name of a SkyWalking span layer, or its number when newer
// than this table.
func LayerName(layer int32) string {
	if layer >= 0 && int(layer) < len(layerNames) {
		return layerNames[layer]
	}
	return strconv.Itoa(int(layer))
}
