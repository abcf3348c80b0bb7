// SPDX-License-Identifier: Apache-2.0

// Package reporter is what the reporters of package tracer have in common: a
// bounded queue, batches, retries, counters, and the conversion of records into
// the canonical spans that the encoders of translate/<protocol> write. The
// reporters themselves are the packages below: zipkin, jaeger, skywalking,
// otlp and otlpgrpc.
//
// In come records of finished spans (Reporter.Report, which never blocks), out
// go batches to a [Sender], off the request path. Nothing is lost silently:
// each span that was reported is sent, or dropped for a reason that
// [Reporter.Counts] names and a warning tells of now and then:
//
//   - the queue is full, since the backend is slower than the application, or
//     away (WithQueue);
//   - the span is too large for the protocol (a datagram of Jaeger's);
//   - the backend refuses it;
//   - all tries have failed (WithRetry);
//   - the reporter is closed.
//
// What a protocol has no place for is said with the conversion ([Converter]) and
// in the reporters' own packages.
package reporter
