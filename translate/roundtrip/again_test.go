// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

// alike draws batches that an encoder could take for one another: few keys, texts of
// one length at the same places, resources of the same numbers.
type alike struct {
	pick   func(n int) int
	w      *span.Builder
	places *[4]span.Text // texts at the same places in all batches
}

func (d alike) one(in int) bool { return d.pick(in) == 0 }

func (d alike) text(of ...string) span.Text {
	if s := of[d.pick(len(of))]; s != "-" {
		return d.w.Copy(s)
	}
	return span.Text{}
}

var (
	alikeKeys = []string{
		"a", "b", "c", "a", "b", "c", "error", "peer.service", "ip", "span.kind", "http.url", "url", "db.system", "network.peer.address",
		"network.peer.port", "otel.scope.name", "service.name", "sw8.trace_id", "sw8.number", "service.instance.id", "bridge.x", "bridge.x.user", "",
		"\xff", "k\"\n", strings.Repeat("long", 70),
	}
	alikeTexts   = []string{"u", "v", "u", "v", "w", "1", "", "true", "é", "\xff", "\"", "10.0.0.1", "client", strings.Repeat("t", 130)}
	alikeFields  = []string{"span.kind", "peer.service", "error", "otel.scope.name", "w3c.tracestate"}
	alikeFormats = []string{"zipkin.v2.json", "jaeger.proto", "otlp.proto", "skywalking.segments"}
)

func (d alike) attrs(most int) span.Range {
	w := d.w
	mark := w.AttrMark()
	common := 6
	if d.one(3) {
		common = len(alikeKeys)
	}
	var had []string
next:
	for range d.pick(most + 1) {
		key := alikeKeys[d.pick(common)]
		for _, k := range had {
			if k == key && !d.one(20) {
				continue next
			}
		}
		had = append(had, key)
		k := w.Copy(key)
		var a span.Attr
		if d.one(5) { // perhaps what a field says
			a = span.StringAttr(w.Copy(alikeFields[d.pick(len(alikeFields))]), d.text("client", "s", "t", "true", "k=v", "m"))
			a.Mirrored = true
			w.Attr(a)
			break
		}
		switch d.pick(12) {
		case 0:
			a = span.IntAttr(k, int64(d.pick(3)))
		case 1:
			a = span.BoolAttr(k, d.one(2))
		case 2:
			a = span.FloatAttr(k, float64(d.pick(3)))
		case 3:
			a = span.TextAttr(k, span.JSON, d.text(`[1]`, `{ }`, `[2]`))
		case 4:
			a = span.TextAttr(k, span.Null, span.Text{})
		case 5:
			a = span.TextAttr(k, span.Bytes, d.text("x", "y"))
		default:
			n := 4
			if d.one(3) {
				n = len(alikeTexts)
			}
			a = span.StringAttr(k, d.text(alikeTexts[:n]...))
		}
		a.Mirrored = d.one(10)
		w.Attr(a)
	}
	return w.AttrsFrom(mark)
}

func (d alike) end() (e span.Endpoint) {
	e.Service = d.places[d.pick(2)]
	if d.one(3) {
		e.Service = d.text("-", "s", "S", "t", "", "é", "\xff", strings.Repeat("s", 200))
	}
	if d.one(3) {
		e.SetIP(netip.MustParseAddr([]string{"10.0.0.1", "10.0.0.2", "::1", "::2", "::ffff:1.2.3.4"}[d.pick(5)]))
	}
	if d.one(6) {
		e.SetIP6(netip.MustParseAddr([]string{"::1", "::2"}[d.pick(2)]).As16())
	}
	e.Port = uint16(d.pick(2) * d.pick(3))
	return e
}

