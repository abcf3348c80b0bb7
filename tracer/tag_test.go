// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

type panicking struct{}

func (panicking) String() string { panic("no name") }

type named int

func (n named) String() string { return fmt.Sprintf("number %d", int(n)) }

type number int

// loud is a value whose text asks for the span that it is set on.
type loud struct{ s opentracing.Span }

func (l loud) String() string {
	l.s.SetTag("inner", 1)
	return "loud " + l.s.BaggageItem("x")
}

func TestTagValues(t *testing.T) {
	var nobody *strings.Builder
	var none error
	tr, m := newTracer(tracer.WithMaxTagValueLength(10))
	for _, e := range []struct {
		value, want any
	}{
		{"text", "text"},
		{"0123456789", "0123456789"},
		{"0123456789a", "0123456789"},
		{"01234567ßß", "01234567ß"},
		{"012345678ß", "012345678"},
		{true, true},
		{1, 1},
		{int8(1), int8(1)},
		{uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{1.5, 1.5},
		{float32(2.5), float32(2.5)},
		{[]byte("bytes"), []byte("bytes")},
		{[]byte("0123456789a"), []byte("0123456789")},
		{nil, "<nil>"},
		{none, "<nil>"},
		{nobody, "<nil>"},
		{errors.New("broken"), "broken"},
		{time.Second, "1s"},
		{named(2), "number 2"},
		{number(3), "3"},
		{[]int{1, 2}, "[1 2]"},
		{panicking{}, "%!v(PANIC="},
		{math.NaN(), nil},
	} {
		m.Reset()
		tr.StartSpan("op").SetTag("k", e.value).Finish()
		got := only(t, m).Tags[0].Value
		if f, ok := got.(float64); ok && math.IsNaN(f) {
			continue
		}
		same(t, fmt.Sprintf("%T", e.value), got, e.want)
	}
	m.Reset()
	p := []byte("bytes")
	s := tr.StartSpan("op", opentracing.Tag{Key: "p", Value: p})
	p[0] = 'x'
	s.SetTag("loud", loud{s})
	s.LogFields(log.Object("loud", loud{s}))
	s.Finish()
	same(t, "tags", only(t, m).Tags, []tracer.Tag{{Key: "p", Value: []byte("bytes")}, {Key: "inner", Value: 1}, {Key: "loud", Value: "loud "}})
}

// The last value of a key counts, and none is set after Finish.
func TestTags(t *testing.T) {
	tr, m := newTracer()
	s := tr.StartSpan("op", opentracing.Tags{"a": 1}, opentracing.Tag{Key: "b", Value: 1})
	for i := range 20 {
		s.SetTag(fmt.Sprint("k", i), i).SetTag("a", i)
	}
	s.SetOperationName("renamed")
	s.Finish()
	s.SetTag("a", "late").SetTag("late", 1).SetOperationName("late").SetBaggageItem("late", "1")
	s.LogKV("event", "late")
	ext.SamplingPriority.Set(s, 0)
	ext.SpanKindRPCClient.Set(s)
	s.Finish()
	s.FinishWithOptions(opentracing.FinishOptions{})
	want := []tracer.Tag{{Key: "a", Value: 19}, {Key: "b", Value: 1}}
	for i := range 20 {
		want = append(want, tracer.Tag{Key: fmt.Sprint("k", i), Value: i})
	}
	r := only(t, m)
	same(t, "tags", r.Tags, want)
	if r.Operation != "renamed" || len(r.Logs) != 0 || r.Kind != span.KindUnset || r.Sampling != propagation.Accept || s.BaggageItem("late") != "" {
		t.Errorf("record %+v changed after Finish", r)
	}
}

func TestKinds(t *testing.T) {
	tr, m := newTracer()
	for value, want := range map[any]span.Kind{
		ext.SpanKindRPCServerEnum: span.KindServer, ext.SpanKindRPCClientEnum: span.KindClient, ext.SpanKindProducerEnum: span.KindProducer,
		ext.SpanKindConsumerEnum: span.KindConsumer, "server": span.KindServer, "internal": span.KindInternal, "else": span.KindUnset, 7: span.KindUnset,
	} {
		m.Reset()
		tr.StartSpan("start", opentracing.Tag{Key: "span.kind", Value: value}).Finish()
		tr.StartSpan("set").SetTag("span.kind", value).Finish()
		for _, r := range m.Records() {
			// What is no kind stays a tag.
			if r.Kind != want || (len(r.Tags) == 0) != (want != span.KindUnset) {
				t.Errorf("%s %v: kind %v, tags %v, want %v", r.Operation, value, r.Kind, r.Tags, want)
			}
		}
	}
}

func TestPriority(t *testing.T) {
	for _, v := range []any{uint16(1), 1, int8(1), int16(1), int32(1), int64(2), uint(1), uint8(1), uint32(1), uint64(math.MaxUint64), float32(0.5), 0.5} {
		tr, m := newTracer(tracer.WithSampler(tracer.NewConstSampler(false)))
		tr.StartSpan("op", opentracing.Tag{Key: "sampling.priority", Value: v}).Finish()
		if r := only(t, m); r.Sampling != propagation.Debug {
			t.Errorf("%T %v: %v, want debug", v, v, r.Sampling)
		}
	}
	for _, v := range []any{uint16(0), 0, -1, 0.0} {
		tr, m := newTracer()
		tr.StartSpan("op", opentracing.Tag{Key: "sampling.priority", Value: v}).Finish()
		if n := len(m.Records()); n != 0 {
			t.Errorf("%T %v: %d records, want none", v, v, n)
		}
	}
	for _, v := range []any{"1", true, nil} {
		tr, m := newTracer()
		tr.StartSpan("op", opentracing.Tag{Key: "sampling.priority", Value: v}).Finish()
		if r := only(t, m); r.Sampling != propagation.Accept || len(r.Tags) != 1 {
			t.Errorf("%T %v: %v with tags %v, want a tag and no more", v, v, r.Sampling, r.Tags)
		}
	}
}

// sampling.priority on a recorded span: 0 takes it and what starts below it
// back, more makes it debug.
func TestPriorityLater(t *testing.T) {
	tr, m := newTracer()
	s := tr.StartSpan("op")
	given := contextOf(s.Context())
	ext.SamplingPriority.Set(s, 0)
	if c := contextOf(s.Context()); c.IsSampled() || c.Span != given.Span || !given.IsSampled() {
		t.Errorf("decision %v, before %v; want denied after, and the one before unchanged", c.Sampling, given.Sampling)
	}
	tr.StartSpan("below", opentracing.ChildOf(s.Context())).Finish()
	s.Finish()
	if n := len(m.Records()); n != 0 {
		t.Errorf("%d records, want none", n)
	}
	same(t, "counts", tr.Counts(), tracer.Counts{Started: 1, NotSampled: 1, TakenBack: 1}, ignoreHeaders)

	s = tr.StartSpan("op")
	ext.SamplingPriority.Set(s, 0)
	ext.SamplingPriority.Set(s, 1) // the last one counts
	if c := contextOf(s.Context()); c.Sampling != propagation.Debug {
		t.Errorf("decision %v, want debug", c.Sampling)
	}
	s.Finish()
	same(t, "tags", only(t, m).Tags, []tracer.Tag{{Key: "sampling.priority", Value: uint16(1)}})
}

// older are OpenTracing's older forms of LogFields, which callers still use.
type older interface {
	LogEvent(string)
	LogEventWithPayload(string, any)
	Log(opentracing.LogData)
}

func TestLogs(t *testing.T) {
	tr, m := newTracer()
	at := time.Unix(1700000000, 0)
	s := tr.StartSpan("op", ext.SpanKindRPCServer)
	s.LogFields(log.String("event", "a"), log.Noop(), log.Int("n", 1), log.Object("nil", nil), log.Error(errors.New("broken")))
	s.LogFields(log.Lazy(func(e log.Encoder) {
		e.EmitString("s", "x")
		e.EmitBool("b", true)
		e.EmitInt("i", 1)
		e.EmitInt32("i32", 2)
		e.EmitInt64("i64", 3)
		e.EmitUint32("u32", 4)
		e.EmitUint64("u64", 5)
		e.EmitFloat32("f32", 6)
		e.EmitFloat64("f64", 7)
		e.EmitObject("o", []int{8})
		e.EmitLazyLogger(func(e log.Encoder) { e.EmitInt("inner", 9) })
	}))
	s.LogFields(log.Lazy(func(e log.Encoder) {
		e.EmitInt("before", 1)
		panic("lazy")
	}))
	s.LogKV("event", "kv", "n", 2)
	s.LogKV("odd")
	o := s.(older)
	o.LogEvent("e")
	o.LogEventWithPayload("e", 3)
	o.Log(opentracing.LogData{Timestamp: at, Event: "old", Payload: 4})
	s.FinishWithOptions(opentracing.FinishOptions{
		LogRecords:  []opentracing.LogRecord{{Timestamp: at, Fields: []log.Field{log.Event("late")}}},
		BulkLogData: []opentracing.LogData{{Timestamp: at, Event: "bulk"}},
	})
	r := only(t, m)
	var got [][]tracer.Tag
	for i := range r.Logs {
		got = append(got, r.Logs[i].Fields)
	}
	same(t, "logs", got, [][]tracer.Tag{
		{{Key: "event", Value: "a"}, {Key: "n", Value: 1}, {Key: "nil", Value: "<nil>"}, {Key: "error.object", Value: "broken"}},
		{{Key: "s", Value: "x"}, {Key: "b", Value: true}, {Key: "i", Value: 1}, {Key: "i32", Value: int32(2)}, {Key: "i64", Value: int64(3)}, {Key: "u32", Value: uint32(4)}, {Key: "u64", Value: uint64(5)}, {Key: "f32", Value: float32(6)}, {Key: "f64", Value: 7.0}, {Key: "o", Value: "[8]"}, {Key: "inner", Value: 9}},
		{{Key: "before", Value: 1}, {Key: "error", Value: "lazy log: lazy"}},
		{{Key: "event", Value: "kv"}, {Key: "n", Value: 2}},
		{{Key: "error.object", Value: "non-even keyValues len: 1"}, {Key: "function", Value: "LogKV"}},
		{{Key: "event", Value: "e"}},
		{{Key: "event", Value: "e"}, {Key: "payload", Value: 3}},
		{{Key: "event", Value: "old"}, {Key: "payload", Value: 4}},
		{{Key: "event", Value: "late"}},
		{{Key: "event", Value: "bulk"}},
	})
	for i, l := range r.Logs {
		if i >= 7 && !l.Time.Equal(at) || i < 7 && (l.Time.Before(r.Start) || l.Time.After(r.Start.Add(r.Duration))) {
			t.Errorf("log %d at %v, want that given, or a moment of the span", i, l.Time)
		}
	}
}

// Fields of a caller's slice may change after the call.
func TestLogFieldsAreCopied(t *testing.T) {
	tr, m := newTracer()
	s := tr.StartSpan("op", ext.SpanKindRPCServer)
	fields := []log.Field{log.Int("a", 1), log.Int("b", 2)}
	for i := range 3 {
		fields[0] = log.Int("a", i)
		s.LogFields(fields...)
	}
	s.Finish()
	for i, l := range only(t, m).Logs {
		same(t, "fields", l.Fields, []tracer.Tag{{Key: "a", Value: i}, {Key: "b", Value: 2}})
	}
}

// A loop that sets another tag each time, or logs, does not grow for ever.
func TestSpanIsBounded(t *testing.T) {
	tr, m := newTracer()
	s := tr.StartSpan("op")
	const n = 5000
	for i := range n {
		s.SetTag(fmt.Sprint(i), i)
		s.LogKV("i", i)
	}
	s.LogFields(make([]log.Field, n)...)
	s.Finish()
	r := only(t, m)
	if len(r.Tags) != tracer.DefaultMaxTagsPerSpan || len(r.Logs) != tracer.DefaultMaxLogsPerSpan || r.Dropped != n+1-len(r.Logs) {
		t.Errorf("%d tags, %d logs, %d dropped; want the limits", len(r.Tags), len(r.Logs), r.Dropped)
	}
	if c := tr.Counts(); c.Cut < 2*(n-1000) {
		t.Errorf("%d cut, want all counted", c.Cut)
	}
}

// clinging is a value that uses its span when it is asked for its text.
type clinging struct{ s opentracing.Span }

func (c clinging) String() string {
	c.s.SetTag("seen", true)
	return "text"
}

// Code of the caller's is not called under the span's lock.
func TestValuesThatUseTheSpan(t *testing.T) {
	tr, m := newTracer()
	s := tr.StartSpan("op")
	for _, key := range []string{"a", "span.kind", "sampling.priority"} {
		done := make(chan struct{})
		go func() {
			s.SetTag(key, clinging{s})
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			t.Fatalf("SetTag of %s waits for itself", key)
		}
	}
	s.Finish()
	same(t, "tags", only(t, m).Tags, []tracer.Tag{
		{Key: "seen", Value: true}, {Key: "a", Value: "text"}, {Key: "span.kind", Value: "text"}, {Key: "sampling.priority", Value: "text"},
	})
}
