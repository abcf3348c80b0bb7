// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/skywalking"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// spanKey names a span.
type spanKey struct {
	trace span.TraceID
	id    span.ID
}

// viaSegments writes items as segments and reads those. nil: a residue is beyond
// its bound.
func viaSegments(t *rapid.T, list []span.Item, opts translate.EncoderOptions) (*span.Batch, []byte) {
	enc := skywalking.NewEncoder(opts)
	enc.Reset()
	if n := enc.Add(list); n != 0 {
		t.Fatalf("%d spans have no form", n)
	}
	if !enc.Losses().Empty() {
		return nil, nil
	}
	var body []byte
	for _, m := range enc.Messages() {
		if m.Spans > 0 {
			body = wire.AppendString(body, 1, string(m.Body))
		}
	}
	b, err := decoder(skywalking.Protocol, "skywalking.segments")(body)
	if err != nil {
		t.Fatalf("by SkyWalking: %v\n%q", err, body)
	}
	return b, body
}

// plainly takes what a copy of the bytes would be made of.
func plainly(b *span.Batch) {
	for i := range b.Spans() {
		b.Spans()[i].Has &^= span.Exact
		if r := b.Resource(b.Spans()[i].Resource); r != nil {
			r.Raw = span.Text{}
		}
	}
}

// I8: spans of the other protocols come back from segments as they went, in both
// layouts, also when they go on by a third protocol. They leave packed and in another order, so each is compared alone.
// Spans of one id are pieces of one span there; the first of them goes.
func TestI8ThereAndBackBySkyWalking(t *testing.T) {
	ofSources(t, func(t *rapid.T, s source, b *span.Batch) {
		plainly(b)
		var list []span.Item
		alone := make(map[spanKey]span.Item)
		for i, it := range items(b) {
			k := spanKey{it.Span().Trace, it.ID}
			if _, again := alone[k]; !again {
				alone[k] = spantest.Items(b)[i]
				list = append(list, it)
			}
		}
		back, body := viaSegments(t, list, translate.EncoderOptions{WrapExits: rapid.Bool().Draw(t, "wrap")})
		if back == nil {
			t.Skip("a residue is beyond its bound")
		}
		plainly(back)
		if h := rapid.SampledFrom(append([]*hop{nil}, s.via...)).Draw(t, "onward"); h != nil {
			onward := h.encode(spantest.Items(back))
			if onward == nil {
				t.Skip("a residue is beyond its bound")
			}
			body = append(append(body, " onward "...), onward...)
			var err error
			if back, err = h.decode(bytes.Clone(onward)); err != nil {
				t.Fatalf("by %s: %v\n%q", h.name, err, body)
			}
			plainly(back)
		}
		if back.Len() != len(list) {
			t.Fatalf("%d spans came back, want %d", back.Len(), len(list))
		}
		for i, it := range spantest.Items(back) {
			was, ok := alone[spanKey{it.Span().Trace, it.ID}]
			if !ok {
				t.Fatalf("span %v/%v came back", it.Span().Trace, it.ID)
			}
			want, got := s.home.encode([]span.Item{was}), s.home.encode([]span.Item{it})
			if bytes.Equal(want, got) {
				continue
			}
			wantForm, _ := s.home.decode(want)
			gotForm, _ := s.home.decode(got)
			if d := cmp.Diff(dump(wantForm), dump(gotForm)); d != "" {
				t.Fatalf("span %d (-want +got):\n%s\nas read:\n%s\n%q", i, d, spantest.Dump(back), body)
			}
		}
	})
}

// unpacked takes the bytes of the segments away, so that they are written anew.
func unpacked(b *span.Batch) {
	for i := range b.Spans() {
		b.Segment(b.Spans()[i].Segment).Raw = span.Text{}
	}
}

// segmentsBody is a SegmentCollection as agents report it.
func segmentsBody(t *rapid.T) []byte {
	var body []byte
	for n := range rapid.IntRange(1, 4).Draw(t, "segments") {
		trace := rapid.SampledFrom([]string{"463ac35c9f6413ad48485a3953bb6124", "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001", "trace"}).Draw(t, "trace")
		g := wire.AppendString(nil, 1, trace)
		g = wire.AppendString(g, 2, rapid.SampledFrom([]string{"seg", "56a5e1c519ae4c76a2b8b11d92cead7f.12.1656347429643000", "de5980b8fce34a37aab9b4ac3af7eed"}).Draw(t, "segment")+string(rune('0'+n)))
		spans := rapid.IntRange(1, 5).Draw(t, "spans")
		for i := range spans {
			g = wire.AppendString(g, 3, string(agentSpan(t, spans-1-i)))
		}
		g = wire.AppendString(g, 4, services.Draw(t, "service"))
		g = wire.AppendString(g, 5, rapid.SampledFrom([]string{"i1", "a1b2@10.0.0.5", "", "10.0.0.7"}).Draw(t, "instance"))
		g = wire.AppendBool(g, 6, yes(t, 5))
		body = wire.AppendString(body, 1, string(g))
	}
	return body
}

