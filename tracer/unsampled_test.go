// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"context"
	"maps"
	"runtime"
	"strconv"
	"testing"
	"time"
	"weak"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

var ignoreHeaders = cmpopts.IgnoreFields(tracer.Counts{}, "Headers")

func denied() tracer.Option { return tracer.WithSampler(tracer.NewConstSampler(false)) }

// reused is how many spans must start and finish for a face to come again, and
// then some.
const reused = 20_000

// A span that is not sampled has the identity of the one above it.
func TestUnsampledContext(t *testing.T) {
	tr, m := newTracer(denied())
	root := tr.StartSpan("root")
	c := contextOf(root.Context())
	if c.IsSampled() || !c.HasIDs() || contextOf(root.Context()) != c {
		t.Errorf("context %v, want one that stays, with ids and a denial", c)
	}
	child := tr.StartSpan("child", opentracing.ChildOf(c))
	if contextOf(child.Context()) != c {
		t.Errorf("child %v, want the context of the span above, %v", child.Context(), c)
	}
	remote := extract(t, tr, "b3", traceHex+"-"+callerHex+"-0-"+aboveHex)
	server := tr.StartSpan("server", ext.RPCServerOption(remote))
	if h := inject(t, tr, server.Context()).Get("b3"); h != traceHex+"-"+callerHex+"-0-"+aboveHex {
		t.Errorf("b3 %q, want what came", h)
	}
	// One that is denied below a recorded one has that one's, with a denial.
	all, _ := newTracer()
	recorded := all.StartSpan("recorded")
	off := all.StartSpan("off", opentracing.ChildOf(recorded.Context()), opentracing.Tag{Key: "sampling.priority", Value: 0})
	on, got := contextOf(recorded.Context()), contextOf(off.Context())
	if got.Span != on.Span || got.Trace != on.Trace || got.Sampling != propagation.Deny || on.Sampling != propagation.Accept {
		t.Errorf("context %v %v, want that of the recorded span %v with a denial", got, got.Sampling, on)
	}
	for _, s := range []opentracing.Span{root, child, server, off} {
		before := contextOf(s.Context())
		s.Finish()
		s.SetBaggageItem("late", "x").SetTag("sampling.priority", 1)
		s.Finish()
		if contextOf(s.Context()) != before {
			t.Error("the context changed by Finish")
		}
	}
	if n := len(m.Records()); n != 0 {
		t.Errorf("%d records, want none", n)
	}
	same(t, "counts", tr.Counts(), tracer.Counts{NotSampled: 3}, ignoreHeaders)
}

// Calls that come after Finish do nothing to the span that uses the memory next.
func TestUnsampledAfterFinish(t *testing.T) {
	tr, m := newTracer(denied())
	old := tr.StartSpan("old")
	old.Finish()
	later := make([]opentracing.Span, 0, reused)
	for range 300 {
		later = append(later, tr.StartSpan("later"))
	}
	old.SetBaggageItem("tenant", "old")
	old.SetTag("sampling.priority", 1)
	old.SetOperationName("old")
	old.Finish()
	old.LogKV("event", "old")
	if c := contextOf(old.Context()); c.IsSampled() || !c.HasIDs() || len(c.Baggage) != 0 {
		t.Errorf("context %v after the end, want a denial of no trace", c)
	}
	if old.BaggageItem("tenant") != "" {
		t.Error("baggage was set after the end")
	}
	for _, s := range later {
		if s.BaggageItem("tenant") != "" || contextOf(s.Context()).IsSampled() {
			t.Fatal("a span after it has its baggage or decision")
		}
		s.Finish()
	}
	if n := len(m.Records()); n != 0 {
		t.Errorf("%d records, want none", n)
	}
}

// A context.Context may lead to a span long after its end.
func TestUnsampledInContext(t *testing.T) {
	tr, _ := newTracer(denied())
	s := tr.StartSpan("op")
	ctx := opentracing.ContextWithSpan(context.Background(), s)
	s.Finish()
	for range reused {
		tr.StartSpan("other").Finish()
	}
	tenant := tr.StartSpan("other").SetBaggageItem("tenant", "other")
	c := contextOf(opentracing.SpanFromContext(ctx).Context())
	if !c.HasIDs() || len(c.Baggage) != 0 || contextOf(opentracing.SpanFromContext(ctx).Context()) != c {
		t.Errorf("context %v, want one that stays, without baggage", c)
	}
	tenant.Finish()
}

