// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// one is a span of a trace that tells nothing more.
func one(trace, id int) string {
	return fmt.Sprintf(`{"traceId":"%x","id":"%x","name":"n%d","timestamp":START+%d,"duration":5,"localEndpoint":{"serviceName":"s%d"},"remoteEndpoint":{"serviceName":"r%d"}}`, trace, id, id%7, id, trace%5, trace%3)
}

// check holds the store against the sums over what it should hold.
func check(t *testing.T, s *store) {
	t.Helper()
	s.mu.RLock()
	defer s.mu.RUnlock()
	var bytes, spans int64
	names := newNames()
	traces := make(map[uint64]int)
	for n := s.ring.first; n != s.ring.next; n++ {
		h := s.ring.at(n)
		bytes += int64(h.batch.Memory()) + heldCost
		h.each(func(i int) {
			spans++
			sp := &h.batch.Spans()[i]
			names.add(h.batch, sp)
			traces[sp.Trace.Lo]++
		})
	}
	bytes += spans*spanCost + int64(len(traces))*traceCost
	if bytes != s.bytes || spans != s.spans || names.bytes != s.names.bytes {
		t.Errorf("bytes %d, spans %d, names %d, want %d, %d, %d", s.bytes, s.spans, s.names.bytes, bytes, spans, names.bytes)
	}
	if len(traces) != len(s.traces) || len(traces) != len(s.marks) {
		t.Errorf("%d traces, %d marks, want %d", len(s.traces), len(s.marks), len(traces))
	}
	for lo, live := range traces {
		if e := s.traces[lo]; e == nil || e.live != live || s.marks[e.mark].lo != lo {
			t.Errorf("trace %x: %+v, want %d spans", lo, e, live)
		}
	}
	if uint64(spans)+s.gone != s.taken {
		t.Errorf("%d held + %d gone != %d taken", spans, s.gone, s.taken)
	}
	if s.bytes+s.names.bytes > s.limit {
		t.Errorf("%d bytes, want at most %d", s.bytes+s.names.bytes, s.limit)
	}
	for name, v := range s.names.services {
		if w := names.services[name]; w == nil || w.spans != v.spans || len(w.names) != len(v.names) || len(w.remotes) != len(v.remotes) {
			t.Errorf("service %s: %+v, want %+v", name, v, w)
		}
	}
}

func TestEviction(t *testing.T) {
	t.Parallel()
	first, second := batch(t, one(1, 1), one(2, 1)), batch(t, one(1, 2), one(3, 1))
	v := newView(Options{})
	evicted := 0
	v.store.onEvicted = func(n int) { evicted += n }
	consume(t, v, first, second)
	check(t, v.store)
	if _, spans, _ := v.store.held(); spans != 4 || evicted != 0 {
		t.Fatalf("%d held, %d evicted", spans, evicted)
	}
	// There is room for one byte less than is needed with another batch.
	_, _, bytes := v.store.held()
	v.store.limit = bytes
	consume(t, v, batch(t, one(4, 1)))
	check(t, v.store)
	if _, spans, _ := v.store.held(); spans != 3 || evicted != 2 {
		t.Fatalf("%d held, %d evicted", spans, evicted)
	}
	if got := strings.Join(v.store.services(), " "); got != "s1 s3 s4" {
		t.Error(got)
	}
	if tr, ok := v.store.trace(span.TraceID{Lo: 1}); !ok || tr.gone != 1 || len(tr.items) != 1 {
		t.Errorf("trace 1: %v %+v", ok, tr)
	}
	if _, ok := v.store.trace(span.TraceID{Lo: 2}); ok {
		t.Error("trace 2 is still there")
	}
	if rows := getJSON[traceRows](t, v, "/view/trace/1"); rows.Cut != 1 || rows.Spans != 1 {
		t.Errorf("cut %d, spans %d", rows.Cut, rows.Spans)
	}
	list := getJSON[struct{ Traces []summary }](t, v, "/view/traces").Traces
	if len(list) != 3 || list[0].Cut+list[1].Cut+list[2].Cut != 1 {
		t.Errorf("%+v", list)
	}
}

// A batch may come in several parcels, between others and twice.
func TestParcels(t *testing.T) {
	t.Parallel()
	var spans []string
	for i := range 200 {
		spans = append(spans, one(1+i%3, 1+i))
	}
	a, b := batch(t, spans...), batch(t, one(1, 500))
	items := spantest.Items(a)
	v := newView(Options{})
	put := func(items []span.Item) {
		t.Helper()
		if _, err := v.Consume(context.Background(), span.Parcel{Items: items}); err != nil {
			t.Fatal(err)
		}
		check(t, v.store)
	}
	put(items[:70])
	put(spantest.Items(b))
	put(items[60:150])
	put(items[150:])
	put(items)
	if traces, spans, bytes := v.store.held(); traces != 3 || spans != 201 || bytes < int64(a.Memory()+b.Memory()) || bytes > int64(a.Memory()+b.Memory())+100_000 {
		t.Errorf("%d traces, %d spans, %d bytes", traces, spans, bytes)
	}
	v.store.limit = 20_000
	put(spantest.Items(batch(t, one(1, 501))))
	if tr, ok := v.store.trace(span.TraceID{Lo: 1}); !ok || len(tr.items) != 2 || tr.gone != 67 {
		t.Errorf("%v: %d spans, %d gone", ok, len(tr.items), tr.gone)
	}
}

