// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
	"github.com/spanbridge/spanbridge/span"
)

// letters are dead letters for a test: in memory, or on a disk.
func letters(t *testing.T, disk *queuetest.Disk) *deadletter.Letters {
	t.Helper()
	opts := deadletter.Options{MaxBytes: 1 << 30, Now: time.Now}
	if disk != nil {
		opts.FS = disk
	}
	l, err := deadletter.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// deadIDs are the ids in the letters, sorted.
func deadIDs(t *testing.T, l *deadletter.Letters) (ids []span.ID) {
	t.Helper()
	for _, b := range l.Briefs() {
		letter, err := l.Get(b.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range letter.Spans {
			id, err := strconv.ParseUint(s.ID, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, span.ID(id))
		}
	}
	slices.Sort(ids)
	return ids
}

// tooLong is the answer to a parcel of too many spans.
type tooLong struct{}

func (tooLong) Error() string  { return "413" }
func (tooLong) TooLarge() bool { return true }

// refusing refuses parcels in which a span is guilty.
func refusing(guilty func(span.ID) bool) func(int, span.Parcel) (int, error) {
	return func(_ int, p span.Parcel) (int, error) {
		for _, it := range p.Items {
			if guilty(it.ID) {
				return 0, fmt.Errorf("400: one of %d", len(p.Items))
			}
		}
		return 0, nil
	}
}

// bigParcels sends a thousand spans at once.
func bigParcels(dead *deadletter.Letters) Options {
	return named("a", func(o *Options) { o.MaxSpans, o.Workers, o.Dead, o.Linger = 1000, 1, dead, 50*time.Millisecond })
}

func TestSplit(t *testing.T) {
	f := func(name string, answer func(int, span.Parcel) (int, error), most int, want []span.ID) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, 1<<20)
				dead := letters(t, nil)
				s := &sink{answer: answer}
				x := b.target(bigParcels(dead), s)
				for range 10 {
					if err := b.put(100); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if got := deadIDs(t, dead); !slices.Equal(got, want) {
					t.Errorf("dead: %d spans, want %d: %v", len(got), len(want), got[:min(len(got), 10)])
				}
				alive := slices.DeleteFunc(upTo(1000), func(id span.ID) bool { return slices.Contains(want, id) })
				if got := s.got(); !slices.Equal(got, alive) {
					t.Errorf("%d spans came, want %d once each", len(got), len(alive))
				}
				if s.calls > most {
					t.Errorf("%d requests, want at most %d", s.calls, most)
				}
				t.Logf("%d requests, %d dead", s.calls, len(want))
				if b.dead(x) != len(want) || x.Held() != 0 {
					t.Errorf("%d count as dead and %d are held", b.dead(x), x.Held())
				}
				b.sums(x)
				b.end()
			})
		})
	}
	only := func(ids ...span.ID) func(span.ID) bool {
		return func(id span.ID) bool { return slices.Contains(ids, id) }
	}
	f("none", nil, 1, nil)
	for _, id := range []span.ID{1, 2, 333, 500, 501, 999, 1000} {
		f(fmt.Sprintf("span %d", id), refusing(only(id)), 14, []span.ID{id})
	}
	var many []span.ID
	for i := range 20 {
		many = append(many, span.ID(17+i*47))
	}
	f("twenty", refusing(only(many...)), 20*10, many)
	f("ten in a row", refusing(func(id span.ID) bool { return id > 300 && id <= 310 }), 10*12, upTo(310)[300:])
	f("too long", func(_ int, p span.Parcel) (int, error) {
		if len(p.Items) > 70 {
			return 0, tooLong{}
		}
		return 0, nil
	}, 60, nil)
	f("one span is too long", func(_ int, p span.Parcel) (int, error) {
		for _, it := range p.Items {
			if it.ID == 400 {
				return 0, tooLong{}
			}
		}
		return 0, nil
	}, 60, []span.ID{400})
	f("panic", func(_ int, p span.Parcel) (int, error) {
		if slices.ContainsFunc(p.Items, func(it span.Item) bool { return it.ID == 77 }) {
			panic("bug")
		}
		return 0, nil
	}, 14, []span.ID{77})
	f("busy between", func(call int, p span.Parcel) (int, error) {
		if call%3 == 0 {
			return 0, later(time.Second)
		}
		return refusing(only(600))(call, p)
	}, 25, []span.ID{600})
	// A target that refuses once by a whim loses nothing.
	f("a whim", func(call int, _ span.Parcel) (int, error) {
		if call == 1 {
			return 0, errors.New("400")
		}
		return 0, nil
	}, 14, nil)
}

