// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"testing"
	"time"
)

// paced is a log in memory with a record of 1000 bytes before its reader, whose
// writers keep pace with it beyond 500.
func paced(t *testing.T, opts CursorOptions) (*Log, *Cursor) {
	t.Helper()
	l := NewMemory(0)
	t.Cleanup(func() { _ = l.Close() })
	opts.MaxBytes = 1 << 20
	c, err := l.Cursor("a", opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(Record{Body: make([]byte, 1000), Items: 1}); err != nil {
		t.Fatal(err)
	}
	l.KeepPace(500)
	return l, c
}

// writing appends records beside the test; the channel is closed when all are done.
func writing(l *Log, ctx context.Context, n int) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range n {
			_ = l.AppendWait(ctx, Record{Body: make([]byte, 1000), Items: 1}, time.Minute)
		}
	}()
	return done
}

func (l *Log) waitingForPace() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.cursors {
		n += len(c.pace.writers)
	}
	return n
}

// TestPace: what is appended beyond the bound is there at once, and its writer goes
// on when as much has been given out.
func TestPace(t *testing.T) {
	l, c := paced(t, CursorOptions{WhenFull: Wait})
	const records = 1000
	done := writing(l, t.Context(), records)
	for range records + 1 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		taken, err := c.Take(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		c.Commit(taken.Seq)
	}
	<-done
	if l.waitingForPace() != 0 || c.pace.unread != 0 || c.pace.promise != c.pace.gone {
		t.Errorf("%+v", c.pace)
	}
}

// TestPaceStalled: a reader that takes nothing holds up one writer for a moment and
// nobody after it, until it takes again.
func TestPaceStalled(t *testing.T) {
	l, c := paced(t, CursorOptions{WhenFull: Wait})
	<-writing(l, t.Context(), 1)
	if !c.pace.stalled {
		t.Fatal("a reader that takes nothing is waited for")
	}
	<-writing(l, t.Context(), 500) // 25 s, if each waited
	if l.waitingForPace() != 0 {
		t.Error("somebody waits")
	}
	if _, ok, err := c.TryTake(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if c.pace.stalled {
		t.Error("a reader that takes is not waited for")
	}
}

// TestPaceNobody: who has no patience, whose context has ended, and who writes for
// cursors that would rather drop or refuse does not wait for a turn.
func TestPaceNobody(t *testing.T) {
	for _, policy := range []WhenFull{DropOldest, Refuse} {
		l, c := paced(t, CursorOptions{WhenFull: policy})
		<-writing(l, t.Context(), 1)
		if c.pace.stalled {
			t.Errorf("policy %v: somebody waited", policy)
		}
	}
	l, c := paced(t, CursorOptions{WhenFull: Wait})
	if err := l.Append(Record{Body: make([]byte, 1000), Items: 1}); err != nil || c.pace.stalled {
		t.Errorf("%v; without patience: stalled %v", err, c.pace.stalled)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.AppendWait(ended, Record{Body: make([]byte, 1000), Items: 1}, time.Minute); err != nil || c.pace.stalled {
		t.Errorf("%v; who has gone: stalled %v", err, c.pace.stalled)
	}
	if c.pace.unread != c.heldBytes || l.waitingForPace() != 0 {
		t.Errorf("%+v", c.pace)
	}
}
