// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
)

// sampled is how many of n traces a sampler takes.
func sampled(s Sampler, n int, operation string) (taken int) {
	for range n {
		if s.Sample(span.TraceID{Lo: rand.Uint64()}, operation).Sampled {
			taken++
		}
	}
	return taken
}

// at gives a bucket or a sampler a clock that stands.
func at(now *time.Duration) func() time.Duration { return func() time.Duration { return *now } }

func TestConstSampler(t *testing.T) {
	if n := sampled(NewConstSampler(true), 10, "op"); n != 10 {
		t.Errorf("%d of 10, want all", n)
	}
	if d := NewConstSampler(false).Sample(span.TraceID{Lo: 1}, "op"); d.Sampled || d.Tags != nil {
		t.Errorf("%+v, want none", d)
	}
}

// The boundary is that of Jaeger's clients (compat-tests asks them as well).
func TestProbabilisticSampler(t *testing.T) {
	for _, rate := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		if _, err := NewProbabilisticSampler(rate); err == nil || !strings.Contains(err.Error(), "want 0 to 1") {
			t.Errorf("rate %v: error %v, want one", rate, err)
		}
	}
	f := func(rate float64, lo uint64, want bool) {
		t.Helper()
		s, err := NewProbabilisticSampler(rate)
		if err != nil {
			t.Fatal(err)
		}
		// The first half and the first bit of the id do not matter.
		for _, id := range []span.TraceID{{Lo: lo}, {Hi: math.MaxUint64, Lo: lo}, {Lo: lo | 1<<63}} {
			if got := s.Sample(id, "op").Sampled; got != want {
				t.Errorf("rate %v, trace %v: %v, want %v", rate, id, got, want)
			}
		}
	}
	f(0, 1, false)
	f(1, math.MaxInt64, true)
	f(0.5, math.MaxInt64/2, true)
	f(0.5, math.MaxInt64/2+2, false)
	f(0.001, math.MaxInt64/1000, true)
	f(0.001, math.MaxInt64/999, false)
	half := newProbabilistic(0.5)
	if n := sampled(half, 20_000, "op"); n < 9_500 || n > 10_500 {
		t.Errorf("%d of 20,000 at a rate of a half", n)
	}
	if half.Rate() != 0.5 {
		t.Errorf("rate %v, want 0.5", half.Rate())
	}
}

func TestRateLimitingSampler(t *testing.T) {
	f := func(rate float64, first int, later map[time.Duration]int) {
		t.Helper()
		now := 5 * time.Second
		s := NewRateLimitingSampler(rate)
		s.limit.elapsed = at(&now)
		if n := sampled(s, 100, "op"); n != first {
			t.Errorf("%v a second: %d at first, want %d", rate, n, first)
		}
		for wait, want := range later {
			now += 1000 * time.Second // rest
			sampled(s, 100, "op")
			now += wait
			if n := sampled(s, 100, "op"); n != want {
				t.Errorf("%v a second: %d after %v, want %d", rate, n, wait, want)
			}
		}
	}
	f(2, 2, map[time.Duration]int{500 * time.Millisecond: 1, time.Second: 2, time.Minute: 2, 499 * time.Millisecond: 0})
	f(0.5, 1, map[time.Duration]int{time.Second: 0, 2 * time.Second: 1, time.Minute: 1})
	f(10, 10, map[time.Duration]int{100 * time.Millisecond: 1, 350 * time.Millisecond: 3})
	f(0, 0, map[time.Duration]int{time.Hour: 0})
	f(-1, 0, nil)
	f(math.NaN(), 0, nil)
	f(1e30, 100, nil)
	f(1e-30, 1, map[time.Duration]int{time.Hour: 0})
}

// A new rate does not begin with a full bucket.
func TestBucketFollows(t *testing.T) {
	now := time.Second
	var old, next bucket
	old.init(4)
	next.init(8)
	old.elapsed, next.elapsed = at(&now), at(&now)
	for old.take() {
		continue
	}
	next.follow(&old)
	if next.take() {
		t.Error("the new bucket gave of what was used up")
	}
	now += time.Second / 2
	n := 0
	for next.take() {
		n++
	}
	if n != 4 {
		t.Errorf("%d after half a second, want 4", n)
	}
}

