// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
	commonv3 "skywalking.apache.org/repo/goapi/collect/common/v3"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
)

// content says what segments hold, as upstream's types read them and without
// what a batch does not keep: empty pairs, references to no segment, empty
// spans, segments without any span, the place of "event" in a log.
func content(segments []*agentv3.SegmentObject) string {
	var w strings.Builder
	for _, g := range segments {
		if len(g.TraceSegmentId) > maxSegmentName {
			continue
		}
		for _, s := range g.Spans {
			fmt.Fprintf(&w, "span %q %q %q %q %v: %d %d %q %q %d %d %d %v\n", g.TraceId, g.TraceSegmentId, g.Service, g.ServiceInstance, g.IsSizeLimited,
				s.SpanId, s.ParentSpanId, s.OperationName, s.Peer, s.SpanType, s.SpanLayer, s.ComponentId, s.SkipAnalysis)
			if s.StartTime > 0 && s.StartTime <= maxMillis {
				fmt.Fprintf(&w, " start %d", s.StartTime)
				if s.EndTime > 0 && s.EndTime <= maxMillis {
					fmt.Fprintf(&w, " for %d", max(s.EndTime-s.StartTime, 0))
				}
			}
			fmt.Fprintf(&w, " error %v\n", s.IsError)
			pairs(&w, s.Tags)
			for _, l := range s.Logs {
				at := l.Time
				if at < 0 || at > maxMillis {
					at = 0
				}
				fmt.Fprintf(&w, " log %d\n", at)
				data, name := l.Data, ""
				for i, p := range data {
					if p.Key == "event" {
						name = fmt.Sprintf(" event %q\n", p.Value)
						data = append(data[:i:i], data[i+1:]...)
						break
					}
				}
				w.WriteString(name)
				pairs(&w, data)
			}
			for _, r := range s.Refs {
				if r.ParentTraceSegmentId != "" {
					fmt.Fprintf(&w, " ref %v %q %q %d %q %q %q %q\n", r.RefType == 1, r.TraceId, r.ParentTraceSegmentId, r.ParentSpanId,
						r.ParentService, r.ParentServiceInstance, r.ParentEndpoint, r.NetworkAddressUsedAtPeer)
				}
			}
		}
	}
	return withoutEmpty(w.String())
}

func pairs(w *strings.Builder, ps []*commonv3.KeyStringValuePair) {
	for _, p := range ps {
		if p.Key != "" || p.Value != "" {
			fmt.Fprintf(w, "  %q=%q\n", p.Key, p.Value)
		}
	}
}

// contentOf is content of a batch.
func contentOf(b *span.Batch) string {
	var w strings.Builder
	attrs := func(r span.Range) {
		for _, a := range b.Attrs(r) {
			fmt.Fprintf(&w, "  %q=%q\n", b.Str(a.Key), b.Str(a.Text()))
		}
	}
	for i := range b.Spans() {
		s := &b.Spans()[i]
		g, a := b.Segment(s.Segment), b.Agent(s.Agent)
		if a == nil {
			a = &span.Agent{} // of a gateway's segment
		}
		fmt.Fprintf(&w, "span %q %q %q %q %v: %d %d %q %q %d %d %d %v\n", b.Str(g.TraceName), b.Str(g.Name), b.Str(g.Service), b.Str(g.Instance), g.SizeLimited,
			a.Number, a.Parent, b.Str(s.Name), b.Str(a.Peer), a.Type, a.Layer, a.Component, a.Skip)
		if s.Has&span.HasStart != 0 {
			fmt.Fprintf(&w, " start %d", s.Start/1e6)
		}
		if s.Has&span.HasDuration != 0 {
			fmt.Fprintf(&w, " for %d", s.Duration/1e6)
		}
		fmt.Fprintf(&w, " error %v\n", s.Status == span.StatusError)
		attrs(s.Attrs)
		for _, e := range b.Events(s.Events) {
			fmt.Fprintf(&w, " log %d\n", e.Time/1e6)
			if e.Name.Present() {
				fmt.Fprintf(&w, " event %q\n", b.Str(e.Name))
			}
			attrs(e.Attrs)
		}
		for _, r := range b.Refs(s.Refs) {
			a := b.AgentRef(r.Agent)
			fmt.Fprintf(&w, " ref %v %q %q %d %q %q %q %q\n", r.Kind == span.CrossThread, b.Str(a.TraceName), b.Str(a.Segment), a.Number,
				b.Str(a.Service), b.Str(a.Instance), b.Str(a.Endpoint), b.Str(a.Address))
		}
	}
	return withoutEmpty(w.String())
}

