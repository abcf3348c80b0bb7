// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

func outline(body []byte) (*span.Batch, error) {
	origin := spanOrigin(formatV2JSON)
	origin.Outline = true
	return decodeV2JSON(body, origin)
}

// literal reads a body in which nothing is taken for usual.
func literal(body []byte) (*span.Batch, error) {
	return decodeJSON(body, spanOrigin(formatV2JSON), "zipkin v2 json", (*reader).v2span, false)
}

// sameUsual holds a body whose usual spans are read in one go against the same read
// field by field: the same refusals, the same spans, the same bytes for a target.
func sameUsual(tb rapid.TB, body []byte) {
	tb.Helper()
	want, fault := literal(body)
	got, fault2 := decodeV2JSON(body, spanOrigin(formatV2JSON))
	if d := cmp.Diff(fmt.Sprint(fault), fmt.Sprint(fault2)); d != "" {
		tb.Fatalf("%s\n-field by field +usual: %s", body, d)
	}
	if want.Len() != got.Len() || !bytes.Equal(want.Body(), got.Body()) || want.Over() != got.Over() {
		tb.Fatalf("%s\n%d spans field by field, %d in one go", body, want.Len(), got.Len())
	}
	for i := range want.Spans() {
		s, o := &want.Spans()[i], &got.Spans()[i]
		if s.Has != o.Has || s.Wire != o.Wire || s.Raw != o.Raw || s.Attrs != o.Attrs || s.Events != o.Events {
			tb.Fatalf("%s\nspan %d field by field: %+v, in one go: %+v", body, i+1, s, o)
		}
	}
	if !slices.Equal(want.Spans(), got.Spans()) || slices.ContainsFunc(want.Spans(), func(s span.Span) bool { return s.Attrs.N+s.Events.N > 0 }) {
		if d := cmp.Diff(spantest.Dump(want), spantest.Dump(got)); d != "" {
			tb.Fatalf("%s\n-field by field +usual: %s", body, d)
		}
	}
	if !bytes.Equal(encodeAs(want, translate.Exact), encodeAs(got, translate.Exact)) {
		tb.Fatalf("%s\nfield by field: %s\nin one go: %s", body, encodeAs(want, translate.Exact), encodeAs(got, translate.Exact))
	}
}

// sameOutline holds a body that is looked through against the same in full: the same
// refusals, the same spans but for the attributes and events of those that are
// copied, and the same bytes for a target. Beforehand it is sameUsual.
func sameOutline(tb rapid.TB, body []byte) (outlined int) {
	tb.Helper()
	sameUsual(tb, body)
	full, fault := literal(body)
	b, fault2 := outline(body)
	if d := cmp.Diff(fmt.Sprint(fault), fmt.Sprint(fault2)); d != "" {
		tb.Fatalf("%s\n-full +outline: %s", body, d)
	}
	if full.Len() != b.Len() || !bytes.Equal(full.Body(), b.Body()) {
		tb.Fatalf("%s\n%d spans in full, %d in outline", body, full.Len(), b.Len())
	}
	tags, longest := 0, 0
	for i := range full.Spans() {
		s, o := &full.Spans()[i], &b.Spans()[i]
		if s.Has != o.Has || s.Wire != o.Wire || s.Raw != o.Raw {
			tb.Fatalf("%s\nspan %d in full: has %b wire %v raw %v, in outline: %b %v %v", body, i+1, s.Has, s.Wire, s.Raw, o.Has, o.Wire, o.Raw)
		}
		if o.Has&span.Exact == 0 || b.Outline() == nil || o.Attrs.Len()+o.Events.Len() > 0 {
			continue
		}
		outlined++
		tags = max(tags, s.Attrs.Len()+s.Events.Len())
		for _, a := range full.Attrs(s.Attrs) {
			longest = max(longest, a.Key.Len(), a.Text().Len())
		}
		for _, e := range full.Events(s.Events) {
			longest = max(longest, e.Name.Len())
			tags += e.Attrs.Len() << 20 // none of them is looked through
		}
		longest = max(longest, s.Name.Len(), s.StatusMessage.Len(), s.State.Len())
		s.Attrs, s.Events = span.Range{}, span.Range{}
	}
	// Of the spans without tags some may have been read in full, which it says nothing of.
	if o := b.Outline(); o != nil && (o.Tags != tags || o.Spans > outlined || o.Text > longest || o.Text < longest && o.Spans == outlined) {
		tb.Fatalf("%s\nthe outline says %d tags, %d bytes, want %d, %d", body, o.Tags, o.Text, tags, longest)
	}
	if !slices.Equal(full.Spans(), b.Spans()) { // texts may lie elsewhere
		if d := cmp.Diff(spantest.Dump(full), spantest.Dump(b)); d != "" {
			tb.Fatalf("%s\n-full +outline: %s", body, d)
		}
	}
	for _, mode := range []translate.Residue{translate.Exact, translate.Plain} {
		if !bytes.Equal(encodeAs(full, mode), encodeAs(b, mode)) {
			tb.Fatalf("%s\nin full:    %s\nin outline: %s", body, encodeAs(full, mode), encodeAs(b, mode))
		}
	}
	return outlined
}