func TestSkyWalkingSampler(t *testing.T) {
	now := 100 * time.Second // one second into a window
	s := NewSkyWalkingSampler(3)
	s.elapsed = at(&now)
	for _, e := range []struct {
		wait time.Duration
		want int
	}{{0, 3}, {time.Second, 0}, {time.Second, 3}, {time.Hour, 3}, {1, 0}} {
		now += e.wait
		if n := sampled(s, 50, "op"); n != e.want {
			t.Errorf("%d at %v, want %d", n, now, e.want)
		}
	}
	// As with the agents, 0 and less stand for no limit.
	for _, n := range []int{0, -1} {
		if got := sampled(NewSkyWalkingSampler(n), 50, "op"); got != 50 {
			t.Errorf("%d of 50 with %d, want all", got, n)
		}
	}
}

func TestOperationSampler(t *testing.T) {
	for _, bad := range []OperationStrategies{
		{DefaultRate: 2}, {DefaultRate: math.NaN()}, {LowerBound: -1}, {LowerBound: math.NaN()}, {Rates: map[string]float64{"op": -0.5}},
	} {
		if _, err := NewOperationSampler(bad); err == nil || !strings.Contains(err.Error(), "want 0") {
			t.Errorf("%+v: error %v, want one", bad, err)
		}
	}
	now := time.Second
	clocked := func(s *OperationSampler) *OperationSampler {
		for _, g := range s.operations {
			g.limit.elapsed = at(&now)
		}
		return s
	}
	s := clocked(newOperationSampler(&OperationStrategies{
		DefaultRate: 0, LowerBound: 2, Rates: map[string]float64{"all": 1, "none": 0}, MaxOperations: 4,
	}, nil))
	if n := sampled(s, 50, "all"); n != 50 {
		t.Errorf("%d of 50, want all", n)
	}
	if n := sampled(s, 50, "none"); n != 2 {
		t.Errorf("%d of 50, want the lower bound", n)
	}
	d := s.Sample(span.TraceID{Lo: 1}, "all")
	if diff := cmp.Diff([]Tag{{"sampler.type", "probabilistic"}, {"sampler.param", 1.0}}, d.Tags); diff != "" {
		t.Error(diff)
	}
	now += time.Minute
	d = s.Sample(span.TraceID{Lo: math.MaxInt64}, "none")
	if diff := cmp.Diff([]Tag{{"sampler.type", "lowerbound"}, {"sampler.param", 0.0}}, d.Tags); diff != "" {
		t.Error(diff)
	}
	// Two more operations have a lower bound, the others have none.
	for i := range 10 {
		op := fmt.Sprint("op", i)
		first := s.Sample(span.TraceID{Lo: math.MaxInt64}, op).Sampled
		if first != (i < 2) {
			t.Errorf("%s: %v, want a lower bound for the first operations alone", op, first)
		}
	}
	if len(s.operations) != 4 {
		t.Errorf("%d operations known, want 4", len(s.operations))
	}
	// What is used up of the lower bound stays so with new strategies.
	old := newOperationSampler(&OperationStrategies{LowerBound: 0.001, Rates: map[string]float64{"known": 0}}, nil)
	for _, op := range []string{"known", "seen"} {
		if n := sampled(old, 50, op); n != 1 {
			t.Errorf("%s: %d of 50, want 1", op, n)
		}
	}
	next := newOperationSampler(&OperationStrategies{LowerBound: 0.001, Rates: map[string]float64{"seen": 0, "other": 1}}, old)
	for _, op := range []string{"known", "seen"} {
		if n := sampled(next, 50, op); n != 0 {
			t.Errorf("%s: %d after a change, want none", op, n)
		}
	}
}

// The first span of a trace has the sampler's tags, those below have not, and
// the sampler's own stay as they are.
func TestSamplerTags(t *testing.T) {
	half := newProbabilistic(1)
	m := NewInMemoryReporter(0)
	tr := New("x", WithReporter(m), WithSampler(half))
	root := tr.StartSpan("root")
	root.SetTag("sampler.param", "mine").SetTag("more", 1)
	second := tr.StartSpan("second")
	second.SetTag("more", 2).SetTag("sampler.type", "mine")
	for _, s := range []interface{ Finish() }{root, second} {
		s.Finish()
	}
	want := [][]Tag{
		{{"sampler.type", "probabilistic"}, {"sampler.param", "mine"}, {"more", 1}},
		{{"sampler.type", "mine"}, {"sampler.param", 1.0}, {"more", 2}},
	}
	for i, r := range m.Records() {
		if d := cmp.Diff(want[i], r.Tags); d != "" {
			t.Error(d)
		}
	}
	if d := cmp.Diff([]Tag{{"sampler.type", "probabilistic"}, {"sampler.param", 1.0}}, half.tags); d != "" {
		t.Errorf("the sampler's tags changed: %s", d)
	}
}

