// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/mocktracer"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

func refs(r *tracer.Record) (list []tracer.Reference) { return r.References }

func TestParents(t *testing.T) {
	tr, m := newTracer()
	a, b, c := tr.StartSpan("a").Context(), tr.StartSpan("b").Context(), tr.StartSpan("c").Context()
	ctxA, ctxB, ctxC := contextOf(a), contextOf(b), contextOf(c)
	follows := func(c *tracer.SpanContext, parent bool) tracer.Reference {
		return tracer.Reference{Kind: span.FollowsFrom, Trace: c.Trace, Span: c.Span, Parent: parent}
	}
	child := func(c *tracer.SpanContext, parent bool) tracer.Reference {
		return tracer.Reference{Trace: c.Trace, Span: c.Span, Parent: parent}
	}
	foreign := mocktracer.New().StartSpan("foreign").Context()
	var none *tracer.SpanContext
	for _, e := range []struct {
		name    string
		options []opentracing.StartSpanOption
		parent  *tracer.SpanContext
		refs    []tracer.Reference
	}{
		{"root", nil, nil, nil},
		{"child", []opentracing.StartSpanOption{opentracing.ChildOf(a)}, ctxA, []tracer.Reference{child(ctxA, true)}},
		{"follows", []opentracing.StartSpanOption{opentracing.FollowsFrom(a)}, ctxA, []tracer.Reference{follows(ctxA, true)}},
		{"first child", []opentracing.StartSpanOption{opentracing.ChildOf(b), opentracing.ChildOf(a)}, ctxB, []tracer.Reference{child(ctxB, true), child(ctxA, false)}},
		{"child before follows", []opentracing.StartSpanOption{opentracing.FollowsFrom(c), opentracing.FollowsFrom(b), opentracing.ChildOf(a)}, ctxA, []tracer.Reference{child(ctxA, true), follows(ctxB, false), follows(ctxC, false)}},
		{"first follows", []opentracing.StartSpanOption{opentracing.FollowsFrom(c), opentracing.FollowsFrom(b)}, ctxC, []tracer.Reference{follows(ctxC, true), follows(ctxB, false)}},
		{"the same twice", []opentracing.StartSpanOption{opentracing.ChildOf(a), opentracing.FollowsFrom(a)}, ctxA, []tracer.Reference{child(ctxA, true), follows(ctxA, false)}},
		{"foreign", []opentracing.StartSpanOption{opentracing.ChildOf(foreign)}, nil, nil},
		{"foreign and ours", []opentracing.StartSpanOption{opentracing.ChildOf(foreign), opentracing.FollowsFrom(b)}, ctxB, []tracer.Reference{follows(ctxB, true)}},
		{"nil", []opentracing.StartSpanOption{opentracing.ChildOf(nil), opentracing.ChildOf(none), opentracing.SpanReference{}}, nil, nil},
		{"with tags", []opentracing.StartSpanOption{opentracing.Tag{Key: "x", Value: 1}, opentracing.FollowsFrom(b), opentracing.ChildOf(a)}, ctxA, []tracer.Reference{child(ctxA, true), follows(ctxB, false)}},
	} {
		m.Reset()
		tr.StartSpan(e.name, e.options...).Finish()
		r := only(t, m)
		if e.parent == nil {
			if r.Parent != 0 || r.ID != span.ID(r.Trace.Lo) {
				t.Errorf("%s: parent %v, id %v, want a root", e.name, r.Parent, r.ID)
			}
		} else if r.Parent != e.parent.Span || r.Trace != e.parent.Trace || r.ID == e.parent.Span || r.ID == 0 {
			t.Errorf("%s: trace %v, id %v, parent %v, want a child of %v", e.name, r.Trace, r.ID, r.Parent, e.parent)
		}
		same(t, e.name, refs(r), e.refs)
	}
}

// A parent may be long done when its children start.
func TestContextAfterFinish(t *testing.T) {
	tr, m := newTracer()
	asked, unasked := tr.StartSpan("asked"), tr.StartSpan("unasked")
	before := contextOf(asked.Context())
	asked.Finish()
	unasked.Finish()
	if contextOf(asked.Context()) != before {
		t.Error("the context changed by Finish")
	}
	for i, s := range []opentracing.Span{asked, unasked} {
		tr.StartSpan("late", opentracing.FollowsFrom(s.Context())).Finish()
		r := m.Records()
		if late, of := r[2+i], r[i]; late.Parent != of.ID || late.Trace != of.Trace {
			t.Errorf("late span %v below %v, want %v", late.ID, late.Parent, of.ID)
		}
	}
}