// TestUnsampledBaggage is the property that matters most: whatever happens in
// whatever order, a span sees its own baggage and its parents' at its start.
func TestUnsampledBaggage(t *testing.T) {
	for name, options := range map[string][]tracer.Option{"not sampled": {denied()}, "sampled": nil} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				tr := tracer.New("x", options...)
				type live struct {
					s    opentracing.Span
					want map[string]string
					done bool
				}
				var spans []*live
				pick := func() *live {
					if len(spans) == 0 {
						return nil
					}
					return rapid.SampledFrom(spans).Draw(t, "span")
				}
				t.Repeat(map[string]func(*rapid.T){
					"root": func(*rapid.T) { spans = append(spans, &live{s: tr.StartSpan("root"), want: map[string]string{}}) },
					"child": func(t *rapid.T) {
						p := pick()
						if p == nil || p.done {
							return
						}
						want := map[string]string{}
						maps.Copy(want, p.want)
						ref := opentracing.ChildOf(p.s.Context())
						if rapid.Bool().Draw(t, "follows") {
							ref = opentracing.FollowsFrom(p.s.Context())
						}
						spans = append(spans, &live{s: tr.StartSpan("child", ref), want: want})
					},
					"set": func(t *rapid.T) {
						if p := pick(); p != nil {
							k, v := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"), rapid.StringN(0, 3, 3).Draw(t, "value")
							p.s.SetBaggageItem(k, v)
							if !p.done {
								p.want[k] = v
							}
						}
					},
					"finish": func(*rapid.T) {
						if p := pick(); p != nil {
							p.s.Finish()
							p.done = true
						}
					},
					"rest": func(*rapid.T) {
						for range 70 {
							tr.StartSpan("other").Finish()
						}
					},
					"": func(t *rapid.T) {
						for i, p := range spans {
							if p.done {
								continue
							}
							for _, k := range []string{"a", "b", "c"} {
								if got := p.s.BaggageItem(k); got != p.want[k] {
									t.Fatalf("span %d: %s=%q, want %q", i, k, got, p.want[k])
								}
							}
						}
					},
				})
				for _, p := range spans {
					if p.done {
						continue
					}
					got := map[string]string{}
					p.s.Context().ForeachBaggageItem(func(k, v string) bool { got[k] = v; return true })
					if len(got) != len(p.want) {
						t.Fatalf("baggage %v, want %v", got, p.want)
					}
				}
			})
		})
	}
}

// Baggage of a decision without a trace, and of a caller that denied.
func TestUnsampledBaggageFromHeaders(t *testing.T) {
	tr, _ := newTracer()
	for _, headers := range [][]string{
		{"b3", "0", "jaeger-baggage", "tenant=a"},
		{"uber-trace-id", traceHex + ":" + callerHex + ":0:0", "uberctx-tenant", "a"},
	} {
		s := tr.StartSpan("op", opentracing.ChildOf(extract(t, tr, headers...)))
		if got := s.BaggageItem("Tenant"); got != "a" {
			t.Errorf("%v: baggage %q, want a", headers, got)
		}
		below := tr.StartSpan("below", opentracing.ChildOf(s.Context()))
		s.SetBaggageItem("tenant", "b")
		s.Finish()
		if got := below.BaggageItem("tenant"); got != "a" {
			t.Errorf("%v: baggage %q below, want that of its start", headers, got)
		}
		below.SetBaggageItem("more", "c").Finish()
		if got := contextOf(below.Context()); len(got.Baggage) != 2 || got.IsSampled() {
			t.Errorf("%v: context %v with %v, want two items and a denial", headers, got, got.Baggage)
		}
	}
}