// TestSplitEverythingRefused: a target that refuses everything is asked little, less
// for the next parcel, and as before once it takes spans.
func TestSplitEverythingRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		dead := letters(t, nil)
		refuses := true
		s := &sink{}
		s.answer = func(int, span.Parcel) (int, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if refuses {
				return 0, errors.New("400: nothing")
			}
			return 0, nil
		}
		x := b.target(bigParcels(dead), s)
		for _, most := range []int{mostInVain, mostInVainNow, mostInVainNow} {
			before := s.calls
			if err := b.put(1000); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if n := s.calls - before; n > most || n < 2 {
				t.Errorf("%d requests, want at most %d", n, most)
			}
			b.sums(x)
		}
		if got := deadIDs(t, dead); !slices.Equal(got, upTo(3000)) || b.dead(x) != 3000 {
			t.Errorf("%d dead letters' spans, %d counted, want 3000", len(got), b.dead(x))
		}
		s.mu.Lock()
		refuses = false
		s.mu.Unlock()
		for _, brief := range dead.Briefs() {
			l, err := dead.Get(brief.ID)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := x.Revive(b.ctx, l); err != nil || r.Delivered != len(l.Spans) {
				t.Errorf("letter %d of %d spans: %+v, %v", l.ID, len(l.Spans), r, err)
			}
		}
		if got := s.got(); !slices.Equal(got, upTo(3000)) || len(dead.Briefs()) != 0 {
			t.Errorf("%d spans came after all, %d letters are left", len(got), len(dead.Briefs()))
		}
		b.sums(x)
	})
}

// TestSplitAtRandom refuses random spans of random messages, with answers that are
// for a while in between, and accounts for every span.
func TestSplitAtRandom(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			b := newBench(t, 1<<20)
			dead := letters(t, nil)
			share := rng.IntN(60)
			guilty := func(id span.ID) bool { return rand.New(rand.NewPCG(seed, uint64(id))).IntN(1000) < share }
			s := &sink{answer: func(call int, p span.Parcel) (int, error) {
				if call%7 == 6 {
					return 0, later(0)
				}
				return refusing(guilty)(call, p)
			}}
			opts := bigParcels(dead)
			opts.MaxSpans, opts.Workers = 1+rng.IntN(500), 2
			x := b.target(opts, s)
			for range 100 {
				if err := b.put(1 + rng.IntN(40)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			ids := append(s.got(), deadIDs(t, dead)...)
			slices.Sort(ids)
			if !slices.Equal(ids, upTo(b.next-1)) {
				t.Errorf("seed %d: %d of %d spans are delivered or dead", seed, len(ids), b.next-1)
			}
			for _, id := range s.got() {
				if guilty(id) {
					t.Errorf("seed %d: span %d was taken", seed, id)
				}
			}
			b.sums(x)
			b.end()
		})
	}
}

