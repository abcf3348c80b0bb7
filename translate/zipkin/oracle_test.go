// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// The tests here take zipkin-go's model, which Jaeger and Grafana read Zipkin
// with, as the judge. It is stricter than the server: what it writes must be
// read the same way, and what is written here it must take.

// modelOf is a canonical span as zipkin-go holds it.
func modelOf(b *span.Batch, s *span.Span) *model.SpanModel {
	m := &model.SpanModel{
		SpanContext: model.SpanContext{
			TraceID: model.TraceID{High: s.Trace.Hi, Low: s.Trace.Lo}, ID: model.ID(s.ID), Debug: s.Sampling&span.Debug != 0,
		},
		Name: b.Str(s.Name), Kind: model.Kind(kinds[s.Kind].name), Shared: s.Has&span.Shared != 0,
		LocalEndpoint: modelEndpoint(b, &s.Local), RemoteEndpoint: modelEndpoint(b, &s.Remote),
		Duration: time.Duration(s.Duration),
	}
	if s.Parent != 0 {
		m.ParentID = new(model.ID(s.Parent))
	}
	if s.Has&span.HasStart != 0 {
		m.Timestamp = time.Unix(0, s.Start)
	}
	for _, e := range b.Events(s.Events) {
		m.Annotations = append(m.Annotations, model.Annotation{Timestamp: time.Unix(0, e.Time), Value: b.Str(e.Name)})
	}
	for _, a := range b.Attrs(s.Attrs) {
		if m.Tags == nil {
			m.Tags = make(map[string]string)
		}
		m.Tags[b.Str(a.Key)] = b.Str(a.Text())
	}
	return m
}

func modelEndpoint(b *span.Batch, e *span.Endpoint) *model.Endpoint {
	if e.IsZero() {
		return nil
	}
	m := &model.Endpoint{ServiceName: b.Str(e.Service), Port: e.Port}
	if a := e.IP4(); a.IsValid() {
		m.IPv4 = a.AsSlice()
	}
	if a := e.IP6(); a.IsValid() {
		m.IPv6 = a.AsSlice()
	}
	return m
}

// sameModel compares lists of spans, in which an empty list is none.
func sameModel(tb rapid.TB, what string, got, want []*model.SpanModel) {
	tb.Helper()
	if d := cmp.Diff(tidy(want), tidy(got), cmp.Comparer(time.Time.Equal)); d != "" {
		tb.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func tidy(list []*model.SpanModel) []*model.SpanModel {
	for _, m := range list {
		if len(m.Tags) == 0 {
			m.Tags = nil
		}
		if len(m.Annotations) == 0 {
			m.Annotations = nil
		}
		for _, e := range []*model.Endpoint{m.LocalEndpoint, m.RemoteEndpoint} {
			if e != nil {
				e.IPv4, e.IPv6 = e.IPv4.To16(), e.IPv6.To16()
			}
		}
	}
	return list
}

func models(b *span.Batch) (list []*model.SpanModel) {
	for i := range b.Spans() {
		list = append(list, modelOf(b, &b.Spans()[i]))
	}
	return list
}

func randomModel(t *rapid.T) *model.SpanModel {
	name := rapid.StringMatching(`[a-z0-9 /äß"\\]{0,12}`)
	at := func() time.Time { return time.UnixMicro(rapid.Int64Range(2e6, 1<<52).Draw(t, "time")) }
	endpoint := func() *model.Endpoint {
		e := &model.Endpoint{
			ServiceName: name.Draw(t, "service"),
			IPv4:        rapid.SampledFrom([]net.IP{nil, net.IPv4(1, 2, 3, 4).To4()}).Draw(t, "ipv4"),
			IPv6:        rapid.SampledFrom([]net.IP{nil, net.ParseIP("2001:db8::c001"), net.ParseIP("::1")}).Draw(t, "ipv6"),
			Port:        rapid.Uint16().Draw(t, "port"),
		}
		if e.Empty() {
			return nil
		}
		return e
	}
	m := &model.SpanModel{
		SpanContext: model.SpanContext{
			TraceID: model.TraceID{High: rapid.Uint64().Draw(t, "high"), Low: rapid.Uint64Min(1).Draw(t, "low")},
			ID:      model.ID(rapid.Uint64Min(2).Draw(t, "id")), Debug: rapid.Bool().Draw(t, "debug"),
		},
		Name: name.Draw(t, "name"), Kind: rapid.SampledFrom([]model.Kind{"", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}).Draw(t, "kind"),
		LocalEndpoint: endpoint(), RemoteEndpoint: endpoint(),
		Duration: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "duration")) * time.Microsecond,
		Tags:     rapid.MapOf(rapid.StringN(1, 10, -1), rapid.String()).Draw(t, "tags"),
	}
	m.Shared = m.Kind != model.Client && rapid.Bool().Draw(t, "shared")
	if rapid.Bool().Draw(t, "child") {
		m.ParentID = new(m.ID - 1)
	}
	if rapid.Bool().Draw(t, "timed") {
		m.Timestamp = at()
	}
	var last time.Time
	for range rapid.IntRange(0, 3).Draw(t, "annotations") {
		if a := at(); a.After(last) {
			last = a
			m.Annotations = append(m.Annotations, model.Annotation{Timestamp: a, Value: rapid.StringN(1, 10, -1).Draw(t, "value")})
		}
	}
	return m
}

func TestZipkinGoJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := []*model.SpanModel{randomModel(t), randomModel(t)}
		body, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		b := sound(t, formatV2JSON, body)
		sameModel(t, "decode", models(b), want)
		for _, s := range b.Spans() {
			if s.Has&span.Exact == 0 {
				t.Fatalf("not exact: %s", body)
			}
		}
		var got []*model.SpanModel
		out := rewrite(b)
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		sameModel(t, "encode", got, want)
	})
}

func TestZipkinGoProto3(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := []*model.SpanModel{randomModel(t), randomModel(t)}
		for _, m := range want {
			m.TraceID.High = max(m.TraceID.High, 1) // it refuses ids of 64 bits
			m.Debug = false                         // and reads no debug
		}
		body, err := zipkin_proto3.SpanSerializer{}.Serialize(want)
		if err != nil {
			t.Fatal(err)
		}
		b := sound(t, formatProto3, body)
		sameModel(t, "decode", models(b), want)

		items := spantest.Items(b)
		checkZipkinGo(t, AppendProto3(nil, items), want) // copied, where it is no root
		for i := range items {
			items[i].Span().Has &^= span.Exact
		}
		checkZipkinGo(t, AppendProto3(nil, items), want)
	})
}

// Ids of 64 bits, written with 16 bytes, pass too.
func TestZipkinGoProto3From64Bits(t *testing.T) {
	t.Parallel()
	b := sound(t, formatV2JSON, []byte(`[{"traceId":"463ac35c9f6413ad","id":"2","debug":true,"name":"n"}]`))
	checkZipkinGo(t, AppendProto3(nil, spantest.Items(b)), []*model.SpanModel{{
		SpanContext: model.SpanContext{TraceID: model.TraceID{Low: 0x463ac35c9f6413ad}, ID: 2}, Name: "n",
	}})
}

func checkZipkinGo(tb rapid.TB, body []byte, want []*model.SpanModel) {
	tb.Helper()
	got, err := zipkin_proto3.ParseSpans(body, false)
	if err != nil {
		tb.Fatalf("%v\n%x", err, body)
	}
	for _, m := range got {
		if m.Timestamp.Equal(time.Unix(0, 0)) {
			m.Timestamp = time.Time{}
		}
		if m.Kind == "SPAN_KIND_UNSPECIFIED" {
			m.Kind = ""
		}
	}
	sameModel(tb, "encode", got, want)
}

// What comes out is JSON that zipkin-go takes, whatever came in.
func TestZipkinGoTakesWhatComesOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := "[" + randomSpan(t) + "]"
		b := sound(t, formatV2JSON, []byte(in))
		for _, e := range b.Events(b.Spans()[0].Events) {
			if e.Time <= 0 {
				return // the server keeps such annotations, zipkin-go refuses them
			}
		}
		out := encode(b)
		var got []*model.SpanModel
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v\nin:  %s\nout: %s", err, in, out)
		}
		sameModel(t, "encode", got, models(b))
	})
}
