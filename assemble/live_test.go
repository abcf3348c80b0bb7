// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// What a span costs that waits for a parent that does not come, among many others that
// do: it pushes the one out that has waited longest. The spans of 4096 traces come by
// turns, eight of each. gc-ms is how long a whole collection takes meanwhile.
func BenchmarkWindowLive(b *testing.B) {
	for _, live := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(live), func(b *testing.B) {
			const size, open, each = 100, 4096, 8
			// Spans are read again when they go on: a message has its turn again when
			// none of it waits any more.
			messages := make([]*span.Batch, live/size+2)
			for m := range messages {
				builder := span.NewBuilder(nil, span.Origin{Format: "zipkin.v2.json"})
				for range size {
					builder.Span(span.Span{ID: 1})
				}
				messages[m] = builder.Batch()
			}
			opts := options()
			opts.Hold, opts.MaxSpans, opts.MaxBytes, opts.MaxRemembered = time.Hour, live, 1<<40, 2*live
			w := New(opts)
			now, n := began, 0
			its := make([]span.Item, size)
			put := func() {
				batch := messages[n%len(messages)]
				for i := range its {
					k := n*size + i
					s := &batch.Spans()[i]
					s.Trace.Lo, s.ID, s.Parent = uint64(k/(open*each)*open+k%open+1), span.ID(2*k+1), span.ID(2*k+2)
					its[i] = span.Item{Batch: batch, Index: i}
				}
				now = now.Add(time.Millisecond)
				w.Due(now)
				w.Put(uint64(n), its, 60_000, now)
				w.Take(len(w.Ready()))
				n++
			}
			for w.Counts().Waiting < live {
				put()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				put()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/span")
			began := time.Now()
			runtime.GC()
			b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "gc-ms")
			if c := w.Counts(); c.Waiting != live {
				b.Fatalf("%+v", c)
			}
			runtime.KeepAlive(messages)
		})
	}
}
