// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
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
		b.arrive(target, first, 1, true)
		b.arrive(target, udp, 1, true)
		b.arrive(target, first+6, 1, true)
	}
	b.arrive(0, first, 1, true) // again
	b.arrive(0, first+1, 1, true)
	b.refuse(1, first+1)
	b.damage([]int{first + 2})
	b.hold("two", []int{first + 3})
	b.arrive(0, first+3, 1, true)
	b.arrive(0, first+4, 1, true)
	b.arrive(0, first+5, 1, true)
	b.arrive(1, first+5, 1, true)
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
	b.arrive(1, first+4, 1, true)
	b.arrive(1, 1000, 1, true) // nobody has sent it
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

// What was in flight at the end of a life may come again, whenever that is noticed,
// and nothing else may.
func TestSoakFlight(t *testing.T) {
	type step struct {
		number, life int
		held         bool
	}
	came, held := func(number, life int) step { return step{number, life, false} }, func(number, life int) step { return step{number, life, true} }
	for name, c := range map[string]struct {
		steps []step
		want  []soakEnd
		back  int
		fault string
	}{
		"in time":            {[]step{came(1, 1), held(2, 1), came(2, 2)}, nil, 0, ""},
		"in flight":          {[]step{came(1, 1), held(1, 1), came(1, 2)}, []soakEnd{{1, 1, 1}}, 0, ""},
		"over two ends":      {[]step{came(1, 1), held(1, 1), held(1, 2), came(1, 3), held(1, 3)}, []soakEnd{{1, 1, 0}, {2, 1, 1}, {3, 1, 0}}, 0, ""},
		"late":               {[]step{held(1, 1), came(1, 1), came(1, 2)}, []soakEnd{{1, 1, 1}}, 0, ""},
		"later than the new": {[]step{held(1, 1), came(1, 2), came(1, 1)}, []soakEnd{{1, 1, 1}}, 0, ""},
		"later, not held":    {[]step{came(1, 2), came(1, 1)}, []soakEnd{{1, 0, 1}}, 0, "only 0 were in flight"},
		"twice in a life":    {[]step{came(1, 1), came(1, 1)}, nil, 0, ""},
		"for no reason":      {[]step{came(1, 1), came(1, 2)}, []soakEnd{{1, 0, 1}}, 0, "only 0 were in flight"},
		"a place went back":  {[]step{came(1, 1), held(2, 1), held(1, 2), came(1, 3)}, []soakEnd{{2, 1, 1}}, 1, "went back"},
	} {
		var f flight
		for range 3 {
			f.draw()
		}
		for _, s := range c.steps {
			if s.held {
				f.hold(s.number, s.life)
			} else {
				f.arrive(s.number, s.life)
			}
		}
		r := f.row("x")
		if !slices.Equal(r.Ends, c.want) || r.Back != c.back {
			t.Errorf("%s: %+v, want %+v and %d", name, r, c.want, c.back)
		}
		if err := r.judge(); (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSoakDatagrams(t *testing.T) {
	by, err := datagramVerdicts(strings.NewReader(`# HELP bridge_messages_total …
bridge_messages_total{format="jaeger.agent",protocol="jaeger",transport="udp",verdict="taken"} 41
bridge_messages_total{format="jaeger",protocol="jaeger",transport="udp",verdict="malformed"} 3
bridge_messages_total{format="jaeger.agent",protocol="jaeger",transport="udp",verdict="malformed"} 4
bridge_messages_total{format="jaeger.agent",protocol="jaeger",transport="http",verdict="taken"} 9
`))
	if err != nil || by["taken"] != 41 || by["malformed"] != 7 || len(by) != 2 {
		t.Errorf("%v, %v", by, err)
	}
	for _, c := range []struct {
		d    soakDatagrams
		good bool
	}{
		{soakDatagrams{Reached: 10, ReachedCut: 2, Taken: 8, Malformed: 2}, true},
		{soakDatagrams{Reached: 10, ReachedCut: 2, Taken: 6, Malformed: 1, Busy: 1, Overflow: 2}, true},
		{soakDatagrams{Reached: 10, ReachedCut: 2, Taken: 6, Malformed: 1, Busy: 3}, true},
		{soakDatagrams{Reached: 10, ReachedCut: 3, Taken: 8, Malformed: 1, Busy: 1}, false},
		{soakDatagrams{Reached: 10, ReachedCut: 2, Taken: 7, Malformed: 2}, false},
		{soakDatagrams{Reached: 10, ReachedCut: 2, Taken: 7, Malformed: 2, Overflow: -1}, true},
		{soakDatagrams{Reached: 10, ReachedCut: 2, Taken: 9, Malformed: 2, Overflow: -1}, false},
		{soakDatagrams{Reached: 10, ReachedCut: 2, Taken: 9, Malformed: 1}, false},
		{soakDatagrams{Reached: 10, ReachedCut: 2, Taken: 7, Malformed: 3}, false},
	} {
		if err := c.d.judge(); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.d, err)
		}
	}
}

// The delays of a phase are those of the spans that were sent in it.
func TestSoakOutage(t *testing.T) {
	b := newSoakBook("one", "two")
	b.delays = newDelays(2)
	r := soakReport{Ledger: &ledger{Agree: true}, Dead: "two", Outage: &soakOutage{}}
	began := time.Now()
	for phase := range phaseNames {
		b.enter(uint8(phase))
		for range 100 {
			n := b.draw(0, 1)
			b.acknowledge(n, 1)
			at := time.Duration(phase+1) * time.Second
			b.delays.drawn[n].at = began.UnixNano()
			for target := range b.targets {
				b.delays.arrive(target, n, began.Add(at))
				b.arrive(target, n, 1, true)
			}
		}
	}
	r.fill(b, []soakWay{{name: "way"}})
	for _, x := range r.Outage.Delays {
		if x.Spans < 100 || x.Most < 1 {
			t.Errorf("%+v", x)
		}
	}
	if err := r.judge(); err != nil {
		t.Error(err)
	}
	for i := range r.Outage.Delays {
		if x := &r.Outage.Delays[i]; x.Phase == "dead" {
			x.P99 = 16 // 10 × 1 and 5 seconds are 15, and a class
		}
	}
	r.Outage.Peak = mostSoakMemory + 1
	r.Targets[1].Held = 5
	err := r.judge()
	for _, want := range []string{"16.000 s to one", "may take", "two did not get 5 spans"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "s to two") {
		t.Errorf("the dead target is late: %v", err)
	}
}

func TestSpread(t *testing.T) {
	var s spread
	for i := range 1000 {
		s.add(time.Duration(i+1) * time.Millisecond)
	}
	s.add(0)
	s.add(time.Hour * 1e4)
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond} {
		if got := s.quantile(q); got < want-2*time.Millisecond || got > want*106/100 {
			t.Errorf("the %v quantile is %v, want %v or a twentieth more", q, got, want)
		}
	}
}

// The disk that forgets is for bridge soak alone.
func TestSoakServe(t *testing.T) {
	config := filepath.Join(t.TempDir(), "bridge.yaml")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	code := run([]string{"soak-serve", "--config", config, "--lose", "all"}, &world{out: &out, err: &errs})
	if code == 0 || !strings.Contains(errs.String(), "for bridge soak alone") {
		t.Errorf("%d, %s", code, errs.String())
	}
	errs.Reset()
	if code := run([]string{"--help"}, &world{out: &out, err: &errs}); code != 0 || strings.Contains(out.String(), "soak-serve") {
		t.Errorf("%d, %s", code, out.String())
	}
}
