// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/mocktracer"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/middleware"
	"github.com/spanbridge/spanbridge/tracer"
)

var never = tracer.WithSampler(tracer.NewConstSampler(false))

func TestIsSampled(t *testing.T) {
	on, _ := jaeger.NewTracer("test", jaeger.NewConstSampler(true), jaeger.NewNullReporter())
	off, _ := jaeger.NewTracer("test", jaeger.NewConstSampler(false), jaeger.NewNullReporter())
	for name, c := range map[string]struct {
		tracer opentracing.Tracer
		want   bool
	}{
		"ours": {tracer.New("test"), true}, "ours, not sampled": {tracer.New("test", never), false},
		"jaeger": {on, true}, "jaeger, not sampled": {off, false},
		"one that does not tell": {mocktracer.New(), true}, "noop": {opentracing.NoopTracer{}, false},
	} {
		if got := middleware.IsSampled(c.tracer.StartSpan("x")); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if middleware.IsSampled(nil) {
		t.Error("no span is sampled")
	}
	late := tracer.New("test", never).StartSpan("x")
	if late.SetTag("sampling.priority", 1); !middleware.IsSampled(late) {
		t.Error("not sampled after sampling.priority")
	}
	// To ask costs nothing.
	if s := tracer.New("test", never).StartSpan("x"); testing.AllocsPerRun(100, func() { middleware.IsSampled(s) }) != 0 {
		t.Error("asking allocates")
	}
}

func TestActive(t *testing.T) {
	defer opentracing.SetGlobalTracer(opentracing.GlobalTracer())
	if _, on := middleware.Active(nil); on {
		t.Error("the global tracer does something")
	}
	mine := mocktracer.New()
	opentracing.SetGlobalTracer(mine)
	if got, on := middleware.Active(nil); got != opentracing.Tracer(mine) || !on {
		t.Error("not the global tracer")
	}
	other := mocktracer.New()
	if got, on := middleware.Active(other); got != opentracing.Tracer(other) || !on {
		t.Error("not the tracer given")
	}
}

func TestFail(t *testing.T) {
	tr := mocktracer.New()
	s := tr.StartSpan("x").(*mocktracer.MockSpan)
	middleware.Fail(s, errors.New("no luck"))
	func() {
		defer func() { middleware.FailPanic(s, recover()) }()
		panic(errors.New("burst"))
	}()
	logs := s.Logs()
	if s.Tag("error") != true || len(logs) != 2 {
		t.Fatalf("%v", s)
	}
	text := func(i int) (all string) {
		for _, f := range logs[i].Fields {
			all += f.Key + "=" + f.ValueString + ";"
		}
		return all
	}
	if got := text(0); got != "event=error;error.kind=*errors.errorString;message=no luck;" {
		t.Error(got)
	}
	if got := text(1); !strings.HasPrefix(got, "event=error;error.kind=panic;message=burst;stack=") || !strings.Contains(got, "span_test.go") {
		t.Error(got)
	}
}
