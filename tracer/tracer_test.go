// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// newTracer is a tracer whose spans are kept.
func newTracer(options ...tracer.Option) (*tracer.Tracer, *tracer.InMemoryReporter) {
	m := tracer.NewInMemoryReporter(0)
	return tracer.New("planet-express", append(options, tracer.WithReporter(m))...), m
}

// only is the one record that there must be.
func only(t *testing.T, m *tracer.InMemoryReporter) *tracer.Record {
	t.Helper()
	records := m.Records()
	if len(records) != 1 {
		t.Fatalf("%d records, want 1", len(records))
	}
	return records[0]
}

func same(t *testing.T, what string, got, want any, options ...cmp.Option) {
	t.Helper()
	options = append(options, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }))
	if d := cmp.Diff(want, got, options...); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func contextOf(c opentracing.SpanContext) *tracer.SpanContext { return c.(*tracer.SpanContext) }

// extract reads headers, which must be there.
func extract(t *testing.T, tr *tracer.Tracer, pairs ...string) *tracer.SpanContext {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	c, err := tr.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h))
	if err != nil {
		t.Fatal(err)
	}
	return contextOf(c)
}

func inject(t *testing.T, tr *tracer.Tracer, c opentracing.SpanContext) http.Header {
	t.Helper()
	h := http.Header{}
	if err := tr.Inject(c, opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil {
		t.Fatal(err)
	}
	return h
}

const (
	traceHex  = "463ac35c9f6413ad48485a3953bb6124"
	callerHex = "a2fb4a1d1a96d312"
	aboveHex  = "0020000000000001"
)

var (
	traceID  = span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}
	callerID = span.ID(0xa2fb4a1d1a96d312)
	aboveID  = span.ID(0x0020000000000001)
)

// TestOptions has each option's effect on a span.
func TestOptions(t *testing.T) {
	ip := netip.MustParseAddr("192.0.2.7")
	tr, m := newTracer(
		tracer.WithInstance("ship-1"), tracer.WithIP(ip), tracer.WithTags(tracer.Tag{Key: "crew", Value: 3}, tracer.Tag{Key: "long", Value: "abcdefgh"}),
		tracer.With64BitTraceIDs(), tracer.WithMaxTagValueLength(5), tracer.WithMaxTagsPerSpan(2), tracer.WithMaxLogsPerSpan(1),
		tracer.WithPropagator(propagation.New(propagation.Write(propagation.B3))),
	)
	s := tr.StartSpan("deliver")
	s.SetTag("a", "abcdefgh").SetTag("b", 1).SetTag("c", 2)
	s.LogKV("event", "one")
	s.LogKV("event", "two")
	h := inject(t, tr, s.Context())
	s.Finish()
	r := only(t, m)
	same(t, "process", *tr.Process(), tracer.Process{
		Service: "planet-express", Instance: "ship-1", IP: ip, Tags: []tracer.Tag{{Key: "crew", Value: 3}, {Key: "long", Value: "abcde"}},
	})
	if r.Process != tr.Process() {
		t.Error("the record has another process")
	}
	if r.Trace.Hi != 0 || r.Trace.Lo == 0 || r.Operation != "deliv" {
		t.Errorf("trace %v, operation %q, want 64 bits and 5 bytes", r.Trace, r.Operation)
	}
	same(t, "tags", r.Tags, []tracer.Tag{{Key: "a", Value: "abcde"}, {Key: "b", Value: 1}})
	if len(r.Logs) != 1 || r.Dropped != 1 {
		t.Errorf("%d logs and %d dropped, want 1 and 1", len(r.Logs), r.Dropped)
	}
	if len(h) != 1 || h.Get("b3") == "" {
		t.Errorf("headers %v, want b3 alone", h)
	}
	// Operation, process tag, value, tag, log.
	if c := tr.Counts(); c.Started != 1 || c.Finished != 1 || c.Cut != 5 {
		t.Errorf("counts %+v, want 1 started, 1 finished, 5 cut", c)
	}
}

func TestNewWithoutOptions(t *testing.T) {
	tr := tracer.New("x", tracer.WithReporter(nil), tracer.WithSampler(nil), tracer.WithPropagator(nil))
	s := tr.StartSpan("op")
	if c := contextOf(s.Context()); !c.IsSampled() || c.Trace.Hi == 0 || c.Trace.Lo == 0 || c.Span == 0 {
		t.Errorf("context %v, want a sampled trace of 128 bits", c)
	}
	s.Finish()
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if s.Tracer() != opentracing.Tracer(tr) {
		t.Error("the span has another tracer")
	}
}

