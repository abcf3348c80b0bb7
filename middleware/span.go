// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"fmt"
	"runtime/debug"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"
)

// Active is the tracer that a middleware works with: t, or the global one if t
// is nil. It is false for a tracer that does nothing.
func Active(t opentracing.Tracer) (opentracing.Tracer, bool) {
	if t == nil {
		t = opentracing.GlobalTracer()
	}
	_, noop := t.(opentracing.NoopTracer)
	return t, !noop
}

// decided is a span, or the context of one, that knows whether it is recorded:
// those of package tracer and of jaeger-client-go.
type decided interface{ IsSampled() bool }

// IsSampled is false for a span that is known not to be recorded, so that
// nobody needs to make tags for it. Spans of tracers that do not tell are taken
// for recorded.
func IsSampled(s opentracing.Span) bool {
	if s == nil {
		return false
	}
	if d, ok := s.(decided); ok {
		return d.IsSampled()
	}
	if d, ok := s.Context().(decided); ok {
		return d.IsSampled()
	}
	_, noop := s.Tracer().(opentracing.NoopTracer)
	return !noop
}

// Fail marks a span as failed and logs the error, by OpenTracing's conventions.
func Fail(s opentracing.Span, err error) {
	ext.Error.Set(s, true)
	s.LogFields(log.Event("error"), log.String("error.kind", fmt.Sprintf("%T", err)), log.String("message", err.Error()))
}

// FailPanic marks a span as failed by a panic, and logs what was recovered and
// the stack. Call it in the deferred function that recovers, where the stack
// still shows where the panic began, and panic again.
func FailPanic(s opentracing.Span, recovered any) {
	ext.Error.Set(s, true)
	s.LogFields(log.Event("error"), log.String("error.kind", "panic"),
		log.String("message", fmt.Sprint(recovered)), log.String("stack", string(debug.Stack())))
}
