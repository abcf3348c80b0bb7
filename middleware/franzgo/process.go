// SPDX-License-Identifier: Apache-2.0

package franzgo

import (
	"context"
	"errors"

	"github.com/opentracing/opentracing-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanbridge/spanbridge/middleware"
)

// MaxReferences is how many producers the span of a batch names.
const MaxReferences = 128

// Process calls f with a record within a consumer span, which is in the context
// that f gets. An error of f is recorded and given back, a panic goes on.
func (h *Hooks) Process(ctx context.Context, r *kgo.Record, f func(context.Context, *kgo.Record) error) error {
	span, ctx := h.Start(ctx, r)
	return end(span, func() error { return f(ctx, r) })
}

// ProcessBatch is Process for several records.
func (h *Hooks) ProcessBatch(ctx context.Context, list []*kgo.Record, f func(context.Context, []*kgo.Record) error) error {
	span, ctx := h.StartBatch(ctx, list)
	return end(span, func() error { return f(ctx, list) })
}

var errExit = errors.New("the handler ended its goroutine")

func end(s opentracing.Span, f func() error) (err error) {
	err = errExit
	defer func() {
		recovered := recover()
		if middleware.IsSampled(s) {
			switch {
			case recovered != nil:
				middleware.FailPanic(s, recovered)
			case err != nil:
				middleware.Fail(s, err)
			}
		}
		s.Finish()
		if recovered != nil {
			panic(recovered)
		}
	}()
	err = f()
	return err
}

// Start begins a consumer span for a record. Finish it when the record has been
// worked on.
func (h *Hooks) Start(ctx context.Context, r *kgo.Record) (opentracing.Span, context.Context) {
	t, on := h.active(r)
	if !on {
		return opentracing.NoopTracer{}.StartSpan(""), ctx
	}
	name := nameOf("process", r.Topic)
	var s opentracing.Span
	if of, ok := r.Context.(*received); ok {
		// The span that received it is the consumer; this is the work.
		s = t.StartSpan(name, append([]opentracing.StartSpanOption{opentracing.ChildOf(of.span.Context())}, h.startWith...)...)
		if middleware.IsSampled(s) {
			h.tag(s, r.Topic)
			h.tagRecord(s, r)
		}
	} else {
		producer := producerOf(t, r)
		if producer == nil {
			if outer := opentracing.SpanFromContext(ctx); outer != nil {
				producer = outer.Context()
			}
		}
		s = h.consume(t, name, r, producer)
	}
	return s, opentracing.ContextWithSpan(ctx, s)
}

// consume makes the consumer span of a record.
func (h *Hooks) consume(t opentracing.Tracer, name string, r *kgo.Record, producer opentracing.SpanContext) opentracing.Span {
	options := make([]opentracing.StartSpanOption, 0, 2+len(h.startWith))
	options = append(options, kindConsumer)
	if producer != nil {
		options = append(options, opentracing.FollowsFrom(producer))
	}
	s := t.StartSpan(name, append(options, h.startWith...)...)
	if middleware.IsSampled(s) {
		h.tag(s, r.Topic)
		h.tagRecord(s, r)
	}
	return s
}

func (h *Hooks) tagRecord(s opentracing.Span, r *kgo.Record) {
	s.SetTag("kafka.partition", r.Partition)
	s.SetTag("kafka.offset", r.Offset)
	if g := h.client.Load().group; g != "" {
		s.SetTag("kafka.group", g)
	}
	if h.observe != nil {
		h.observe(s, r)
	}
}

// producerOf reads a record's headers; nil if there is nothing in them. What
// cannot be read begins a new trace.
func producerOf(t opentracing.Tracer, r *kgo.Record) opentracing.SpanContext {
	if of, ok := r.Context.(*received); ok {
		return of.span.Context()
	}
	if len(r.Headers) == 0 {
		return nil
	}
	c, err := t.Extract(opentracing.TextMap, &carrier{headers: r.Headers})
	if err != nil {
		return nil
	}
	return c
}

// StartBatch begins a consumer span for several records, which follows from the
// producers of the first MaxReferences of them. Finish it when they have been
// worked on.
func (h *Hooks) StartBatch(ctx context.Context, list []*kgo.Record) (opentracing.Span, context.Context) {
	t, on := middleware.Active(h.tracer)
	if !on || len(list) == 0 {
		return opentracing.NoopTracer{}.StartSpan(""), ctx
	}
	var producers []opentracing.SpanContext
	topic, partition, records := "", int32(-1), 0
	for _, r := range list {
		if h.filter != nil && !h.filter(r) {
			continue
		}
		switch records++; {
		case records == 1:
			topic, partition = r.Topic, r.Partition
		case topic != r.Topic:
			topic, partition = "", -1
		case partition != r.Partition:
			partition = -1
		}
		if len(producers) < MaxReferences {
			if p := producerOf(t, r); p != nil {
				producers = append(producers, p)
			}
		}
	}
	if records == 0 {
		return opentracing.NoopTracer{}.StartSpan(""), ctx
	}
	if len(producers) == 0 {
		if outer := opentracing.SpanFromContext(ctx); outer != nil {
			producers = append(producers, outer.Context())
		}
	}
	sampledFirst(producers)
	options := make([]opentracing.StartSpanOption, 0, 1+len(producers)+len(h.startWith))
	options = append(options, kindConsumer)
	for _, p := range producers {
		options = append(options, opentracing.FollowsFrom(p))
	}
	s := t.StartSpan(nameOf("process", topic), append(options, h.startWith...)...)
	if middleware.IsSampled(s) {
		h.tag(s, topic)
		s.SetTag("kafka.records", records)
		if partition >= 0 {
			s.SetTag("kafka.partition", partition)
		}
		if g := h.client.Load().group; g != "" {
			s.SetTag("kafka.group", g)
		}
	}
	return s, opentracing.ContextWithSpan(ctx, s)
}

// sampledFirst puts a producer that is sampled in front, if there is one: the
// first decides whether the batch is recorded, and in which trace.
func sampledFirst(producers []opentracing.SpanContext) {
	for i, p := range producers {
		if d, ok := p.(interface{ IsSampled() bool }); !ok || d.IsSampled() {
			producers[0], producers[i] = producers[i], producers[0]
			return
		}
	}
}
