// SPDX-License-Identifier: Apache-2.0

// Package franzgo traces producers and consumers of Kafka that use franz-go.
//
//	hooks := franzgo.New(t)
//	client, err := kgo.NewClient(kgo.WithHooks(hooks), …)
//	client.Produce(ctx, record, nil)
//
//	fetches := client.PollFetches(ctx)
//	fetches.EachRecord(func(r *kgo.Record) {
//		err := hooks.Process(ctx, r, handle)
//	})
//
// Each record that is produced becomes a producer span ("send orders"), a child
// of the span in the record's context or in that of Produce. It begins when the
// record is buffered and ends when the broker has acknowledged it or the record
// failed; the record's headers carry the trace. Headers are replaced where they
// were there before; the slice of headers is never changed in place, since
// records may share one.
//
// Consumers say where their work begins and ends, by Process and Start for a
// record, ProcessBatch and StartBatch for several: a consumer span ("process
// orders") that follows from the producer of each. Its trace is that of the
// first record that is sampled; the others are references, of which backends
// other than SkyWalking, Jaeger and OTLP keep none. With the option Receive
// each record is also a span of its own when it is polled, and its Context
// carries that.
//
// Tags: component, span.kind, messaging.system, message_bus.destination (the
// topic), kafka.partition, kafka.offset, kafka.group, kafka.records for batches,
// peer.service (kafka) and peer.address, which are the client's seed brokers as
// SkyWalking's agents name them ("a:9092;b:9092"), the same text for producers
// and consumers. Keys and values are never recorded, nor which broker it was.
package franzgo
