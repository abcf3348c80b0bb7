// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/span"
)

// A call of one trace: the child of the server, the server half, the client.
const (
	theChild = iota
	theServer
	theClient
)

func reported(which ...int) *span.Batch {
	w := span.NewBuilder(nil, span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano()})
	for _, n := range which {
		s := [...]span.Span{
			{ID: 0xc, Parent: 0xb}, {ID: 0xb, Kind: span.KindServer, Has: span.Shared}, {ID: 0xb, Kind: span.KindClient},
		}[n]
		s.Trace.Lo = 1
		s.Local.Service = w.Copy([...]string{"back", "back", "front"}[n])
		w.Span(s)
	}
	return w.Batch()
}

// parents keeps what comes, and what it was told before.
type parents struct {
	mu       sync.Mutex
	got      []span.Identity
	observed []span.Identity
}

func (p *parents) take(items []span.Item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, it := range items {
		p.got = append(p.got, it.Identity)
	}
}

// consumer only takes spans; observer wants to be told of them before.
type (
	consumer struct{ *parents }
	observer struct {
		consumer
		sizes []int
	}
)

func (c consumer) Consume(_ context.Context, p span.Parcel) (left span.LeftOut, err error) {
	c.take(p.Items)
	return left, nil
}

func (o *observer) Consume(ctx context.Context, p span.Parcel) (span.LeftOut, error) {
	o.sizes = append(o.sizes, len(p.Items))
	return o.consumer.Consume(ctx, p)
}

func (o *observer) Observe(items []span.Item) {
	for _, it := range items {
		o.observed = append(o.observed, it.Identity)
	}
}

func (p *parents) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

func window() *assemble.Options {
	return &assemble.Options{Hold: 2 * time.Second, Remember: time.Minute, MaxRemembered: 1000, MaxSpans: 1000, MaxBytes: 1 << 20}
}

func (b *bench) report(which ...int) {
	b.t.Helper()
	if err := b.intake.Put(b.ctx, reported(which...)); err != nil {
		b.t.Fatal(err)
	}
}

// A span that waits is held, as are the messages behind it; those that need not
// wait leave, and the sums agree all the time.
func TestTargetWithWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var p parents
		target := b.target(Options{Name: "a", MaxSpans: 10, MaxBytes: 1 << 20, Window: window()}, consumer{&p})
		half := span.PlaceOf("back", reported(theServer).Spans()[0].Local.IP()).Half(0xb)

		b.report(theChild, theClient)
		synctest.Wait()
		if p.len() != 1 || target.Held() != 1 {
			t.Fatalf("%d came and %d are held, want the client alone", p.len(), target.Held())
		}
		b.sums(target)
		if n := testutil.ToFloat64(b.set.WindowWaiting.WithLabelValues("a")); n != 1 {
			t.Errorf("%v wait, want 1", n)
		}
		time.Sleep(time.Second)
		b.report(theServer)
		synctest.Wait()
		want := []span.Identity{{ID: 0xb}, {ID: half, Parent: 0xb}, {ID: 0xc, Parent: half}}
		if !slices.Equal(p.got, want) {
			t.Errorf("%v, want %v", p.got, want)
		}
		if items, bytes := target.cursor.Held(); items != 0 || bytes != 0 || target.Held() != 0 {
			t.Errorf("%d spans and %d bytes are held", items, bytes)
		}
		b.sums(target)
		if n := testutil.ToFloat64(b.set.WindowReleased.WithLabelValues("a", "complete")); n != 1 {
			t.Errorf("%v released, want 1", n)
		}
	})
}

func TestWindowTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var p parents
		target := b.target(Options{Name: "a", MaxSpans: 10, MaxBytes: 1 << 20, Window: window()}, consumer{&p})
		b.report(theChild)
		time.Sleep(2*time.Second - time.Millisecond)
		synctest.Wait()
		if p.len() != 0 {
			t.Fatal("it did not wait")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if p.len() != 1 || target.Held() != 0 {
			t.Fatalf("%d came, %d are held", p.len(), target.Held())
		}
		// At the end of the process nothing waits.
		b.report(theChild)
		synctest.Wait()
		target.Drain()
		synctest.Wait()
		b.report(theChild)
		synctest.Wait()
		if p.len() != 3 || target.Held() != 0 {
			t.Fatalf("%d came, %d are held", p.len(), target.Held())
		}
		b.sums(target)
	})
}