// Whatever comes in whatever parcels, the sums agree and the bound holds.
func TestLedger(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	v := newView(Options{Memory: 300_000, Set: metrics.New(prometheus.NewRegistry())})
	for range 300 {
		var spans []string
		for range 1 + r.IntN(30) {
			spans = append(spans, one(1+r.IntN(40), 1+r.IntN(1000)))
		}
		items := spantest.Items(batch(t, spans...))
		for len(items) > 0 {
			n := 1 + r.IntN(len(items))
			v.store.add(items[:n])
			items = items[n:]
		}
	}
	check(t, v.store)
	if _, gone := v.store.counts(); gone == 0 {
		t.Error("nothing was let go")
	}
	v.Close()
	check(t, v.store)
	consume(t, v, batch(t, one(1, 1)))
	if traces, spans, bytes := v.store.held(); traces+spans+bytes != 0 {
		t.Errorf("after Close: %d traces, %d spans, %d bytes", traces, spans, bytes)
	}
}

// A batch that is greater than the whole memory is let go at once.
func TestTooGreat(t *testing.T) {
	t.Parallel()
	v := newView(Options{Memory: 1000})
	consume(t, v, batch(t, one(1, 1), one(1, 2)))
	check(t, v.store)
	if _, gone := v.store.counts(); gone != 2 {
		t.Errorf("%d gone", gone)
	}
}

func TestRow48TraceIDs(t *testing.T) {
	t.Parallel()
	const (
		short = `{"traceId":"000000000000000a","id":"1"}`
		long  = `{"traceId":"000000000000000b000000000000000a","id":"2"}`
		other = `{"traceId":"000000000000000c000000000000000a","id":"3"}`
	)
	f := func(strict bool, ask string, want string, spans ...string) {
		t.Helper()
		v := newView(Options{Strict: strict})
		for _, s := range spans {
			consume(t, v, batch(t, s))
		}
		var got []string
		if status, _ := get(t, v, "/api/v2/trace/"+ask); status == 200 {
			for _, s := range getJSON[[]struct{ ID string }](t, v, "/api/v2/trace/"+ask) {
				got = append(got, strings.TrimLeft(s.ID, "0"))
			}
		}
		slices.Sort(got)
		if strings.Join(got, "") != want {
			t.Errorf("strict %v, %s of %d: %v, want %s", strict, ask, len(spans), got, want)
		}
	}
	const b, c = "b000000000000000a", "c000000000000000a"
	f(false, "a", "12", short, long)
	f(false, b, "12", short, long)
	f(false, b, "12", long, short)
	f(false, b, "1", short)
	f(false, "a", "2", long)
	f(false, c, "", long)
	f(false, c, "", long, short)
	f(false, "a", "1", short, long, other)
	f(false, b, "2", short, long, other)
	f(false, c, "3", short, long, other)
	f(false, "a", "2", long, other)
	f(true, "a", "1", short, long)
	f(true, b, "2", short, long)
	f(true, "a", "", long)
	f(true, b, "", short)

	v := newView(Options{})
	consume(t, v, batch(t, short, long))
	if rows := getJSON[traceRows](t, v, "/view/trace/a"); rows.Trace != "000000000000000b000000000000000a" || len(rows.IDs) != 2 || rows.Rows[0].Marks[0] != "width" {
		t.Errorf("%+v", rows)
	}
	// Unique ids come under one trace id.
	for _, s := range getJSON[[]struct{ TraceID string }](t, v, "/api/v2/trace/a?ids=unique") {
		if s.TraceID != "000000000000000b000000000000000a" {
			t.Error(s.TraceID)
		}
	}
}

// Questions and intake at the same time; for the race detector.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	v := newView(Options{Memory: 100_000, AutocompleteKeys: []string{"a"}})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := range 200 {
				v.store.add(spantest.Items(batch(t, one(1+i%9, 1+i+w*1000), one(1+w, 2+i+w*1000))))
			}
		})
	}
	for _, target := range []string{
		"/api/v2/traces?annotationQuery=x", "/api/v2/trace/1", "/view/traces", "/api/v2/services", "/view/names?service=s1",
		"/view/status", "/api/v2/autocompleteValues?key=a", "/api/v2/dependencies?endTs=99999999999999", "/view/trace/1/span/1",
	} {
		wg.Go(func() {
			for range 30 {
				get(t, v, target)
			}
		})
	}
	wg.Wait()
	check(t, v.store)
}
