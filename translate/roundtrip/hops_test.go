// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// Row 30 of the checklist, Z→J→O→Z, and all other ways over two protocols.
func TestRow30TwoHops(t *testing.T) {
	t.Parallel()
	for _, s := range sources {
		for i := range s.via {
			first, then := s.via[i], s.via[1-i]
			t.Run(s.name+" by "+first.name+" and "+then.name, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					b, err := s.decode(s.body(t))
					if err != nil {
						t.Fatal(err)
					}
					over(t, &s, b, first, then)
				})
			})
		}
	}
}

// A span that has nothing to restore still says whose it is: a child in Jaeger
// has a reference that a span of OTLP does not have.
func TestHomeOverTwoHops(t *testing.T) {
	t.Parallel()
	b, err := jaeger.DecodeJSON([]byte(`{"batch":{"spans":[{"traceId":"0000000000000001000000000000000a","spanId":"0000000000000001",`+
		`"references":[{"traceId":"0000000000000001000000000000000a","spanId":"0000000000000002"}],"startTime":"2023-11-14T22:13:20Z","duration":"1s"}]}}`), span.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	over(t, &sources[1], b, viaOTLP, viaZipkin)
}

// one decodes a span in v2 JSON.
func one(t *testing.T, fields string) *span.Batch {
	t.Helper()
	body := `[{"traceId":"000000000000000a","id":"0000000000000001",` + fields + `}]`
	b, err := viaZipkin.decode([]byte(body))
	if err != nil || b.Len() != 1 {
		t.Fatalf("%s: %v", body, err)
	}
	return b
}

// Row 33 of the checklist: what was edited between the hops counts, and the
// other entries hold.
func TestRow33Edited(t *testing.T) {
	t.Parallel()
	const body = `[{"traceId":"000000000000000a","parentId":"0000000000000002","id":"0000000000000001","kind":"SERVER","name":"GET /X",` +
		`"timestamp":1,"localEndpoint":{"serviceName":"Shop","port":8080},"tags":{"a":"1","error":"boom"},"shared":true}]`
	b, err := viaZipkin.decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	sent := viaJaeger.encode(items(b))
	f := func(from, to, want, stale string) {
		t.Helper()
		edited := bytes.ReplaceAll(sent, []byte(from), []byte(to))
		if len(from) != len(to) || from != "" && bytes.Equal(edited, sent) {
			t.Fatalf("%q is not to be edited", from)
		}
		back, err := viaJaeger.decode(edited)
		if err != nil {
			t.Fatal(err)
		}
		e := zipkin.NewJSONEncoder(translate.EncoderOptions{Residue: translate.Plain})
		e.Reset()
		e.Add(spantest.Items(back))
		if got := string(e.Messages()[0].Body); got != want {
			t.Errorf("%q to %q:\n%s\nwant\n%s", from, to, got, want)
		}
		if got := strings.Trim(fmt.Sprint(back.Stale()), "[]"); got != stale {
			t.Errorf("%q to %q: stale %s, want %s", from, to, got, stale)
		}
	}
	f("", "", body, "")
	// The name has no entry: it is visible.
	f("GET /X", "get /y", strings.Replace(body, "GET /X", "get /y", 1), "")
	f("Shop", "Shed", `[{"traceId":"000000000000000a","parentId":"0000000000000002","id":"0000000000000001","kind":"SERVER","name":"GET /X",`+
		`"timestamp":1,"localEndpoint":{"serviceName":"Shed"},"tags":{"a":"1","error":"boom"},"shared":true}]`, "{h 1} {le 1}")
	f("boom", "bang", strings.Replace(body, "boom", "bang", 1), "{h 1}")
}

// The same for what Zipkin has no place for: types, which of the tags belong to
// the resource, the parent.
func TestRow33EditedInZipkin(t *testing.T) {
	t.Parallel()
	w := span.NewBuilder(nil, span.Origin{Format: "otlp.proto"})
	w.Attr(span.IntAttr(w.Copy("code"), 500))
	w.Attr(span.FloatAttr(w.Copy("load"), 2))
	attrs := w.AttrsFrom(0)
	w.Attr(span.StringAttr(w.Copy("host"), w.Copy("box")))
	res := w.Resource(span.Resource{Attrs: w.AttrsFrom(2)})
	w.Ref(span.Ref{Kind: span.Link, Trace: span.TraceID{Lo: 9}, Span: 9})
	w.Span(span.Span{
		Trace: span.TraceID{Lo: 1}, ID: 2, Parent: 3, Attrs: attrs, Resource: res, Refs: w.RefsFrom(0),
		Start: 1_700_000_000_000_001_234, Has: span.HasStart, Kind: span.KindInternal,
	})
	sent := viaZipkin.encode(spantest.Items(w.Batch()))
	f := func(from, to, want, stale string) {
		t.Helper()
		edited := bytes.Replace(sent, []byte(from), []byte(to), 1)
		back, err := viaZipkin.decode(edited)
		if err != nil || from != to && bytes.Equal(edited, sent) {
			t.Fatalf("%q: %v\n%s", from, err, sent)
		}
		lines := strings.Split(dump(back), "\n")
		for line := range strings.SplitSeq(want, "; ") {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.TrimSpace(l) == line }) {
				t.Errorf("%q to %q: no line %q in\n%s", from, to, line, dump(back))
			}
		}
		if got := strings.Trim(fmt.Sprint(back.Stale()), "[]"); got != stale {
			t.Errorf("%q to %q: stale %s, want %s", from, to, got, stale)
		}
	}
	const link = "ref link 0000000000000009/0000000000000009 state - flags 0x0 dropped 0"
	f("", "", `attr "code" int "500"; attr "load" float "2.0"; attr "host" string "box"; name - kind internal start 1700000000000001234 duration -; `+link, "")
	f(`"500"`, `"404"`, `attr "code" int "404"; attr "load" float "2.0"; `+link, "")
	f(`"500"`, `"none"`, `attr "code" string "none"; attr "load" float "2.0"; `+link, "{k 1}")
	f(`"0000000000000003"`, `"0000000000000004"`, `span 0000000000000001/0000000000000002 parent 0000000000000004; attr "code" int "500"; `+link, "")
	f(`1700000000000001`, `1700000000000002`, `name - kind internal start 1700000000000002000 duration -; attr "code" int "500"`, "{st 1}")
	f(`"tags":{`, `"tags":{"new":"tag",`, `attr "new" string "tag"; attr "code" int "500"; resource schema - dropped 0`, "")
	f(`"host":"box",`, ``, `attr "code" int "500"; `+link, "{r 1}")
}