// TestSplitCrash stops the process between the steps of a search: the next one
// delivers everything, has the guilty span dead once, and the letters of the one
// before are still there.
func TestSplitCrash(t *testing.T) {
	for steps := range 13 {
		synctest.Test(t, func(t *testing.T) {
			disk, grave := &queuetest.Disk{}, &queuetest.Disk{}
			b := onDisk(t, disk, 0)
			dead := letters(t, grave)
			s := &sink{}
			s.answer = func(call int, p span.Parcel) (int, error) {
				if call > 4+steps {
					return 0, later(time.Hour)
				}
				return refusing(func(id span.ID) bool { return id == 1 || id == 801 })(call, p)
			}
			x := b.target(bigParcels(dead), s)
			if err := errors.Join(b.put(10), b.log.Settle()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // span 1 is dead
			for range 9 {
				if err := b.put(110); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			b.sums(x)
			disk.Crash()
			grave.Crash()
			b.end()
			_, _ = b.log.Close(), dead.Close()

			b = onDisk(t, disk.After(queuetest.Nothing, 1), 0)
			dead = letters(t, grave.After(queuetest.Nothing, 1))
			again := &sink{answer: refusing(func(id span.ID) bool { return id == 801 || id == 1 })}
			x = b.target(bigParcels(dead), again)
			if err := b.log.Settle(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			ids := slices.Concat(s.got(), again.got(), deadIDs(t, dead))
			slices.Sort(ids)
			if ids = slices.Compact(ids); !slices.Equal(ids, upTo(1000)) {
				t.Errorf("after %d steps: %d of 1000 spans are delivered or dead", steps, len(ids))
			}
			if got := slices.Compact(deadIDs(t, dead)); !slices.Equal(got, []span.ID{1, 801}) {
				t.Errorf("after %d steps: dead are %v, want 1 and 801", steps, got)
			}
			b.sums(x)
			b.end()
			if err := errors.Join(b.log.Close(), dead.Close()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestDeadLettersFullDisk: where no letter can be kept its spans are counted, and the
// target gets what comes after.
func TestDeadLettersFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		grave := &queuetest.Disk{}
		dead := letters(t, grave)
		defer dead.Close()
		grave.FailWith(func(op queuetest.Op, _ string) error {
			if op == queuetest.Write || op == queuetest.Create {
				return syscall.ENOSPC
			}
			return nil
		})
		s := &sink{answer: refusing(func(id span.ID) bool { return id == 5 })}
		x := b.target(bigParcels(dead), s)
		for range 3 {
			if err := b.put(10); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if n := testutil.ToFloat64(b.set.DeadLost.WithLabelValues("a", "unkept")); n != 1 || b.dead(x) != 1 || len(s.got()) != 29 {
			t.Errorf("%v are not kept of %d dead, %d came", n, b.dead(x), len(s.got()))
		}
		b.sums(x)
	})
}

// A message that cannot be decoded again is a dead letter with all its bytes.
func TestUnreadableMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		defer b.end()
		dead := letters(t, nil)
		if err := b.log.Append(queue.Record{Head: []byte{recordVersion}, Body: []byte("what is it?"), Items: 3}); err != nil {
			t.Fatal(err)
		}
		opts := ordinary
		opts.Dead = dead
		x := b.target(opts, &sink{})
		if err := b.log.Append(queue.Record{Head: []byte{recordVersion}, Body: []byte("what is it?"), Items: 3}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		briefs := dead.Briefs()
		if len(briefs) != 1 || briefs[0].Spans != 3 || briefs[0].Reason != deadletter.Unreadable || x.Held() != 0 {
			t.Fatalf("%+v", briefs)
		}
		if l, err := dead.Get(briefs[0].ID); err != nil || string(l.Body) != "what is it?" {
			t.Errorf("%+v, %v", l, err)
		}
		if n := b.sum("bridge_spans_dead_total", "reason=unreadable"); n != 3 {
			t.Errorf("%v counted, want 3", n)
		}
	})
}

// TestReviveInPart: what a target took of a letter is not sent again, what it
// refuses anew and what it did not answer stay.
func TestReviveInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<20)
		defer b.end()
		dead := letters(t, nil)
		s := &sink{answer: func(int, span.Parcel) (int, error) { return 0, errors.New("400: all") }}
		x := b.target(bigParcels(dead), s)
		if err := b.put(64); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		before := len(deadIDs(t, dead))
		calls := 0
		s.answer = func(_ int, p span.Parcel) (int, error) {
			if calls++; calls > 14 {
				return 0, later(time.Hour)
			}
			return refusing(func(id span.ID) bool { return id == 20 || id == 50 })(0, p)
		}
		for _, brief := range dead.Briefs() {
			l, err := dead.Get(brief.ID)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
			r, err := x.Revive(ctx, l)
			cancel()
			if err != nil || r.Delivered+r.Dead+r.Held != len(l.Spans) {
				t.Errorf("letter of %d spans: %+v, %v", len(l.Spans), r, err)
			}
			b.sums(x)
		}
		ids := append(s.got(), deadIDs(t, dead)...)
		slices.Sort(ids)
		if before != 64 || !slices.Equal(ids, upTo(64)) || len(s.got()) == 0 || !slices.Contains(deadIDs(t, dead), 20) {
			t.Errorf("%d were dead; then %d are delivered or dead, %d delivered", before, len(ids), len(s.got()))
		}
	})
}
