// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
)

// sinkFunc is a sink.
type sinkFunc func(*span.Batch) error

func (f sinkFunc) Put(_ context.Context, b *span.Batch) error { return f(b) }

// traces makes a batch of traces 1 to n, a span each.
func traces(n int) *span.Batch {
	w := span.NewBuilder([]byte("body"), span.Origin{Format: "zipkin.v2.json", Transport: "http"})
	for i := range n {
		w.Span(span.Span{Trace: span.TraceID{Lo: uint64(i + 1)}, ID: span.ID(i + 1)})
	}
	return w.Batch()
}

// What is decoded again is what went into the log, or the log would count
// spans that nobody gets; and spans of a message that was not taken are not
// counted as left out, since the client sends them again.
func TestRuledSink(t *testing.T) {
	t.Parallel()
	cfg := config.Default(known(protocols(nil)))
	cfg.Sampling.Gateway = 0.5
	book := newRulebook(newRules(cfg))
	set := metrics.New(prometheus.NewRegistry())
	left := func() float64 { return testutil.ToFloat64(set.SampledOutSpans.WithLabelValues("zipkin")) }

	busy := &ruledSink{book, nil, sinkFunc(func(*span.Batch) error { return errors.New("busy") }), set}
	if err := busy.Put(t.Context(), traces(100)); err == nil || left() != 0 {
		t.Errorf("%v, %v left out", err, left())
	}
	var got *span.Batch
	sink := &ruledSink{book, nil, sinkFunc(func(b *span.Batch) error { got = b; return nil }), set}
	if err := sink.Put(t.Context(), traces(100)); err != nil {
		t.Fatal(err)
	}
	if n := left(); got.Len()+int(n) != 100 || n < 20 || n > 80 || string(got.Body()) != "body" {
		t.Errorf("%d spans and %v left out of 100, body %q", got.Len(), n, got.Body())
	}
	again, err := book.decode(func([]byte, span.Origin) (*span.Batch, error) { return traces(100), nil })(nil, span.Origin{})
	if err != nil || again.Len() != got.Len() {
		t.Errorf("%v: %d spans when decoded again, %d before", err, again.Len(), got.Len())
	}
	if none, err := book.decode(func([]byte, span.Origin) (*span.Batch, error) { return nil, errors.New("bad") })(nil, span.Origin{}); none != nil || err == nil {
		t.Error("a batch out of nothing")
	}
}

// A message goes by the rules of its receipt, however late it is decoded again.
func TestRulesOfTheReceipt(t *testing.T) {
	t.Parallel()
	cfg := config.Default(known(protocols(nil)))
	book := newRulebook(newRules(cfg))
	before := time.Now().UnixNano() - 1
	cfg.Sampling.Gateway = 0.5
	book.turn(newRules(cfg))
	after := time.Now().UnixNano()
	decode := book.decode(func([]byte, span.Origin) (*span.Batch, error) { return traces(100), nil })
	early, _ := decode(nil, span.Origin{Received: before})
	late, _ := decode(nil, span.Origin{Received: after})
	if early.Len() != 100 || late.Len() > 80 || late.Len() < 20 {
		t.Errorf("%d spans of a message from before the change and %d of one from after it, of 100", early.Len(), late.Len())
	}
	for range mostRulePages + 10 {
		book.turn(nil)
	}
	if n := len(*book.pages.Load()); n != mostRulePages || book.at(after+int64(time.Hour)) != nil {
		t.Errorf("%d pages are kept", n)
	}
}
