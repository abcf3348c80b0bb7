// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/queue"
)

// lent is a companion that has the memory of its record. The last one who lets go of
// it has the memory overwritten.
type lent struct {
	body    []byte
	holders int
}

func (l *lent) Hold() {
	if l.holders == 0 {
		panic("held anew after the memory was given back")
	}
	l.holders++
}

func (l *lent) Release() {
	if l.holders--; l.holders < 0 {
		panic("released more often than held")
	}
	if l.holders == 0 {
		clear(l.body)
	}
}

func lentRecord(n uint64, size int) (queue.Record, *lent) {
	r := record(n, size)
	c := &lent{body: r.Body, holders: 1}
	r.Companion = c
	return r, c
}

// TestHeld does random things to a log: whoever was given a record finds what was
// written in it until they are done, and when all are done the memory is given back,
// but for what somebody looked at and for companions that found no place.
func TestHeld(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { heldOverTime(t, open) })
		})
	}
}

// heldReader is a cursor with the records that it was given, and those of them that
// were committed and are still read.
type heldReader struct {
	cursor          *queue.Cursor
	taken, lateRead []queue.Taken
}

func heldOverTime(t *rapid.T, open func(recent int64) *queue.Log) {
	const plenty = 1 << 30
	room := rapid.SampledFrom([]int64{0, 1000, 5000, plenty}).Draw(t, "companions")
	log := open(room)
	defer log.Close()
	var readers []*heldReader
	for _, name := range []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "readers")] {
		c, err := log.Cursor(name, queue.CursorOptions{
			MaxBytes: int64(rapid.IntRange(1, 3000).Draw(t, "max")),
			WhenFull: rapid.SampledFrom([]queue.WhenFull{queue.Refuse, queue.DropOldest}).Draw(t, "policy"),
		})
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, &heldReader{cursor: c})
	}
	var all []*lent
	var looked []queue.Record
	sizes := map[uint64]int{}
	check := func(t *rapid.T, r *queue.Record) {
		t.Helper()
		n := binary.BigEndian.Uint64(r.Body)
		if want := record(n, sizes[n]); n == 0 || !bytes.Equal(r.Body, want.Body) {
			t.Fatalf("a record in use was overwritten: %x", r.Body)
		}
	}
	pick := func(t *rapid.T) *heldReader { return rapid.SampledFrom(readers).Draw(t, "reader") }
	done := func(list []queue.Taken) {
		for i := range list {
			if c, ok := list[i].Companion.(*lent); ok {
				c.Release()
			}
		}
	}
	commit := func(x *heldReader, k int) {
		x.cursor.Commit(x.taken[k-1].Seq)
		x.lateRead = append(x.lateRead, x.taken[:k]...)
		x.taken = x.taken[k:]
	}
	take := func(t *rapid.T, x *heldReader) bool {
		r, ok, err := x.cursor.TryTake()
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			check(t, &r.Record)
			x.taken = append(x.taken, r)
		}
		return ok
	}
	t.Repeat(map[string]func(*rapid.T){
		"append": func(t *rapid.T) {
			n := uint64(len(all) + 1)
			sizes[n] = rapid.IntRange(0, 900).Draw(t, "size")
			r, c := lentRecord(n, sizes[n])
			err := log.Append(r)
			if _, full := errors.AsType[*queue.Full](err); full {
				if c.holders != 1 {
					t.Fatalf("a record that was not taken has %d holders", c.holders)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		},
		"take": func(t *rapid.T) { take(t, pick(t)) },
		"commit": func(t *rapid.T) {
			if x := pick(t); len(x.taken) > 0 {
				commit(x, rapid.IntRange(1, len(x.taken)).Draw(t, "upto"))
			}
		},
		"release": func(t *rapid.T) {
			x := pick(t)
			k := rapid.IntRange(0, len(x.lateRead)).Draw(t, "upto")
			done(x.lateRead[:k])
			x.lateRead = x.lateRead[k:]
		},
		"look": func(t *rapid.T) {
			x := pick(t)
			if len(x.taken) == 0 {
				return
			}
			r, err := log.Read(rapid.SampledFrom(x.taken).Draw(t, "record").Seq)
			if err != nil {
				t.Fatal(err)
			}
			looked = append(looked, r)
		},
		"": func(t *rapid.T) {
			for _, x := range readers {
				for i := range x.taken {
					check(t, &x.taken[i].Record)
				}
				for i := range x.lateRead {
					check(t, &x.lateRead[i].Record)
				}
			}
			for i := range looked {
				check(t, &looked[i])
			}
		},
	})
	for _, x := range readers {
		for take(t, x) {
		}
		if len(x.taken) > 0 {
			commit(x, len(x.taken))
		}
		done(x.lateRead)
	}
	if room < plenty || len(looked) > 0 {
		return
	}
	for i, c := range all {
		if c.holders != 0 {
			t.Errorf("the memory of record %d has %d holders, want none: all are done with it", i+1, c.holders)
		}
	}
}
