// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
	"github.com/spanbridge/spanbridge/span"
)

// A change takes hold at once: of the next parcel, of how many are on their way,
// and of one that waits for hours to be tried again.
func TestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var refuses atomic.Bool
		refuses.Store(true)
		s := &sink{answer: func(int, span.Parcel) (int, error) {
			if refuses.Load() {
				return 0, later(24 * time.Hour)
			}
			return 0, nil
		}}
		opts := named("a", func(o *Options) { o.MaxSpans, o.Workers = 10, 1 })
		target := b.target(opts, s)
		for range 5 {
			if err := b.put(10); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if s.calls != 1 {
			t.Fatalf("%d calls, want the one that waits", s.calls)
		}
		opts.Workers = 3
		target.Change(opts)
		synctest.Wait()
		if s.calls != 4 { // the first one again, and two more
			t.Fatalf("%d calls, want 4", s.calls)
		}
		refuses.Store(false)
		opts.MaxSpans = 3
		target.Change(opts)
		time.Sleep(time.Second)
		synctest.Wait()
		if target.Held() != 0 || !slices.Equal(s.got(), upTo(50)) {
			t.Errorf("%d are held, %v came", target.Held(), s.got())
		}
		s.sizes = nil
		if err := b.put(7); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if slices.Max(s.sizes) != 3 {
			t.Errorf("parcels of %v spans, want at most 3", s.sizes)
		}
		b.sums(target)
	})
}

// A window keeps what waits when its times change.
func TestChangeOfAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var p parents
		opts := Options{Name: "a", MaxSpans: 10, MaxBytes: 1 << 20, Window: window()}
		target := b.target(opts, consumer{&p})
		b.report(theChild)
		synctest.Wait()
		opts.Window = &assemble.Options{Hold: 0, Remember: time.Minute, MaxRemembered: 1000, MaxSpans: 1000, MaxBytes: 1 << 20}
		target.Change(opts)
		synctest.Wait()
		if p.len() != 0 || target.Held() != 1 {
			t.Fatalf("%d came, %d are held, want the one that waits", p.len(), target.Held())
		}
		b.report(theServer)
		synctest.Wait()
		if p.len() != 2 || target.Held() != 0 {
			t.Errorf("%d came, %d are held", p.len(), target.Held())
		}
		b.report(theChild)
		synctest.Wait()
		if p.len() != 3 {
			t.Errorf("%d came: a span waits though nothing is to", p.len())
		}
		b.sums(target)
	})
}

// leave ends a target as a reload does.
func leave(t *Target, cancel context.CancelFunc, done <-chan struct{}) {
	t.Leave()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
	}
	cancel()
	<-done
}

// start runs a target that can be ended alone.
func (b *bench) start(t *Target) (end func()) {
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.Run(ctx)
	}()
	return func() { leave(t, cancel, done) }
}

// A target that takes the place of another one gets what that one has not sent,
// and nothing twice that was taken: with one that takes spans, one that is dead,
// and one that does not answer.
func TestSucceed(t *testing.T) {
	manners := map[string]func(int, span.Parcel) (int, error){
		"takes":    nil,
		"dead":     func(int, span.Parcel) (int, error) { return 0, later(time.Hour) },
		"now only": func(n int, _ span.Parcel) (int, error) { return 0, map[bool]error{true: later(time.Hour)}[n > 7] },
	}
	for name, answer := range manners {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, 0)
				defer b.end()
				former, next := &sink{answer: answer}, &sink{}
				opts := named("a", func(o *Options) {
					o.MaxSpans, o.Queue = 7, queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}
				})
				target, err := NewTarget(b.log, opts, decodeIDs, former, b.set, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				end := b.start(target)
				for range 50 {
					if err := b.put(10); err != nil {
						t.Fatal(err)
					}
				}
				end()
				b.sums(target)
				target = target.Succeed(opts, decodeIDs, next, slog.New(slog.DiscardHandler))
				b.sums(target)
				end = b.start(target)
				if err := b.put(10); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				end()
				seen := make(map[span.ID]int)
				for _, id := range append(former.got(), next.got()...) {
					seen[id]++
				}
				twice := 0
				for _, n := range seen {
					if n > 1 {
						twice++
					}
				}
				if len(seen) != b.next-1 || twice > 0 {
					t.Errorf("%d spans came, %d of them twice, want %d", len(seen), twice, b.next-1)
				}
				if target.Held() != 0 {
					t.Errorf("%d are held", target.Held())
				}
				b.sums(target)
			})
		})
	}
}

// A span that waits in the window goes before the target leaves.
func TestLeaveEmptiesTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		var p parents
		opts := Options{Name: "a", MaxSpans: 10, MaxBytes: 1 << 20, Window: window(), Queue: queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}}
		target, err := NewTarget(b.log, opts, decodeIDs, consumer{&p}, b.set, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		end := b.start(target)
		b.report(theChild)
		synctest.Wait()
		end()
		if left, kept := target.Release(); p.len() != 1 || left != 0 || kept != 0 {
			t.Errorf("%d came, %d are left, %d kept", p.len(), left, kept)
		}
	})
}

// A target that is removed, and one that is added: their sums hold on.
func TestRemoveAndAdd(t *testing.T) {
	for name, disk := range map[string]*queuetest.Disk{"memory": nil, "disk": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, 0)
				if disk != nil {
					b = onDisk(t, disk, 0)
				}
				defer b.log.Close()
				defer b.end()
				dead := &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(time.Second) }}
				opts := named("a", func(o *Options) { o.Queue = queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse} })
				target, err := NewTarget(b.log, opts, decodeIDs, dead, b.set, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				end := b.start(target)
				stays := b.target(named("stays", nil), &sink{})
				if err := b.log.Settle(); err != nil {
					t.Fatal(err)
				}
				for range 10 {
					if err := b.put(10); err != nil {
						t.Fatal(err)
					}
				}
				end()
				left, kept := target.Release()
				// The log on disk of this test forgets at once, too.
				if left != 100 || kept != 0 {
					t.Errorf("%d are left and %d kept, want 100 and 0", left, kept)
				}
				b.sums(target)
				if err := b.put(10); err != nil {
					t.Fatal(err)
				}
				b.sums(target)
				s := &sink{}
				added, err := NewTarget(b.log, opts, decodeIDs, s, b.set, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				end = b.start(added)
				if err := b.put(10); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if got := s.got(); len(got) != 10 || got[0] != 111 {
					t.Errorf("%v came, want what came after it", got)
				}
				b.sums(added)
				b.sums(stays)
				end()
			})
		})
	}
}