func TestParseStrategy(t *testing.T) {
	good := func(answer string, want Sampler) {
		t.Helper()
		s, err := parseStrategy([]byte(answer))
		if err != nil {
			t.Errorf("%s: %v", answer, err)
			return
		}
		got := s.sampler(nil, 0)
		if g, w := fmt.Sprintf("%T", got), fmt.Sprintf("%T", want); g != w {
			t.Errorf("%s: %s, want %s", answer, g, w)
			return
		}
		switch w := want.(type) {
		case *ProbabilisticSampler:
			if g := got.(*ProbabilisticSampler); g.rate != w.rate {
				t.Errorf("%s: rate %v, want %v", answer, g.rate, w.rate)
			}
		case *RateLimitingSampler:
			if g := got.(*RateLimitingSampler); g.limit.rate != w.limit.rate {
				t.Errorf("%s: rate %v, want %v", answer, g.limit.rate, w.limit.rate)
			}
		case *OperationSampler:
			g := got.(*OperationSampler)
			if g.usual.rate != w.usual.rate || g.lower != w.lower || len(g.operations) != len(w.operations) {
				t.Errorf("%s: %+v, want %+v", answer, g, w)
			}
			for op, want := range w.operations {
				if got := g.operations[op]; got == nil || got.share.rate != want.share.rate {
					t.Errorf("%s: operation %s differs", answer, op)
				}
			}
		}
	}
	for _, kind := range []string{`"strategyType":"PROBABILISTIC",`, `"strategyType":0,`, ``, `"strategyType":null,`} {
		good(`{`+kind+`"probabilisticSampling":{"samplingRate":0.25}}`, newProbabilistic(0.25))
	}
	for _, kind := range []string{`"strategyType":"RATE_LIMITING",`, `"strategyType":1,`, ``} {
		good(`{`+kind+`"rateLimitingSampling":{"maxTracesPerSecond":7}}`, NewRateLimitingSampler(7))
	}
	good(`{"strategyType":1,"probabilisticSampling":{"samplingRate":1},"rateLimitingSampling":{"maxTracesPerSecond":7}}`, NewRateLimitingSampler(7))
	good(`{"probabilisticSampling":{}}`, newProbabilistic(0)) // protobuf leaves zeros out
	good(`{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.8},"operationSampling":{"defaultSamplingProbability":0.8,`+
		`"defaultLowerBoundTracesPerSecond":0.5,"perOperationStrategies":[{"operation":"op1","probabilisticSampling":{"samplingRate":0.2}},`+
		`{"operation":"/health","probabilisticSampling":{"samplingRate":0}}],"defaultUpperBoundTracesPerSecond":0}}`,
		newOperationSampler(&OperationStrategies{DefaultRate: 0.8, LowerBound: 0.5, Rates: map[string]float64{"op1": 0.2, "/health": 0}}, nil))

	bad := func(answer, want string) {
		t.Helper()
		if s, err := parseStrategy([]byte(answer)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "sampling strategy") {
			t.Errorf("%s: %+v, %v, want an error with %q", answer, s, err, want)
		}
	}
	bad(`{`, "unexpected end")
	bad(`[]`, "cannot unmarshal")
	bad(`null`, "want one")
	bad(`{}`, "want one")
	bad(`{"strategyType":"ADAPTIVE","probabilisticSampling":{"samplingRate":1}}`, `strategyType: "ADAPTIVE"`)
	bad(`{"probabilisticSampling":{"samplingRate":1.5}}`, "samplingRate: 1.5, want 0 to 1")
	bad(`{"probabilisticSampling":{"samplingRate":"1"}}`, "cannot unmarshal")
	bad(`{"rateLimitingSampling":{"maxTracesPerSecond":-1}}`, "maxTracesPerSecond: -1")
	bad(`{"operationSampling":{"perOperationStrategies":[{"operation":"op"}]}}`, `operation "op": nothing`)
	bad(`{"operationSampling":{"defaultSamplingProbability":2}}`, "default rate of 2")
}

func FuzzParseStrategy(f *testing.F) {
	f.Add([]byte(`{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}`))
	f.Add([]byte(`{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":2}}`))
	f.Add([]byte(`{"operationSampling":{"defaultSamplingProbability":0.5,"perOperationStrategies":[{"operation":"op","probabilisticSampling":{"samplingRate":1}}]}}`))
	f.Fuzz(func(_ *testing.T, d []byte) {
		if s, err := parseStrategy(d); err == nil {
			s.sampler(nil, 0).Sample(span.TraceID{Lo: 1}, "op")
		}
	})
}
