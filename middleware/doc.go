// SPDX-License-Identifier: Apache-2.0

// Package middleware has what the middleware in the folders below it share, for
// those who write one for another library; users of a library import its folder
// alone: nethttp, gorillamux, grpcgo, databasesql or franzgo.
//
// All of them take an opentracing.Tracer, ours or any other, and reach the
// headers by its Extract and Inject: with the Tracer of package tracer every
// format of header is understood. In come requests, calls, statements and
// records; out go spans with the tags of OpenTracing's conventions. A nil tracer
// stands for opentracing.GlobalTracer at the time of each call, and for
// opentracing.NoopTracer nothing is done at all. Of a span that is known not to
// be recorded no tags are made.
package middleware
