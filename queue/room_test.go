// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/queue"
)

// patient is a log with one full cursor that makes writers wait.
func patient(t *testing.T, wait time.Duration) (*queue.Log, *queue.Cursor) {
	t.Helper()
	log := queue.NewMemory(0)
	c, err := log.Cursor("slow", queue.CursorOptions{MaxBytes: 1000, WhenFull: queue.Wait, Wait: wait})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(record(0, 900)); err != nil {
		t.Fatal(err)
	}
	return log, c
}

// free takes the oldest record and is done with it.
func free(t *testing.T, c *queue.Cursor) {
	t.Helper()
	r, ok, err := c.TryTake()
	if err != nil || !ok {
		t.Fatalf("%v, %v, want a record", ok, err)
	}
	c.Commit(r.Seq)
}

func TestWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, c := patient(t, 0)
		began := time.Now()
		done := make(chan error)
		go func() { done <- log.AppendWait(t.Context(), record(1, 900), time.Minute) }()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if n := log.Waits().Now; n != 1 {
			t.Fatalf("%d wait, want 1", n)
		}
		free(t, c)
		if err := <-done; err != nil || time.Since(began) != 20*time.Second {
			t.Errorf("%v after %v, want none after 20s", err, time.Since(began))
		}
		if n := log.Waits().Now; n != 0 {
			t.Errorf("%d wait, want none", n)
		}
		if w := log.Waits(); w != (queue.Waits{Taken: 1}) {
			t.Errorf("%+v, want one that was taken", w)
		}
	})
}

// TestWaitEnds: waiting ends with the time that the cursor says, or else the
// writer's, with its context, and with the log.
func TestWaitEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		cursor, patience time.Duration
		end              func(context.CancelFunc, *queue.Log)
		after            time.Duration
		want             error
	}{
		"patience":   {0, 7 * time.Second, nil, 7 * time.Second, nil},
		"cursor":     {2 * time.Second, 7 * time.Second, nil, 2 * time.Second, nil},
		"long":       {time.Minute, 7 * time.Second, nil, time.Minute, nil},
		"impatient":  {time.Minute, 0, nil, 0, nil},
		"the client": {0, time.Minute, func(c context.CancelFunc, _ *queue.Log) { c() }, 3 * time.Second, context.Canceled},
		"the log":    {0, time.Minute, func(_ context.CancelFunc, l *queue.Log) { _ = l.Close() }, 3 * time.Second, queue.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, _ := patient(t, tt.cursor)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.end != nil {
					go func() {
						time.Sleep(3 * time.Second)
						tt.end(cancel, log)
					}()
				}
				began := time.Now()
				err := log.AppendWait(ctx, record(1, 900), tt.patience)
				if took := time.Since(began); took != tt.after {
					t.Errorf("it took %v, want %v", took, tt.after)
				}
				var full *queue.Full
				switch {
				case tt.want != nil && !errors.Is(err, tt.want):
					t.Errorf("%v, want %v", err, tt.want)
				case tt.want == nil && (!errors.As(err, &full) || full.Cursor != "slow" || full.Waited != tt.after):
					t.Errorf("%#v, want it full after %v", err, tt.after)
				}
				if n := log.Waits().Now; n != 0 {
					t.Errorf("%d wait, want none", n)
				}
			})
		})
	}
}

// TestWaitInTurn: a long record is not passed by short ones that came later, and
// everybody who waits gets in when there is room for all.
func TestWaitInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := queue.NewMemory(0)
		c, err := log.Cursor("slow", queue.CursorOptions{MaxBytes: 3000, WhenFull: queue.Wait})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if err := log.Append(record(0, 400)); err != nil {
				t.Fatal(err)
			}
		}
		var order []int
		done := make(chan int)
		for i, size := range []int{2000, 10, 10} {
			go func() {
				if err := log.AppendWait(t.Context(), record(uint64(i), size), time.Hour); err != nil {
					t.Error(err)
				}
				done <- i
			}()
			synctest.Wait()
		}
		for range 5 {
			select {
			case i := <-done:
				order = append(order, i)
			default:
			}
			free(t, c)
			synctest.Wait()
		}
		for len(order) < 3 {
			order = append(order, <-done)
		}
		if order[0] != 0 {
			t.Errorf("the order is %v, want the long one first", order)
		}
	})
}

// TestRefuseGoesFirst: where one cursor waits and another refuses, nobody waits.
func TestRefuseGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := queue.NewMemory(0)
		for name, policy := range map[string]queue.WhenFull{"a": queue.Wait, "strict": queue.Refuse, "b": queue.Wait} {
			if _, err := log.Cursor(name, queue.CursorOptions{MaxBytes: 1000, WhenFull: policy}); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Append(record(0, 900)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var full *queue.Full
		if err := log.AppendWait(t.Context(), record(1, 900), time.Hour); !errors.As(err, &full) || full.Cursor != "strict" || time.Since(began) != 0 {
			t.Errorf("%v after %v, want it full for the one that refuses at once", err, time.Since(began))
		}
	})
}