// sampling.priority records a span from then on, in the place that it has.
func TestUpgrade(t *testing.T) {
	tr, m := newTracer(denied(), tracer.WithInstance("i"))
	remote := extract(t, tr, "b3", traceHex+"-"+callerHex+"-0", "baggage-tenant", "a")
	for name, options := range map[string][]opentracing.StartSpanOption{
		"root": nil, "server": {ext.RPCServerOption(remote)}, "follows": {opentracing.FollowsFrom(remote)},
	} {
		t.Run(name, func(t *testing.T) {
			m.Reset()
			before, had := time.Now(), tr.Counts()
			s := tr.StartSpan("op", options...)
			s.SetOperationName("renamed").SetTag("lost", 1).SetBaggageItem("mine", "b")
			given := contextOf(s.Context())
			ext.SamplingPriority.Set(s, 0) // says nothing new
			if contextOf(s.Context()).IsSampled() {
				t.Fatal("sampled by a denial")
			}
			ext.SamplingPriority.Set(s, 1)
			ext.SamplingPriority.Set(s, 1)
			s.SetTag("kept", 2).SetBaggageItem("more", "c")
			s.LogFields(log.Event("x"))
			s.LogKV("event", "x")
			o := s.(older)
			o.LogEvent("x")
			o.LogEventWithPayload("x", 1)
			o.Log(opentracing.LogData{Event: "x"})
			c := contextOf(s.Context())
			if c.Sampling != propagation.Debug || c.Trace != given.Trace || s.BaggageItem("mine") != "b" || s.BaggageItem("more") != "c" {
				t.Errorf("context %v %v with %v, want debug in trace %v with the baggage", c, c.Sampling, c.Baggage, given.Trace)
			}
			tr.StartSpan("below", opentracing.ChildOf(s.Context())).Finish()
			s.Finish()
			s.Finish()
			if n := len(m.Records()); n != 2 {
				t.Fatalf("%d records, want 2", n)
			}
			if n := tr.Counts(); n.Started-had.Started != 2 || n.NotSampled != had.NotSampled {
				t.Errorf("%+v after %+v, want each of two spans counted once", n, had)
			}
			r := m.Records()[1]
			if r.ID != c.Span || m.Records()[0].Parent != c.Span || r.Operation != "renamed" || len(r.Logs) != 5 {
				t.Errorf("record %+v, want that of %v", r, c)
			}
			if r.Start.Before(before) || r.Start.After(time.Now()) {
				t.Errorf("start %v, want the span's own, after %v", r.Start, before)
			}
			same(t, "tags", r.Tags, []tracer.Tag{{Key: "sampling.priority", Value: uint16(1)}, {Key: "kept", Value: 2}})
			switch name {
			case "root":
				if r.Parent != 0 || r.ID != given.Span {
					t.Errorf("id %v below %v, want the root %v that was given out", r.ID, r.Parent, given.Span)
				}
			case "server":
				same(t, "references", r.References, []tracer.Reference{{Trace: traceID, Span: callerID, Parent: true}})
				if r.Kind != span.KindServer || r.Parent != callerID || s.BaggageItem("tenant") != "a" {
					t.Errorf("record %+v, want a server below %v", r, callerID)
				}
			case "follows":
				same(t, "references", r.References, []tracer.Reference{{Kind: span.FollowsFrom, Trace: traceID, Span: callerID, Parent: true}})
			}
		})
	}
}

// The upgrade has the start of the span that it replaces, also a given one.
func TestUpgradeStart(t *testing.T) {
	tr, m := newTracer(denied())
	start := time.Now().Add(-time.Hour)
	s := tr.StartSpan("op", opentracing.StartTime(start))
	ext.SamplingPriority.Set(s, 1)
	s.Finish()
	r := only(t, m)
	if d := r.Start.Sub(start).Abs(); d > time.Second || r.Duration < time.Hour-time.Second {
		t.Errorf("start differs by %v, duration %v, want those of an hour", d, r.Duration)
	}
}

// What a request's span kept is collected when the request is over, but for what
// few slots still hold.
func TestKeptIsCollected(t *testing.T) {
	tr, _ := newTracer(denied())
	var early []weak.Pointer[tracer.SpanContext]
	for range reused {
		s := tr.StartSpan("op")
		ctx := opentracing.ContextWithSpan(context.Background(), s)
		early = append(early, weak.Make(contextOf(opentracing.SpanFromContext(ctx).Context())))
		s.Finish()
	}
	runtime.GC()
	n := 0
	for _, p := range early {
		if p.Value() != nil {
			n++
		}
	}
	if n > 2500 {
		t.Errorf("%d of %d contexts are kept, want what 256 slots of 8 hold at most", n, len(early))
	}
}

// Slots whose faces are kept are let go, and others come.
func TestManyKept(t *testing.T) {
	tr, _ := newTracer(denied())
	ctx := make([]*tracer.SpanContext, 0, reused)
	for i := range reused {
		s := tr.StartSpan("op")
		if i%3 == 0 {
			s.SetBaggageItem("i", strconv.Itoa(i))
		}
		ctx = append(ctx, contextOf(s.Context()))
		s.Finish()
		tr.StartSpan("other").Finish()
	}
	seen := map[span.TraceID]bool{}
	for i, c := range ctx {
		if seen[c.Trace] {
			t.Fatalf("trace %v was given out twice", c.Trace)
		}
		seen[c.Trace] = true
		want := ""
		if i%3 == 0 {
			want = strconv.Itoa(i)
		}
		if got, _ := c.Baggage.Get("i"); got != want {
			t.Fatalf("span %d has the baggage %q, want %q", i, got, want)
		}
	}
}