// withoutEmpty leaves out the spans that say nothing: whether a span was written
// as no bytes or as zeros is more than upstream's types tell.
func withoutEmpty(content string) string {
	var w strings.Builder
	for s := range strings.SplitSeq("\n"+content, "\nspan ") {
		s = strings.TrimSpace(s)
		if s == "" || strings.HasSuffix(s, `: 0 0 "" "" 0 0 0 false`+"\n error false") {
			continue
		}
		w.WriteString("span " + s + "\n")
	}
	return w.String()
}

// anySegment draws a segment, odd ones more often than agents write them.
func anySegment(t *rapid.T) *agentv3.SegmentObject {
	text := func(of ...string) string {
		return rapid.OneOf(rapid.SampledFrom(append(of, "", "event", "é世🚀")), rapid.StringN(0, 12, 40)).Draw(t, "text")
	}
	number := rapid.OneOf(rapid.Int32Range(-1, 6), rapid.SampledFrom([]int32{-1 << 31, 1<<31 - 1, 4095, 4096, 5000}))
	millis := rapid.OneOf(rapid.Int64Range(1_795_238_039_000, 1_795_238_040_000),
		rapid.SampledFrom([]int64{0, -1, 1, maxMillis, maxMillis + 1, 1<<63 - 1, -1 << 63}))
	count := func(most int) int { return rapid.IntRange(0, most).Draw(t, "count") }
	tags := func(most int) (ps []*commonv3.KeyStringValuePair) {
		for range count(most) {
			ps = append(ps, &commonv3.KeyStringValuePair{Key: text("http.method", "event", "message", "error.kind", "x-le"), Value: text("GET", "error")})
		}
		return ps
	}
	traces := []string{"463ac35c9f6413ad48485a3953bb6124", "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001", "de5980b8-fce3-4a37-aab9-b4ac3af7eedd"}
	g := &agentv3.SegmentObject{
		TraceId: text(traces...), TraceSegmentId: text("838055281761a3e800f067aa0ba902b7", "s1"),
		Service: text("order"), ServiceInstance: text("a1b2@10.0.0.5", "order-1"),
		IsSizeLimited: rapid.Bool().Draw(t, "limited"),
	}
	for range count(5) {
		s := &agentv3.SpanObject{
			SpanId: number.Draw(t, "number"), ParentSpanId: number.Draw(t, "parent"),
			StartTime: millis.Draw(t, "start"), EndTime: millis.Draw(t, "end"),
			OperationName: text("GET:/a"), Peer: text("mysql:3306", "10.1.2.3:3306", "a:1,b:2", "[::1]:80", "http://u:p@h:1/x"),
			SpanType:    agentv3.SpanType(rapid.Int32Range(0, 9).Draw(t, "type")),
			SpanLayer:   agentv3.SpanLayer(rapid.Int32Range(0, 9).Draw(t, "layer")),
			ComponentId: number.Draw(t, "component"), IsError: rapid.Bool().Draw(t, "error"), SkipAnalysis: rapid.Bool().Draw(t, "skip"),
			Tags: tags(4),
		}
		for range count(2) {
			s.Logs = append(s.Logs, &agentv3.Log{Time: millis.Draw(t, "log"), Data: tags(3)})
		}
		for range count(3) {
			s.Refs = append(s.Refs, &agentv3.SegmentReference{
				RefType: agentv3.RefType(rapid.Int32Range(0, 2).Draw(t, "ref type")), TraceId: text(traces...), ParentTraceSegmentId: text("s1", "s2"),
				ParentSpanId: number.Draw(t, "ref number"), ParentService: text("front", "order"), ParentServiceInstance: text("f1", "order-1"),
				ParentEndpoint: text("GET:/"), NetworkAddressUsedAtPeer: text("order:80"),
			})
		}
		g.Spans = append(g.Spans, s)
	}
	return g
}