func TestDecisionsAndDebugID(t *testing.T) {
	for _, e := range []struct {
		name    string
		headers []string
		sampled bool
		want    propagation.Sampling
		trace   span.TraceID // zero: a new one
		tags    []tracer.Tag
	}{
		{"accept alone", []string{"b3", "1"}, true, propagation.Accept, span.TraceID{}, nil},
		{"debug alone", []string{"b3", "d"}, true, propagation.Debug, span.TraceID{}, nil},
		{"deny alone", []string{"b3", "0"}, false, propagation.Deny, span.TraceID{}, nil},
		{"debug id", []string{"jaeger-debug-id", "ticket-17"}, true, propagation.Debug, span.TraceID{}, []tracer.Tag{{Key: "jaeger-debug-id", Value: "ticket-17"}}},
		{"accept", []string{"b3", traceHex + "-" + callerHex + "-1"}, true, propagation.Accept, traceID, nil},
		{"deny", []string{"b3", traceHex + "-" + callerHex + "-0"}, false, propagation.Deny, traceID, nil},
		{"firehose", []string{"uber-trace-id", traceHex + ":" + callerHex + ":0:9"}, true, propagation.Firehose, traceID, nil},
		{"baggage alone", []string{"jaeger-baggage", "user=fry"}, true, propagation.Accept, span.TraceID{}, nil},
	} {
		t.Run(e.name, func(t *testing.T) {
			tr, m := newTracer()
			parent := extract(t, tr, e.headers...)
			s := tr.StartSpan("op", ext.RPCServerOption(parent))
			c := contextOf(s.Context())
			if c.IsSampled() != e.sampled || c.Sampling != e.want {
				t.Errorf("decision %v, want %v", c.Sampling, e.want)
			}
			if !c.HasIDs() || !e.trace.IsZero() && c.Trace != e.trace {
				t.Errorf("trace %v, want %v", c.Trace, e.trace)
			}
			if len(e.headers[0]) == len("jaeger-baggage") && e.headers[0] == "jaeger-baggage" && s.BaggageItem("user") != "fry" {
				t.Errorf("baggage %q, want fry", s.BaggageItem("user"))
			}
			// The tag of the debug id is on the first span alone.
			tr.StartSpan("below", opentracing.ChildOf(s.Context())).Finish()
			s.Finish()
			if !e.sampled {
				if n := len(m.Records()); n != 0 {
					t.Errorf("%d records, want none", n)
				}
				return
			}
			same(t, "tags below", m.Records()[0].Tags, []tracer.Tag(nil))
			same(t, "tags", m.Records()[1].Tags, e.tags)
			if r := m.Records()[1]; r.Sampling != e.want || r.Kind != span.KindServer {
				t.Errorf("record %+v, want %v of a server", r, e.want)
			}
		})
	}
}

// With a decision left open the sampler is asked, about the caller's trace.
func TestDeferredDecision(t *testing.T) {
	var asked []span.TraceID
	tr, _ := newTracer(tracer.WithSampler(samplerFunc(func(id span.TraceID, _ string) tracer.Decision {
		asked = append(asked, id)
		return tracer.Decision{}
	})))
	parent := extract(t, tr, "b3", traceHex+"-"+callerHex)
	s := tr.StartSpan("op", opentracing.ChildOf(parent))
	same(t, "asked about", asked, []span.TraceID{traceID})
	if h := inject(t, tr, s.Context()).Get("b3"); h != traceHex+"-"+callerHex+"-0" {
		t.Errorf("b3 %q, want the caller's with a denial", h)
	}
	if parent.Sampling != propagation.Defer {
		t.Error("the parent's context changed")
	}
}

type samplerFunc func(span.TraceID, string) tracer.Decision

func (f samplerFunc) Sample(id span.TraceID, operation string) tracer.Decision {
	return f(id, operation)
}