// A target whose spans are collected is told of them at once, and gets those of
// a group in one parcel, however small parcels are to be.
func TestWindowTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var p parents
		opts := window()
		opts.Together, opts.Settle, opts.Longest, opts.GroupSpans = true, time.Second, 5*time.Second, 300
		o := &observer{consumer: consumer{&p}}
		target := b.target(Options{Name: "a", MaxSpans: 1, MaxBytes: 1 << 20, Window: opts}, o)
		b.report(theServer)
		b.report(theChild)
		synctest.Wait()
		if len(p.observed) != 2 || p.len() != 0 {
			t.Fatalf("%d observed and %d came, want 2 and none", len(p.observed), p.len())
		}
		time.Sleep(5100 * time.Millisecond) // the caller never comes
		synctest.Wait()
		if !slices.Equal(o.sizes, []int{2}) || target.Held() != 0 {
			t.Errorf("parcels of %v spans, want one of 2; %d are held", o.sizes, target.Held())
		}
		b.sums(target)
	})
}

// slow takes a second for a parcel.
type slow struct{ *parents }

func (s slow) Consume(_ context.Context, p span.Parcel) (left span.LeftOut, err error) {
	time.Sleep(time.Second)
	s.take(p.Items)
	return left, nil
}

// The time of a span that waits is up also when the target is so slow that there
// always is more to read. It goes by when messages came, so that what lies in the
// backlog is not too late.
func TestWindowTimesWithABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var p parents
		target := b.target(Options{Name: "a", MaxSpans: 1, MaxBytes: 1 << 20, Window: window()}, slow{&p})
		b.report(theChild)
		for range 12 {
			time.Sleep(500 * time.Millisecond)
			b.report(theClient)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if at := slices.IndexFunc(p.got, func(i span.Identity) bool { return i.ID == 0xc }); at < 0 || at > 5 {
			t.Errorf("it left at place %d of %d, want one of the first", at, len(p.got))
		}
		b.sums(target)
	})
}

// What came in time is in time, however late a slow target reads it.
func TestWindowOfASlowTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var p parents
		b.target(Options{Name: "a", MaxSpans: 1, MaxBytes: 1 << 20, Window: window()}, slow{&p})
		b.report(theChild)
		for range 8 {
			b.report(theClient)
		}
		time.Sleep(time.Second)
		b.report(theServer)
		time.Sleep(time.Minute)
		synctest.Wait()
		half := span.PlaceOf("back", reported(theServer).Spans()[0].Local.IP()).Half(0xb)
		if !slices.Contains(p.got, span.Identity{ID: 0xc, Parent: half}) {
			t.Errorf("%v, want one with the parent %s", p.got, half)
		}
	})
}

// Spans that are let go together do not make a parcel larger than others.
func TestWindowParcelBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var sizes []int
		target := b.target(Options{Name: "a", MaxSpans: 100, MaxBytes: 300, Linger: time.Second, Window: window()},
			consume(func(p span.Parcel) { sizes = append(sizes, len(p.Items)) }))
		for range 9 {
			w := span.NewBuilder(make([]byte, 100), span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano()})
			w.Span(span.Span{Trace: span.TraceID{Lo: 1}, ID: 0xc, Parent: 0xb, Local: span.Endpoint{Service: w.Copy("back")}})
			if err := b.intake.Put(b.ctx, w.Batch()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(sizes, []int{3, 3, 3}) || target.Held() != 0 {
			t.Errorf("parcels of %v spans, want three of 3; %d are held", sizes, target.Held())
		}
		b.sums(target)
	})
}

type panicking struct{ consumer }

func (panicking) Observe([]span.Item) { panic("bug") }

// A bug in an observer costs neither the process nor a span.
func TestObserverPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var p parents
		opts := window()
		opts.Together, opts.Settle, opts.Longest, opts.GroupSpans = true, time.Second, 5*time.Second, 300
		target := b.target(Options{Name: "a", MaxSpans: 10, MaxBytes: 1 << 20, Window: opts}, panicking{consumer{&p}})
		b.report(theServer)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := testutil.ToFloat64(b.set.Panics.WithLabelValues("target a")); p.len() != 1 || n != 1 {
			t.Errorf("%d spans came, %v panics were counted, want 1 and 1", p.len(), n)
		}
		b.sums(target)
	})
}
