// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
	"github.com/spanbridge/spanbridge/span"
)

// TestMemoryIsUsedAgain: when every target is done with a message, whose spans were left
// out, sent again, dropped and in several parcels, its memory is given back, and not
// before.
func TestMemoryIsUsedAgain(t *testing.T) {
	t.Run("memory", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { usedAgain(t, queue.NewMemory(1<<30)) }) })
	// On disk the log lets messages go that targets are still busy with.
	t.Run("disk", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			log, _, err := queue.Open(&queuetest.Disk{}, queue.Options{Now: time.Now, RecentBytes: 100 << 10})
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			if err := log.Settle(); err != nil {
				t.Fatal(err)
			}
			usedAgain(t, log)
		})
	})
}

func usedAgain(t *testing.T, log *queue.Log) {
	b := newBench(t, 0)
	b.log, b.intake = log, NewIntake(log, b.set)
	defer b.end()
	rng := rand.New(rand.NewPCG(5, 6))
	slow := func(call int, p span.Parcel) (int, error) {
		time.Sleep(time.Duration(call%7) * 10 * time.Millisecond)
		for _, it := range p.Items {
			if id := span.ID(binary.BigEndian.Uint64(it.Batch.Body()[8*it.Index:])); id != it.ID || it.Span().ID != id {
				return 0, fmt.Errorf("span %v has the memory of %v", it.ID, id)
			}
		}
		if call%3 == 0 {
			return 0, later(time.Millisecond)
		}
		return len(p.Items) % 2, nil
	}
	plain, windowed := &sink{answer: slow}, &sink{answer: slow}
	targets := []*Target{
		b.target(named("plain", nil), plain),
		b.target(named("windowed", func(o *Options) { o.Window, o.MaxSpans = window(), 30 }), windowed),
		b.target(named("drops", func(o *Options) {
			o.Queue = queue.CursorOptions{MaxBytes: 4000, WhenFull: queue.DropOldest}
		}), &sink{answer: slow}),
	}
	for range 200 {
		if err := b.put(1 + rng.IntN(150)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
	}
	for slices.ContainsFunc(targets, func(x *Target) bool { return x.Held() > 0 }) {
		time.Sleep(time.Second)
	}
	for i, batch := range b.taken {
		if batch.Len() != 0 {
			t.Fatalf("message %d has its memory still", i+1)
		}
	}
	for _, s := range []*sink{plain, windowed} {
		if got, want := s.got(), upTo(b.next-1); !slices.Equal(got, want) {
			t.Errorf("got %d ids, want %d", len(got), len(want))
		}
	}
}

// onlyLetter checks that there is one letter, and which message it has.
func onlyLetter(t *testing.T, dead *deadletter.Letters, want []byte) {
	t.Helper()
	briefs := dead.Briefs()
	if len(briefs) != 1 {
		t.Fatalf("%d letters, want 1", len(briefs))
	}
	letter, err := dead.Get(briefs[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(letter.Body, want) {
		t.Errorf("the letter has %x, want %x", letter.Body, want)
	}
}

// TestLettersKeepMemory: a message of which a letter was made is not overwritten.
func TestLettersKeepMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<30)
		defer b.end()
		dead := letters(t, nil)
		defer dead.Close()
		guilty := func(id span.ID) bool { return id == 7 }
		x := b.target(named("a", func(o *Options) { o.Dead = dead }), &sink{answer: refusing(guilty)})
		for range 300 {
			if err := b.put(10); err != nil {
				t.Fatal(err)
			}
			for x.Held() > 0 {
				time.Sleep(time.Second)
			}
		}
		onlyLetter(t, dead, body(1, 10))
		for i, batch := range b.taken {
			if kept := batch.Len() > 0; kept != (i == 0) {
				t.Errorf("message %d has its memory: %v", i+1, kept)
			}
		}
	})
}

// TestDecodedAgainKeepsMemory: what is decoded again of a batch that is outlined has the
// body of that, which stays for a letter that is made of it.
func TestDecodedAgainKeepsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<30)
		defer b.end()
		dead := letters(t, nil)
		defer dead.Close()
		x := b.target(named("a", func(o *Options) { o.Dead = dead }), &sink{answer: refusing(func(id span.ID) bool { return id == 1 })})
		f := span.NewBuffer(8)
		f.Body = append(f.Body, body(1, 1)...)
		outlined, _ := decodeOutline(f.Body, span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano(), Buffer: f, Outline: true})
		if err := b.intake.Put(b.ctx, outlined); err != nil {
			t.Fatal(err)
		}
		for x.Held() > 0 {
			time.Sleep(time.Second)
		}
		for n := range 100 { // of which one finds the memory if it was given back
			f := span.NewBuffer(8)
			f.Body = append(f.Body, body(n+2, 1)...)
		}
		onlyLetter(t, dead, body(1, 1))
		if outlined.Body() == nil {
			t.Error("the memory was given back")
		}
	})
}

// TestRefusedKeepsMemory: a message that was not taken is still the receiver's.
func TestRefusedKeepsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1<<30)
		defer b.end()
		b.target(named("a", func(o *Options) { o.Queue.MaxBytes = 1000 }), &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(time.Hour) }})
		for {
			f := span.NewBuffer(80)
			f.Body = append(f.Body, body(1, 10)...)
			batch, _ := decodeIDs(f.Body, span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano(), Buffer: f})
			err := b.intake.Put(b.ctx, batch)
			if _, busy := errors.AsType[*Busy](err); busy {
				if batch.Len() != 10 {
					t.Errorf("a message that was not taken has %d spans, want 10", batch.Len())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