func (d alike) batch(trace uint64) *span.Batch {
	w := d.w
	d.places = new([4]span.Text)
	for i := range d.places {
		d.places[i] = d.text("s", "t", "S")
	}
	resources, scopes, segments := d.pick(3), d.pick(2), d.pick(3)
	for range resources {
		w.Resource(span.Resource{Attrs: d.attrs(2), Schema: d.text("-", "-", "x", "y"), Dropped: uint32(d.pick(2))})
	}
	for range scopes {
		w.Scope(span.Scope{Name: d.text("-", "m", "n"), Version: d.text("-", "1", "2")})
	}
	for range segments {
		w.Segment(span.Segment{
			TraceName: d.places[d.pick(4)], Name: d.text("-", "t", "u", "\n"), Service: d.places[d.pick(4)], Instance: d.text("-", "i", "j", "\xff"),
			Spans: uint32(d.pick(2)), SizeLimited: d.one(2),
		})
	}
	for i := range 1 + d.pick(6) {
		s := span.Span{
			Trace: span.TraceID{Lo: trace}, ID: span.ID(i + 1), Parent: span.ID(d.pick(i + 1)), Name: d.text("n", "m", "-", "n"),
			Kind: span.Kind(2 + d.pick(2)), Status: span.Status(d.pick(3)), Sampling: span.Sampling(d.pick(4)), TraceFlags: uint32(d.pick(3)),
			Start: 1_700_000_000_000_000_000 + int64(d.pick(3))*500, Duration: int64(d.pick(3)) * 500, Local: d.end(), Remote: d.end(),
			Resource: uint32(d.pick(resources + 1)), Scope: uint32(d.pick(scopes + 1)), State: d.text("-", "-", "k=v", "k=w"),
			Has: span.Has(d.pick(2))*span.HasStart | span.Has(d.pick(2))*span.HasDuration | span.Has(d.pick(2))*span.HasStatus,
		}
		if d.one(3) {
			s.Kind = span.Kind(d.pick(6))
		}
		if s.Has&span.HasStart == 0 {
			s.Start = 0
		}
		if s.Has&span.HasDuration == 0 {
			s.Duration = 0
		}
		if s.Status == span.StatusError {
			s.StatusMessage = d.text("-", "-", "u", "v", "", "true", "false")
		}
		if d.one(4) {
			s.Home = span.Protocol(1 + d.pick(4))
		}
		s.Dropped.Attrs = uint32(d.pick(2) * d.pick(2))
		s.Attrs = d.attrs(3)
		if segments > 0 && d.one(2) {
			s.Segment = uint32(1 + d.pick(segments))
			if d.one(2) {
				s.Agent = w.Agent(span.Agent{
					Number: int32(d.pick(2)), Parent: int32(d.pick(2)) - 1, Type: int32(d.pick(3)), Layer: int32(d.pick(4)), Component: int32(d.pick(2)),
					Peer: d.text("-", "p", "q"),
				})
			}
		}
		mark := w.EventMark()
		for n := range d.pick(2) + d.pick(2) {
			w.Event(span.Event{Time: 1_700_000_000_000_000_000 + int64(n+d.pick(2))*1000, Name: d.text("e", "f", "", "error"), Attrs: d.attrs(d.pick(2))})
		}
		s.Events = w.EventsFrom(mark)
		refs := w.RefMark()
		if s.Parent != 0 && d.one(2) {
			w.Ref(span.Ref{Trace: s.Trace, Span: s.Parent, Parent: true, Kind: span.RefKind(d.pick(2))})
		}
		if d.one(4) {
			w.Ref(span.Ref{Trace: span.TraceID{Lo: 9}, Span: 7, Kind: span.RefKind(d.pick(3)), State: d.text("-", "k=v")})
		}
		s.Refs = w.RefsFrom(refs)
		if i > 0 && !d.one(3) {
			s = d.like(w.SpanAt(i-1), &s)
		}
		w.Span(s)
	}
	return w.Batch()
}

// like is a span as the one before but for one or two fields, which are those of another.
func (d alike) like(before, other *span.Span) span.Span {
	s := *before
	s.ID = other.ID
	for range 1 + d.pick(2) {
		switch d.pick(16) {
		case 0:
			s.Name = other.Name
		case 1:
			s.Kind = other.Kind
		case 2:
			s.Has, s.Start, s.Duration = other.Has, other.Start, other.Duration
		case 3:
			s.Status, s.StatusMessage = other.Status, other.StatusMessage
		case 4:
			s.Has ^= span.HasStatus
		case 5:
			s.TraceFlags = other.TraceFlags
		case 6:
			s.Sampling = other.Sampling
		case 7:
			s.Local = other.Local
		case 8:
			s.Remote = other.Remote
		case 9:
			s.Resource = other.Resource
		case 10:
			s.Scope = other.Scope
		case 11:
			s.Segment, s.Agent = other.Segment, other.Agent
		case 12:
			s.Home = other.Home
		case 13:
			s.Attrs = other.Attrs
		case 14:
			s.Events = other.Events
		case 15:
			s.State, s.Parent, s.Refs = other.State, other.Parent, other.Refs
		}
	}
	return s
}

