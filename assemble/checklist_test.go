// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// orders gives every order of n things.
func orders(n int, each func(order []int)) {
	order := make([]int, 0, n)
	used := make([]bool, n)
	var more func()
	more = func() {
		if len(order) == n {
			each(order)
			return
		}
		for i := range n {
			if used[i] {
				continue
			}
			used[i], order = true, append(order, i)
			more()
			used[i], order = false, order[:len(order)-1]
		}
	}
	more()
}

// A call: client X, server X, a child of either.
var call = []string{
	"b - client front/10.0.0.1", "b - server back/10.0.0.2 shared", "c b - back/10.0.0.2", "d b client front/10.0.0.1",
}

// storied says a tree of play, whose places are those of the story, in the
// places of specs.
func storied(specs []string, order []int, tree string) string {
	parents := make([]string, len(specs))
	for one := range strings.FieldsSeq(tree) {
		at, parent, _ := strings.Cut(one, ">")
		var a, p int
		if _, err := fmt.Sscan(at, &a); err != nil {
			return err.Error()
		}
		if _, err := fmt.Sscan(parent, &p); err == nil && len(parent) < 3 {
			parent = fmt.Sprint(order[p])
		}
		parents[order[a]] = fmt.Sprintf("%d>%s", order[a], parent)
	}
	return strings.Join(parents, " ")
}

func TestRow40AllOrders(t *testing.T) {
	t.Parallel()
	const want = "0>- 1>0 2>1 3>0"
	seen := 0
	orders(len(call), func(order []int) {
		seen++
		if got := tree(t, call, order); got != want {
			t.Errorf("order %v: %s, want %s", order, got, want)
		}
		var message []string
		for _, i := range order {
			message = append(message, call[i])
		}
		got, c := play(t, options(), "@0s "+strings.Join(message, ";"))
		if got = storied(call, order, got); got != want {
			t.Errorf("window, order %v: %s, want %s (%+v)", order, got, want, c)
		}
	})
	if seen != 24 {
		t.Errorf("%d orders", seen)
	}
}

func TestRow41AllOrdersOfMessages(t *testing.T) {
	t.Parallel()
	const want = "0>- 1>0 2>1 3>0"
	opts := options()
	opts.Hold = time.Second
	orders(len(call), func(order []int) {
		var story []string
		for n, i := range order {
			story = append(story, fmt.Sprintf("@%dms %s", 300*n, call[i]))
		}
		got, c := play(t, opts, story...)
		if got = storied(call, order, got); got != want {
			t.Errorf("order %v: %s, want %s (%+v)", order, got, want, c)
		}
	})
}

// A child of the server that waited in vain is a child of the client, is counted
// as such, and dangles nowhere.
func TestRow42AfterTheHold(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.Hold = time.Second
	got, c := play(t, opts, "@0s c b - back/10.0.0.2", "@2s b - server back/10.0.0.2 shared", "@2500ms b - client front/10.0.0.1")
	if want := "0>2 1>2 2>-"; got != want || c.Released[Quiet] != 1 || c.Released[Complete] != 0 {
		t.Errorf("%s, want %s (%+v)", got, want, c)
	}
	// Within the hold it is not.
	got, c = play(t, opts, "@0s c b - back/10.0.0.2", "@900ms b - server back/10.0.0.2 shared", "@2500ms b - client front/10.0.0.1")
	if want := "0>1 1>2 2>-"; got != want || c.Released[Quiet] != 0 || c.Released[Complete] != 1 {
		t.Errorf("%s, want %s (%+v)", got, want, c)
	}
}

// The ids of an unflagged join: a server whose client is there gets the one made
// of its endpoint, a client that comes later the other one.
func TestRow43Unflagged(t *testing.T) {
	t.Parallel()
	its := items(t, []string{"b a client front/10.0.0.1", "b a server back/10.0.0.2"})
	Join(its)
	server := its[1].Span()
	half := span.ServerHalf(0xb, "back", server.Local.IP())
	if its[0].ID != 0xb || its[0].Parent != 0xa || its[1].ID != half || its[1].Parent != 0xb {
		t.Errorf("client %v, server %v, want %s below 000000000000000b", its[0].Identity, its[1].Identity, half)
	}
	w := New(options())
	w.Put(1, items(t, []string{"b a server back/10.0.0.2"}), 10, began)
	w.Put(2, items(t, []string{"b a client front/10.0.0.1"}), 10, began.Add(time.Second))
	w.Due(began.Add(time.Minute))
	ready := w.Ready()
	if len(ready) != 2 {
		t.Fatalf("%d spans left", len(ready))
	}
	s, c := ready[0].Identity, ready[1].Identity
	if s.ID != 0xb || s.Parent != 0xa || c.ID != span.LateClient(0xb) || c.Parent != 0xa {
		t.Errorf("server %v, late client %v, want id %s", s, c, span.LateClient(0xb))
	}
}

