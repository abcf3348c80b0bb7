// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanbridge/spanbridge/span"
)

// TestLearnedLength: a target that refuses long requests is sent shorter ones from
// then on, and a long one again after a while.
func TestLearnedLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		var most atomic.Int64
		most.Store(100)
		s := &sink{answer: func(_ int, p span.Parcel) (int, error) {
			if len(p.Items) > int(most.Load()) {
				return 0, tooLong{}
			}
			return 0, nil
		}}
		x := b.target(bigParcels(nil), s)
		refusals := func() float64 { return testutil.ToFloat64(b.set.ExportRequests.WithLabelValues("a", "refused")) }
		put := func() {
			t.Helper()
			if err := b.put(1000); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		put()
		first := refusals()
		if first == 0 || x.most() > 100 || x.most() < 50 {
			t.Errorf("%v refusals, at most %d spans, want 50 to 100", first, x.most())
		}
		for range 10 {
			put()
		}
		if n := refusals() - first; n != 0 {
			t.Errorf("%v refusals for 10 more parcels, want none", n)
		}
		most.Store(2000)
		time.Sleep(learnedFor)
		put()
		s.mu.Lock()
		last := s.sizes[len(s.sizes)-1]
		s.mu.Unlock()
		if last != 1000 || x.most() != 1000 {
			t.Errorf("%d spans in the last request, at most %d, want 1000", last, x.most())
		}
		if got := len(s.got()); got != 12_000 {
			t.Errorf("%d spans arrived, want 12000", got)
		}
		b.sums(x)
		b.end()
	})
}

// TestGiantTeachesNothing: a span that is too long by itself does not make the
// requests of all others shorter.
func TestGiantTeachesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		s := &sink{answer: func(_ int, p span.Parcel) (int, error) {
			for _, it := range p.Items {
				if it.ID == 700 {
					return 0, tooLong{}
				}
			}
			return 0, nil
		}}
		x := b.target(bigParcels(nil), s)
		if err := b.put(1000); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if x.most() != 1000 || len(s.got()) != 999 || b.dead(x) != 1 {
			t.Errorf("at most %d spans, %d arrived, %d dead", x.most(), len(s.got()), b.dead(x))
		}
		b.sums(x)
		b.end()
	})
}
