// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// fates is a consumer that decides for each span by its id; what it leaves out it
// says as an encoder and a target would.
type fates func(id span.ID, left *span.LeftOut, by span.Protocol) error

func (f fates) Consume(_ context.Context, p span.Parcel) (left span.LeftOut, err error) {
	for _, it := range p.Items {
		if err := f(it.ID, &left, it.Batch.Protocol()); err != nil {
			return span.LeftOut{}, err
		}
	}
	return left, nil
}

// formats are one of each protocol; decodeIDs reads all of them.
var formats = []string{"zipkin.ids", "jaeger.ids", "otlp.ids", "skywalking.ids", "test.ids"}

// putAs takes a message of n spans of a format.
func (b *bench) putAs(format string, n int) {
	b.t.Helper()
	batch, _ := decodeIDs(body(b.next, n), span.Origin{Format: format, Transport: "http", Received: time.Now().UnixNano()})
	if err := b.intake.Put(b.ctx, batch); err != nil {
		b.t.Fatal(err)
	}
	b.next += n
}

// sure is an error for a while of a target that has nothing.
type sure struct{ later }

func (sure) NothingTaken() bool { return true }

// TestLedgerByProtocol drives every column of the ledger, for messages of all
// protocols that share parcels, and checks the sum of each.
func TestLedgerByProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		letters, err := deadletter.Open(deadletter.Options{MaxBytes: 1 << 20, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer letters.Close()
		var calls atomic.Int64
		a := b.target(named("a", func(o *Options) { o.Dead, o.Workers = letters, 1 }), fates(func(id span.ID, left *span.LeftOut, by span.Protocol) error {
			switch id % 10 {
			case 1:
				left.NoForm[by]++
			case 2:
				left.Refused[by]++
			case 3:
				left.Repeated[by]++
			case 4:
				left.Merged[by]++
			case 5:
				return errors.New("never")
			}
			if calls.Add(1) == 1 {
				return later(0) // nobody knows what became of the first parcel
			}
			return nil
		}))
		expires := b.target(named("expires", func(o *Options) { o.Retry.GiveUpAfter = time.Second }), &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(0) }})
		drops := b.target(named("drops", func(o *Options) {
			o.Queue = queue.CursorOptions{MaxBytes: 2000, WhenFull: queue.DropOldest}
		}), &sink{answer: func(int, span.Parcel) (int, error) { return 0, sure{later(0)} }})
		for i := range 50 {
			b.putAs(formats[i%len(formats)], 10)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, x := range []*Target{a, expires, drops} {
			b.sums(x)
		}
		for p := range span.NumProtocols {
			by := "protocol=" + span.Protocol(p).String()
			for _, want := range []struct {
				name   string
				labels []string
				spans  int
			}{
				{"bridge_export_spans_total", []string{"target=a", "outcome=delivered"}, 50},
				{"bridge_export_spans_total", []string{"target=a", "outcome=malformed"}, 10},
				{"bridge_export_spans_total", []string{"target=a", "outcome=refused"}, 10},
				{"bridge_spans_repeated_total", []string{"target=a", "reason=recognized"}, 10},
				{"bridge_spans_merged_total", []string{"target=a"}, 10},
				{"bridge_spans_dead_total", []string{"target=a", "reason=refused"}, 10},
				{"bridge_spans_held", []string{"target=a"}, 0},
				{"bridge_export_spans_total", []string{"target=expires", "outcome=expired"}, 100},
			} {
				if n := b.sum(want.name, append(want.labels, by)...); n != want.spans {
					t.Errorf("%s of %v: %d, want %d", by, want.labels, n, want.spans)
				}
			}
			if dropped, held := b.sum("bridge_spans_dropped_total", "target=drops", by), b.sum("bridge_spans_held", "target=drops", by); dropped == 0 || held == 0 {
				t.Errorf("%s: %d are dropped and %d held, want some of both", by, dropped, held)
			}
		}
		// The first parcel may have come twice; no request to the others leaves that open.
		if n := b.sum("bridge_spans_suspected_total", "target=a"); n == 0 || n > 100 {
			t.Errorf("%d may have come twice, want those of one parcel", n)
		}
		if n := b.sum("bridge_spans_suspected_total", "target=drops"); n != 0 {
			t.Errorf("%d may have come twice, though the target said that it has nothing", n)
		}
	})
}

// TestReviveByProtocol: what was dead and is sent again counts on both sides.
func TestReviveByProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		letters, err := deadletter.Open(deadletter.Options{MaxBytes: 1 << 20, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer letters.Close()
		var better atomic.Bool
		x := b.target(named("a", func(o *Options) { o.Dead = letters }), fates(func(id span.ID, _ *span.LeftOut, _ span.Protocol) error {
			if id%5 == 0 && !better.Load() {
				return errors.New("never")
			}
			return nil
		}))
		for _, f := range formats {
			b.putAs(f, 10)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		better.Store(true)
		for _, brief := range letters.Briefs() {
			letter, err := letters.Get(brief.ID)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := x.Revive(b.ctx, letter); err != nil || r.Delivered != letter.Count {
				t.Fatal(r, err)
			}
		}
		b.sums(x)
		for p := range span.NumProtocols {
			by := "protocol=" + span.Protocol(p).String()
			if n := b.sum("bridge_spans_revived_total", by); n != 2 {
				t.Errorf("%s: %d are revived, want 2", by, n)
			}
		}
	})
}