// starter notes what it is told.
type starter struct {
	tracer.InMemoryReporter
	process *tracer.Process
	closes  int
}

func (s *starter) Start(p *tracer.Process) { s.process = p }
func (s *starter) Close(ctx context.Context) error {
	s.closes++
	return s.InMemoryReporter.Close(ctx)
}

func TestReporterIsStartedAndClosedOnce(t *testing.T) {
	r := new(starter)
	tr := tracer.New("x", tracer.WithReporter(tracer.Composite(r, tracer.NewInMemoryReporter(0))))
	if r.process != tr.Process() {
		t.Error("the reporter was not told of the process")
	}
	for range 2 {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
	if r.closes != 1 {
		t.Errorf("closed %d times, want once", r.closes)
	}
	tr.StartSpan("late").Finish()
	if r.Dropped() != 1 {
		t.Errorf("%d dropped, want 1", r.Dropped())
	}
}

// slow is a reporter that is not closed before it is let.
type slow struct {
	tracer.InMemoryReporter
	began, may chan struct{}
}

func (s *slow) Close(context.Context) error {
	close(s.began)
	<-s.may
	return io.ErrClosedPipe
}

// Who closes a tracer that another one is closing waits for the end too: the
// process may be over after that.
func TestCloseWaitsForTheOther(t *testing.T) {
	r := &slow{began: make(chan struct{}), may: make(chan struct{})}
	tr := tracer.New("x", tracer.WithReporter(r))
	first := make(chan error, 1)
	go func() { first <- tr.Close() }()
	<-r.began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tr.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that there was no time", err)
	}
	close(r.may)
	for _, err := range []error{tr.Close(), <-first} {
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%v, want the reporter's error", err)
		}
	}
}

func TestTimes(t *testing.T) {
	start := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	tr, m := newTracer()
	s := tr.StartSpan("given", opentracing.StartTime(start))
	s.FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(time.Second)})
	tr.StartSpan("backwards", opentracing.StartTime(start)).FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(-time.Second)})
	before := time.Now()
	tr.StartSpan("now").Finish()
	after := time.Now()
	r := m.Records()
	if !r[0].Start.Equal(start) || r[0].Duration != time.Second {
		t.Errorf("start %v, duration %v, want those given", r[0].Start, r[0].Duration)
	}
	if r[1].Duration != 0 {
		t.Errorf("duration %v of a span that ended before it began, want 0", r[1].Duration)
	}
	if at := r[2].Start; at.Before(before) || at.After(after) || r[2].Duration < 0 || r[2].Duration > after.Sub(before) {
		t.Errorf("start %v, duration %v, want a moment from %v to %v", at, r[2].Duration, before, after)
	}
}

// option is one whose type the tracer does not know.
type option struct{ other opentracing.SpanContext }

func (o option) Apply(s *opentracing.StartSpanOptions) {
	s.Tags = map[string]any{"span.kind": "client", "a": 1}
	s.References = append(s.References, opentracing.ChildOf(o.other))
	s.StartTime = time.Unix(1700000000, 0)
}

func TestOptionsOfOtherTypes(t *testing.T) {
	tr, m := newTracer()
	parent := tr.StartSpan("parent")
	for range 3 {
		m.Reset()
		tr.StartSpan("op", option{parent.Context()}, nil).Finish()
		r := only(t, m)
		p := contextOf(parent.Context())
		if r.Kind != span.KindClient || r.Parent != p.Span || r.Trace != p.Trace || r.Start.Unix() != 1700000000 {
			t.Errorf("record %+v, want a client's span below the parent", r)
		}
		same(t, "tags", r.Tags, []tracer.Tag{{Key: "a", Value: 1}})
	}
	// Nothing of it may be left for the next span.
	m.Reset()
	tr.StartSpan("op", opentracing.Tags{"b": 2}).Finish()
	if r := only(t, m); r.Parent != 0 || len(r.Tags) != 1 || r.Kind != span.KindUnset {
		t.Errorf("record %+v, want a root with one tag", r)
	}
}
