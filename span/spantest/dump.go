// SPDX-License-Identifier: Apache-2.0

// Package spantest shows batches as text and compares them, for the tests of
// every other package. A batch goes in, lines that a person can read come out;
// nothing that a translator can get wrong is left out.
package spantest

import (
	"fmt"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// Dump shows a batch, one line for each fact. Times are in nanoseconds.
func Dump(b *span.Batch) string {
	d := &dumper{b: b}
	for i := range b.Spans() {
		d.span(&b.Spans()[i])
	}
	for _, n := range b.Instances() {
		kind := "properties"
		if n.Ping {
			kind = "ping"
		}
		d.line("instance %s service %s name %s layer %s", kind, d.text(n.Service), d.text(n.Name), d.text(n.Layer))
		d.attrs("  property", n.Attrs)
	}
	return d.out.String()
}

type dumper struct {
	b   *span.Batch
	out strings.Builder
}

func (d *dumper) line(format string, args ...any) {
	fmt.Fprintf(&d.out, format+"\n", args...)
}

func (d *dumper) text(t span.Text) string {
	if !t.Present() {
		return "-"
	}
	return fmt.Sprintf("%q", d.b.Str(t))
}

func (d *dumper) span(s *span.Span) {
	head := fmt.Sprintf("span %s/%s parent %s", s.Trace, s.ID, id(s.Parent))
	if s.Has&span.HasWire != 0 && (s.Wire.ID != s.ID || s.Wire.Parent != s.Parent) {
		head += fmt.Sprintf(" wire %s parent %s", s.Wire.ID, id(s.Wire.Parent))
	}
	if s.Has&span.Shared != 0 {
		head += " shared"
	}
	d.line("%s", head)
	kind := s.Kind.String()
	if kind == "" {
		kind = "-"
	}
	start, dur := "-", "-"
	if s.Has&span.HasStart != 0 {
		start = fmt.Sprint(s.Start)
	}
	if s.Has&span.HasDuration != 0 {
		dur = fmt.Sprint(s.Duration)
	}
	d.line("  name %s kind %s start %s duration %s", d.text(s.Name), kind, start, dur)
	d.endpoint("local", &s.Local)
	d.endpoint("remote", &s.Remote)
	if s.Status != span.StatusUnset || s.StatusMessage.Present() {
		code := ""
		if s.Has&span.HasStatus != 0 {
			code = " by code"
		}
		d.line("  status %s%s message %s", [...]string{"unset", "ok", "error"}[s.Status], code, d.text(s.StatusMessage))
	}
	if s.Sampling != 0 || s.TraceFlags != 0 {
		d.line("  sampling %d flags %#x", s.Sampling, s.TraceFlags)
	}
	if s.State.Present() {
		d.line("  tracestate %s", d.text(s.State))
	}
	if s.Dropped != (span.Dropped{}) {
		d.line("  dropped attrs %d events %d refs %d", s.Dropped.Attrs, s.Dropped.Events, s.Dropped.Refs)
	}
	d.attrs("  attr", s.Attrs)
	for _, e := range d.b.Events(s.Events) {
		d.line("  event %d %s dropped %d", e.Time, d.text(e.Name), e.Dropped)
		d.attrs("    field", e.Attrs)
	}
	for _, r := range d.b.Refs(s.Refs) {
		d.ref(r)
	}
	if r := d.b.Resource(s.Resource); r != nil {
		d.line("  resource %d schema %s dropped %d", s.Resource, d.text(r.Schema), r.Dropped)
		d.attrs("    attr", r.Attrs)
	}
	if c := d.b.Scope(s.Scope); c != nil {
		d.line("  scope %s version %s schema %s dropped %d", d.text(c.Name), d.text(c.Version), d.text(c.Schema), c.Dropped)
		d.attrs("    attr", c.Attrs)
	}
	if a := d.b.Agent(s.Agent); a != nil {
		d.line("  agent number %d parent %d type %d layer %d component %d peer %s skip %v", a.Number, a.Parent, a.Type, a.Layer, a.Component, d.text(a.Peer), a.Skip)
	}
	if g := d.b.Segment(s.Segment); g != nil {
		d.line("  segment %s trace %s service %s instance %s spans %d limited %v", d.text(g.Name), d.text(g.TraceName), d.text(g.Service), d.text(g.Instance), g.Spans, g.SizeLimited)
	}
}

func (d *dumper) ref(r span.Ref) {
	kind := [...]string{"child_of", "follows_from", "link", "cross_process", "cross_thread"}[r.Kind]
	mark := ""
	if r.Parent {
		mark = " parent"
	}
	d.line("  ref %s %s/%s%s state %s flags %#x dropped %d", kind, r.Trace, id(r.Span), mark, d.text(r.State), r.TraceFlags, r.Dropped)
	if a := d.b.AgentRef(r.Agent); a != nil {
		d.line("    trace %s segment %s number %d service %s instance %s endpoint %s address %s", d.text(a.TraceName), d.text(a.Segment), a.Number, d.text(a.Service), d.text(a.Instance), d.text(a.Endpoint), d.text(a.Address))
	}
	d.attrs("    attr", r.Attrs)
}

func (d *dumper) attrs(head string, r span.Range) {
	attrs := d.b.Attrs(r)
	for i := range attrs {
		a := &attrs[i]
		mirrored := ""
		if a.Mirrored {
			mirrored = " mirrored"
		}
		d.line("%s %s %s %q%s", head, d.text(a.Key), typeNames[a.Type], d.b.AppendText(nil, a), mirrored)
	}
}

var typeNames = [...]string{"string", "int", "float", "bool", "bytes", "json", "null"}

func (d *dumper) endpoint(name string, e *span.Endpoint) {
	if e.IsZero() {
		return
	}
	line := fmt.Sprintf("  %s %s", name, d.text(e.Service))
	if a := e.IP4(); a.IsValid() {
		line += " ip4 " + a.String()
	}
	if a := e.IP6(); a.IsValid() {
		line += " ip6 " + a.String()
	}
	if e.Port != 0 {
		line += fmt.Sprintf(" port %d", e.Port)
	}
	d.line("%s", line)
}

func id(v span.ID) string {
	if v == 0 {
		return "-"
	}
	return v.String()
}