// pairs appends key/value pairs.
func pairs(t *rapid.T, d []byte, field, most int) []byte {
	for range few(t, most) {
		p := wire.AppendString(nil, 1, keys.Draw(t, "key"))
		p = wire.AppendString(p, 2, texts.Draw(t, "value"))
		d = wire.AppendStringAlways(d, field, string(p))
	}
	return d
}

func agentSpan(t *rapid.T, number int) []byte {
	d := wire.AppendVarint(nil, 1, uint64(number))
	parent := rapid.IntRange(-1, number-1).Draw(t, "parent")
	d = wire.AppendVarint(d, 2, uint64(int64(parent)))
	if !yes(t, 6) {
		start := uint64(instant(t) / 1_000_000)
		d = wire.AppendVarint(d, 3, start)
		if !yes(t, 6) {
			d = wire.AppendVarint(d, 4, start+uint64(rapid.IntRange(0, 100).Draw(t, "ms")))
		}
	}
	for range few(t, 2) {
		r := wire.AppendVarint(nil, 1, uint64(rapid.IntRange(0, 1).Draw(t, "type")))
		r = wire.AppendString(r, 2, rapid.SampledFrom([]string{"463ac35c9f6413ad48485a3953bb6124", "trace", ""}).Draw(t, "trace"))
		r = wire.AppendString(r, 3, rapid.SampledFrom([]string{"parent", "838055281761a3e800f067aa0ba902b7"}).Draw(t, "segment"))
		r = wire.AppendVarint(r, 4, uint64(rapid.IntRange(0, 3).Draw(t, "number")))
		r = wire.AppendString(r, 5, services.Draw(t, "service"))
		r = wire.AppendString(r, 6, services.Draw(t, "instance"))
		r = wire.AppendString(r, 7, texts.Draw(t, "endpoint"))
		r = wire.AppendString(r, 8, rapid.SampledFrom([]string{"", "order:80", "10.0.0.7:80"}).Draw(t, "address"))
		d = wire.AppendString(d, 5, string(r))
	}
	d = wire.AppendString(d, 6, texts.Draw(t, "operation"))
	d = wire.AppendString(d, 7, rapid.SampledFrom([]string{"", "order:80", "10.0.0.7:80", "a:9092,b:9092", "db"}).Draw(t, "peer"))
	d = wire.AppendVarint(d, 8, uint64(rapid.IntRange(0, 3).Draw(t, "type")))
	d = wire.AppendVarint(d, 9, uint64(rapid.IntRange(0, 7).Draw(t, "layer")))
	d = wire.AppendVarint(d, 10, uint64(rapid.SampledFrom([]int{0, 1, 49, 7000, 99999}).Draw(t, "component")))
	d = wire.AppendBool(d, 11, yes(t, 3))
	d = pairs(t, d, 12, 4)
	for range few(t, 2) {
		l := wire.AppendVarint(nil, 1, uint64(instant(t)/1_000_000))
		d = wire.AppendStringAlways(d, 13, string(pairs(t, l, 2, 3)))
	}
	return wire.AppendBool(d, 14, yes(t, 4))
}

// I8: what agents report comes back from the other protocols as their segments,
// under their names and with their numbers. The normal form of SkyWalking: the
// pair event of a log comes first, a log's time and a span's are within the
// range of nanoseconds, an end before the start is the start, pairs with
// neither key nor value and references without a segment are left out.
func TestI8AgentsThereAndBack(t *testing.T) {
	t.Parallel()
	for _, h := range []*hop{viaZipkin, viaJaeger, viaOTLP} {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				b, err := decoder(skywalking.Protocol, "skywalking.segments")(segmentsBody(t))
				if err != nil {
					t.Fatal(err)
				}
				unpacked(b)
				form, want := viaSegments(t, spantest.Items(b), translate.EncoderOptions{})
				body := h.encode(spantest.Items(b))
				if body == nil {
					t.Skip("a residue is beyond its bound")
				}
				at, err := h.decode(bytes.Clone(body))
				if err != nil {
					t.Fatalf("by %s: %v\n%q", h.name, err, body)
				}
				back, got := viaSegments(t, spantest.Items(at), translate.EncoderOptions{})
				if bytes.Equal(want, got) {
					return
				}
				if d := cmp.Diff(spantest.Dump(form), spantest.Dump(back)); d != "" {
					t.Fatalf("by %s (-want +got):\n%s\non the way:\n%s\n%q", h.name, d, spantest.Dump(at), body)
				}
			})
		})
	}
}
