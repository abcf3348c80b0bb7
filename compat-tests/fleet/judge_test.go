// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"testing"
	"time"
)

// The judge is judged by gateways that are made up: one without a fault, and
// others with one fault each.

func small(t testing.TB) *Fleet {
	t.Helper()
	return New(Options{Seed: 1, Spans: 5000, Instances: 3, Begin: time.Unix(1_700_000_000, 0), Length: time.Second, Interval: time.Second, Proxies: 0.02, Unflagged: 0.3, Loss: 0.01})
}

// ideal is what a gateway without a fault sends.
func ideal(f *Fleet, o Output) *Backend {
	b := &Backend{}
	s := &b.got[o]
	s.spans = make([]emitted, len(f.Spans))
	s.others = make(map[uint64]uint64)
	own := func(n int32) uint64 { return uint64(n) + 1 }
	j := &judge{Fleet: f, Result: &Result{Output: o}}
	for i := range f.Spans {
		v, n := &f.Spans[i], int32(i)
		if v.Lost {
			continue
		}
		e := emitted{trace: f.Traces[v.Trace].ID, times: 1, id: own(n), shared: v.Flagged}
		if o == ToZipkin {
			e.id, e.parent = v.ID, v.ParentID
		} else if up := j.want(n); up >= 0 {
			e.parent = own(up)
		}
		s.spans[n] = e
	}
	return b
}

// onTime is when all spans arrive at once.
func onTime(f *Fleet) *Arrivals {
	return &Arrivals{Sent: make([]time.Duration, len(f.Spans)), Taken: make([]time.Duration, len(f.Spans)), Node: make([]uint8, len(f.Spans))}
}

func TestJudgeIdeal(t *testing.T) {
	f := small(t)
	for _, o := range Outputs {
		r := f.Judge(ideal(f, o), o, onTime(f), time.Second)
		if r.Right != r.Judged || r.Judged < len(f.Spans)*9/10 || r.Spans != f.Reported() {
			t.Errorf("%s: %d right of %d judged of %d, want all of nearly all:\n%v", o, r.Right, r.Judged, r.Spans, r.Sample)
		}
		if n := r.Duplicates + r.Dangling + r.Strangers + r.Lost + r.Doubled + r.OtherTrace + r.Wrong; n > 0 {
			t.Errorf("%s: %d faults, want none: %+v", o, n, *r)
		}
	}
}

func TestJudgeFaults(t *testing.T) {
	f := small(t)
	// A span deep enough, whose parent and its parent were reported.
	var deep int32
	for i := range f.Spans {
		s := &f.Spans[i]
		if s.Parent >= 0 && f.Spans[s.Parent].Parent >= 0 && s.Case == CaseUnderJoined &&
			!s.Lost && !f.Spans[s.Parent].Lost && !f.Spans[f.Spans[s.Parent].Parent].Lost {
			deep = int32(i)
			break
		}
	}
	up := f.Spans[deep].Parent
	leaf := int32(slices.IndexFunc(f.Spans, func(s Span) bool { return s.Peer == database && !s.Lost && !f.Spans[s.Parent].Lost }))
	trial := func(name string, change func(s *seen, a *Arrivals), want func(r *Result) bool) {
		t.Helper()
		b, a := ideal(f, ToJaeger), onTime(f)
		change(&b.got[ToJaeger], a)
		if r := f.Judge(b, ToJaeger, a, time.Second); !want(r) {
			t.Errorf("%s: %+v", name, *r)
		}
	}
	trial("one level too high", func(s *seen, _ *Arrivals) { s.spans[deep].parent = s.spans[up].parent },
		func(r *Result) bool {
			return r.Wrong == 1 && r.Right == r.Judged-1 && r.Strangers+r.Dangling == 0 && r.Cases[CaseUnderJoined].Wrong == 1
		})
	trial("the same after the hold", func(s *seen, a *Arrivals) {
		s.spans[deep].parent = s.spans[up].parent
		a.Taken[up] = 3 * time.Second
	}, func(r *Result) bool { return r.Late == 1 && r.Wrong == 0 && r.ShareInTime() == 1 && r.Share() < 1 })
	trial("the same at another node", func(s *seen, a *Arrivals) {
		s.spans[deep].parent = s.spans[up].parent
		a.Node[up] = 1
	}, func(r *Result) bool { return r.Apart == 1 && r.Wrong == 0 && r.Share() < 1 })
	trial("no parent", func(s *seen, _ *Arrivals) { s.spans[deep].parent = 0 },
		func(r *Result) bool { return r.Wrong == 1 && r.Dangling == 0 })
	trial("a parent that is nowhere", func(s *seen, _ *Arrivals) { s.spans[deep].parent = 1 << 60 },
		func(r *Result) bool { return r.Wrong == 1 && r.Dangling == 1 })
	trial("a parent that is its own child", func(s *seen, _ *Arrivals) {
		s.spans[f.Spans[leaf].Parent].parent = s.spans[leaf].id
	}, func(r *Result) bool { return r.Strangers == 1 })
	trial("an id twice", func(s *seen, _ *Arrivals) { s.spans[deep].id = s.spans[up].id },
		func(r *Result) bool { return r.Duplicates == 1 })
	trial("a span less", func(s *seen, _ *Arrivals) { s.spans[leaf] = emitted{} },
		func(r *Result) bool { return r.Lost == 1 })
	trial("a span twice", func(s *seen, _ *Arrivals) { s.spans[leaf].times = 2 },
		func(r *Result) bool { return r.Doubled == 1 && r.Right == r.Judged })
	trial("another trace", func(s *seen, _ *Arrivals) { s.spans[leaf].trace.lo++ },
		func(r *Result) bool { return r.OtherTrace == 1 })
	trial("a span in between", func(s *seen, _ *Arrivals) {
		s.others[1<<61] = s.spans[up].id
		s.spans[deep].parent = 1 << 61
	}, func(r *Result) bool { return r.Synthetic == 1 && r.Right == r.Judged })
	trial("a name twice", func(s *seen, _ *Arrivals) { s.spans[leaf].name, s.spans[f.Spans[leaf].Parent].name = 1, 2 },
		func(r *Result) bool { return r.Split == 1 })
}

func TestJudgeZipkin(t *testing.T) {
	f := small(t)
	n := slices.IndexFunc(f.Spans, func(s Span) bool { return s.Flagged && !s.Lost })
	for name, change := range map[string]func(e *emitted){
		"no flag": func(e *emitted) { e.shared = false },
		"parent":  func(e *emitted) { e.parent = e.id },
		"id":      func(e *emitted) { e.id++ },
	} {
		b := ideal(f, ToZipkin)
		change(&b.got[ToZipkin].spans[n])
		if r := f.Judge(b, ToZipkin, onTime(f), time.Second); r.Wrong != 1 || r.Right != r.Judged-1 {
			t.Errorf("%s: %d wrong, want 1", name, r.Wrong)
		}
	}
}
