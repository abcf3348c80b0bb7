// SPDX-License-Identifier: Apache-2.0

package view

import (
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// details is everything that a report says of a span.
type details struct {
	Twin      int           `json:"twin"` // the row that it belongs to, of those with its id
	Trace     string        `json:"trace"`
	ID        string        `json:"id"`
	Parent    string        `json:"parent,omitempty"`
	Wire      wireJSON      `json:"wire"`
	Name      *string       `json:"name,omitempty"`
	Kind      string        `json:"kind,omitempty"`
	Start     nanos         `json:"start,omitempty"`
	Duration  nanos         `json:"duration,omitempty"`
	Status    statusJSON    `json:"status"`
	Local     *endpointJSON `json:"local,omitempty"`
	Remote    *endpointJSON `json:"remote,omitempty"`
	Tags      []tagJSON     `json:"tags,omitempty"`
	Events    []eventJSON   `json:"events,omitempty"`
	Refs      []refJSON     `json:"refs,omitempty"`
	Resource  *resourceJSON `json:"resource,omitempty"`
	Scope     *scopeJSON    `json:"scope,omitempty"`
	Agent     *agentJSON    `json:"agent,omitempty"`
	Sampling  []string      `json:"sampling,omitempty"`
	Flags     uint32        `json:"flags,omitempty"`
	State     string        `json:"tracestate,omitempty"`
	Dropped   *droppedJSON  `json:"dropped,omitempty"`
	Format    string        `json:"format"`
	Transport string        `json:"transport"`
	Received  nanos         `json:"received,omitempty"`
	Bytes     int           `json:"bytes,omitempty"`
	Raw       string        `json:"raw,omitempty"`
}

// droppedJSON is what the reporter left out because of its own limits.
type droppedJSON struct {
	Tags   uint32 `json:"tags,omitempty"`
	Events uint32 `json:"events,omitempty"`
	Refs   uint32 `json:"refs,omitempty"`
}

// wireJSON is the identity of a span in its report.
type wireJSON struct {
	ID     string `json:"id"`
	Parent string `json:"parent,omitempty"`
	Shared bool   `json:"shared,omitempty"`
}

type statusJSON struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	ByCode  bool   `json:"byCode,omitempty"` // given as a code, not derived from a tag
}

type endpointJSON struct {
	Service string `json:"service,omitempty"`
	IPv4    string `json:"ipv4,omitempty"`
	IPv6    string `json:"ipv6,omitempty"`
	Port    uint16 `json:"port,omitempty"`
}

type tagJSON struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	Type     string `json:"type"`
	Mirrored bool   `json:"mirrored,omitempty"`
}

type eventJSON struct {
	Time    nanos     `json:"time"`
	Name    *string   `json:"name,omitempty"`
	Fields  []tagJSON `json:"fields,omitempty"`
	Dropped uint32    `json:"dropped,omitempty"`
}

type refJSON struct {
	Kind    string        `json:"kind"`
	Trace   string        `json:"trace"`
	Span    string        `json:"span"`
	Parent  bool          `json:"parent,omitempty"`
	State   string        `json:"tracestate,omitempty"`
	Flags   uint32        `json:"flags,omitempty"`
	Tags    []tagJSON     `json:"tags,omitempty"`
	Dropped uint32        `json:"dropped,omitempty"`
	Agent   *agentRefJSON `json:"agent,omitempty"`
}

