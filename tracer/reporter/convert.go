// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// Converter makes a batch of records, by the conventions of the protocol that it
// is to be written in: so the encoder of that protocol finds its own spans, and
// nothing needs a residue. Its memory is used again for each batch.
//
// What of a record has no field in the protocol becomes a tag that its own
// tools, or a gateway, read: sw8.trace_id and sw8.parent (the place of a caller
// that sent sw8), w3c.tracestate, otlp.link.N (Zipkin: references beside the
// parent). A shared span gets an id of its own, except for Zipkin and Jaeger.
//
//	               zipkin            jaeger         skywalking        otlp
//	error          tag error         tag error      isError, log      status
//	span.kind      kind              tag            entry, exit       kind
//	peer.*         remote endpoint   tags           peer              attributes
//	logs           annotations       logs           logs              events
//	process tags   tags              process tags   tags              resource
//	debug          flag              flag           –                 –
//	nanoseconds    –                 –              – (milliseconds)  kept
//
// Bytes are base64 where tags are texts; what is not UTF-8 is replaced.
type Converter struct {
	protocol span.Protocol
	origin   span.Origin
	w        *span.Builder
	items    []span.Item
	scratch  []byte

	process  *tracer.Process // whose resource is in the batch
	resource uint32
	scope    uint32
	local    span.Endpoint
}

// NewConverter makes a converter for a form of bodies, such as
// "zipkin.v2.json": the names are those of the formats in translate/<protocol>.
func NewConverter(format string) *Converter {
	c := &Converter{protocol: span.ProtocolOf(format), origin: span.Origin{Format: format, Transport: "tracer"}}
	c.w = span.NewBuilder(nil, c.origin)
	return c
}

// Reset starts another batch. The items of the last one must not be in use any
// more.
func (c *Converter) Reset() {
	c.origin.Received = time.Now().UnixNano()
	c.w.Reset(nil, c.origin)
	c.items = c.items[:0]
	c.process, c.resource, c.scope = nil, 0, 0
}

// Items are the spans that were added since Reset, for an encoder. They hold
// until then.
func (c *Converter) Items() []span.Item { return c.items }

// Bytes that a span, an attribute and an event take in a message beside their
// texts, roughly.
const (
	spanBytes  = 200
	attrBytes  = 16
	eventBytes = 40
)

// Size is about how many bytes the spans take in a message.
func (c *Converter) Size() int {
	return len(c.items)*spanBytes + c.w.AttrMark()*attrBytes + c.w.EventMark()*eventBytes + len(c.w.Side())
}

// Fill adds records, from the first one on, until the batch has about that many
// bytes. It says how many it added: at least one, if there is one.
func (c *Converter) Fill(records []*tracer.Record, bytes int) (n int) {
	for n < len(records) && (n == 0 || c.Size() < bytes) {
		c.Add(records[n])
		n++
	}
	return n
}

// Add adds a record.
func (c *Converter) Add(r *tracer.Record) {
	if r.Process != c.process {
		c.setProcess(r.Process)
	}
	w := c.w
	s := span.Span{
		Trace: r.Trace, ID: r.ID, Parent: r.Parent, Start: r.Start.UnixNano(), Duration: max(int64(r.Duration), 0),
		Has: span.HasStart | span.HasDuration, Name: c.text(r.Operation), Kind: r.Kind, Local: c.local,
		Resource: c.resource, Scope: c.scope,
		Sampling: span.Sampled, TraceFlags: uint32(span.Sampled), Dropped: span.Dropped{Events: uint32(max(r.Dropped, 0))},
	}
	switch r.Sampling {
	case propagation.Debug:
		s.Sampling |= span.Debug
	case propagation.Firehose:
		s.Sampling |= span.Firehose
	}
	if r.Injected {
		s.Has |= span.Referred
	}
	c.setShared(&s, r)
	attrs := w.AttrMark()
	c.tags(&s, r)
	c.links(r)
	s.Attrs = w.AttrsFrom(attrs)
	events := w.EventMark()
	for i := range r.Logs {
		c.event(&r.Logs[i])
	}
	s.Events = w.EventsFrom(events)
	refs := w.RefMark()
	c.references(r)
	s.Refs = w.RefsFrom(refs)
	w.Span(s)
	c.items = append(c.items, span.Item{Batch: w.Batch(), Index: w.Len() - 1, Identity: span.Identity{ID: s.ID, Parent: s.Parent}})
}

// setShared sets the identity of a span that has the id of its client's. Zipkin
// and Jaeger have a form for that; elsewhere it gets the id that a gateway would
// give it.
func (c *Converter) setShared(s *span.Span, r *tracer.Record) {
	if c.protocol == span.Zipkin {
		s.Has |= span.HasWire
		s.Wire = span.Wire{ID: r.ID, Parent: r.Parent}
		s.Duration = max(s.Duration, 1) // 0 stands for absent there
	}
	switch {
	case !r.Shared:
	case c.protocol == span.Zipkin:
		s.Has |= span.Shared
	case c.protocol != span.Jaeger:
		s.Parent = r.ID
		s.ID = span.ServerHalf(r.ID, r.Process.Service, c.local.IP())
	}
}

// text keeps a text, as UTF-8.
func (c *Converter) text(s string) span.Text {
	if c.protocol != span.SkyWalking && !utf8.ValidString(s) { // its encoder looks itself
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return c.w.Copy(s)
}

// attr adds an attribute.
func (c *Converter) attr(t *tracer.Tag) { c.w.Attr(c.attrOf(t)) }

func (c *Converter) attrOf(t *tracer.Tag) span.Attr {
	key := c.text(t.Key)
	switch v := t.Value.(type) {
	case string:
		return span.StringAttr(key, c.text(v))
	case bool:
		return span.BoolAttr(key, v)
	case float64:
		return span.FloatAttr(key, v)
	case float32:
		return span.FloatAttr(key, float64(v))
	case []byte:
		return span.TextAttr(key, span.Bytes, c.w.CopyBytes(v))
	}
	if v, ok := unsigned(t.Value); ok && v > math.MaxInt64 {
		c.scratch = strconv.AppendUint(c.scratch[:0], v, 10)
		return span.StringAttr(key, c.w.CopyBytes(c.scratch))
	} else if ok {
		return span.IntAttr(key, int64(v))
	}
	v, _ := integer(t.Value)
	return span.IntAttr(key, v)
}

func unsigned(v any) (uint64, bool) {
	switch v := v.(type) {
	case uint16:
		return uint64(v), true
	case uint:
		return uint64(v), true
	case uint8:
		return uint64(v), true
	case uint32:
		return uint64(v), true
	case uint64:
		return v, true
	}
	return 0, false
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case int16:
		return int64(v), true
	case int8:
		return int64(v), true
	}
	u, ok := unsigned(v)
	return int64(min(u, math.MaxInt64)), ok
}

func (c *Converter) stringAttr(key, v string) {
	c.w.Attr(span.StringAttr(c.w.Copy(key), c.text(v)))
}
