// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
	"github.com/spanbridge/spanbridge/span"
)

// decodeCalls makes spans of the call in window_test.go, in any trace: each is two
// bytes, trace and which of the three.
func decodeCalls(body []byte, origin span.Origin) (*span.Batch, error) {
	w := span.NewBuilder(body, origin)
	for i := 0; i+1 < len(body); i += 2 {
		s := reported(int(body[i+1])).Spans()[0]
		s.Trace.Lo = uint64(body[i])
		s.Local.Service = w.Copy([...]string{"back", "back", "front"}[body[i+1]])
		w.Span(s)
	}
	return w.Batch(), nil
}

// call takes a message of spans that decodeCalls reads.
func (b *bench) call(body ...byte) {
	b.t.Helper()
	batch, _ := decodeCalls(body, span.Origin{Format: "zipkin.calls", Transport: "http", Received: time.Now().UnixNano()})
	if err := b.intake.Put(b.ctx, batch); err != nil {
		b.t.Fatal(err)
	}
}

// caller starts a target that reads calls.
func (b *bench) caller(w *assemble.Options, c Consumer) *Target {
	b.t.Helper()
	opts := named("a", func(o *Options) { o.Window = w })
	opts.Queue = queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}
	t, err := NewTarget(b.log, opts, decodeCalls, c, b.set, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.log.Settle(); err != nil {
		b.t.Fatal(err)
	}
	b.done.Go(func() { t.Run(b.ctx) })
	return t
}

// kill ends the process and gives what the next one finds.
func (b *bench) kill(disk *queuetest.Disk) *queuetest.Disk {
	disk.Crash()
	b.end()
	_ = b.log.Close()
	return disk.After(queuetest.Everything, 1)
}

// learner notes what it is told that an earlier process has sent.
type learner struct {
	consumer
	mu      sync.Mutex
	learned [][]span.Identity
}

func (l *learner) Learn(items []span.Item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var group []span.Identity
	for _, it := range items {
		group = append(group, it.Identity)
	}
	l.learned = append(l.learned, group)
}

// TestAcknowledgedIsNotSentAgain: a span that waits holds back the place of a
// target. After a kill what has left since is not sent again, and the window knows
// it all the same: a child that comes then finds its parent.
func TestAcknowledgedIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := window()
		w.Hold, w.MaxBytes = time.Hour, 1<<20
		disk := &queuetest.Disk{}
		b := onDisk(t, disk, 1<<20)
		var first parents
		target := b.caller(w, consumer{&first})
		half := span.PlaceOf("back", reported(theServer).Spans()[0].Local.IP()).Half(0xb)
		b.call(2, theChild, 1, theClient) // the child waits for its server
		time.Sleep(time.Second)
		b.call(1, theServer, 2, theClient)
		b.call(3, theServer, 3, theChild)
		time.Sleep(time.Second)
		synctest.Wait()
		if first.len() != 5 || target.Held() != 1 {
			t.Fatalf("%d came and %d are held", first.len(), target.Held())
		}
		b.sums(target)
		disk = b.kill(disk)

		b = onDisk(t, disk, 0)
		l := &learner{consumer: consumer{&parents{}}}
		target = b.caller(w, l)
		time.Sleep(time.Second)
		synctest.Wait()
		if l.len() != 0 || target.Held() != 1 {
			t.Errorf("%d came again, %d are held, want the one that waits", l.len(), target.Held())
		}
		want := [][]span.Identity{{{ID: 0xb}}, {{ID: half, Parent: 0xb}, {ID: 0xb}, {ID: half, Parent: 0xb}, {ID: 0xc, Parent: half}}}
		if fmt.Sprint(l.learned) != fmt.Sprint(want) {
			t.Errorf("learned %v, want %v", l.learned, want)
		}
		if n := b.sum("bridge_spans_repeated_total", "reason=acknowledged", "protocol=zipkin"); n != 5 {
			t.Errorf("%d count as acknowledged, want 5", n)
		}
		if n := b.sum("bridge_spans_resumed_total", "protocol=zipkin"); n != 6 {
			t.Errorf("%d are resumed, want 6", n)
		}
		b.sums(target)
		b.call(1, theChild)
		time.Sleep(time.Second)
		synctest.Wait()
		if want := []span.Identity{{ID: 0xc, Parent: half}}; !slices.Equal(l.got, want) {
			t.Errorf("%v, want %v: its parent was sent by an earlier process", l.got, want)
		}
		b.sums(target)
		// Two kills later it is still known.
		disk = b.kill(disk)
		b = onDisk(t, disk, 0)
		defer func() { b.end(); _ = b.log.Close() }()
		var last parents
		target = b.caller(w, consumer{&last})
		target.Drain()
		time.Sleep(time.Second)
		synctest.Wait()
		if last.len() != 1 || target.Held() != 0 {
			t.Errorf("%d came and %d are held, want the one that waited", last.len(), target.Held())
		}
		b.sums(target)
	})
}

