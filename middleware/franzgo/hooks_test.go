// SPDX-License-Identifier: Apache-2.0

package franzgo_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/mocktracer"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/middleware/franzgo"
	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

func cluster(t testing.TB) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders", "mails"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func connect(t testing.TB, c *kfake.Cluster, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("orders")}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// poll polls n records.
func poll(t testing.TB, cl *kgo.Client, n int) (list []*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for len(list) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		list = append(list, fetches.Records()...)
	}
	return list
}

func produce(t testing.TB, ctx context.Context, cl *kgo.Client, list ...*kgo.Record) {
	t.Helper()
	if err := cl.ProduceSync(ctx, list...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, s *tracer.Record, want map[string]string) {
	t.Helper()
	for key, w := range want {
		if got := recorded.Tag(s, key); got != w {
			t.Errorf("%s: %s is %q, want %q", s.Operation, key, got, w)
		}
	}
}

// From a producer to its consumer, by each format of headers.
func TestThroughABroker(t *testing.T) {
	for _, f := range propagation.AllFormats() {
		t.Run(f.String(), func(t *testing.T) {
			c := cluster(t)
			brokers := strings.Join(c.ListenAddrs(), ";")
			tr, spans := recorded.NewTracer(tracer.WithPropagator(propagation.New(propagation.Write(f))))
			hooks := franzgo.New(tr)
			cl := connect(t, c, kgo.WithHooks(hooks), kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"))
			parent := tr.StartSpan("checkout")
			ctx := opentracing.ContextWithSpan(t.Context(), parent)
			sent := &kgo.Record{Value: []byte("x"), Headers: []kgo.RecordHeader{{Key: "mine", Value: []byte("1")}}}
			produce(t, ctx, cl, sent)
			if sent.Context != ctx {
				t.Errorf("the record's context is %v", sent.Context)
			}
			r := poll(t, cl, 1)[0]
			err := hooks.Process(t.Context(), r, func(ctx context.Context, got *kgo.Record) error {
				if got != r || opentracing.SpanFromContext(ctx) == nil {
					t.Error("no record, or no span in its context")
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			list := spans.Wait(t, 2)
			out, in := list[0], list[1]
			if out.Operation != "send orders" || out.Kind != span.KindProducer || out.Parent != parent.Context().(*tracer.SpanContext).Span {
				t.Errorf("producer %+v", out)
			}
			if in.Operation != "process orders" || in.Kind != span.KindConsumer || in.Parent != out.ID || in.Trace != out.Trace || in.References[0].Kind != span.FollowsFrom {
				t.Errorf("consumer %+v", in)
			}
			common := map[string]string{
				"component": "franz-go", "messaging.system": "kafka", "message_bus.destination": "orders", "peer.service": "kafka",
				"peer.address": brokers, "kafka.partition": "0", "kafka.offset": "0", "error": "",
			}
			check(t, out, common)
			check(t, in, common)
			check(t, in, map[string]string{"kafka.group": "billing"})
			if string(r.Headers[0].Value) != "1" {
				t.Errorf("headers %v", r.Headers)
			}
			if f == propagation.SW8 { // the address is the peer of both
				for _, h := range r.Headers {
					if h.Key == "sw8" {
						fields := strings.Split(string(h.Value), "-")
						if b, _ := base64.StdEncoding.DecodeString(fields[7]); string(b) != brokers {
							t.Errorf("sw8 %s", h.Value)
						}
					}
				}
			}
		})
	}
}

// A record that is produced again, or was fetched, has the headers of one trace,
// and records that share a slice of headers each have their own.
func TestHeaders(t *testing.T) {
	tr, spans := recorded.NewTracer(tracer.WithPropagator(propagation.New(propagation.Write(propagation.Uber, propagation.B3))))
	hooks := franzgo.New(tr)
	cl := connect(t, cluster(t), kgo.WithHooks(hooks), kgo.ConsumeTopics("orders", "mails"))
	again := &kgo.Record{}
	produce(t, t.Context(), cl, again)
	produce(t, t.Context(), cl, again)
	list := spans.Wait(t, 2)
	if list[0].Parent != 0 || list[1].Parent != 0 || list[0].Trace == list[1].Trace {
		t.Errorf("%+v, %+v", list[0], list[1])
	}
	shared := make([]kgo.RecordHeader, 1, 10)
	shared[0] = kgo.RecordHeader{Key: "UBER-trace-id", Value: []byte("of another")}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { produce(t, t.Context(), cl, &kgo.Record{Headers: shared}) })
	}
	wg.Wait()
	if string(shared[0].Value) != "of another" {
		t.Error("the shared slice was changed")
	}
	seen := make(map[string]bool)
	records := poll(t, cl, 10)
	for _, r := range records {
		n := 0
		for _, h := range r.Headers {
			if strings.EqualFold(h.Key, "uber-trace-id") {
				n++
				seen[string(h.Value)] = true
			}
		}
		if n != 1 || len(r.Headers) != 2 {
			t.Errorf("headers %v", r.Headers)
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d different headers of 10", len(seen))
	}
	// Forwarded: the trace goes on.
	spans.Wait(t, 10)
	_ = hooks.Process(t.Context(), records[0], func(ctx context.Context, r *kgo.Record) error {
		produce(t, ctx, cl, &kgo.Record{Topic: "mails", Headers: r.Headers, Value: r.Value})
		return nil
	})
	all := spans.Wait(t, 12)
	out, in := all[10], all[11]
	if out.Parent != in.ID || out.Trace != in.Trace {
		t.Errorf("%+v below %+v", out, in)
	}
	if mail := poll(t, cl, 1)[0]; len(mail.Headers) != 2 {
		t.Errorf("headers %v", mail.Headers)
	}
}

// However the way of a record ends, its span does.
func TestProduceFails(t *testing.T) {
	tr, spans := recorded.NewTracer()
	c := cluster(t)
	cl := connect(t, c, kgo.WithHooks(franzgo.New(tr)), kgo.UnknownTopicRetries(1), kgo.RecordRetries(1), kgo.AllowAutoTopicCreation())
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "bad topic!"}).FirstErr(); err == nil {
		t.Fatal("no error")
	}
	if s := spans.Only(t); recorded.Tag(s, "error") != "true" || recorded.Logged(s, "error", "message") == "" || recorded.Tag(s, "kafka.offset") != "" {
		t.Errorf("%v %v", s.Tags, s.Logs)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cl.ProduceSync(over, &kgo.Record{Topic: "elsewhere"}).FirstErr(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	spans.Wait(t, 2)
	// Closed with records in the buffer.
	lingers := connect(t, c, kgo.WithHooks(franzgo.New(tr)), kgo.ManualFlushing())
	for range 3 {
		lingers.Produce(t.Context(), &kgo.Record{}, nil)
	}
	if n := len(spans.Records()); n != 2 {
		t.Errorf("%d spans ended before their records", n-2)
	}
	lingers.Close()
	for _, s := range spans.Wait(t, 5)[2:] {
		if recorded.Tag(s, "error") != "true" {
			t.Errorf("%v", s.Tags)
		}
	}
	// Without a topic.
	none, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.WithHooks(franzgo.New(tr)))
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if err := none.ProduceSync(t.Context(), &kgo.Record{}).FirstErr(); err == nil {
		t.Fatal("no error")
	}
	if s := spans.Wait(t, 6)[5]; s.Operation != "send" || recorded.Tag(s, "error") != "true" {
		t.Errorf("%+v", s)
	}
}

func TestProcessEnds(t *testing.T) {
	tr, spans := recorded.NewTracer()
	hooks := franzgo.New(tr)
	r := &kgo.Record{Topic: "orders"}
	broken := errors.New("broken")
	if err := hooks.Process(t.Context(), r, func(context.Context, *kgo.Record) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	func() {
		defer func() {
			if recover() != "no luck" {
				t.Error("the panic did not go on")
			}
		}()
		hooks.ProcessBatch(t.Context(), []*kgo.Record{r}, func(context.Context, []*kgo.Record) error { panic("no luck") })
	}()
	list := spans.Wait(t, 2)
	if recorded.Logged(list[0], "error", "message") != "broken" || recorded.Logged(list[1], "error", "message") != "no luck" || !strings.Contains(recorded.Logged(list[1], "error", "stack"), "hooks_test.go") {
		t.Errorf("%v, %v", list[0].Logs, list[1].Logs)
	}
	// Without headers it is part of what calls it.
	parent := tr.StartSpan("job")
	hooks.Process(opentracing.ContextWithSpan(t.Context(), parent), r, func(context.Context, *kgo.Record) error { return nil })
	if s := spans.Wait(t, 3)[2]; s.Parent != parent.Context().(*tracer.SpanContext).Span {
		t.Errorf("%+v", s)
	}
}

// The span of a batch follows from all producers, in the trace of one that is
// sampled.
func TestBatch(t *testing.T) {
	tr, spans := recorded.NewTracer(tracer.WithPropagator(propagation.New(propagation.Write(propagation.W3C))))
	hooks := franzgo.New(tr)
	cl := connect(t, cluster(t), kgo.WithHooks(hooks), kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"))
	quiet := tr.StartSpan("quiet", opentracing.Tag{Key: "sampling.priority", Value: 0})
	produce(t, opentracing.ContextWithSpan(t.Context(), quiet), cl, &kgo.Record{})
	for range 2 {
		produce(t, t.Context(), cl, &kgo.Record{})
	}
	sent := spans.Wait(t, 2)
	err := hooks.ProcessBatch(t.Context(), poll(t, cl, 3), func(ctx context.Context, list []*kgo.Record) error {
		if len(list) != 3 || opentracing.SpanFromContext(ctx) == nil {
			t.Errorf("%d records", len(list))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	s := spans.Wait(t, 3)[2]
	check(t, s, map[string]string{"kafka.records": "3", "kafka.partition": "0", "kafka.group": "billing", "message_bus.destination": "orders"})
	if s.Operation != "process orders" || s.Kind != span.KindConsumer || s.Trace != sent[0].Trace || s.Parent != sent[0].ID || len(s.References) != 3 {
		t.Errorf("%+v", s)
	}
	found := 0
	for _, r := range s.References {
		if r.Kind != span.FollowsFrom {
			t.Errorf("%+v", r)
		}
		for _, p := range sent {
			if r.Trace == p.Trace && r.Span == p.ID {
				found++
			}
		}
	}
	if found != 2 {
		t.Errorf("%d of 2 producers among %v", found, s.References)
	}
}

func TestBatchBounds(t *testing.T) {
	tr, spans := recorded.NewTracer()
	hooks := franzgo.New(tr, franzgo.Filter(func(r *kgo.Record) bool { return r.Topic != "private" }))
	var list []*kgo.Record
	for i := range 500 {
		list = append(list, &kgo.Record{Topic: "orders", Partition: int32(i), Headers: []kgo.RecordHeader{{Key: "b3", Value: fmt.Appendf(nil, "%x-%x-1", i+1, i+1)}}})
	}
	list = append(list, &kgo.Record{Topic: "private"})
	s, _ := hooks.StartBatch(t.Context(), list)
	s.Finish()
	got := spans.Only(t)
	if len(got.References) != franzgo.MaxReferences || recorded.Tag(got, "kafka.records") != "500" || recorded.Tag(got, "kafka.partition") != "" {
		t.Errorf("%d references, %v", len(got.References), got.Tags)
	}
	// Of several topics, and without headers.
	s, _ = hooks.StartBatch(t.Context(), []*kgo.Record{{Topic: "a"}, {Topic: "b"}})
	s.Finish()
	if got := spans.Wait(t, 2)[1]; got.Operation != "process" || got.Parent != 0 {
		t.Errorf("%+v", got)
	}
	for _, none := range [][]*kgo.Record{nil, {{Topic: "private"}}} {
		s, ctx := hooks.StartBatch(t.Context(), none)
		if s.Finish(); opentracing.SpanFromContext(ctx) != nil {
			t.Error("a span for nothing")
		}
	}
	spans.Wait(t, 2)
}

// With Receive a record that is polled is a span, and leads to it.
func TestReceive(t *testing.T) {
	tr, spans := recorded.NewTracer()
	hooks := franzgo.New(tr, franzgo.Receive())
	cl := connect(t, cluster(t), kgo.WithHooks(hooks), kgo.ConsumeTopics("orders"))
	produce(t, t.Context(), cl, &kgo.Record{})
	r := poll(t, cl, 1)[0]
	list := spans.Wait(t, 2)
	if in := list[1]; in.Operation != "receive orders" || in.Kind != span.KindConsumer || in.Parent != list[0].ID {
		t.Errorf("%+v", in)
	}
	if s := opentracing.SpanFromContext(r.Context); s == nil || s.Context().(*tracer.SpanContext).Span != list[1].ID {
		t.Error("the record's context does not lead to the span")
	}
	hooks.Process(t.Context(), r, func(context.Context, *kgo.Record) error { return nil })
	if s := spans.Wait(t, 3)[2]; s.Parent != list[1].ID || s.Kind != span.KindUnset {
		t.Errorf("%+v", s)
	}
	hooks.ProcessBatch(t.Context(), []*kgo.Record{r}, func(context.Context, []*kgo.Record) error { return nil })
	if s := spans.Wait(t, 4)[3]; s.Parent != list[1].ID {
		t.Errorf("%+v", s)
	}
}

func TestOptions(t *testing.T) {
	tr, spans := recorded.NewTracer()
	hooks := franzgo.New(tr, franzgo.Component("queue"), franzgo.Brokers("kafka:9092"), franzgo.StartOptions(opentracing.Tag{Key: "zone", Value: "a"}),
		franzgo.Observe(func(s opentracing.Span, r *kgo.Record) { s.SetTag("key", string(r.Key)) }))
	cl := connect(t, cluster(t), kgo.WithHooks(hooks), kgo.ConsumeTopics("orders"))
	produce(t, t.Context(), cl, &kgo.Record{Key: []byte("k")})
	s, _ := hooks.Start(t.Context(), poll(t, cl, 1)[0])
	s.Finish()
	for _, s := range spans.Wait(t, 2) {
		check(t, s, map[string]string{"component": "queue", "peer.address": "kafka:9092", "zone": "a", "key": "k"})
	}
}

// Records without a span stay as they are.
func TestWithoutSpan(t *testing.T) {
	tr, spans := recorded.NewTracer()
	for name, hooks := range map[string]*franzgo.Hooks{
		"filter": franzgo.New(tr, franzgo.Filter(func(*kgo.Record) bool { return false }), franzgo.Receive()),
		"noop":   franzgo.New(opentracing.NoopTracer{}, franzgo.Receive()),
		"global": franzgo.New(nil, franzgo.Receive()),
	} {
		cl := connect(t, cluster(t), kgo.WithHooks(hooks), kgo.ConsumeTopics("orders"))
		produce(t, t.Context(), cl, &kgo.Record{})
		r := poll(t, cl, 1)[0]
		s, ctx := hooks.Start(t.Context(), r)
		s.Finish()
		b, _ := hooks.StartBatch(t.Context(), []*kgo.Record{r})
		b.Finish()
		if len(r.Headers) != 0 || ctx != t.Context() {
			t.Errorf("%s: headers %v", name, r.Headers)
		}
	}
	if n := len(spans.Records()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

func TestNotSampled(t *testing.T) {
	tr, spans := recorded.NewTracer(recorded.Never)
	hooks := franzgo.New(tr, franzgo.Observe(func(opentracing.Span, *kgo.Record) { t.Error("tags are made") }))
	cl := connect(t, cluster(t), kgo.WithHooks(hooks), kgo.ConsumeTopics("orders"))
	produce(t, t.Context(), cl, &kgo.Record{})
	r := poll(t, cl, 1)[0]
	if c := propagation.New().Extract(headers(r)); c.Sampling != propagation.Deny {
		t.Errorf("headers %v say %v", r.Headers, c.Sampling)
	}
	hooks.Process(t.Context(), r, func(context.Context, *kgo.Record) error { return nil })
	if n := len(spans.Records()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

func headers(r *kgo.Record) propagation.TextMap {
	m := make(propagation.TextMap)
	for _, h := range r.Headers {
		m[h.Key] = string(h.Value)
	}
	return m
}

func TestOtherTracers(t *testing.T) {
	c := cluster(t)
	mock := mocktracer.New()
	hooks := franzgo.New(mock)
	cl := connect(t, c, kgo.WithHooks(hooks), kgo.ConsumeTopics("orders"))
	produce(t, t.Context(), cl, &kgo.Record{})
	hooks.Process(t.Context(), poll(t, cl, 1)[0], func(context.Context, *kgo.Record) error { return nil })
	if list := mock.FinishedSpans(); len(list) != 2 || list[1].ParentID != list[0].SpanContext.SpanID {
		t.Errorf("%v", list)
	}
	reporter := jaeger.NewInMemoryReporter()
	jt, closer := jaeger.NewTracer("test", jaeger.NewConstSampler(true), reporter)
	defer closer.Close()
	hooks = franzgo.New(jt)
	cl = connect(t, c, kgo.WithHooks(hooks), kgo.ConsumeTopics("mails"))
	produce(t, t.Context(), cl, &kgo.Record{Topic: "mails"})
	hooks.Process(t.Context(), poll(t, cl, 1)[0], func(context.Context, *kgo.Record) error { return nil })
	list := reporter.GetSpans()
	if len(list) != 2 {
		t.Fatalf("%v", list)
	}
	if out, in := list[0].Context().(jaeger.SpanContext), list[1].Context().(jaeger.SpanContext); in.TraceID() != out.TraceID() || in.ParentID() != out.SpanID() {
		t.Errorf("%v, %v", out, in)
	}
}

func BenchmarkProduce(b *testing.B) {
	quiet, _ := recorded.NewTracer(recorded.Never)
	for name, tr := range map[string]opentracing.Tracer{"sampled": tracer.New("bench"), "notSampled": quiet, "noop": opentracing.NoopTracer{}} {
		b.Run(name, func(b *testing.B) {
			hooks := franzgo.New(tr)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				r := kgo.Record{Topic: "orders", Context: ctx}
				hooks.OnProduceRecordBuffered(&r)
				hooks.OnProduceRecordUnbuffered(&r, nil)
			}
		})
	}
}