func encodeAs(b *span.Batch, mode translate.Residue) (out []byte) {
	e := NewJSONEncoder(translate.EncoderOptions{Residue: mode})
	e.Reset()
	e.Add(spantest.Items(b))
	for _, m := range e.Messages() {
		out = append(out, m.Body...)
	}
	return out
}

// usual is a span with everything that is looked through.
const usual = `{"timestamp":1700000000000000,"duration":45000,"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"1b1d2c3e4f5a4b6c",` +
	`"parentId":"0b1d2c3e4f5a4b6c","name":"put /reserve/{id}","kind":"SERVER","shared":true,` +
	`"localEndpoint":{"serviceName":"cart","ipv4":"10.1.2.44","ipv6":"2001:db8::c001","port":8080},"remoteEndpoint":{"serviceName":"frontend","ipv4":"10.1.2.43"},` +
	`"annotations":[{"timestamp":1700000000000004,"value":"parsed"},{"timestamp":1700000000000004,"value":"ready"}],` +
	`"tags":{"http.method":"PUT","error":"true","otel.status_code":"ERROR","otel.status_description":"no","yAnnotation":"s","http.path":"/reserve/1"}}`

func TestOutlineOfUsualSpans(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"bench": string(benchBody()), "traffic": string(benchTraffic(1)), "one": "[" + usual + "]", "two": "[" + usual + "," + usual + "]",
		"short": `[{"traceId":"48485a3953bb6124","id":"1b1d2c3e4f5a4b6c","name":"","annotations":[],"tags":{},"shared":true}]`,
	} {
		all := strings.Count(body, `"traceId"`)
		if n := sameOutline(t, []byte(body)); n != all {
			t.Errorf("%s: %d of %d spans were looked through", name, n, all)
		}
		if b, err := outline([]byte(body)); err != nil || b.Memory() >= sound(t, formatV2JSON, []byte(body)).Memory() {
			t.Errorf("%s: it takes %d bytes, %v", name, b.Memory(), err)
		}
	}
	for _, s := range samples(t) {
		if s.format == formatV2JSON {
			sameOutline(t, s.body)
		}
	}
}

// Wherever something else stands in a usual span, it is judged as in full.
func TestOutlineOfOthers(t *testing.T) {
	t.Parallel()
	others := []string{
		`"`, `\`, `\"`, `\u0061`, `\x`, " ", "\n", "\x01", "\xff", "é", "0", "9", "-", ".", "e", "s", "S", "A", ",", ":", "{", "}", "[", "]", "null", "true", "|{}|0",
		`,"x":1`, `,"tags":{"a":"b"}`, `,"name":"n"`, `,"debug":true`, `"bridge.x":"{}",`, `"bridge.x.user.user":"x",`, `"otel.scope.name":"s",`, `"w3c.tracestate":"a=b",`, `yAnnotations`, `"a":"b",`, `"":"",`,
	}
	body := "[" + usual + "," + usual + "]"
	looked := 0
	for at := 1; at < len(usual)+2; at++ {
		for _, other := range others {
			looked += sameOutline(t, []byte(body[:at]+other+body[at:]))
			if len(other) == 1 {
				looked += sameOutline(t, []byte(body[:at]+other+body[at+1:]))
			}
		}
		looked += sameOutline(t, []byte(body[:at]+body[at+1:]))
		sameOutline(t, []byte(body[:at]))
	}
	if looked == 0 {
		t.Error("none was looked through")
	}
}

