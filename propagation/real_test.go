// SPDX-License-Identifier: Apache-2.0

package propagation_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"

	sky "github.com/SkyAPM/go2sky/propagation"
	"github.com/google/go-cmp/cmp"
	"github.com/opentracing/opentracing-go"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/propagation/b3"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/zipkin"
	"go.opentelemetry.io/otel/baggage"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// What is written is read by the libraries themselves.

var (
	sampled = propagation.Context{
		Trace: span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}, Long: true,
		Span: 0x00f067aa0ba902b7, Parent: 0x48485a3953bb6124, Sampling: propagation.Accept,
		Baggage: propagation.Baggage{{Key: "user", Value: "a b+c%,;=语"}, {Key: "tier", Value: "gold"}},
	}
	frontend = propagation.Caller{Service: "frontend", Instance: "10.0.0.5", Endpoint: "GET:/home", Address: "order:8080"}
	short    = propagation.Context{Trace: span.TraceID{Lo: 5}, Span: 6, Sampling: propagation.Debug}
)

func headers(c *propagation.Context, formats ...propagation.Format) http.Header {
	h := http.Header{}
	propagation.New(propagation.Write(formats...)).Inject(c, frontend, propagation.HTTP(h))
	return h
}

// decisions are all states of a context with ids.
func decisions(c propagation.Context) (all []propagation.Context) {
	for d := propagation.Defer; d <= propagation.Firehose; d++ {
		c.Sampling = d
		all = append(all, c)
	}
	return all
}

func TestZipkinGoReads(t *testing.T) {
	for _, in := range []propagation.Context{sampled, short} {
		for _, c := range decisions(in) {
			for _, f := range []propagation.Format{propagation.B3, propagation.B3Multi} {
				sc, err := b3.ExtractHTTP(&http.Request{Header: headers(&c, f)})()
				if err != nil {
					t.Errorf("%s %s: %v", f, c.Sampling, err)
					continue
				}
				if sc.TraceID.High != c.Trace.Hi || sc.TraceID.Low != c.Trace.Lo || uint64(sc.ID) != uint64(c.Span) {
					t.Errorf("%s: %+v", f, sc)
				}
				got := fmt.Sprint(sc.Debug)
				if sc.Sampled != nil {
					got = fmt.Sprint(*sc.Sampled)
				}
				want := map[propagation.Sampling]string{propagation.Defer: "false", propagation.Deny: "false", propagation.Accept: "true", propagation.Debug: "true", propagation.Firehose: "true"}
				if got != want[c.Sampling] || (sc.Sampled == nil) != (c.Sampling == propagation.Defer || c.Sampling == propagation.Debug) {
					t.Errorf("%s %s: %+v", f, c.Sampling, sc)
				}
				if noParent := f == propagation.B3 && c.Sampling == propagation.Defer || c.Parent == 0; (sc.ParentID == nil) != noParent {
					t.Errorf("%s %s: parent %v", f, c.Sampling, sc.ParentID)
				}
			}
		}
	}
}

// And what zipkin-go writes is read.
func TestZipkinGoWrites(t *testing.T) {
	yes, no, parent := true, false, model.ID(7)
	for _, sc := range []model.SpanContext{
		{TraceID: model.TraceID{High: 1, Low: 2}, ID: 3, ParentID: &parent, Sampled: &yes},
		{TraceID: model.TraceID{Low: 2}, ID: 3, Sampled: &no},
		{TraceID: model.TraceID{Low: 2}, ID: 3, Debug: true},
		{TraceID: model.TraceID{Low: 2}, ID: 3},
		{Sampled: &no},
		{Debug: true},
	} {
		for _, o := range []b3.InjectOption{b3.WithSingleHeaderOnly(), b3.WithSingleAndMultiHeader(), func(*b3.InjectOptions) {}} {
			r := &http.Request{Header: http.Header{}}
			if err := b3.InjectHTTP(r, o)(sc); err != nil {
				t.Fatal(err)
			}
			c := propagation.New().Extract(propagation.HTTP(r.Header))
			want := propagation.Defer
			switch {
			case sc.Debug:
				want = propagation.Debug
			case sc.Sampled == &yes:
				want = propagation.Accept
			case sc.Sampled == &no:
				want = propagation.Deny
			}
			if c.Trace != (span.TraceID{Hi: sc.TraceID.High, Lo: sc.TraceID.Low}) || c.Span != span.ID(sc.ID) || c.Sampling != want || sc.ParentID != nil && c.Parent != 7 || len(c.Others) > 0 {
				t.Errorf("%v: %+v", r.Header, c)
			}
		}
	}
}

func jaegerPropagator() *jaeger.TextMapPropagator {
	return jaeger.NewHTTPHeaderPropagator((&jaeger.HeadersConfig{}).ApplyDefaults(), *jaeger.NewNullMetrics())
}

