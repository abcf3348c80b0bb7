// SPDX-License-Identifier: Apache-2.0

package franzgo_test

import (
	"context"
	"fmt"

	"github.com/opentracing/opentracing-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanbridge/spanbridge/middleware/franzgo"
	"github.com/spanbridge/spanbridge/tracer"
)

// A producer, and a consumer that goes on with its trace.
func Example() {
	cluster, err := kfake.NewCluster(kfake.SeedTopics(1, "orders")) // a broker in memory
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()
	t := tracer.New("shop")
	defer t.Close()

	hooks := franzgo.New(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("orders"), kgo.WithHooks(hooks))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	span := t.StartSpan("checkout")
	span.SetBaggageItem("user", "ann")
	ctx := opentracing.ContextWithSpan(context.Background(), span)
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("tea")}).FirstErr(); err != nil {
		fmt.Println(err)
	}
	span.Finish()

	client.PollFetches(context.Background()).EachRecord(func(r *kgo.Record) {
		err := hooks.Process(context.Background(), r, func(ctx context.Context, r *kgo.Record) error {
			fmt.Printf("%s for %s\n", r.Value, opentracing.SpanFromContext(ctx).BaggageItem("user"))
			return nil
		})
		if err != nil {
			fmt.Println(err)
		}
	})
	// Output: tea for ann
}

func ExampleNew() {
	client, err := kgo.NewClient(kgo.WithHooks(franzgo.New(tracer.New("shop"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	client.Close()
}

func ExampleHooks() {
	hooks := franzgo.New(tracer.New("shop"), franzgo.Brokers("kafka:9092"))
	_ = kgo.WithHooks(hooks)
}

func ExampleHooks_Process() {
	hooks := franzgo.New(tracer.New("billing"))
	err := hooks.Process(context.Background(), &kgo.Record{Topic: "orders"}, func(context.Context, *kgo.Record) error {
		return context.DeadlineExceeded // is on the span
	})
	fmt.Println(err)
	// Output: context deadline exceeded
}

func ExampleHooks_ProcessBatch() {
	hooks := franzgo.New(tracer.New("billing"))
	records := []*kgo.Record{{Topic: "orders"}, {Topic: "orders"}}
	_ = hooks.ProcessBatch(context.Background(), records, func(_ context.Context, list []*kgo.Record) error {
		fmt.Println(len(list), "records, one span")
		return nil
	})
	// Output: 2 records, one span
}

func ExampleHooks_Start() {
	hooks := franzgo.New(tracer.New("billing"))
	span, ctx := hooks.Start(context.Background(), &kgo.Record{Topic: "orders"})
	defer span.Finish()
	_ = ctx // for the calls that belong to it
}

func ExampleHooks_StartBatch() {
	hooks := franzgo.New(tracer.New("billing"))
	span, ctx := hooks.StartBatch(context.Background(), []*kgo.Record{{Topic: "orders"}})
	defer span.Finish()
	_ = ctx
}

func ExampleOption() {
	franzgo.New(tracer.New("shop"), franzgo.Receive(), franzgo.Component("queue"))
}

func ExampleFilter() {
	franzgo.New(tracer.New("shop"), franzgo.Filter(func(r *kgo.Record) bool { return r.Topic != "metrics" }))
}

func ExampleObserve() {
	franzgo.New(tracer.New("shop"), franzgo.Observe(func(s opentracing.Span, r *kgo.Record) { s.SetTag("kafka.key", string(r.Key)) }))
}

func ExampleStartOptions() {
	franzgo.New(tracer.New("shop"), franzgo.StartOptions(opentracing.Tag{Key: "zone", Value: "eu-1"}))
}

func ExampleReceive() {
	franzgo.New(tracer.New("billing"), franzgo.Receive())
}

func ExampleComponent() {
	franzgo.New(tracer.New("shop"), franzgo.Component("orders-queue"))
}

func ExampleBrokers() {
	franzgo.New(tracer.New("shop"), franzgo.Brokers("kafka:9092"))
}