type agentRefJSON struct {
	Trace    string `json:"trace,omitempty"`
	Segment  string `json:"segment"`
	Number   int32  `json:"number"`
	Service  string `json:"service,omitempty"`
	Instance string `json:"instance,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
	Address  string `json:"address,omitempty"`
}

type resourceJSON struct {
	Tags    []tagJSON `json:"tags,omitempty"`
	Schema  string    `json:"schema,omitempty"`
	Dropped uint32    `json:"dropped,omitempty"`
}

type scopeJSON struct {
	Name    string    `json:"name,omitempty"`
	Version string    `json:"version,omitempty"`
	Tags    []tagJSON `json:"tags,omitempty"`
	Schema  string    `json:"schema,omitempty"`
	Dropped uint32    `json:"dropped,omitempty"`
}

type agentJSON struct {
	Trace       string `json:"trace,omitempty"`
	Segment     string `json:"segment,omitempty"`
	Service     string `json:"service,omitempty"`
	Instance    string `json:"instance,omitempty"`
	Number      int32  `json:"number"`
	Parent      int32  `json:"parent"`
	Type        string `json:"type"`
	Layer       string `json:"layer"`
	Component   int32  `json:"component"`
	Peer        string `json:"peer,omitempty"`
	Skip        bool   `json:"skipAnalysis,omitempty"`
	SizeLimited bool   `json:"sizeLimited,omitempty"`
}

// maxReports bounds the reports that are shown of one id.
const maxReports = 50

// reports gives all reports under an id, and how many more there are.
func reports(g *tree, id span.ID) (list []details, more int) {
	twin := 0
	for i := range g.rows {
		r := &g.rows[i]
		if r.ID != id {
			continue
		}
		for _, k := range append([]int32{r.item}, r.parts...) {
			if len(list) == maxReports {
				more++
				continue
			}
			d := detailsOf(&g.items[k])
			d.Twin = twin
			list = append(list, d)
		}
		twin++
	}
	return list, more
}

func detailsOf(it *span.Item) details {
	b, s := it.Batch, it.Span()
	wire := wireOf(s)
	d := details{
		Trace: s.Trace.String(), ID: it.ID.String(), Parent: optionalID(it.Parent),
		Wire: wireJSON{wire.ID.String(), optionalID(wire.Parent), s.Has&span.Shared != 0},
		Name: optional(b, s.Name), Kind: s.Kind.String(),
		Start: nanosOf(s.Start, s.Has&span.HasStart != 0), Duration: nanosOf(s.Duration, s.Has&span.HasDuration != 0),
		Status: statusJSON{statusName(s.Status), b.Str(s.StatusMessage), s.Has&span.HasStatus != 0},
		Local:  endpointOf(b, &s.Local), Remote: endpointOf(b, &s.Remote),
		Tags: tagsOf(b, s.Attrs), Events: eventsOf(b, s), Refs: refsOf(b, s), Agent: agentOf(b, s),
		Sampling: samplingOf(s.Sampling), Flags: s.TraceFlags, State: b.Str(s.State),
		Format: b.Origin.Format, Transport: b.Origin.Transport,
		Received: nanosOf(b.Origin.Received, b.Origin.Received != 0),
		Bytes:    s.Raw.Len(), Raw: rawOf(b, s),
	}
	if r := b.Resource(s.Resource); r != nil {
		d.Resource = &resourceJSON{tagsOf(b, r.Attrs), b.Str(r.Schema), r.Dropped}
	}
	if c := b.Scope(s.Scope); c != nil {
		d.Scope = &scopeJSON{b.Str(c.Name), b.Str(c.Version), tagsOf(b, c.Attrs), b.Str(c.Schema), c.Dropped}
	}
	if s.Dropped != (span.Dropped{}) {
		d.Dropped = &droppedJSON{s.Dropped.Attrs, s.Dropped.Events, s.Dropped.Refs}
	}
	return d
}

func optional(b *span.Batch, t span.Text) *string {
	if !t.Present() {
		return nil
	}
	s := b.Str(t)
	return &s
}

func optionalID(id span.ID) string {
	if id == 0 {
		return ""
	}
	return id.String()
}

func statusName(s span.Status) string {
	switch s {
	case span.StatusOK:
		return "ok"
	case span.StatusError:
		return "error"
	default:
		return "unset"
	}
}

func endpointOf(b *span.Batch, e *span.Endpoint) *endpointJSON {
	if e.IsZero() {
		return nil
	}
	j := &endpointJSON{Service: b.Str(e.Service), Port: e.Port}
	if a := e.IP4(); a.IsValid() {
		j.IPv4 = a.String()
	}
	if a := e.IP6(); a.IsValid() {
		j.IPv6 = a.String()
	}
	return j
}

var typeNames = [...]string{"string", "int", "float", "bool", "bytes", "json", "null"}

func tagsOf(b *span.Batch, r span.Range) []tagJSON {
	attrs := b.Attrs(r)
	list := make([]tagJSON, len(attrs))
	for i := range attrs {
		a := &attrs[i]
		list[i] = tagJSON{b.Str(a.Key), string(b.AppendText(nil, a)), typeNames[a.Type], a.Mirrored}
	}
	return list
}

func eventsOf(b *span.Batch, s *span.Span) []eventJSON {
	events := b.Events(s.Events)
	list := make([]eventJSON, len(events))
	for i, e := range events {
		list[i] = eventJSON{nanosOf(e.Time, true), optional(b, e.Name), tagsOf(b, e.Attrs), e.Dropped}
	}
	return list
}

var refNames = [...]string{"child of", "follows from", "link", "cross process", "cross thread"}

func refsOf(b *span.Batch, s *span.Span) []refJSON {
	refs := b.Refs(s.Refs)
	list := make([]refJSON, len(refs))
	for i, r := range refs {
		list[i] = refJSON{
			Kind: refNames[r.Kind], Trace: r.Trace.String(), Span: r.Span.String(), Parent: r.Parent,
			State: b.Str(r.State), Flags: r.TraceFlags, Tags: tagsOf(b, r.Attrs), Dropped: r.Dropped,
		}
		if a := b.AgentRef(r.Agent); a != nil {
			list[i].Agent = &agentRefJSON{
				b.Str(a.TraceName), b.Str(a.Segment), a.Number, b.Str(a.Service), b.Str(a.Instance), b.Str(a.Endpoint), b.Str(a.Address),
			}
		}
	}
	return list
}

func agentOf(b *span.Batch, s *span.Span) *agentJSON {
	a := b.Agent(s.Agent)
	if a == nil {
		return nil
	}
	j := &agentJSON{
		Number: a.Number, Parent: a.Parent, Type: agentType(a.Type), Layer: translate.LayerName(a.Layer),
		Component: a.Component, Peer: b.Str(a.Peer), Skip: a.Skip,
	}
	if g := b.Segment(s.Segment); g != nil {
		j.Trace, j.Segment, j.Service, j.Instance = b.Str(g.TraceName), b.Str(g.Name), b.Str(g.Service), b.Str(g.Instance)
		j.SizeLimited = g.SizeLimited
	}
	return j
}

func agentType(t int32) string {
	switch t {
	case 0:
		return "entry"
	case 1:
		return "exit"
	case 2:
		return "local"
	default:
		return "unknown"
	}
}

func samplingOf(s span.Sampling) []string {
	var list []string
	for _, b := range [...]struct {
		bit  span.Sampling
		name string
	}{{span.Sampled, "sampled"}, {span.Debug, "debug"}, {span.Firehose, "firehose"}} {
		if s&b.bit != 0 {
			list = append(list, b.name)
		}
	}
	return list
}

// maxRaw bounds how much of a report is shown as it came.
const maxRaw = 64 << 10

// rawOf is the report as it came, when a person can read it.
func rawOf(b *span.Batch, s *span.Span) string {
	raw := b.Str(s.Raw)
	if len(raw) == 0 || len(raw) > maxRaw || raw[0] != '{' || !utf8.ValidString(raw) {
		return ""
	}
	return raw
}
