// SPDX-License-Identifier: Apache-2.0

// Package go2sky lets services that trace with go2sky continue a trace of any
// format and write a chosen set of headers. In go a request's headers, out come
// go2sky's Extractor and Injector:
//
//	codec := bridge.New()
//	ctx, extract := codec.Entry(ctx, propagation.HTTP(r.Header))
//	span, ctx, err := tracer.CreateEntrySpan(ctx, "/orders", extract)
//	…
//	span, err := tracer.CreateExitSpan(ctx, "/bills", "billing:8080", codec.Exit(ctx, propagation.HTTP(h)))
//
// With go2sky's HTTP plugin, which reads and writes headers itself, Handler goes
// around its middleware and Transport below its client.
//
// go2sky returns an error and no span for a header that it cannot read; it never
// gets one here. Ids of other formats become a name of the trace and a segment,
// from which a gateway finds them again. A denial makes go2sky's no-op spans and
// is handed on, where go2sky by itself would trace. What go2sky has no place for
// (debug, tracestate, baggage beyond three items) stays in the context.Context
// that Entry returns and is written by Exit.
//
// A header other than sw8 does not name the calling service: go2sky reports it
// as "unknown" unless CallerOf knows better. A trace that go2sky's own sampler
// leaves out is not denied to those that are called, as go2sky has it.
package go2sky
