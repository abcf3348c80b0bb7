// SPDX-License-Identifier: Apache-2.0

package franz_test

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/franz"
	"github.com/spanbridge/spanbridge/span"
)

// A producer and a consumer.
func Example() {
	p := propagation.New(propagation.Write(propagation.SW8))
	producer := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2, Sampling: propagation.Accept}
	record := &kgo.Record{Topic: "orders", Value: []byte("…")}
	franz.InjectAt(record, p, &producer, propagation.Caller{Service: "shop", Instance: "i", Endpoint: "POST:/orders", Address: "kafka:9092"}, time.UnixMilli(1700000000000))

	c := franz.Extract(record, p)
	fmt.Println(c.Trace, c.Span, time.UnixMilli(1700000000042).Sub(time.UnixMilli(c.Sent)))
	// Output: 0000000000000001 0000000000000002 42ms
}

func ExampleInject() {
	record := &kgo.Record{Headers: []kgo.RecordHeader{{Key: "b3", Value: []byte("0")}}}
	c := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2, Sampling: propagation.Accept}
	franz.Inject(record, propagation.New(propagation.Write(propagation.B3)), &c, propagation.Caller{})
	for _, h := range record.Headers {
		fmt.Printf("%s: %s\n", h.Key, h.Value)
	}
	// Output: b3: 0000000000000001-0000000000000002-1
}