func TestOutlineOfRandomSpans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sameOutline(t, []byte("["+randomSpan(t)+","+usual+","+randomSpan(t)+"]"))
	})
}

// Whatever spans come before, a usual one is read as field by field.
func TestUsualAmongOthers(t *testing.T) {
	t.Parallel()
	escaped := strings.NewReplacer("put", `p\u0075t`, "cart", `c\/rt`, "parsed", `par\tsed`, "reserve/1", `a\u0026b\ud83d\ude00`).Replace(usual)
	if !strings.Contains(escaped, `\u0026`) || !strings.Contains(escaped, `\/`) {
		t.Fatal("no escapes")
	}
	odd := strings.Replace(usual, `"kind"`, `"debug":true,"kind"`, 1)
	bad := strings.Replace(usual, `"kind":"SERVER"`, `"kind":"server"`, 1)
	tagged := strings.Replace(usual, `"error"`, `"otel.scope.name":"s","w3c.tracestate":"a=b","bridge.x":"{}","error"`, 1)
	for _, first := range []string{usual, escaped, odd, bad, tagged, " " + usual, "{}", "7"} {
		for n := range 40 {
			sameUsual(t, []byte("["+strings.Repeat(first+",", n)+usual+","+escaped+","+tagged+","+usual+"]"))
		}
	}
}

// A body that would take too much memory in full is refused as in full.
func TestOutlineThatIsOver(t *testing.T) {
	t.Parallel()
	body := []byte(`[{"traceId":"48485a3953bb6124","id":"1b1d2c3e4f5a4b6c","tags":{"a":"b"` + strings.Repeat(`,"":""`, 10_000) + `}}]`)
	for _, room := range []int{0, 10_000, 100_000, 1 << 20, 10 << 20} {
		origin := spanOrigin(formatV2JSON)
		origin.Room = room
		full, _ := decodeV2JSON(body, origin)
		origin.Outline = true
		b, err := decodeV2JSON(body, origin)
		if err != nil || full.Over() != b.Over() {
			t.Errorf("room for %d: over %v in full, %v in outline, %v", room, full.Over(), b.Over(), err)
		}
	}
}

func FuzzOutline(f *testing.F) {
	for _, s := range samples(f) {
		if s.format == formatV2JSON && len(s.body) < 20_000 {
			f.Add(s.body)
		}
	}
	f.Add([]byte("[" + usual + "," + usual + "]"))
	f.Add([]byte(`[{"traceId":"0000000000000001","id":"0000000000000001"},{"traceId":"0000000000000001","id":"0000000000000001","name":"0","":"" }]`))
	f.Fuzz(func(t *testing.T, body []byte) { sameOutline(t, body) })
}

// Spans are copied in one go where they stand side by side, which nobody sees.
func TestCopiedSideBySide(t *testing.T) {
	t.Parallel()
	one := func(id int, rest string) string {
		return fmt.Sprintf(`{"traceId":"48485a3953bb6124","id":"%016x"%s}`, id, rest)
	}
	odd := one(3, `,"debug":null`)
	first := sound(t, formatV2JSON, []byte("["+one(1, "")+","+one(2, "")+","+odd+","+one(4, "")+" ,"+one(5, "")+","+one(6, "")+"]"))
	second := sound(t, formatV2JSON, []byte("["+one(7, "")+","+one(8, "")+"]"))
	all := append(spantest.Items(first), spantest.Items(second)...)
	apart := NewJSONEncoder(translate.EncoderOptions{})
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOf(rapid.SampledFrom(all)).Draw(t, "items")
		if rapid.Bool().Draw(t, "in order") {
			from := rapid.IntRange(0, len(all)).Draw(t, "from")
			items = all[from:rapid.IntRange(from, len(all)).Draw(t, "to")]
		}
		apart.Reset()
		for i := range items {
			apart.Add(items[i : i+1])
		}
		e := NewJSONEncoder(translate.EncoderOptions{})
		e.Reset()
		e.Add(items)
		if d := cmp.Diff(apart.Messages(), e.Messages()); d != "" {
			t.Fatalf("-apart +together: %s", d)
		}
	})
}
