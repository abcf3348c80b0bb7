// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"context"
	"log/slog"
	"strings"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Keys of what the log handler adds.
const (
	TraceIDKey = "trace_id" // hex, 32 digits, or 16 for an id of 64 bits
	SpanIDKey  = "span_id"  // hex, 16 digits
	// As SkyWalking's encoders for JSON name them: the trace's name, and the
	// text of SkyWalkingContext.
	TIDKey               = "TID"
	SkyWalkingContextKey = "SW_CTX"
)

// LogAttrs are trace and span id of the context's span; nothing without one.
func LogAttrs(ctx context.Context) []slog.Attr {
	c, _ := contextOf(ctx)
	if c == nil {
		return nil
	}
	return idAttrs(c)
}

func idAttrs(c *SpanContext) []slog.Attr {
	var trace string
	if c.Long {
		trace = string(c.Trace.AppendHex32(nil))
	} else {
		trace = c.Trace.String()
	}
	return []slog.Attr{slog.String(TraceIDKey, trace), slog.String(SpanIDKey, c.Span.String())}
}

// TID is the name of the context's trace as SkyWalking's agents print it for
// %tid: "TID: " and the trace id in SkyWalking's words, or N/A without one, and
// for a trace that is not sampled.
func TID(ctx context.Context) string {
	if c, _ := contextOf(ctx); c != nil && c.Sampling != propagation.Deny {
		return "TID: " + c.Name()
	}
	return "TID: N/A"
}

// SkyWalkingContext is the context's span as SkyWalking's agents print it for
// %sw_ctx: "[service,instance,trace,segment,number]", or N/A.
func SkyWalkingContext(ctx context.Context) string {
	c, t := contextOf(ctx)
	if c == nil || c.Sampling == propagation.Deny {
		return "N/A"
	}
	return t.skyWalkingContext(c)
}

// skyWalkingContext names the segment that a gateway, or the reporter for
// SkyWalking, makes of the span.
func (t *Tracer) skyWalkingContext(c *SpanContext) string {
	return "[" + strings.Join([]string{t.process.Service, t.process.Instance, c.Name(), span.SegmentName(c.Trace, c.Span), "0"}, ",") + "]"
}

// contextOf is the context of the span that a context.Context leads to; nil
// without one of this package.
func contextOf(ctx context.Context) (*SpanContext, *Tracer) {
	if ctx == nil {
		return nil, nil
	}
	s := opentracing.SpanFromContext(ctx)
	if s == nil {
		return nil, nil
	}
	t, ok := s.Tracer().(*Tracer)
	if !ok {
		return nil, nil
	}
	c, _ := s.Context().(*SpanContext)
	return c, t
}

// LogHandlerOption is a setting of NewLogHandler.
type LogHandlerOption func(*logHandler)

// WithTID adds the trace's name in SkyWalking's words under the key TID, and the
// span under SW_CTX, by which SkyWalking's log collection finds the lines of a
// trace.
func WithTID() LogHandlerOption { return func(h *logHandler) { h.tid = true } }

// WithoutIDs leaves trace_id and span_id out, where TID alone is wanted.
func WithoutIDs() LogHandlerOption { return func(h *logHandler) { h.noIDs = true } }

// NewLogHandler wraps a handler so that lines which are logged with the context
// of a span, by slog.InfoContext and its like, bear the ids of trace and span.
// Groups that a logger opened hold them as well: slog has no way around that but
// to set them first.
func NewLogHandler(next slog.Handler, options ...LogHandlerOption) slog.Handler {
	h := &logHandler{next: next}
	for _, o := range options {
		o(h)
	}
	return h
}

type logHandler struct {
	next       slog.Handler
	tid, noIDs bool
}

func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if c, t := contextOf(ctx); c != nil {
		r = r.Clone()
		if !h.noIDs {
			r.AddAttrs(idAttrs(c)...)
		}
		if h.tid && c.Sampling != propagation.Deny {
			r.AddAttrs(slog.String(TIDKey, c.Name()), slog.String(SkyWalkingContextKey, t.skyWalkingContext(c)))
		}
	}
	return h.next.Handle(ctx, r)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := *h
	n.next = h.next.WithAttrs(attrs)
	return &n
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	n := *h
	n.next = h.next.WithGroup(name)
	return &n
}
