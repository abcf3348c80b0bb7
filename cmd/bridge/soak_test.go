// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

// Every acknowledged span is in one column, and a lost one is an error.
func TestSoakAccount(t *testing.T) {
	ways := []soakWay{{name: "way"}, {name: "udp", silent: true}}
	b := newSoakBook("one", "two")
	first := b.draw(0, 7)
	b.acknowledge(first, 6) // all but the last
	udp := b.draw(1, 2)
	b.acknowledge(udp, 2)
	for _, target := range []int{0, 1} {
		b.arrive(target, first, true)
		b.arrive(target, udp, true)
		b.arrive(target, first+6, true)
	}
	b.arrive(0, first, true) // again
	b.arrive(0, first+1, true)
	b.refuse(1, first+1)
	b.damage([]int{first + 2})
	b.hold("two", []int{first + 3})
	b.arrive(0, first+3, true)
	b.arrive(0, first+4, true)
	b.arrive(0, first+5, true)
	b.arrive(1, first+5, true)
	var r soakReport
	r.Ledger = &ledger{Agree: true}
	r.fill(b, ways)
	for i, want := range []soakGoalRow{
		{Target: "one", Acked: 6, Arrived: 5, Damaged: 1, Twice: 1, Unasked: 1},
		{Target: "two", Acked: 6, Arrived: 2, Damaged: 1, Refused: 1, Held: 1, Lost: 1, Unasked: 1},
	} {
		if r.Targets[i] != want {
			t.Errorf("got  %+v\nwant %+v", r.Targets[i], want)
		}
	}
	if want := (soakWayRow{Way: "way", Sent: 7, Acked: 6, Arrived: 2, Lost: 1}); r.Ways[0] != want {
		t.Errorf("got  %+v\nwant %+v", r.Ways[0], want)
	}
	if want := (soakWayRow{Way: "udp", Silent: true, Sent: 2, Arrived: 1}); r.Ways[1] != want {
		t.Errorf("got  %+v\nwant %+v", r.Ways[1], want)
	}
	if err := r.judge(); err == nil || !strings.Contains(err.Error(), "1 acknowledged spans are lost to two") {
		t.Errorf("the judgement is %v", err)
	}
	if len(r.Lost) != 1 || !strings.Contains(r.Lost[0], numberedName(first+4)) {
		t.Errorf("%q", r.Lost)
	}
	b.arrive(1, first+4, true)
	b.arrive(1, 1000, true) // nobody has sent it
	r = soakReport{Ledger: &ledger{Agree: false}}
	r.fill(b, ways)
	if err := r.judge(); err == nil || strings.Contains(err.Error(), "lost") ||
		!strings.Contains(err.Error(), "otherwise than they were sent") || !strings.Contains(err.Error(), "does not agree") {
		t.Errorf("the judgement is %v", err)
	}
}

// What soak sends is read as it was meant.
func TestZipkinThriftOfSoak(t *testing.T) {
	items := numberedSpans(41, 3, "service", time.Unix(1e9, 0))
	b, err := decoder(protocols(nil))(appendZipkinThrift(nil, items), span.Origin{Format: "zipkin.v1.thrift"})
	if err != nil || b.Len() != 3 {
		t.Fatal(err)
	}
	for i := range b.Spans() {
		got, want := &b.Spans()[i], &items[i].Batch.Spans()[i]
		if b.Str(got.Name) != numberedName(41+i) || got.Trace != want.Trace || got.ID != want.ID || got.Kind != want.Kind ||
			got.Duration != want.Duration || got.Start != want.Start || b.Str(got.Local.Service) != "service" {
			t.Errorf("%+v", got)
		}
		if a := b.Find(got.Attrs, checkKey); a == nil || string(b.AppendText(nil, a)) != checkText(41+i) {
			t.Errorf("span %d has another %s", i, checkKey)
		}
	}
	if n := numbersIn(appendZipkinThrift(nil, items)); !slices.Equal(n, []int{41, 42, 43}) {
		t.Errorf("%v", n)
	}
}

func TestSoakFlags(t *testing.T) {
	for _, args := range [][]string{{"--faults", "cut,nonsense"}, {"--rate", "0"}, {"--duration", "0s"}} {
		var out, errs strings.Builder
		if code := run(append([]string{"soak"}, args...), &world{out: &out, err: &errs}); code == 0 {
			t.Errorf("%v is taken", args)
		} else if !strings.Contains(errs.String(), "--") {
			t.Errorf("%v: %s", args, errs.String())
		}
	}
}
