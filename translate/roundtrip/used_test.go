// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/skywalking"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// used is a buffer with a body in memory that was used before, for spans of which
// nothing is zero.
func used(body []byte) *span.Buffer {
	f := span.NewBuffer(len(body))
	w := span.NewBuilder(f.Body, span.Origin{Buffer: f})
	x, r := span.At(3, 7), span.Range{First: 1, N: 5}
	e := span.Endpoint{Service: x, Port: 99}
	e.SetIP6([16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	for range 40 {
		for range 4 {
			w.Attr(span.StringAttr(x, x))
		}
		w.Event(span.Event{Time: 5, Name: x, Attrs: r, Dropped: 6})
		w.Ref(span.Ref{Trace: span.TraceID{Hi: 1, Lo: 2}, Span: 3, State: x, Attrs: r, Agent: 4, Dropped: 5, TraceFlags: 6, Kind: 3, Parent: true})
		w.Copy("what was there before")
		w.Span(span.Span{
			Trace: span.TraceID{Hi: 1, Lo: 2}, ID: 3, Parent: 4, Wire: span.Wire{ID: 5, Parent: 6}, Start: 7, Duration: 8,
			Name: x, Local: e, Remote: e, Attrs: r, Events: r, Refs: r, Raw: x, StatusMessage: x, State: x,
			Resource: 9, Scope: 10, Segment: 11, Agent: 12, Dropped: span.Dropped{Attrs: 1, Events: 2, Refs: 3},
			TraceFlags: 13, Sampling: 14, Has: 0xff, Kind: 5, Status: 2, Home: 3,
		})
	}
	for range 4 {
		w.Resource(span.Resource{Attrs: r, Schema: x, Dropped: 7, Raw: x})
		w.Scope(span.Scope{Name: x, Version: x, Attrs: r, Schema: x, Dropped: 8})
		w.Segment(span.Segment{TraceName: x, Name: x, Service: x, Instance: x, Spans: 9, SizeLimited: true, Raw: x})
		w.Agent(span.Agent{Number: 1, Parent: 2, Type: 3, Layer: 4, Component: 5, Peer: x, Skip: true})
		w.AgentRef(span.AgentRef{TraceName: x, Segment: x, Number: 6, Service: x, Instance: x, Endpoint: x, Address: x})
		w.Instance(span.Instance{Raw: x, Ping: true})
	}
	w.Batch().Release()
	f = span.NewBuffer(len(body))
	f.Body = append(f.Body, body...)
	return f
}

// TestUsedMemory: in memory that was used before a decoder finds nothing but what is in
// the body, of bodies that break off and of those of another form too.
func TestUsedMemory(t *testing.T) {
	t.Parallel()
	var formats []translate.Format
	for _, p := range []translate.Protocol{zipkin.Protocol, jaeger.New(nil), skywalking.Protocol, otlp.Protocol} {
		formats = append(formats, p.Formats...)
	}
	rapid.Check(t, func(t *rapid.T) {
		own, body := "skywalking.segments", []byte(nil)
		if n := rapid.IntRange(0, len(sources)).Draw(t, "source"); n < len(sources) {
			own, body = sources[n].name, sources[n].body(t)
		} else {
			body = segmentsBody(t)
		}
		if yes(t, 3) {
			body = body[:rapid.IntRange(0, len(body)).Draw(t, "length")]
		}
		for _, f := range formats {
			if f.Name != own && !yes(t, 10) {
				continue
			}
			for _, outline := range []bool{false, true} {
				want, wantErr := f.Decode(body, span.Origin{Format: f.Name, Outline: outline})
				buffer := used(body)
				got, err := f.Decode(buffer.Body, span.Origin{Format: f.Name, Outline: outline, Buffer: buffer})
				if fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Fatalf("%s: %v, want %v", f.Name, err, wantErr)
				}
				if (got == nil) != (want == nil) {
					t.Fatalf("%s: a batch %v, want %v", f.Name, got != nil, want != nil)
				}
				if got == nil {
					continue
				}
				if a, b := spantest.Dump(got), spantest.Dump(want); a != b {
					t.Fatalf("%s: got\n%swant\n%s", f.Name, a, b)
				}
				if !slices.Equal(got.Spans(), want.Spans()) || !slices.Equal(got.Instances(), want.Instances()) {
					t.Fatalf("%s: got\n%+v %+v\nwant\n%+v %+v", f.Name, got.Spans(), got.Instances(), want.Spans(), want.Instances())
				}
				got.Release()
			}
		}
	})
}
