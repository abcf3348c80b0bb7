// SPDX-License-Identifier: Apache-2.0

package franzgo

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanbridge/spanbridge/middleware"
)

// Hooks trace the records of a client. Each client is given its own.
type Hooks struct {
	options
	tracer opentracing.Tracer
	client atomic.Pointer[client]
}

// client is what is known of the client.
type client struct{ brokers, group string }

var (
	_ kgo.HookNewClient               = (*Hooks)(nil)
	_ kgo.HookProduceRecordBuffered   = (*Hooks)(nil)
	_ kgo.HookProduceRecordUnbuffered = (*Hooks)(nil)
	_ kgo.HookFetchRecordUnbuffered   = (*Hooks)(nil)
)

// New makes hooks for kgo.WithHooks.
func New(t opentracing.Tracer, list ...Option) *Hooks {
	h := &Hooks{options: options{component: "franz-go"}, tracer: t}
	for _, set := range list {
		set(&h.options)
	}
	h.client.Store(&client{brokers: h.brokers})
	return h
}

// OnNewClient is called by kgo.NewClient.
func (h *Hooks) OnNewClient(cl *kgo.Client) {
	c := client{brokers: h.brokers}
	if c.brokers == "" {
		seeds, _ := cl.OptValue(kgo.SeedBrokers).([]string)
		c.brokers = strings.Join(seeds, ";")
	}
	c.group, _ = cl.OptValue(kgo.ConsumerGroup).(string)
	h.client.Store(&c)
}

// active is the tracer for a record.
func (h *Hooks) active(r *kgo.Record) (opentracing.Tracer, bool) {
	t, on := middleware.Active(h.tracer)
	return t, on && (h.filter == nil || h.filter(r))
}

// The kinds are made once: an option for each record would be an allocation.
var (
	kindProducer opentracing.StartSpanOption = ext.SpanKindProducer
	kindConsumer opentracing.StartSpanOption = ext.SpanKindConsumer
)

// sending is the context of a record that is being produced.
type sending struct {
	context.Context // with the span
	span            opentracing.Span
	before          context.Context
}

type sendingKey struct{}

// Value gives the sending itself to the key that is ours.
func (s *sending) Value(key any) any {
	if _, ok := key.(sendingKey); ok {
		return s
	}
	return s.Context.Value(key)
}

// OnProduceRecordBuffered begins the span of a record and writes its headers.
func (h *Hooks) OnProduceRecordBuffered(r *kgo.Record) {
	t, on := h.active(r)
	if !on {
		return
	}
	before := r.Context
	if before == nil {
		before = context.Background()
	}
	options := make([]opentracing.StartSpanOption, 0, 2+len(h.startWith))
	options = append(options, kindProducer)
	if parent := opentracing.SpanFromContext(before); parent != nil {
		options = append(options, opentracing.ChildOf(parent.Context()))
	}
	s := t.StartSpan(nameOf("send", r.Topic), append(options, h.startWith...)...)
	if middleware.IsSampled(s) {
		h.tag(s, r.Topic) // before Inject: sw8 names the broker
		if h.observe != nil {
			h.observe(s, r)
		}
	}
	// A tracer that cannot write headers must not cost the record.
	c := carrier{headers: r.Headers}
	_ = t.Inject(s.Context(), opentracing.TextMap, &c)
	r.Headers = c.headers
	r.Context = &sending{opentracing.ContextWithSpan(before, s), s, before}
}

// OnProduceRecordUnbuffered ends the span of a record. Its context is as it was
// before, so that it can be produced again.
func (h *Hooks) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	if r.Context == nil {
		return
	}
	s, ok := r.Context.Value(sendingKey{}).(*sending)
	if !ok {
		return
	}
	if r.Context == context.Context(s) {
		r.Context = s.before
	}
	if middleware.IsSampled(s.span) {
		if err != nil {
			middleware.Fail(s.span, err)
		} else {
			s.span.SetTag("kafka.partition", r.Partition)
			s.span.SetTag("kafka.offset", r.Offset)
		}
	}
	s.span.Finish()
}

// OnFetchRecordUnbuffered makes the span of a record that is polled, with the
// option Receive.
func (h *Hooks) OnFetchRecordUnbuffered(r *kgo.Record, polled bool) {
	if !h.receive || !polled {
		return
	}
	ctx := r.Context
	if ctx == nil {
		ctx = context.Background()
	}
	if t, on := h.active(r); on {
		s := h.consume(t, nameOf("receive", r.Topic), r, producerOf(t, r))
		s.Finish()
		r.Context = &received{opentracing.ContextWithSpan(ctx, s), s}
	}
}

// received is the context of a record that was polled.
type received struct {
	context.Context
	span opentracing.Span
}

func nameOf(what, topic string) string {
	if topic == "" {
		return what
	}
	return what + " " + topic
}

// tag sets what spans of producers and consumers have in common.
func (h *Hooks) tag(s opentracing.Span, topic string) {
	s.SetTag("component", h.component)
	s.SetTag("messaging.system", "kafka")
	s.SetTag("message_bus.destination", topic)
	s.SetTag("peer.service", "kafka")
	if b := h.client.Load().brokers; b != "" {
		s.SetTag("peer.address", b)
	}
}