func jaegerBaggage(sc jaeger.SpanContext) map[string]string {
	m := make(map[string]string)
	sc.ForeachBaggageItem(func(k, v string) bool { m[k] = v; return true })
	return m
}

func TestJaegerClientReads(t *testing.T) {
	for _, in := range []propagation.Context{sampled, short} {
		for _, c := range decisions(in) {
			sc, err := jaegerPropagator().Extract(opentracing.HTTPHeadersCarrier(headers(&c, propagation.Uber)))
			if c.Sampling == propagation.Defer { // it has no word for it
				if err == nil && sc.IsValid() {
					t.Errorf("%+v", sc)
				}
				continue
			}
			if err != nil || sc.TraceID() != (jaeger.TraceID{High: c.Trace.Hi, Low: c.Trace.Lo}) || sc.SpanID() != jaeger.SpanID(c.Span) || sc.ParentID() != jaeger.SpanID(c.Parent) {
				t.Errorf("%+v, %v", sc, err)
				continue
			}
			if sc.IsSampled() != c.Sampling.Sampled() || sc.IsDebug() != (c.Sampling == propagation.Debug) || sc.IsFirehose() != (c.Sampling == propagation.Firehose) {
				t.Errorf("%s: flags %d", c.Sampling, sc.Flags())
			}
			want := make(map[string]string)
			for _, it := range c.Baggage {
				want[it.Key] = it.Value
			}
			if diff := cmp.Diff(want, jaegerBaggage(sc)); diff != "" {
				t.Error(diff)
			}
		}
	}
	// Without ids.
	alone := propagation.Context{DebugID: "a b+%", Baggage: propagation.Baggage{{Key: "k", Value: "1 2+%"}}}
	sc, err := jaegerPropagator().Extract(opentracing.HTTPHeadersCarrier(headers(&alone, propagation.Uber)))
	if err != nil || sc.IsValid() || jaegerBaggage(sc)["k"] != "1 2+%" {
		t.Errorf("%+v, %v", sc, err)
	}
	// Its codec for B3: a defer is a denial there, and debug an accept.
	for _, c := range decisions(short) {
		c.Baggage = propagation.Baggage{{Key: "k", Value: "1+%"}}
		sc, err := zipkin.NewZipkinB3HTTPHeaderPropagator().Extract(opentracing.HTTPHeadersCarrier(headers(&c, propagation.B3Multi)))
		if want := c.Sampling.Sampled(); err != nil || sc.TraceID().Low != c.Trace.Lo || sc.IsSampled() != want || jaegerBaggage(sc)["k"] != "1+%" {
			t.Errorf("%s: %+v, %v", c.Sampling, sc, err)
		}
	}
}

func TestJaegerClientWrites(t *testing.T) {
	items := map[string]string{"user": "a b+c%,;=语", "tier": "gold"}
	for _, yes := range []bool{true, false} {
		sc := jaeger.NewSpanContext(jaeger.TraceID{High: 1, Low: 2}, 3, 4, yes, items)
		want := map[bool]propagation.Sampling{true: propagation.Accept, false: propagation.Deny}[yes]
		check := func(where string, c propagation.Context, wantItems map[string]string) {
			t.Helper()
			got := make(map[string]string)
			for _, it := range c.Baggage {
				got[it.Key] = it.Value
			}
			if c.Trace != (span.TraceID{Hi: 1, Lo: 2}) || c.Span != 3 || c.Parent != 4 || c.Sampling != want || !maps.Equal(got, wantItems) {
				t.Errorf("%s: %+v", where, c)
			}
		}
		h := http.Header{}
		if err := jaegerPropagator().Inject(sc, opentracing.HTTPHeadersCarrier(h)); err != nil {
			t.Fatal(err)
		}
		check("HTTP", propagation.New().Extract(propagation.HTTP(h)), items)
		m := opentracing.TextMapCarrier{}
		if err := jaeger.NewTextMapPropagator((&jaeger.HeadersConfig{}).ApplyDefaults(), *jaeger.NewNullMetrics()).Inject(sc, m); err != nil {
			t.Fatal(err)
		}
		check("TextMap", propagation.New().Extract(propagation.TextMap(m)), items)
		h = http.Header{}
		if err := zipkin.NewZipkinB3HTTPHeaderPropagator().Inject(sc, opentracing.HTTPHeadersCarrier(h)); err != nil {
			t.Fatal(err)
		}
		check("B3", propagation.New().Extract(propagation.HTTP(h)), items)
	}
}

