// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"context"
	"fmt"
	"net/http"

	"github.com/SkyAPM/go2sky"
	"github.com/opentracing/opentracing-go"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/propagation/b3"
	"github.com/uber/jaeger-client-go"
	jaegerb3 "github.com/uber/jaeger-client-go/zipkin"
)

// GoWritings are what the libraries for Go write, in each of their states.
func GoWritings() (all []Writing, err error) {
	all = append(zipkinWritings(), jaegerWritings()...)
	all = append(all, otelWritings()...)
	sky, err := go2skyWritings()
	return append(all, sky...), err
}

func writing(library, name string, said Reading, h http.Header) Writing {
	w := Writing{Library: library, Case: name, Said: said, HTTP: map[string]string{}}
	for k := range h {
		w.HTTP[k] = h.Get(k)
	}
	if w.Said.Baggage == nil {
		w.Said.Baggage = map[string]string{}
	}
	return w
}

func zipkinWritings() (all []Writing) {
	yes, no, parent := true, false, model.ID(0x48485a3953bb6124)
	for _, trace := range []model.TraceID{{High: 0x463ac35c9f6413ad, Low: 0x48485a3953bb6124}, {Low: 5}} {
		for _, state := range []model.SpanContext{{}, {Sampled: &yes}, {Sampled: &no}, {Debug: true}, {ParentID: &parent, Sampled: &yes}} {
			sc := state
			sc.TraceID, sc.ID = trace, 0x00f067aa0ba902b7
			for name, options := range map[string][]b3.InjectOption{
				"X-B3": nil, "b3": {b3.WithSingleHeaderOnly()}, "both": {b3.WithSingleAndMultiHeader()},
			} {
				h := http.Header{}
				if b3.InjectHTTP(&http.Request{Header: h}, options...)(sc) == nil {
					all = append(all, writing("zipkin-go", fmt.Sprintf("%s %+v", name, sc), ofZipkin(&sc), h))
				}
			}
		}
	}
	return all
}

func jaegerWritings() (all []Writing) {
	baggage := map[string]string{"user": "Jürgen 世界", "special": `a,b;c=d "e" 50% +1`, "plain": "v"}
	for _, flags := range []string{"0", "1", "3", "9"} {
		for _, ids := range []string{"463ac35c9f6413ad48485a3953bb6124:f067aa0ba902b7:48485a3953bb6124:", "5:6:0:"} {
			sc, err := jaeger.ContextFromString(ids + flags)
			if err != nil {
				panic(err)
			}
			for k, v := range baggage {
				sc = sc.WithBaggageItem(k, v)
			}
			h := http.Header{}
			native := jaeger.NewHTTPHeaderPropagator((&jaeger.HeadersConfig{}).ApplyDefaults(), *jaeger.NewNullMetrics())
			if err := native.Inject(sc, opentracing.HTTPHeadersCarrier(h)); err != nil {
				panic(err)
			}
			all = append(all, writing("jaeger-client-go", ids+flags, ofJaeger(sc), h))

			h = http.Header{}
			if err := jaegerb3.NewZipkinB3HTTPHeaderPropagator().Inject(sc, opentracing.HTTPHeadersCarrier(h)); err != nil {
				panic(err)
			}
			said := ofJaeger(sc)
			if sc.IsSampled() { // the codec says no more
				said.Sampling = "accept"
			}
			all = append(all, writing("jaeger-client-go X-B3", ids+flags, said, h))
		}
	}
	return all
}

// kept is a reporter that keeps segments.
type kept chan []go2sky.ReportedSpan

func (kept) Boot(string, string, []go2sky.AgentConfigChangeWatcher) {}
func (k kept) Send(spans []go2sky.ReportedSpan)                     { k <- spans }
func (kept) Close()                                                 {}

func go2skyWritings() (all []Writing, err error) {
	segments := make(kept, 1)
	tracer, err := go2sky.NewTracer("order-世界", go2sky.WithReporter(segments), go2sky.WithInstance("order-1@10.0.0.5"))
	if err != nil {
		return nil, err
	}
	for name, came := range map[string]map[string]string{
		"root":       {},
		"below Java": {"sw8": "1-" + encode(java) + "-" + encode(java+"7") + "-3-Zg==-Zg==-L2Y=-Zg==", "sw8-correlation": encode("user") + ":" + encode("Jürgen 世界")},
	} {
		entry, ctx, err := tracer.CreateEntrySpan(context.Background(), "/GET/orders", func(key string) (string, error) { return came[key], nil })
		if err != nil {
			return nil, err
		}
		go2sky.PutCorrelation(ctx, "tier", "gold, silver; bronze")
		h := http.Header{}
		exit, below, err := tracer.CreateExitSpanWithContext(ctx, "/POST/bills", "billing:8080", func(key, value string) error {
			h.Set(key, value)
			return nil
		})
		if err != nil {
			return nil, err
		}
		said := Reading{
			Sampling: "accept", Name: go2sky.TraceID(below), Segment: go2sky.TraceSegmentID(below), Number: fmt.Sprint(go2sky.SpanID(below)),
			Caller:  Caller{"order-世界", "order-1@10.0.0.5", "/GET/orders", "billing:8080"},
			Baggage: map[string]string{"tier": "gold, silver; bronze"},
		}
		if user := go2sky.GetCorrelation(ctx, "user"); user != "" {
			said.Baggage["user"] = user
		}
		all = append(all, writing("go2sky", name, said, h))
		exit.End()
		entry.End()
		<-segments
	}
	return all, nil
}