// The halves of one trace may say its id in 64 and in 128 bits.
func TestRow48Widths(t *testing.T) {
	t.Parallel()
	for wide := range len(call) {
		its := items(t, call)
		s := its[wide].Span()
		its[wide].Batch.Spans()[wide].Trace.Hi = 0xfeed
		Join(its)
		half := its[1].ID
		if its[0].ID != 0xb || half == 0xb || its[1].Parent != 0xb || its[2].Parent != half || its[3].Parent != 0xb {
			t.Errorf("%s of 128 bits: %v %v %v %v", s.ID, its[0].Identity, its[1].Identity, its[2].Identity, its[3].Identity)
		}
		// The window, one span after the other.
		w := New(options())
		parents := make(map[string]span.ID)
		for i := range call {
			one := items(t, call[len(call)-1-i:][:1])
			if len(call)-1-i == wide {
				one[0].Batch.Spans()[0].Trace.Hi = 0xfeed
			}
			w.Put(uint64(i), one, 10, began)
		}
		w.Due(began.Add(time.Minute))
		for _, r := range w.Ready() {
			parents[r.ID.String()] = r.Parent
		}
		if len(parents) != len(call) || parents["000000000000000c"] != half || parents["000000000000000d"] != 0xb || parents[half.String()] != 0xb {
			t.Errorf("%s of 128 bits, by the window: %v", s.ID, parents)
		}
	}
}

// Whatever halves of a call two nodes get, together they say each id once, and
// the same whoever says it.
func TestRow52HalvesApart(t *testing.T) {
	t.Parallel()
	whole := items(t, call)
	Join(whole)
	for at := range 1 << len(call) {
		var nodes [2][]string
		var which [2][]int
		for i, s := range call {
			n := at >> i & 1
			nodes[n], which[n] = append(nodes[n], s), append(which[n], i)
		}
		ids := make(map[span.ID]int)
		for n := range nodes {
			if len(nodes[n]) == 0 {
				continue
			}
			its := items(t, nodes[n])
			Join(its)
			for k, i := range which[n] {
				if its[k].ID != whole[i].ID {
					t.Errorf("split %04b: span %d has id %s, want %s", at, i, its[k].ID, whole[i].ID)
				}
				if twin, ok := ids[its[k].ID]; ok {
					t.Errorf("split %04b: spans %d and %d both have id %s", at, twin, i, its[k].ID)
				}
				ids[its[k].ID] = i
				// A child of the server whose server is elsewhere is the client's: one
				// level too high.
				if its[k].Parent != whole[i].Parent && (i != 2 || its[k].Parent != 0xb) {
					t.Errorf("split %04b: span %d has parent %s, want %s", at, i, its[k].Parent, whole[i].Parent)
				}
			}
		}
	}
}

// Any order of the spans of two servers on one id, over any messages within the
// hold.
func TestRow44AnyOrder(t *testing.T) {
	t.Parallel()
	specs := []string{
		"b - client front/10.0.0.1", "b - server back/10.0.0.2 shared", "b - server back/10.0.0.3 shared",
		"c b - back/10.0.0.2", "d b - back/10.0.0.3", "e b client front/10.0.0.1",
	}
	const want = "0>- 1>0 2>0 3>1 4>2 5>0"
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		order := rng.Perm(len(specs))
		var story []string
		for n, i := range order {
			story = append(story, fmt.Sprintf("@%dms %s", 300*n, specs[i]))
		}
		got, c := play(t, options(), story...)
		if got = storied(specs, order, got); got != want {
			t.Fatalf("order %v: %s, want %s (%+v)", order, got, want, c)
		}
	}
}
