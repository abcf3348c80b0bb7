// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/contrib/propagators/jaeger"
	"go.opentelemetry.io/contrib/propagators/ot"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// otelParsers are OpenTelemetry's propagators for Go.
func otelParsers() []Parser {
	uber := func(s *Sample) Reading {
		if s.Context.Sampling == "defer" {
			return Reading{}
		}
		return flags(s)
	}
	return []Parser{
		{"OpenTelemetry tracecontext", readOTel(propagation.TraceContext{}, withState), wantW3C},
		{"OpenTelemetry baggage", readOTel(propagation.Baggage{}, withBaggage), wantBaggage},
		{"OpenTelemetry b3", readOTel(b3.New(), nothing, single...), flags},
		{"OpenTelemetry X-B3", readOTel(b3.New(), nothing, multi...), flags},
		{"OpenTelemetry jaeger", readOTel(jaeger.Jaeger{}, nothing), uber},
		{"OpenTelemetry ot", readOTel(ot.OT{}, withUsers), wantOT},
	}
}

func readOTel(p propagation.TextMapPropagator, more func(context.Context, *Reading), prefixes ...string) func(s *Sample) Reading {
	return func(s *Sample) Reading {
		ctx := p.Extract(context.Background(), propagation.HeaderCarrier(s.header(prefixes...)))
		r := ofOTel(trace.SpanContextFromContext(ctx))
		more(ctx, &r)
		return r
	}
}

func ofOTel(sc trace.SpanContext) Reading {
	if !sc.IsValid() {
		return Reading{}
	}
	r := Reading{Trace: sc.TraceID().String(), Span: sc.SpanID().String(), Sampling: "deny"}
	if sc.IsSampled() {
		r.Sampling = "accept"
	}
	return r
}

func nothing(context.Context, *Reading) {}

func withState(ctx context.Context, r *Reading) {
	if r.Trace == "" {
		return
	}
	r.Baggage = map[string]string{}
	if state := trace.SpanContextFromContext(ctx).TraceState().String(); state != "" {
		r.Baggage["tracestate"] = state
	}
}

func withBaggage(ctx context.Context, r *Reading) {
	r.Baggage = map[string]string{}
	for _, m := range baggage.FromContext(ctx).Members() {
		parts := []string{m.Value()}
		for _, p := range m.Properties() {
			parts = append(parts, p.String())
		}
		r.Baggage[m.Key()] = strings.Join(parts, ";")
	}
}

// withUsers is withBaggage without the item that is ours.
func withUsers(ctx context.Context, r *Reading) {
	if r.Trace == "" {
		return
	}
	withBaggage(ctx, r)
	delete(r.Baggage, "br")
	*r = r.few()
}

// otelWritings are what OpenTelemetry's propagators write. A debug or undecided
// trace gets to them by an Extract of their own.
func otelWritings() (all []Writing) {
	const trace128, span64 = "463ac35c9f6413ad48485a3953bb6124", "00f067aa0ba902b7"
	users, err := baggage.Parse("user=J%C3%BCrgen;ttl=5,special=a%2Cb%3Bc%3Dd%20e,plain=v")
	if err != nil {
		panic(err)
	}
	w3c := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	for _, flag := range []string{"00", "01"} {
		in := propagation.MapCarrier{"traceparent": "00-" + trace128 + "-" + span64 + "-" + flag, "tracestate": "vendor=x,other@tenant=y:z"}
		ctx := baggage.ContextWithBaggage(w3c.Extract(context.Background(), in), users)
		said := ofOTel(trace.SpanContextFromContext(ctx))
		withBaggage(ctx, &said)
		said.Baggage["tracestate"] = in["tracestate"]
		all = append(all, writing("OpenTelemetry tracecontext, baggage", flag, said, injected(ctx, w3c)))
	}
	for decision, b3header := range map[string]string{"defer": "", "deny": "-0", "accept": "-1", "debug": "-d"} {
		ctx := b3.New().Extract(context.Background(), propagation.MapCarrier{"b3": trace128 + "-" + span64 + b3header})
		said := Reading{Trace: trace128, Span: span64, Sampling: decision}
		all = append(all,
			writing("OpenTelemetry b3", decision, said, injected(ctx, b3.New())),
			writing("OpenTelemetry X-B3", decision, said, injected(ctx, b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)))))
	}
	for decision, flags := range map[string]string{"deny": "0", "accept": "1", "debug": "3"} {
		ctx := jaeger.Jaeger{}.Extract(context.Background(), propagation.MapCarrier{"uber-trace-id": trace128 + ":" + span64 + ":0:" + flags})
		all = append(all, writing("OpenTelemetry jaeger", decision, Reading{Trace: trace128, Span: span64, Sampling: decision}, injected(ctx, jaeger.Jaeger{})))
	}
	for decision, sampled := range map[string]string{"deny": "false", "accept": "true"} {
		ctx := ot.OT{}.Extract(context.Background(), propagation.MapCarrier{"ot-tracer-traceid": trace128[16:], "ot-tracer-spanid": span64, "ot-tracer-sampled": sampled})
		said := Reading{Trace: pad(trace128[16:]), Span: span64, Sampling: decision, Baggage: map[string]string{"user": "Jürgen", "special": "a,b;c=d e", "plain": "v"}}
		all = append(all, writing("OpenTelemetry ot", decision, said, injected(baggage.ContextWithBaggage(ctx, users), ot.OT{})))
	}
	return all
}

// injected is what an OpenTelemetry propagator writes.
func injected(ctx context.Context, p propagation.TextMapPropagator) http.Header {
	h := http.Header{}
	p.Inject(ctx, propagation.HeaderCarrier(h))
	return h
}
