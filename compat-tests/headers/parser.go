// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"fmt"
	"net/http"
	"strings"

	sky "github.com/SkyAPM/go2sky/propagation"
	"github.com/opentracing/opentracing-go"
	"github.com/openzipkin/zipkin-go/model"
	zipkin "github.com/openzipkin/zipkin-go/propagation"
	"github.com/openzipkin/zipkin-go/propagation/b3"
	"github.com/uber/jaeger-client-go"
	jaegerb3 "github.com/uber/jaeger-client-go/zipkin"
)

// Parser is a real parser of one kind of header.
type Parser struct {
	Name string
	Read func(s *Sample) Reading
	Want func(s *Sample) Reading
}

// Names of headers, as far as a parser gets to see them.
var (
	single = []string{"b3"}
	multi  = []string{"x-b3-", "baggage-"}
)

// GoParsers are those of the libraries for Go.
func GoParsers() []Parser {
	return append(otelParsers(), []Parser{
		{"go2sky", readGo2sky, wantSW8},
		{"zipkin-go b3", func(s *Sample) Reading { return readZipkin(b3.ExtractHTTP(&http.Request{Header: s.header(single...)})) }, wantB3Single},
		{"zipkin-go X-B3", func(s *Sample) Reading { return readZipkin(b3.ExtractHTTP(&http.Request{Header: s.header(multi...)})) }, wantB3Multi},
		{"zipkin-go map", func(s *Sample) Reading {
			m := b3.Map(s.texts("b3", "x-b3-"))
			return readZipkin(m.Extract)
		}, wantB3Single},
		{"jaeger-client-go", func(s *Sample) Reading {
			return readJaeger(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(s.header()))
		}, wantUber(false)},
		{"jaeger-client-go text map", func(s *Sample) Reading {
			return readJaeger(opentracing.TextMap, opentracing.TextMapCarrier(s.texts()))
		}, wantUber(true)},
		{"jaeger-client-go X-B3", readJaegerB3, wantJaegerB3},
	}...)
}

// readGo2sky is what a server with go2sky does; it serves untraced on an error.
func readGo2sky(s *Sample) Reading {
	h := s.header()
	var sc sky.SpanContext
	if err := sc.Decode(func(key string) (string, error) { return h.Get(key), nil }); err != nil {
		return Reading{Fault: err.Error()}
	}
	if !sc.Valid {
		return Reading{Baggage: map[string]string{}}
	}
	if sc.Sample != 1 {
		return Reading{Fault: fmt.Sprintf("sample flag %d", sc.Sample)}
	}
	r := Reading{
		Name: sc.TraceID, Segment: sc.ParentSegmentID, Number: fmt.Sprint(sc.ParentSpanID),
		Caller:  Caller{sc.ParentService, sc.ParentServiceInstance, sc.ParentEndpoint, sc.AddressUsedAtClient},
		Baggage: sc.CorrelationContext,
	}
	if r.Baggage == nil {
		r.Baggage = map[string]string{}
	}
	return r.shorten(s)
}

// shorten leaves of a segment's name what tells the span, if we made it.
func (r Reading) shorten(s *Sample) Reading {
	if s.From["sw8"] == "" && len(r.Segment) == 32 {
		r.Segment = "…" + r.Segment[16:]
	}
	return r
}

func readZipkin(extract zipkin.Extractor) Reading {
	sc, err := extract()
	if err != nil {
		return Reading{Fault: err.Error()}
	}
	return ofZipkin(sc)
}

func ofZipkin(sc *model.SpanContext) Reading {
	var r Reading
	if !sc.TraceID.Empty() {
		r.Trace, r.Span = fmt.Sprintf("%016x%016x", sc.TraceID.High, sc.TraceID.Low), sc.ID.String()
		r.Sampling = "defer"
	}
	if sc.ParentID != nil {
		r.Parent = sc.ParentID.String()
	}
	switch {
	case sc.Debug:
		r.Sampling = "debug"
	case sc.Sampled != nil && *sc.Sampled:
		r.Sampling = "accept"
	case sc.Sampled != nil:
		r.Sampling = "deny"
	}
	return r
}

// readJaeger extracts and begins a span, which alone shows a debug id.
func readJaeger(format, carrier any) Reading {
	tracer, closer := jaeger.NewTracer("reader", jaeger.NewConstSampler(false), jaeger.NewNullReporter())
	defer closer.Close()
	came, err := tracer.Extract(format, carrier)
	switch {
	case err == opentracing.ErrSpanContextNotFound:
		return Reading{Baggage: map[string]string{}}
	case err != nil:
		return Reading{Fault: err.Error()}
	}
	sc := came.(jaeger.SpanContext)
	if !sc.IsValid() {
		r := Reading{Baggage: baggageOf(sc)}
		if tracer.StartSpan("debug?", opentracing.ChildOf(came)).Context().(jaeger.SpanContext).IsDebug() {
			r.Sampling = "debug"
		}
		return r
	}
	return ofJaeger(sc)
}

func ofJaeger(sc jaeger.SpanContext) Reading {
	r := Reading{
		Trace: fmt.Sprintf("%016x%016x", sc.TraceID().High, sc.TraceID().Low), Span: sc.SpanID().String(),
		Sampling: "deny", Baggage: baggageOf(sc),
	}
	if sc.ParentID() != 0 {
		r.Parent = sc.ParentID().String()
	}
	switch {
	case sc.IsDebug():
		r.Sampling = "debug"
	case sc.IsSampled() && sc.IsFirehose():
		r.Sampling = "firehose"
	case sc.IsSampled():
		r.Sampling = "accept"
	}
	return r
}

func baggageOf(sc opentracing.SpanContext) map[string]string {
	m := map[string]string{}
	sc.ForeachBaggageItem(func(k, v string) bool {
		m[k] = v
		return true
	})
	return m
}

func readJaegerB3(s *Sample) Reading {
	sc, err := jaegerb3.NewZipkinB3HTTPHeaderPropagator().Extract(opentracing.HTTPHeadersCarrier(s.header(multi...)))
	switch {
	case err == opentracing.ErrSpanContextNotFound:
		return Reading{}
	case err != nil:
		return Reading{Fault: err.Error()}
	}
	return ofJaeger(sc)
}

// pad makes 32 digits of a trace id.
func pad(id string) string {
	if id == "" || len(id) >= 32 {
		return id
	}
	return strings.Repeat("0", 32-len(id)) + id
}
