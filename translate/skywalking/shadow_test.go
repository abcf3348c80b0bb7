// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// oddSpan is any span, with what a decoder takes for something else.
func oddSpan(t *rapid.T, i int) made {
	m := anySpan(t, i)
	m.parent = span.ID(rapid.IntRange(0, 9).Draw(t, "upper"))
	keys := rapid.SampledFrom([]string{
		"bridge.x", "bridge.x.user", "bridge.x.user.user", "bridge.xy", "bridge.span_id", "event", "message", "error.kind", "",
		"\xff", "a\xc3", "sw8.trace_id", tagParent, strings.Repeat("k", 200),
	})
	values := rapid.SampledFrom([]any{
		"", "v", "\xff", strings.Repeat("v", 150), strings.Repeat("é", 20_000), 17, 2.5, nil, javaTrace,
		"838055281761a3e800f067aa0ba902b7|0|b3JkZXI=|/w==|/w==|",
		span.SegmentName(z, m.parent) + "|0|b3JkZXI=|/w==|/w==|",
	})
	pairs := func(name string) (list []any) {
		for range rapid.IntRange(0, 3).Draw(t, name) {
			list = append(list, keys.Draw(t, "key"), values.Draw(t, "value"))
		}
		return list
	}
	m.attrs = append(m.attrs, pairs("odd attributes")...)
	m.events = rapid.SliceOfN(rapid.SampledFrom([]string{"-", "", "error", "event", "\xfe"}), 0, 3).Draw(t, "odd events")
	m.fields = pairs("fields")
	if peer := rapid.SampledFrom([]string{"", "a:9092;b:9092", "http://u:p@h:80/x", "[::1]:80", "10.0.0.7:1", "\xff:80", "::1", ":80"}).Draw(t, "peer"); peer != "" {
		m.remote = peer
	}
	return m
}

// What is written is the same whether a shadow says what a decoder makes of it or
// the decoder itself.
func TestShadow(t *testing.T) {
	t.Parallel()
	native := decode(t, formatSegments, collection(t, append(segmentsOf(t, "java"), segmentsOf(t, "python")...)...))
	agents := spantest.Items(native)
	rapid.Check(t, func(t *rapid.T) {
		opts := translate.EncoderOptions{
			Residue:   rapid.SampledFrom([]translate.Residue{translate.Exact, translate.Plain, translate.OTel}).Draw(t, "residue"),
			WrapExits: rapid.Bool().Draw(t, "wrap"),
		}
		format := rapid.SampledFrom([]string{"zipkin.v2.json", "jaeger.thrift", "otlp.proto", "skywalking.segments"}).Draw(t, "format")
		quick, slow := NewEncoder(opts).(*Encoder), NewEncoder(opts).(*Encoder)
		slow.longWay = true
		mixed := rapid.Bool().Draw(t, "children of agents")
		if mixed {
			sameMessages(t, quick, slow, agents, len(agents))
		}
		for call := range rapid.IntRange(1, 3).Draw(t, "calls") {
			var spans []made
			for i := range rapid.IntRange(1, 8).Draw(t, "spans") {
				m := oddSpan(t, i*rapid.IntRange(0, 2).Draw(t, "step")+call)
				if mixed && rapid.Bool().Draw(t, "child") {
					up := rapid.SampledFrom(native.Spans()).Draw(t, "of")
					m.trace, m.parent = up.Trace, up.ID
					if rapid.IntRange(0, 4).Draw(t, "same") == 0 {
						m.id = rapid.SampledFrom(native.Spans()).Draw(t, "as").ID
					}
				}
				spans = append(spans, m)
			}
			items := spantest.Items(batch(format, spans...))
			sameMessages(t, quick, slow, items, rapid.IntRange(0, len(items)).Draw(t, "observed"))
		}
	})
}

// sameMessages adds items to both encoders, which observe the first of them before.
func sameMessages(t interface {
	Helper()
	Fatalf(string, ...any)
}, quick, slow *Encoder, items []span.Item, observed int,
) {
	t.Helper()
	for _, e := range []*Encoder{quick, slow} {
		e.Reset()
		e.Observe(slices.Clone(items[:observed]))
		e.Add(slices.Clone(items))
	}
	got, want := quick.Messages(), slow.Messages()
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
	for i := range got {
		if string(got[i].Body) != string(want[i].Body) || got[i].Spans != want[i].Spans || got[i].Method != want[i].Method {
			t.Fatalf("message %d: %s, %d spans\n%q, want\n%q", i, got[i].Method, got[i].Spans, got[i].Body, want[i].Body)
		}
	}
	if quick.losses != slow.losses {
		t.Fatalf("losses %v, want %v", quick.losses, slow.losses)
	}
}

// Ordinary spans are not read again.
func TestShadowIsUsual(t *testing.T) {
	t.Parallel()
	for _, wrap := range []bool{false, true} {
		opts := translate.EncoderOptions{WrapExits: wrap}
		quick, slow := NewEncoder(opts).(*Encoder), NewEncoder(opts).(*Encoder)
		slow.longWay = true
		entry := frontEntry
		entry.attrs = []any{translate.TagTraceName, javaTrace}
		entry.trace = span.TraceOf(javaTrace)
		for _, b := range []*span.Batch{shopped(), batch("zipkin.v2.json", home()...), batch("jaeger.thrift", frontExit), batch("otlp.proto", entry)} {
			items := spantest.Items(b)
			sameMessages(t, quick, slow, items, len(items)/2)
		}
		if quick.draft.asked != 0 {
			t.Errorf("wrap %v: %d segments were read again", wrap, quick.draft.asked)
		}
		if quick.shadow.unsighted != 0 {
			t.Errorf("wrap %v: the sight was not sure of %d spans", wrap, quick.shadow.unsighted)
		}
	}
}
