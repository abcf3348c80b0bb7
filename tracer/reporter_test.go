// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/tracer"
)

// failing fails to close, after the others have come that far.
type failing struct {
	err  error
	meet chan struct{}
}

func (failing) Report(*tracer.Record) {}

func (f failing) Close(ctx context.Context) error {
	select {
	case f.meet <- struct{}{}:
	case <-f.meet:
	case <-ctx.Done():
		return ctx.Err()
	}
	return f.err
}

func TestComposite(t *testing.T) {
	a, b := tracer.NewInMemoryReporter(0), tracer.NewInMemoryReporter(1)
	tr := tracer.New("x", tracer.WithReporter(tracer.Composite(a, b)))
	for range 3 {
		tr.StartSpan("op").Finish()
	}
	if len(a.Records()) != 3 || len(b.Records()) != 1 || b.Dropped() != 2 {
		t.Errorf("%d and %d records, %d dropped; want 3, 1 and 2", len(a.Records()), len(b.Records()), b.Dropped())
	}
	if a.Records()[0] != b.Records()[0] {
		t.Error("the reporters got different records")
	}
	if r := tracer.Composite(a); r != tracer.Reporter(a) {
		t.Error("a composite of one is not that one")
	}
	// All are closed at once, and every error is told.
	meet := make(chan struct{})
	x, y := errors.New("x"), errors.New("y")
	err := tracer.Composite(failing{x, meet}, failing{y, meet}).Close(t.Context())
	if !errors.Is(err, x) || !errors.Is(err, y) {
		t.Errorf("error %v, want both", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tracer.New("x", tracer.WithReporter(failing{nil, make(chan struct{})})).Shutdown(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestLoggingReporter(t *testing.T) {
	log := new(lines)
	h := slog.NewTextHandler(log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "start", "duration":
			return slog.Attr{}
		}
		return a
	}})
	r := tracer.NewLoggingReporter(slog.New(h), slog.LevelInfo)
	tr := tracer.New("shop", tracer.WithReporter(r))
	s := tr.StartSpan("GET /", ext.RPCServerOption(extract(t, tr, "b3", traceHex+"-"+callerHex+"-1")))
	s.SetTag("http.status_code", 200)
	s.Finish()
	c := contextOf(s.Context())
	want := "level=INFO msg=span trace_id=" + traceHex + " span_id=" + c.Span.String() + " parent_id=" + callerHex +
		" service=shop operation=\"GET /\" kind=server tags.http.status_code=200\n"
	if log.String() != want {
		t.Errorf("logged %q, want %q", log, want)
	}
	s = tr.StartSpan("op")
	s.LogKV("event", "miss")
	s.Finish()
	if got := log.String(); !strings.Contains(got, "event=miss") {
		t.Errorf("logged %q, want the log", got)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	n := len(log.String())
	tr.StartSpan("late").Finish()
	if r.Dropped() != 1 || len(log.String()) != n {
		t.Errorf("%d dropped after Close, want 1", r.Dropped())
	}
	quiet := tracer.NewLoggingReporter(slog.New(h), slog.LevelDebug)
	tracer.New("x", tracer.WithReporter(quiet)).StartSpan("op").Finish()
	if len(log.String()) != n {
		t.Error("a line below the level was written")
	}
	tracer.NewLoggingReporter(nil, slog.LevelDebug).Report(&tracer.Record{Process: tr.Process()})
}

func TestInMemoryReporter(t *testing.T) {
	m := tracer.NewInMemoryReporter(2)
	tr := tracer.New("x", tracer.WithReporter(m))
	tr.StartSpan("a").Finish()
	m.Reset()
	tr.StartSpan("b").Finish()
	if r := only(t, m); r.Operation != "b" {
		t.Errorf("record of %q, want b", r.Operation)
	}
	_ = tr.Close()
	tr.StartSpan("c").Finish()
	if len(m.Records()) != 1 || m.Dropped() != 1 {
		t.Errorf("%d records, %d dropped; want what was there, and 1", len(m.Records()), m.Dropped())
	}
}

func TestLogHandler(t *testing.T) {
	log := new(lines)
	base := slog.NewTextHandler(log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
	tr, _ := newTracer(tracer.WithInstance("i-1"))
	s := tr.StartSpan("op", opentracing.ChildOf(extract(t, tr, "sw8", sw8Header)))
	ctx := opentracing.ContextWithSpan(t.Context(), s)
	c := contextOf(s.Context())
	ids := "trace_id=" + c.Trace.String() + " span_id=" + c.Span.String()
	place := tracer.SkyWalkingContext(ctx)
	off := opentracing.ContextWithSpan(t.Context(), tr.StartSpan("off", opentracing.Tag{Key: "sampling.priority", Value: 0}))
	offIDs := contextOf(opentracing.SpanFromContext(off).Context())

	f := func(h slog.Handler, ctx context.Context, want string) {
		t.Helper()
		log.mu.Lock()
		log.b.Reset()
		log.mu.Unlock()
		slog.New(h).InfoContext(ctx, "m", "a", 1)
		if got := strings.TrimSuffix(log.String(), "\n"); got != want {
			t.Errorf("logged %q, want %q", got, want)
		}
	}
	f(tracer.NewLogHandler(base), ctx, "msg=m a=1 "+ids)
	f(tracer.NewLogHandler(base), t.Context(), "msg=m a=1")
	f(tracer.NewLogHandler(base), opentracing.ContextWithSpan(t.Context(), opentracing.NoopTracer{}.StartSpan("x")), "msg=m a=1")
	f(tracer.NewLogHandler(base, tracer.WithTID()), ctx, "msg=m a=1 "+ids+" TID="+javaTrace+" SW_CTX="+place)
	f(tracer.NewLogHandler(base, tracer.WithTID(), tracer.WithoutIDs()), ctx, "msg=m a=1 TID="+javaTrace+" SW_CTX="+place)
	f(tracer.NewLogHandler(base, tracer.WithTID()), off, "msg=m a=1 trace_id="+offIDs.Trace.String()+" span_id="+offIDs.Span.String())
	f(tracer.NewLogHandler(base).WithAttrs([]slog.Attr{slog.Int("b", 2)}).WithGroup("g"), ctx, "msg=m b=2 g.a=1 g."+strings.Replace(ids, " ", " g.", 1))
	if tracer.NewLogHandler(base).Enabled(ctx, slog.LevelDebug) {
		t.Error("enabled below the level")
	}

	if want := "[planet-express,i-1," + javaTrace + ","; !strings.HasPrefix(place, want) || !strings.HasSuffix(place, ",0]") {
		t.Errorf("%s, want it to begin with %s", place, want)
	}
	if got := tracer.TID(ctx); got != "TID: "+javaTrace {
		t.Errorf("%s, want the trace's name", got)
	}
	for _, ctx := range []context.Context{t.Context(), off, nil} {
		if tid, place := tracer.TID(ctx), tracer.SkyWalkingContext(ctx); tid != "TID: N/A" || place != "N/A" {
			t.Errorf("%s and %s without a sampled span, want N/A", tid, place)
		}
	}
	if a := tracer.LogAttrs(ctx); len(a) != 2 || a[0].Key != "trace_id" || a[0].Value.String() != c.Trace.String() {
		t.Errorf("attributes %v, want the ids", a)
	}
	if a := tracer.LogAttrs(t.Context()); a != nil {
		t.Errorf("attributes %v without a span, want none", a)
	}
}