func TestGo2SkyReads(t *testing.T) {
	for _, in := range []propagation.Context{sampled, short} {
		for _, c := range decisions(in) {
			h := headers(&c, propagation.SW8)
			var sc sky.SpanContext
			err := sc.Decode(func(key string) (string, error) { return h.Get(key), nil })
			if c.Sampling == propagation.Deny {
				if err != nil || sc.Valid {
					t.Errorf("%+v, %v", sc, err)
				}
				continue
			}
			if err != nil || !sc.Valid || sc.TraceID != string(c.Trace.AppendHex32(nil)) || sc.ParentSegmentID != span.SegmentName(c.Trace, c.Span) || sc.ParentSpanID != 0 || sc.Sample != 1 ||
				sc.ParentService != "frontend" || sc.ParentServiceInstance != "10.0.0.5" || sc.ParentEndpoint != "GET:/home" || sc.AddressUsedAtClient != "order:8080" {
				t.Errorf("%+v, %v", sc, err)
			}
			for _, it := range c.Baggage {
				if sc.CorrelationContext[it.Key] != it.Value {
					t.Errorf("%v", sc.CorrelationContext)
				}
			}
		}
	}
}

func TestGo2SkyWrites(t *testing.T) {
	sc := sky.SpanContext{
		TraceID: "1f2d4bf47bf711eab794acde48001122", ParentSegmentID: "1e7c204a7bf711eab858acde48001122", ParentSpanID: 3, ParentService: "s", ParentServiceInstance: "i",
		ParentEndpoint: "e", AddressUsedAtClient: "a", Sample: 1, CorrelationContext: map[string]string{"k": "v", "empty": ""},
	}
	h := http.Header{}
	if err := sc.Encode(func(k, v string) error { h.Set(k, v); return nil }); err != nil {
		t.Fatal(err)
	}
	c := propagation.New().Extract(propagation.HTTP(h))
	segment, number, _ := c.ParentSegment()
	caller, _ := c.Caller()
	if c.Name() != sc.TraceID || segment != sc.ParentSegmentID || number != 3 || caller != (propagation.Caller{Service: "s", Instance: "i", Endpoint: "e", Address: "a"}) || c.Sampling != propagation.Accept || len(c.Baggage) != 2 {
		t.Errorf("%+v", c)
	}
}

func TestOpenTelemetryReads(t *testing.T) {
	both := otel.NewCompositeTextMapPropagator(otel.TraceContext{}, otel.Baggage{})
	for _, in := range []propagation.Context{sampled, short} {
		for _, c := range decisions(in) {
			c.State, c.Random = "congo=t61,a@b=c", true
			c.Baggage = append(c.Baggage, propagation.Item{Key: "p", Value: "v", Properties: "x=y;z"})
			if c.Trace.Hi != 0 {
				c.TraceName = "" // follows
			}
			ctx := both.Extract(context.Background(), otel.HeaderCarrier(headers(&c, propagation.W3C)))
			sc := trace.SpanContextFromContext(ctx)
			if sc.TraceID().String() != string(c.Trace.AppendHex32(nil)) || sc.SpanID().String() != c.Span.String() || sc.IsSampled() != c.Sampling.Sampled() || sc.TraceFlags()&2 == 0 {
				t.Errorf("%+v", sc)
			}
			if sc.TraceState().Get("congo") != "t61" || sc.TraceState().Get("a@b") != "c" {
				t.Errorf("%v", sc.TraceState())
			}
			b := baggage.FromContext(ctx)
			for _, it := range c.Baggage {
				if b.Member(it.Key).Value() != it.Value {
					t.Errorf("%s: %v", it.Key, b)
				}
			}
			if n := len(b.Member("p").Properties()); n != 2 {
				t.Errorf("%d properties", n)
			}
		}
	}
}

func TestOpenTelemetryWrites(t *testing.T) {
	state, err := trace.ParseTraceState("congo=t61,br=d")
	if err != nil {
		t.Fatal(err)
	}
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 1}, SpanID: trace.SpanID{7: 2}, TraceFlags: 3, TraceState: state})
	m, err := baggage.NewMemberRaw("k", "a b+c%,;=语")
	if err != nil {
		t.Fatal(err)
	}
	b, err := baggage.New(m)
	if err != nil {
		t.Fatal(err)
	}
	ctx := baggage.ContextWithBaggage(trace.ContextWithSpanContext(context.Background(), sc), b)
	h := http.Header{}
	otel.NewCompositeTextMapPropagator(otel.TraceContext{}, otel.Baggage{}).Inject(ctx, otel.HeaderCarrier(h))
	c := propagation.New().Extract(propagation.HTTP(h))
	if c.Trace.Lo != 1 || c.Span != 2 || c.Sampling != propagation.Debug || !c.Random || c.State != "congo=t61" || len(c.Baggage) != 1 || c.Baggage[0].Value != "a b+c%,;=语" {
		t.Errorf("%+v", c)
	}
}
