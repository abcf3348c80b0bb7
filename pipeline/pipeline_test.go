// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// body is a list of span ids, eight bytes each; decodeIDs is its decoder.
func body(from, n int) []byte {
	var p []byte
	for i := range n {
		p = binary.BigEndian.AppendUint64(p, uint64(from+i))
	}
	return p
}

func decodeIDs(body []byte, origin span.Origin) (*span.Batch, error) {
	w := span.NewBuilder(body, origin)
	for i := 0; i < len(body); i += 8 {
		w.Span(span.Span{Trace: span.TraceID{Lo: 1}, ID: span.ID(binary.BigEndian.Uint64(body[i:]))})
	}
	return w.Batch(), nil
}

// bench is a pipeline under test.
type bench struct {
	t      *testing.T
	log    *queue.Log
	intake *Intake
	reg    *prometheus.Registry
	set    *metrics.Set
	stop   context.CancelFunc
	ctx    context.Context
	done   sync.WaitGroup
	next   int
	taken  []*span.Batch
}

func newBench(t *testing.T, companions int64) *bench {
	reg := prometheus.NewRegistry()
	b := &bench{t: t, log: queue.NewMemory(companions), reg: reg, set: metrics.New(reg), next: 1}
	b.intake = NewIntake(b.log, b.set)
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

func (b *bench) target(opts Options, c Consumer) *Target {
	b.t.Helper()
	if opts.Queue.MaxBytes == 0 {
		opts.Queue.MaxBytes = 1 << 30
	}
	if opts.Queue.WhenFull == "" {
		opts.Queue.WhenFull = queue.Refuse
	}
	t, err := NewTarget(b.log, opts, decodeIDs, c, b.set, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	b.done.Go(func() { t.Run(b.ctx) })
	return t
}

// put takes a batch of n spans with ids that go on from the last one, in memory that
// is used again.
func (b *bench) put(n int) error {
	f := span.NewBuffer(8 * n)
	f.Body = append(f.Body, body(b.next, n)...)
	batch, _ := decodeIDs(f.Body, span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano(), Buffer: f})
	err := b.intake.Put(b.ctx, batch)
	if err == nil {
		b.next += n
		b.taken = append(b.taken, batch)
	}
	return err
}

func (b *bench) end() {
	b.stop()
	b.done.Wait()
}

// sums checks the ledger of a target: of each protocol, what was received, resumed
// and revived is in exactly one of the other columns.
func (b *bench) sums(t *Target) {
	b.t.Helper()
	for p := range span.NumProtocols {
		protocol := "protocol=" + span.Protocol(p).String()
		in, out := b.sum("bridge_spans_received_total", protocol)-b.sum("bridge_spans_absent_total", protocol, "target="+t.Name()), 0
		for _, name := range []string{"resumed_total", "revived_total"} {
			in += b.sum("bridge_spans_"+name, protocol, "target="+t.Name())
		}
		var columns []string
		for _, name := range []string{"bridge_export_spans_total", "bridge_spans_repeated_total", "bridge_spans_merged_total", "bridge_spans_dropped_total", "bridge_spans_dead_total", "bridge_spans_held"} {
			n := b.sum(name, protocol, "target="+t.Name())
			columns = append(columns, fmt.Sprintf("%s %d", name, n))
			out += n
		}
		if in != out {
			b.t.Errorf("%s of %s: received, resumed and revived %d != %v", protocol, t.Name(), in, columns)
		}
	}
}

// sum adds up the series of a metric that have all these labels, such as "target=a".
func (b *bench) sum(name string, labels ...string) (n int) {
	b.t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			has := 0
			for _, l := range m.GetLabel() {
				if slices.Contains(labels, l.GetName()+"="+l.GetValue()) {
					has++
				}
			}
			if has == len(labels) {
				n += int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	return n
}

// dead is how many spans of a target count as dead.
func (b *bench) dead(t *Target) (n int) { return b.sum("bridge_spans_dead_total", "target="+t.Name()) }

func (b *bench) exported(t *Target, o outcome) int {
	return b.sum("bridge_export_spans_total", "target="+t.Name(), "outcome="+outcomeNames[o])
}

// sink collects ids; answer says what to do with a parcel, nil takes it.
type sink struct {
	mu     sync.Mutex
	ids    []span.ID
	sizes  []int
	answer func(call int, p span.Parcel) (int, error)
	calls  int
}

func (s *sink) Consume(_ context.Context, p span.Parcel) (span.LeftOut, error) {
	s.mu.Lock()
	s.calls++
	call := s.calls
	s.mu.Unlock()
	var left span.LeftOut
	if s.answer != nil {
		n, err := s.answer(call, p)
		if err != nil {
			return left, err
		}
		left.NoForm[span.Unknown] = n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = append(s.sizes, len(p.Items))
	for _, it := range p.Items {
		s.ids = append(s.ids, it.ID)
	}
	return left, nil
}

func (s *sink) got() []span.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.ids)
	slices.Sort(out)
	return out
}

func upTo(n int) (ids []span.ID) {
	for i := range n {
		ids = append(ids, span.ID(i+1))
	}
	return ids
}

type later time.Duration

func (l later) Error() string             { return "later" }
func (l later) RetryAfter() time.Duration { return time.Duration(l) }

var ordinary = Options{
	Name: "a", MaxSpans: 100, MaxBytes: 1 << 20, Linger: 10 * time.Millisecond, Workers: 3,
	Retry: Retry{Initial: 10 * time.Millisecond, Max: time.Second},
}

func named(name string, change func(*Options)) Options {
	o := ordinary
	o.Name = name
	if change != nil {
		change(&o)
	}
	return o
}

func TestEverySpanOnceUnderFailures(t *testing.T) {
	for _, companions := range []int64{0, 1 << 30} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, companions)
			rng := rand.New(rand.NewPCG(1, 2))
			var mu sync.Mutex
			s := &sink{answer: func(int, span.Parcel) (int, error) {
				// Not asleep with the lock: that would stop the bubble's clock.
				mu.Lock()
				takes, fails, wait := rng.IntN(20), rng.IntN(3) == 0, rng.IntN(50)
				mu.Unlock()
				time.Sleep(time.Duration(takes) * time.Millisecond)
				if fails {
					return 0, later(wait * int(time.Millisecond))
				}
				return 0, nil
			}}
			target := b.target(ordinary, s)
			own := rand.New(rand.NewPCG(3, 4))
			for range 300 {
				if err := b.put(1 + own.IntN(250)); err != nil {
					t.Fatal(err)
				}
				if own.IntN(4) == 0 {
					time.Sleep(time.Duration(own.IntN(40)) * time.Millisecond)
				}
			}
			for target.Held() > 0 {
				time.Sleep(time.Second)
			}
			if got, want := s.got(), upTo(b.next-1); !slices.Equal(got, want) {
				t.Errorf("got %d ids, want %d", len(got), len(want))
			}
			if most := slices.Max(s.sizes); most > 100 {
				t.Errorf("a parcel of %d spans", most)
			}
			b.sums(target)
			b.end()
		})
	}
}

func TestDeadTargetStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		dead := b.target(named("dead", func(o *Options) { o.Queue.MaxBytes = 2000 }),
			&sink{answer: func(int, span.Parcel) (int, error) { return 0, later(0) }})
		drops := b.target(named("drops", func(o *Options) {
			o.Queue = queue.CursorOptions{MaxBytes: 2000, WhenFull: queue.DropOldest}
		}), &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(time.Hour) }})
		s := &sink{}
		alive := b.target(named("alive", nil), s)
		n := 0
		var busy *Busy
		for {
			if err := b.put(5); errors.As(err, &busy) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			n += 5
			time.Sleep(time.Second)
		}
		if n < 20 || busy.RetryAfter() <= 0 {
			t.Errorf("busy after %d spans, come again in %v", n, busy.RetryAfter())
		}
		time.Sleep(time.Minute)
		if got := len(s.got()); got != n {
			t.Errorf("the target that is alive got %d of %d", got, n)
		}
		for _, x := range []*Target{dead, drops, alive} {
			b.sums(x)
		}
		if dead.Held() != int64(n) {
			t.Errorf("held %d for the dead target, want %d", dead.Held(), n)
		}
		if d := b.sum("bridge_spans_dropped_total", "target=drops", "reason=queue_full"); d != 0 {
			t.Errorf("%v dropped while inside the bound", d)
		}
		b.end()
	})
}

func TestDropOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		open := make(chan struct{})
		s := &sink{answer: func(int, span.Parcel) (int, error) { <-open; return 0, nil }}
		x := b.target(named("a", func(o *Options) {
			o.Workers = 1
			o.Queue = queue.CursorOptions{MaxBytes: 2000, WhenFull: queue.DropOldest}
		}), s)
		for range 100 {
			if err := b.put(10); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		b.sums(x)
		close(open)
		time.Sleep(time.Minute)
		b.sums(x)
		got := s.got()
		if len(got) >= 1000 || len(got) < 50 || got[len(got)-1] != 1000 {
			t.Errorf("%d ids, the last %v; want some, and the newest", len(got), got[len(got)-1:])
		}
		b.end()
	})
}

