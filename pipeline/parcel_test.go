// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// Notices fill a parcel as spans do.
func TestNoticesFillParcels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var sizes []int
		target := b.target(Options{Name: "a", MaxSpans: 10, MaxBytes: 300, Linger: time.Second},
			consume(func(p span.Parcel) { sizes = append(sizes, len(p.Notices)) }))
		for range 9 {
			w := span.NewBuilder(make([]byte, 100), span.Origin{Format: "test.ids", Transport: "grpc", Received: time.Now().UnixNano()})
			w.Instance(span.Instance{Service: w.Copy("a")})
			if err := b.intake.Put(b.ctx, w.Batch()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(sizes, []int{3, 3, 3}) {
			t.Errorf("parcels of %v notices, want three of 3", sizes)
		}
		if _, bytes := target.cursor.Held(); bytes != 0 {
			t.Errorf("%d bytes are held", bytes)
		}
	})
}

// What spans have in common is written again for each of them by many encoders,
// so it counts for each of them.
func TestCommonBytesCount(t *testing.T) {
	for _, w := range []*assemble.Options{nil, window()} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 1<<20)
			defer b.end()
			var sizes []int
			target := b.target(Options{Name: "a", MaxSpans: 100, MaxBytes: 1 << 20, Linger: time.Second, Window: w},
				consume(func(p span.Parcel) { sizes = append(sizes, len(p.Items)) }))
			in := span.NewBuilder(make([]byte, 100), span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano()})
			in.Attr(span.StringAttr(in.Copy("service.name"), in.Copy(strings.Repeat("x", 512<<10))))
			in.Resource(span.Resource{Attrs: in.AttrsFrom(0)})
			for i := range 9 {
				in.Span(span.Span{Trace: span.TraceID{Lo: 1}, ID: span.ID(i + 1), Resource: 1})
			}
			if err := b.intake.Put(b.ctx, in.Batch()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if !slices.Equal(sizes, []int{3, 3, 3}) {
				t.Errorf("parcels of %v spans, want three of 3", sizes)
			}
			b.sums(target)
		})
	}
}

// Spans that are not there when a message is read again count as dropped at once,
// although those before it are still held.
func TestGoneBehindHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		defer b.end()
		dead := &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(0) }}
		opts := named("a", func(o *Options) { o.Queue = queue.CursorOptions{MaxBytes: 1 << 20, WhenFull: queue.Refuse} })
		target, err := NewTarget(b.log, opts, decodeIDs, dead, b.set, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		gone := func() { b.report(theChild, theServer) } // its body is empty
		if err := b.put(5); err != nil {
			t.Fatal(err)
		}
		gone()
		if err := b.put(5); err != nil {
			t.Fatal(err)
		}
		b.done.Go(func() { target.Run(b.ctx) })
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := b.sum("bridge_spans_dropped_total", "reason=reread"); n != 2 || target.Held() != 10 {
			t.Errorf("%v are gone and %d are held, want 2 and 10", n, target.Held())
		}
		b.sums(target)
	})
}
