// SPDX-License-Identifier: Apache-2.0

// Package zipkingo lets services that trace with zipkin-go read every tracing
// header and write a chosen set. In go headers of a request, a map or gRPC
// metadata, out come zipkin-go's Extractor and Injector:
//
//	codec := zipkingo.New("billing")
//	span := tracer.StartSpan("get /bills", zipkin.Kind(model.Server), zipkin.Parent(tracer.Extract(codec.ExtractHTTP(r))))
//	…
//	codec.InjectHTTP(r)(span.Context())
//
// With zipkin-go's HTTP middleware, which reads and writes B3 itself, Handler
// goes around its server and Transport below its client.
//
// What zipkin-go has no place for (SkyWalking's name of the trace, tracestate,
// firehose, W3C's properties) stays in the Baggage of the span context, which all
// spans of the request share, and which holds the trace's baggage for the
// service to read and write. A context.Context or a memory of traces is not
// needed.
//
// sw8 names the caller: the service and instance of New, the address of the
// request, and the endpoint that Baggage.SetEndpoint told. "d", debug, is Zipkin's own;
// jaeger-debug-id makes a debug trace and its text becomes a tag, if Tags are
// used. An undecided trace is decided by the tracer's sampler.
package zipkingo