// flight is a target that takes its time: it has a parcel from the beginning of the
// request, and the answer comes later.
type flight struct {
	mu   sync.Mutex
	rng  *rand.Rand
	came map[span.ID]int
	now  map[span.ID]bool // their answer has not come
}

func (f *flight) Consume(ctx context.Context, p span.Parcel) (left span.LeftOut, err error) {
	f.mu.Lock()
	wait := time.Duration(f.rng.IntN(300)) * time.Millisecond
	fails := f.rng.IntN(8) == 0
	if !fails {
		for _, it := range p.Items {
			f.came[it.Span().ID]++
			f.now[it.Span().ID] = true
		}
	}
	f.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return left, ctx.Err()
	}
	if fails {
		return left, sure{later(0)}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, it := range p.Items {
		delete(f.now, it.Span().ID)
	}
	return left, nil
}

// TestKillRepeatsWhatIsInFlight kills a pipeline again and again, at any moment. All
// spans come, and one comes again only for each kill at which it was on its way.
func TestKillRepeatsWhatIsInFlight(t *testing.T) {
	for name, w := range map[string]*assemble.Options{"": nil, "window": {
		Hold: time.Second, Remember: time.Minute, MaxRemembered: 1000, MaxSpans: 1000, MaxBytes: 1 << 20,
		Together: true, Settle: 300 * time.Millisecond, Longest: 2 * time.Second, GroupSpans: 20,
	}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { killAgain(t, w) })
		})
	}
}

func killAgain(t *testing.T, w *assemble.Options) {
	rng := rand.New(rand.NewPCG(1, 2))
	f := &flight{rng: rand.New(rand.NewPCG(3, 4)), came: make(map[span.ID]int), now: make(map[span.ID]bool)}
	// Traces of spans that wait for a parent which never comes, and others.
	decode := func(p []byte, origin span.Origin) (*span.Batch, error) {
		b := span.NewBuilder(p, origin)
		for i := 0; i < len(p); i += 8 {
			id := binary.BigEndian.Uint64(p[i:])
			s := span.Span{ID: span.ID(id), Local: span.Endpoint{Service: b.Copy("a")}}
			s.Trace.Lo = 1 + id%50
			if id%7 == 0 {
				s.Parent = span.ID(1_000_000 + id)
			}
			b.Span(s)
		}
		return b.Batch(), nil
	}
	disk, spans, again := &queuetest.Disk{}, 0, make(map[span.ID]int)
	for range 20 {
		b := onDisk(t, disk, int64(rng.IntN(2))<<20)
		b.next = spans + 1
		opts := named("a", func(o *Options) { o.Window, o.MaxSpans = w, 30 })
		opts.Queue = queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}
		x, err := NewTarget(b.log, opts, decode, f, b.set, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		b.done.Go(func() { x.Run(b.ctx) })
		for range rng.IntN(40) {
			n := 1 + rng.IntN(9)
			batch, _ := decode(body(b.next, n), span.Origin{Format: "otlp.ids", Transport: "grpc", Received: time.Now().UnixNano()})
			if err := b.intake.Put(b.ctx, batch); err != nil {
				t.Fatal(err)
			}
			b.next += n
			spans += n
			time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
		}
		synctest.Wait()
		b.sums(x)
		f.mu.Lock()
		for id := range f.now {
			again[id]++
		}
		clear(f.now)
		f.mu.Unlock()
		disk = b.kill(disk)
	}
	b := onDisk(t, disk, 0)
	opts := named("a", func(o *Options) { o.Window = w })
	opts.Queue = queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}
	x, err := NewTarget(b.log, opts, decode, f, b.set, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b.done.Go(func() { x.Run(b.ctx) })
	time.Sleep(time.Minute)
	synctest.Wait()
	b.sums(x)
	if x.Held() != 0 {
		t.Errorf("%d are held", x.Held())
	}
	b.end()
	if err := b.log.Close(); err != nil {
		t.Fatal(err)
	}
	twice := 0
	for id := range spans {
		id := span.ID(id + 1)
		if n := f.came[id]; n < 1 || n > 1+again[id] {
			t.Errorf("span %d came %d times, and was on its way at %d kills", id, n, again[id])
		}
		twice += f.came[id] - 1
	}
	t.Logf("%d of %d spans came again, %d were on their way at a kill", twice, spans, len(again))
}
