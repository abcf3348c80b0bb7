// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// fleet makes batches of 100 spans each, of traces of 10 spans.
func fleet(t testing.TB, spans int) []*span.Batch {
	batches := make([]*span.Batch, 0, spans/100)
	for b := range spans / 100 {
		list := make([]string, 0, 100)
		for i := range 100 {
			n := b*100 + i
			parent := ""
			if n%10 > 0 {
				parent = fmt.Sprintf(`"parentId":"%016x",`, n)
			}
			list = append(list, fmt.Sprintf(`{"traceId":"%016x%016x","id":"%016x",%s"kind":"SERVER","name":"get /items/{id}","timestamp":%d,"duration":%d,"localEndpoint":{"serviceName":"service-%d","ipv4":"10.0.0.%d"},"tags":{"http.method":"GET","http.path":"/items/%d","http.status_code":"200","component":"net/http"}}`,
				n/10, uint64(n/10)*0x9e3779b97f4a7c15+1, n+1, parent, start+n*10, n%1000+1, n%20, n%20, n))
		}
		batches = append(batches, decode(t, "zipkin.v2.json", "["+strings.Join(list, ",")+"]"))
	}
	return batches
}

func BenchmarkConsume(b *testing.B) {
	batches := fleet(b, 100_000)
	items := make([][]span.Item, len(batches))
	for i := range batches {
		items[i] = spantest.Items(batches[i])
	}
	f := func(name string, memory int64) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := newStore(memory, false)
				for i := range items {
					s.add(items[i])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/span")
		})
	}
	f("all kept", 1<<40)
	f("most let go", 10_000_000)
}

// The memory that the index takes, measured, beside what the store counts.
func BenchmarkMemory(b *testing.B) {
	batches := fleet(b, 200_000)
	items := make([][]span.Item, len(batches))
	var own int64
	for i := range batches {
		items[i] = spantest.Items(batches[i])
		own += int64(batches[i].Memory())
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := newStore(1<<40, false)
		for i := range items {
			s.add(items[i])
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		_, _, counted := s.held()
		b.ReportMetric(float64(own)/200_000, "batch-B/span")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/200_000, "index-B/span")
		b.ReportMetric(float64(counted-own)/200_000, "counted-index-B/span")
		runtime.KeepAlive(s)
	}
}

func BenchmarkAnswers(b *testing.B) {
	v := newView(Options{})
	for _, batch := range fleet(b, 200_000) {
		v.store.add(spantest.Items(batch))
	}
	var big []string
	for i := range 10_000 {
		big = append(big, fmt.Sprintf(`{"traceId":"ffffffff","id":"%x","parentId":"%x","kind":"SERVER","name":"get /items/{id}","timestamp":%d,"duration":%d,"localEndpoint":{"serviceName":"service-%d","ipv4":"10.0.0.1"},"tags":{"http.method":"GET","http.path":"/items"}}`, i+2, i/3+1, start+i*10, 10_000-i, i%20))
	}
	consume(b, v, batch(b, big...))
	h := v.Handler()
	f := func(name, target string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
				n, _ := io.Copy(io.Discard, w.Body)
				b.ReportMetric(float64(n), "B/answer")
			}
		})
	}
	f("newest 50 of 200000 spans", "/view/traces?limit=50")
	f("none of 200000 spans by tag", "/view/traces?annotationQuery=http.path%3D%2Fnone")
	f("none of 200000 spans by service and duration", "/view/traces?serviceName=service-3&minDuration=2000")
	f("zipkin newest 10", "/api/v2/traces?lookback=999999999999")
	f("dependencies of 200000 spans", "/api/v2/dependencies?lookback=999999999999&endTs=1767225700000")
	f("10000 spans as rows", "/view/trace/ffffffff")
	f("10000 spans as zipkin", "/api/v2/trace/ffffffff")
	f("10000 spans as zipkin, unique", "/api/v2/trace/ffffffff?ids=unique")
	f("one span of 10000", "/view/trace/ffffffff/span/2")
}