// Upstream's types and this decoder read the same from any segments.
func TestDecodeAsUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all agentv3.SegmentCollection
		for range rapid.IntRange(0, 3).Draw(t, "segments") {
			all.Segments = append(all.Segments, anySegment(t))
		}
		body, err := proto.Marshal(&all)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := tryDecode(formatSegments, body)
		if got, want := contentOf(b), content(all.Segments); got != want {
			t.Fatalf("got\n%swant\n%s", got, want)
		}
		if err := invariants(b); err != nil {
			t.Fatal(err)
		}
	})
}

// What upstream cannot read costs at least a refusal; what it can is the same.
func TestDecodeMutatedAsUpstream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body, err := proto.Marshal(&agentv3.SegmentCollection{Segments: []*agentv3.SegmentObject{anySegment(t)}})
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			if len(body) > 0 {
				body[rapid.IntRange(0, len(body)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			}
		}
		compareWithUpstream(t, body)
	})
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func compareWithUpstream(t failer, body []byte) {
	t.Helper()
	// A batch keeps the body; the oracle gets a copy.
	var all agentv3.SegmentCollection
	upstream := proto.Unmarshal(append([]byte(nil), body...), &all)
	b, err := tryDecode(formatSegments, body)
	if err := invariants(b); err != nil {
		t.Fatalf("%x: %v", body, err)
	}
	foreign := slices.ContainsFunc(b.Spans(), func(s span.Span) bool { return s.Agent == 0 || s.Home != span.Unknown })
	switch {
	case foreign: // the spans are no agent's
	case upstream == nil:
		if got, want := contentOf(b), content(all.Segments); got != want {
			t.Fatalf("%x\ngot\n%swant\n%s", body, got, want)
		}
	case err == nil && !strings.Contains(upstream.Error(), "UTF-8"):
		t.Fatalf("%x: taken, upstream says %v", body, upstream)
	}
}

// invariants are true of every batch, whatever its body was.
func invariants(b *span.Batch) error {
	type in struct {
		segment uint32
		id      span.ID
	}
	seen := make(map[in]bool)
	for i := range b.Spans() {
		s := &b.Spans()[i]
		g, a := b.Segment(s.Segment), b.Agent(s.Agent)
		switch {
		case s.Trace.IsZero() || s.ID == 0:
			return fmt.Errorf("span %d: a zero id", i)
		case s.Parent == s.ID:
			return fmt.Errorf("span %d: its own parent", i)
		case seen[in{s.Segment, s.ID}]:
			return fmt.Errorf("span %d: id %s twice in a segment", i, s.ID)
		case g == nil || a == nil && own(s.Trace, b.Str(g.Name)) == 0:
			return fmt.Errorf("span %d: no segment or agent", i)
		case b.Str(g.TraceName) != "" && s.Trace != span.TraceOf(b.Str(g.TraceName)):
			return fmt.Errorf("span %d: trace %s of %q", i, s.Trace, b.Str(g.TraceName))
		}
		seen[in{s.Segment, s.ID}] = true
		for _, r := range b.Refs(s.Refs) {
			if r.Span == 0 || r.Trace.IsZero() || r.Parent && (r.Span != s.Parent || r.Trace != s.Trace) {
				return fmt.Errorf("span %d: ref %+v", i, r)
			}
		}
		// What is passed on can be read by others.
		if err := proto.Unmarshal([]byte(b.Str(g.Raw)), &agentv3.SegmentObject{}); err != nil {
			return fmt.Errorf("span %d: raw segment: %w", i, err)
		}
		if err := proto.Unmarshal([]byte(b.Str(s.Raw)), &agentv3.SpanObject{}); err != nil {
			return fmt.Errorf("span %d: raw: %w", i, err)
		}
	}
	if most := 4096 + 200*len(b.Body()); b.Memory() > most {
		return fmt.Errorf("%d bytes of memory for a body of %d", b.Memory(), len(b.Body()))
	}
	return nil
}