// againTarget is an encoder that writes one message after the other, with a fresh one
// for each that takes all residues from drafts.
type againTarget struct {
	name  string
	used  translate.Encoder
	fresh func() translate.Encoder
}

func againTargets(d alike, mode translate.Residue) (all []againTarget) {
	add := func(name string, make func(translate.EncoderOptions) translate.Encoder, opts translate.EncoderOptions) {
		drafts := opts
		drafts.Drafts = true
		all = append(all, againTarget{name, make(opts), func() translate.Encoder { return make(drafts) }})
	}
	for _, to := range sightTargets {
		add(to.name, func(o translate.EncoderOptions) translate.Encoder { return to.encoder(o) }, translate.EncoderOptions{Residue: mode})
	}
	opts := translate.EncoderOptions{Residue: mode, WrapExits: d.one(2)}
	if d.one(2) {
		opts.UnknownCaller = "unknown"
	}
	add("skywalking", skywalking.NewEncoder, opts)
	return all
}

// same checks that both write calls' items alike.
func (a *againTarget) same(t rapid.TB, calls [][]span.Item) {
	t.Helper()
	write := func(e translate.Encoder) (body []byte, losses string) {
		e.Reset()
		for _, list := range calls {
			e.Add(list)
		}
		for _, m := range e.Messages() {
			if m.Spans > 0 {
				body = append(append(body, m.Body...), '\n')
			}
		}
		for l := range e.Losses().All() {
			losses += fmt.Sprintln(l)
		}
		return body, losses
	}
	got, gotLosses := write(a.used)
	want, wantLosses := write(a.fresh())
	if !bytes.Equal(got, want) {
		t.Fatalf("%s:\n%q\na fresh one by drafts:\n%q", a.name, got, want)
	}
	if gotLosses != wantLosses {
		t.Fatalf("%s loses\n%s\na fresh one by drafts\n%s", a.name, gotLosses, wantLosses)
	}
}

// messages writes so many messages to all targets, of batches that lie where those of
// the message before lay.
func (d alike) messages(t rapid.TB, n int, trace *uint64) {
	t.Helper()
	mode := []translate.Residue{translate.Exact, translate.Exact, translate.Plain}[d.pick(3)]
	targets := againTargets(d, mode)
	var builders []*span.Builder
	for range n {
		var calls [][]span.Item
		used := 0
		for range 1 + d.pick(2) {
			var list []span.Item
			for range 1 + d.pick(3) {
				if used == len(builders) {
					builders = append(builders, span.NewBuilder(nil, span.Origin{}))
				}
				w := builders[used]
				used++
				w.Reset(nil, span.Origin{Format: alikeFormats[d.pick(len(alikeFormats))]})
				*trace++
				list = append(list, spantest.Items(alike{pick: d.pick, w: w}.batch(*trace))...)
			}
			if d.one(3) { // batches take turns
				for i := range list {
					n := d.pick(len(list))
					list[i], list[n] = list[n], list[i]
				}
			}
			calls = append(calls, list)
		}
		for i := range targets {
			targets[i].same(t, calls)
		}
	}
}

// What an encoder remembers of spans does not show in those that resemble them,
// wherever these lie.
func TestAgainIsDraft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		trace := uint64(0)
		alike{pick: func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }}.messages(t, rapid.IntRange(1, 4).Draw(t, "messages"), &trace)
	})
}

// The same of one encoder that lives longer.
func TestLongAgainIsDraft(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	trace := uint64(0)
	for range 4 {
		alike{pick: r.IntN}.messages(t, 100, &trace)
	}
}
