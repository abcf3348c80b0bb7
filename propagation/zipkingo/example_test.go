// SPDX-License-Identifier: Apache-2.0

package zipkingo_test

import (
	"fmt"
	"net/http"

	"github.com/openzipkin/zipkin-go"
	zipkinhttp "github.com/openzipkin/zipkin-go/middleware/http"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/reporter"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/zipkingo"
)

// A request of a Jaeger client is continued, and the call that follows carries
// SkyWalking's header and the others beside B3.
func ExampleCodec_ExtractHTTP() {
	tracer, err := zipkin.NewTracer(reporter.NewNoopReporter())
	if err != nil {
		fmt.Println(err)
		return
	}
	codec := zipkingo.New("billing")

	r, _ := http.NewRequest(http.MethodGet, "http://billing:8080/bills", nil)
	r.Header.Set("uber-trace-id", "463ac35c9f6413ad48485a3953bb6124:f067aa0ba902b7:0:1")
	came := tracer.Extract(codec.ExtractHTTP(r))
	server := tracer.StartSpan("get /bills", zipkin.Kind(model.Server), zipkin.Parent(came), zipkin.Tags(zipkingo.Tags(came)))
	defer server.Finish()
	zipkingo.BaggageOf(server.Context()).SetEndpoint("GET /bills")

	client := tracer.StartSpan("get", zipkin.Kind(model.Client), zipkin.Parent(server.Context()))
	defer client.Finish()
	out, _ := http.NewRequest(http.MethodGet, "http://ledger:8080/", nil)
	if err := codec.InjectHTTP(out)(client.Context()); err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range []propagation.Format{propagation.B3, propagation.SW8, propagation.W3C, propagation.Uber} {
		c := propagation.New(propagation.Read(f)).Extract(propagation.HTTP(out.Header))
		fmt.Println(f, c.Trace, c.Sampling)
	}
	// Output:
	// b3 463ac35c9f6413ad48485a3953bb6124 accept
	// sw8 463ac35c9f6413ad48485a3953bb6124 accept
	// w3c 463ac35c9f6413ad48485a3953bb6124 accept
	// uber 463ac35c9f6413ad48485a3953bb6124 accept
}

// Around zipkin-go's HTTP middleware.
func ExampleCodec_Handler() {
	tracer, err := zipkin.NewTracer(reporter.NewNoopReporter())
	if err != nil {
		fmt.Println(err)
		return
	}
	codec := zipkingo.New("billing")
	client, err := zipkinhttp.NewClient(tracer, zipkinhttp.TransportOptions(zipkinhttp.RoundTripper(codec.Transport(http.DefaultTransport))))
	if err != nil {
		fmt.Println(err)
		return
	}
	traced := zipkinhttp.NewServerMiddleware(tracer)
	http.Handle("/bills", codec.Handler(traced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		zipkingo.FromContext(r.Context()).SetEndpoint("GET /bills")
		out, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://ledger:8080/", nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer, err := client.Do(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		answer.Body.Close()
	}))))
}

// A job that begins a trace has baggage, which goes to the callee by gRPC.
func ExampleNewBaggage() {
	tracer, err := zipkin.NewTracer(reporter.NewNoopReporter())
	if err != nil {
		fmt.Println(err)
		return
	}
	codec := zipkingo.New("nightly", zipkingo.Instance("nightly-1"),
		zipkingo.Propagator(propagation.New(propagation.Write(propagation.B3, propagation.SW8))))
	baggage := zipkingo.NewBaggage()
	baggage.Add("tenant", "acme")
	job := tracer.StartSpan("job", zipkin.Parent(model.SpanContext{Baggage: baggage}))
	defer job.Finish()

	md := map[string][]string{} // a metadata.MD
	if err := codec.InjectGRPC(md, "billing:50051")(job.Context()); err != nil {
		fmt.Println(err)
		return
	}
	back := tracer.Extract(codec.ExtractGRPC(md))
	fmt.Println(back.TraceID == job.Context().TraceID, zipkingo.BaggageOf(back).Get("tenant"))
	// Output: true [acme]
}

// The attachments of a message are read and written in place.
func ExampleCodec_InjectMap() {
	codec := zipkingo.New("relay", zipkingo.Propagator(propagation.New(propagation.Write(propagation.B3))))
	m := map[string]string{"sw8": "", "b3": "48485a3953bb6124-7-1", "topic": "orders"}
	sc, err := codec.ExtractMap(m)()
	if err != nil {
		fmt.Println(err)
		return
	}
	sc.ID = 8
	if err := codec.InjectMap(m, "kafka:9092")(*sc); err != nil {
		fmt.Println(err)
	}
	fmt.Println(m["b3"], m["topic"])
	// Output: 48485a3953bb6124-0000000000000008-1 orders
}