func TestSharedSpans(t *testing.T) {
	tr, m := newTracer(tracer.WithSharedSpans())
	remote := extract(t, tr, "b3", traceHex+"-"+callerHex+"-1-"+aboveHex)
	server := tr.StartSpan("server", ext.RPCServerOption(remote))
	c := contextOf(server.Context())
	if c.Span != callerID || c.Parent != aboveID {
		t.Errorf("context %v below %v, want the client's", c.Span, c.Parent)
	}
	tr.StartSpan("local", opentracing.ChildOf(server.Context())).Finish()
	tr.StartSpan("in-process server", ext.RPCServerOption(server.Context())).Finish()
	tr.StartSpan("not a server", opentracing.ChildOf(remote)).Finish()
	server.Finish()
	r := m.Records()
	for i, want := range []struct {
		parent span.ID
		shared bool
	}{{callerID, false}, {callerID, false}, {callerID, false}, {aboveID, true}} {
		if r[i].Parent != want.parent || r[i].Shared != want.shared || r[i].ID == callerID != want.shared {
			t.Errorf("%s: id %v, parent %v, shared %v, want parent %v, shared %v", r[i].Operation, r[i].ID, r[i].Parent, r[i].Shared, want.parent, want.shared)
		}
	}
	same(t, "references", r[3].References, []tracer.Reference{{Trace: traceID, Span: aboveID, Parent: true}})
	// Without the option nothing is shared, and a client's root has no parent to
	// refer to.
	m.Reset()
	tr.StartSpan("server", ext.RPCServerOption(extract(t, tr, "b3", traceHex+"-"+callerHex+"-1"))).Finish()
	if r := only(t, m); !r.Shared || r.Parent != 0 || len(r.References) != 0 {
		t.Errorf("record %+v, want a shared root without references", r)
	}
	plain, m := newTracer()
	plain.StartSpan("server", ext.RPCServerOption(remote)).Finish()
	if r := only(t, m); r.Shared || r.Parent != callerID {
		t.Errorf("record %+v, want a child", r)
	}
}

// Ids of 64 bits stay such, and those that were written with 32 digits too.
func TestWidthOfTraceIDs(t *testing.T) {
	f := func(id string, long bool) {
		t.Helper()
		tr, m := newTracer(tracer.WithPropagator(propagation.New(propagation.Write(propagation.Uber))))
		s := tr.StartSpan("op", opentracing.ChildOf(extract(t, tr, "b3", id+"-"+callerHex+"-1")))
		if got := inject(t, tr, s.Context()).Get("uber-trace-id"); len(got) < len(id) || got[:len(id)] != id {
			t.Errorf("uber-trace-id %q, want trace id %q", got, id)
		}
		s.Finish()
		if r := only(t, m); r.Long != long {
			t.Errorf("%s: long %v, want %v", id, r.Long, long)
		}
	}
	f("48485a3953bb6124", false)
	f("000000000000000048485a3953bb6124", true)
	f(traceHex, true)
}

// What headers said of another trace is kept as a reference, and the tracestate
// and SkyWalking's words with the record.
func TestWhatHeadersSayBesides(t *testing.T) {
	tr, m := newTracer()
	const otherHex = "11112222333344445555666677778888"
	c := extract(t, tr, "b3", traceHex+"-"+callerHex+"-1", "traceparent", "00-"+otherHex+"-1234567812345678-01")
	tr.StartSpan("op", ext.RPCServerOption(c)).Finish()
	same(t, "references", only(t, m).References, []tracer.Reference{
		{Trace: traceID, Span: callerID, Parent: true},
		{Kind: span.FollowsFrom, Trace: span.TraceID{Hi: 0x1111222233334444, Lo: 0x5555666677778888}, Span: 0x1234567812345678},
	})
	m.Reset()
	c = extract(t, tr, "traceparent", "00-"+traceHex+"-"+callerHex+"-01", "tracestate", "vendor=1")
	below := tr.StartSpan("op", opentracing.ChildOf(tr.StartSpan("server", ext.RPCServerOption(c)).Context()))
	below.Finish()
	if r := only(t, m); r.State != "vendor=1" {
		t.Errorf("state %q, want the caller's", r.State)
	}
}