// Row 36 of the checklist: a user's own tag of that key survives.
func TestRow36UserTag(t *testing.T) {
	t.Parallel()
	f := func(key, value string) {
		t.Helper()
		b := one(t, fmt.Sprintf(`"tags":{%q:%q}`, key, value))
		want := spantest.Dump(b)
		for _, h := range []*hop{viaJaeger, viaOTLP} {
			body := h.encode(spantest.Items(b))
			back, err := h.decode(body)
			if err != nil {
				t.Fatal(err)
			}
			if got := spantest.Dump(back); !strings.Contains(got, fmt.Sprintf("attr %q string %q", residue.Key, value)) && key == residue.Key {
				t.Errorf("%s: %q by %s:\n%s", key, value, h.name, got)
			}
			again, err := viaZipkin.decode(viaZipkin.encode(spantest.Items(back)))
			if err != nil || spantest.Dump(again) != want {
				t.Errorf("%s: %q by %s: %v\n%s\nwant\n%s", key, value, h.name, err, spantest.Dump(again), want)
			}
		}
	}
	f("bridge.x", "mine")
	f("bridge.x", "")
	f("bridge.x", `{"v":1}`)
	f("bridge.x", `{"v":1,"n":[}`)
	f("bridge.x", `{"v":2,"n":[1,"a"]}`)
	f("bridge.x", strings.Repeat("x", 2*residue.Max))
	f("bridge.x.user", "mine")
	f("bridge.x.user.user", "mine")
	f("bridge.xy", "mine")
}

// A residue beyond its bound loses its details first, and says so.
func TestBound(t *testing.T) {
	t.Parallel()
	f := func(fields string, want ...translate.Field) {
		t.Helper()
		b := one(t, fields)
		for _, target := range viaOTLP.protocol.Targets[:1] {
			e := target.New(translate.EncoderOptions{})
			e.Reset()
			e.Add(spantest.Items(b))
			got := []translate.Field{}
			for loss := range e.Losses().All() {
				got = append(got, loss.Field)
				if loss.From != span.Zipkin || loss.Spans != 1 {
					t.Errorf("%+v", loss)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%.60s: lost %v, want %v", fields, got, want)
			}
			back, err := viaOTLP.decode(bytes.Clone(e.Messages()[0].Body))
			if err != nil {
				t.Fatal(err)
			}
			for i := range back.Spans() {
				if s := &back.Spans()[i]; s.Has&span.Shared == 0 || back.Find(s.Attrs, residue.Key) != nil {
					t.Errorf("%.60s: the identity is lost:\n%s", fields, spantest.Dump(back))
				}
			}
		}
	}
	long := strings.Repeat("long ", residue.Max/5)
	const shared = `"kind":"SERVER","shared":true`
	f(shared)
	f(shared + `,"tags":{"error":"short"}`)
	f(shared+`,"tags":{"error":"`+long+`"}`, translate.FieldAttrs)
	var tags []string
	for i := range 2000 {
		tags = append(tags, fmt.Sprintf(`"key%d":"v"`, i))
	}
	f(shared + `,"tags":{` + strings.Join(tags, ",") + `}`)
	f(shared+`,"tags":{"error":"x",`+strings.Join(tags, ",")+`}`, translate.FieldAttrs)
}

// The other modes write no residue and say what it would have held.
func TestPlain(t *testing.T) {
	t.Parallel()
	b := one(t, `"kind":"SERVER","shared":true,"timestamp":1,"localEndpoint":{"serviceName":"a","port":80},"tags":{"x":"1"}`)
	f := func(h *hop, kind int, mode translate.Residue, want string) {
		t.Helper()
		e := h.protocol.Targets[kind].New(translate.EncoderOptions{Residue: mode}).Fork()
		e.Reset()
		e.Add(spantest.Items(b))
		if bytes.Contains(e.Messages()[0].Body, []byte(residue.Key)) {
			t.Errorf("%s: a residue", h.name)
		}
		got := ""
		for loss := range e.Losses().All() {
			got += " " + loss.From.String() + "." + loss.Field.String()
		}
		if got != want {
			t.Errorf("%s: lost%s, want%s", h.name, got, want)
		}
		e.Reset()
		if !e.Losses().Empty() {
			t.Error("Reset keeps losses")
		}
	}
	f(viaJaeger, 0, translate.Plain, " zipkin.identity zipkin.duration zipkin.local_endpoint")
	f(viaOTLP, 0, translate.Plain, " zipkin.identity zipkin.duration")
	f(viaOTLP, 1, translate.OTel, " zipkin.identity zipkin.duration")
	f(viaZipkin, 0, translate.Plain, "")
}