func TestOutcomes(t *testing.T) {
	const died = outcome(-1)
	f := func(name string, retry Retry, answer func(int, span.Parcel) (int, error), want map[outcome]int) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, 1<<20)
				x := b.target(named("a", func(o *Options) { o.Retry = retry }), &sink{answer: answer})
				if err := b.put(10); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				for o := range 4 {
					if got := b.exported(x, outcome(o)); got != want[outcome(o)] {
						t.Errorf("%s: %d, want %d", outcomeNames[o], got, want[outcome(o)])
					}
				}
				if got := b.dead(x); got != want[died] {
					t.Errorf("dead: %d, want %d", got, want[died])
				}
				b.sums(x)
				b.end()
			})
		})
	}
	quick := Retry{Initial: time.Millisecond, Max: time.Second}
	f("taken", quick, nil, map[outcome]int{delivered: 10})
	f("some have no form", quick, func(int, span.Parcel) (int, error) { return 3, nil }, map[outcome]int{delivered: 7, malformed: 3})
	f("refused", quick, func(int, span.Parcel) (int, error) { return 0, errors.New("no") }, map[outcome]int{died: 10})
	f("taken at the third try", quick, func(n int, _ span.Parcel) (int, error) {
		if n < 3 {
			return 0, fmt.Errorf("busy: %w", later(time.Second))
		}
		return 0, nil
	}, map[outcome]int{delivered: 10})
	f("given up", Retry{Initial: time.Millisecond, Max: time.Second, GiveUpAfter: time.Minute},
		func(int, span.Parcel) (int, error) { return 0, later(0) }, map[outcome]int{expired: 10})
	f("never given up", quick, func(int, span.Parcel) (int, error) { return 0, later(0) }, map[outcome]int{})
	f("panic", quick, func(int, span.Parcel) (int, error) { panic("bug") }, map[outcome]int{died: 10})
}

// A record that is larger than a parcel is sent in pieces, but spans of one
// segment stay together, and it is committed with its last piece.
func TestSegmentsStayTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<30)
		var mu sync.Mutex
		var parcels [][]uint32
		x := b.target(named("a", func(o *Options) { o.MaxSpans = 10; o.Workers = 1 }), &sink{answer: func(_ int, p span.Parcel) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			var segments []uint32
			for _, it := range p.Items {
				segments = append(segments, it.Span().Segment)
			}
			parcels = append(parcels, segments)
			return 0, nil
		}})
		w := span.NewBuilder(body(1, 50), span.Origin{Format: "test.ids", Transport: "http"})
		for i := range 50 {
			w.Span(span.Span{Trace: span.TraceID{Lo: 1}, ID: span.ID(i + 1), Segment: uint32(i/7 + 1)})
		}
		if err := b.intake.Put(b.ctx, w.Batch()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		seen := make(map[uint32]bool)
		for _, p := range parcels {
			inThis := make(map[uint32]bool)
			for _, s := range p {
				if seen[s] {
					t.Errorf("segment %d is in two parcels: %v", s, parcels)
				}
				inThis[s] = true
			}
			for s := range inThis {
				seen[s] = true
			}
		}
		if len(seen) != 8 || x.Held() != 0 {
			t.Errorf("%d segments, held %d", len(seen), x.Held())
		}
		b.end()
	})
}

// What is on its way when the process stops counts as held.
func TestStopLeavesSpansHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<30)
		x := b.target(ordinary, &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(0) }})
		if err := b.put(10); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		b.end()
		if x.Held() != 10 {
			t.Errorf("held %d, want 10", x.Held())
		}
		b.sums(x)
	})
}

func TestHead(t *testing.T) {
	want := span.Origin{Format: "zipkin.v2.json", Transport: "http", Received: 1_700_000_000_000_000_001}
	head := appendHead(nil, want)
	if got, err := readHead(head); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range head {
		if _, err := readHead(head[:n]); err == nil {
			t.Errorf("no error for %d of %d bytes", n, len(head))
		}
	}
}

func FuzzHead(f *testing.F) {
	f.Add(appendHead(nil, span.Origin{Format: "a", Transport: "b", Received: 1}))
	f.Add(appendHead(nil, span.Origin{Format: "a", Transport: "b", Received: 1, Tenant: "c"}))
	f.Fuzz(func(_ *testing.T, p []byte) { _, _ = readHead(p) })
}

func BenchmarkPipeline(b *testing.B) {
	reg := prometheus.NewRegistry()
	set := metrics.New(reg)
	log := queue.NewMemory(1 << 20)
	in := NewIntake(log, set)
	done := make(chan struct{}, 1)
	t, err := NewTarget(log, Options{Name: "a", MaxSpans: 1000, MaxBytes: 1 << 20, Workers: 1, Queue: queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}},
		decodeIDs, consume(func(span.Parcel) { done <- struct{}{} }), set, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	go t.Run(ctx)
	batch, _ := decodeIDs(body(1, 100), span.Origin{Format: "test.ids", Transport: "http", Received: 1})
	b.ReportAllocs()
	for b.Loop() {
		if err := in.Put(ctx, batch); err != nil {
			b.Fatal(err)
		}
		<-done
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/span")
	stop()
}

type consume func(span.Parcel)

func (c consume) Consume(_ context.Context, p span.Parcel) (span.LeftOut, error) {
	c(p)
	return span.LeftOut{}, nil
}
