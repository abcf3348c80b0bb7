// SPDX-License-Identifier: Apache-2.0

package view

import (
	"github.com/spanbridge/spanbridge/span"
)

// traceRows is a trace as the page draws it.
type traceRows struct {
	summary
	IDs []string `json:"ids"` // the forms in which it was reported
	// TraceName is the SkyWalking trace id when an agent gave one.
	TraceName string    `json:"traceName,omitempty"`
	Rows      []rowJSON `json:"rows"`
	Left      int       `json:"left,omitempty"` // rows that are not here
}

// rowJSON is a span in a few words.
type rowJSON struct {
	ID        string   `json:"id"`
	Up        int32    `json:"up"`
	Depth     int32    `json:"depth,omitempty"`
	Below     int32    `json:"below,omitempty"`
	Parent    string   `json:"parent,omitempty"`
	Service   string   `json:"service,omitempty"`
	Instance  string   `json:"instance,omitempty"`
	Name      string   `json:"name,omitempty"`
	Kind      string   `json:"kind,omitempty"`
	Remote    string   `json:"remote,omitempty"`
	Start     nanos    `json:"start,omitempty"`
	Duration  nanos    `json:"duration,omitempty"`
	Error     bool     `json:"error,omitempty"`
	Format    string   `json:"format"`
	Transport string   `json:"transport"`
	Marks     []string `json:"marks,omitempty"`
	Reports   int      `json:"reports,omitempty"` // when there are several
	Twin      int      `json:"twin,omitempty"`    // which of the spans of its id
}

// maxRows bounds the rows of an answer.
const maxRows = 100_000

func rowsOf(g *tree) traceRows {
	t := traceRows{summary: summarize(g), IDs: g.ids(), TraceName: g.name()}
	t.Services = g.services(len(g.rows))
	n := min(len(g.rows), maxRows)
	t.Rows = make([]rowJSON, n)
	t.Left = len(g.rows) - n
	twins := make(map[span.ID]int)
	for i := range n {
		r := &g.rows[i]
		it := &g.items[r.item]
		s := it.Span()
		j := &t.Rows[i]
		*j = rowJSON{
			ID: r.ID.String(), Up: r.up, Depth: r.depth, Below: min(r.below, int32(n-1-i)),
			Service: r.service, Instance: instanceOf(it.Batch, s), Name: r.name, Kind: r.kind.String(),
			Remote: remoteOf(it.Batch, s),
			Start:  nanosOf(r.start, r.has&span.HasStart != 0), Duration: nanosOf(r.duration, r.has&span.HasDuration != 0),
			Error: r.failed, Format: it.Batch.Origin.Format, Transport: it.Batch.Origin.Transport,
			Marks: r.marks.names(),
		}
		if r.Parent != 0 {
			j.Parent = r.Parent.String()
		}
		if len(r.parts) > 0 {
			j.Reports = 1 + len(r.parts)
		}
		if r.marks&markTwin != 0 {
			j.Twin = twins[r.ID]
			twins[r.ID]++
		}
	}
	return t
}

// ids are the forms of the trace id in the reports.
func (g *tree) ids() []string {
	long, short := false, false
	for i := range g.items {
		if g.items[i].Span().Trace.Hi == 0 {
			short = true
		} else {
			long = true
		}
	}
	if long && short {
		return []string{g.id.String(), span.TraceID{Lo: g.id.Lo}.String()}
	}
	return []string{g.id.String()}
}

// name is the trace id as a SkyWalking agent wrote it.
func (g *tree) name() string {
	for i := range g.items {
		it := &g.items[i]
		if s := it.Batch.Segment(it.Span().Segment); s != nil && s.TraceName.Len() > 0 {
			return it.Batch.Str(s.TraceName)
		}
	}
	return ""
}

// remoteOf is the other side of the call in a few words.
func remoteOf(b *span.Batch, s *span.Span) string {
	if s.Remote.Service.Len() > 0 {
		return b.Str(s.Remote.Service)
	}
	if ip := s.Remote.IP(); ip.IsValid() {
		return ip.String()
	}
	if a := b.Agent(s.Agent); a != nil {
		return b.Str(a.Peer)
	}
	return ""
}
