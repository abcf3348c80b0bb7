// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// foreign builds a batch that came by another protocol.
type foreign struct {
	*span.Builder
	s span.Span
}

func newForeign() *foreign {
	return &foreign{span.NewBuilder(nil, span.Origin{Format: "jaeger.proto"}), span.Span{Trace: span.TraceID{Lo: 1}, ID: 2}}
}

// attrs adds attributes: key, value, key, value; a key that starts with "~" is
// mirrored.
func (f *foreign) attrs(pairs ...any) span.Range {
	mark := f.AttrMark()
	for i := 0; i < len(pairs); i += 2 {
		name, mirrored := strings.CutPrefix(pairs[i].(string), "~")
		key := f.Copy(name)
		var a span.Attr
		switch v := pairs[i+1].(type) {
		case string:
			a = span.StringAttr(key, f.Copy(v))
		case int:
			a = span.IntAttr(key, int64(v))
		case float64:
			a = span.FloatAttr(key, v)
		case bool:
			a = span.BoolAttr(key, v)
		case []byte:
			a = span.TextAttr(key, span.Bytes, f.CopyBytes(v))
		case nil:
			a = span.Attr{Key: key, Type: span.Null}
		default:
			a = span.TextAttr(key, span.JSON, f.Copy(fmt.Sprint(v)))
		}
		a.Mirrored = mirrored
		f.Attr(a)
	}
	return f.AttrsFrom(mark)
}

// out writes the span without its ids.
func (f *foreign) out(t *testing.T) string {
	t.Helper()
	f.Span(f.s)
	b := f.Batch()
	items := spantest.Items(b)
	e := NewJSONEncoder(translate.EncoderOptions{Residue: translate.Plain})
	e.Reset()
	if n := e.Add(items); n != 0 {
		t.Errorf("%d spans have no form", n)
	}
	out := string(e.Messages()[0].Body)
	// proto3 holds the same.
	if back := string(rewrite(sound(t, formatProto3, AppendProto3(nil, items)))); back != out {
		t.Errorf("proto3 differs:\n%s\n%s", back, out)
	}
	sound(t, formatV2JSON, []byte(out))
	out, ok := strings.CutPrefix(out, `[{"traceId":"0000000000000001","id":"0000000000000002"`)
	if !ok {
		t.Errorf("other ids: %s", out)
	}
	return strings.TrimPrefix(strings.TrimSuffix(out, "}]"), ",")
}

type jsonText string

func TestForeignTags(t *testing.T) {
	t.Parallel()
	f := func(want string, set func(f *foreign)) {
		t.Helper()
		b := newForeign()
		set(b)
		if got := b.out(t); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(`"tags":{"s":"x","i":"-5","f":"2.0","nan":"NaN","t":"true","n":"","y":"AP8=","j":"[1,{}]"}`, func(f *foreign) {
		f.s.Attrs = f.attrs("s", "x", "i", -5, "f", 2.0, "nan", math.NaN(), "t", true, "n", nil, "y", []byte{0, 255}, "j", jsonText("[1,{}]"))
	})
	f(`"tags":{"a":"3","b":"2"}`, func(f *foreign) { f.s.Attrs = f.attrs("a", "1", "b", "2", "a", 3) })
	f(`"kind":"SERVER","tags":{"a":"1"}`, func(f *foreign) {
		f.s.Kind = span.KindServer
		f.s.Attrs = f.attrs("~span.kind", "server", "a", "1")
	})
	f(``, func(f *foreign) { f.s.Kind = 200 })
	f(`"tags":{"span.kind":"internal"}`, func(f *foreign) { f.s.Kind = span.KindInternal })
	f(`"tags":{"a":"span","host.name":"h","otel.scope.name":"lib","otel.scope.version":"1","w3c.tracestate":"k=v"}`, func(f *foreign) {
		f.s.Attrs = f.attrs("a", "span")
		f.s.Resource = f.Resource(span.Resource{Attrs: f.attrs("~service.name", "shop", "host.name", "h", "a", "resource")})
		f.s.Scope = f.Scope(span.Scope{Name: f.Copy("lib"), Version: f.Copy("1")})
		f.s.State = f.Copy("k=v")
	})
	f(`"tags":{"k\"\\\n":"\u0000"}`, func(f *foreign) { f.s.Attrs = f.attrs("k\"\\\n", "\x00") })
}

func TestForeignStatus(t *testing.T) {
	t.Parallel()
	f := func(want string, set func(f *foreign)) {
		t.Helper()
		b := newForeign()
		set(b)
		if got := b.out(t); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	failed := func(has span.Has, message string, attrs ...any) func(f *foreign) {
		return func(f *foreign) {
			f.s.Status, f.s.Has = span.StatusError, has
			if message != "-" {
				f.s.StatusMessage = f.Copy(message)
			}
			f.s.Attrs = f.attrs(attrs...)
		}
	}
	f(`"tags":{"error":"boom","otel.status_code":"ERROR"}`, failed(span.HasStatus, "boom"))
	f(`"tags":{"error":"","otel.status_code":"ERROR"}`, failed(span.HasStatus, "-"))
	f(`"tags":{"error":"true"}`, failed(0, "-"))
	f(`"tags":{"error":"boom"}`, failed(0, "boom"))
	f(`"tags":{"a":"1","error":"true"}`, failed(0, "-", "a", 1, "~error", true))
	f(`"tags":{"error":"boom","otel.status_code":"ERROR"}`, failed(span.HasStatus, "boom", "error", "the user's own"))
	f(`"tags":{"otel.status_code":"OK"}`, func(f *foreign) { f.s.Status, f.s.Has = span.StatusOK, span.HasStatus })
	// Zipkin takes any tag error for a failure, also one that says there is none.
	f(``, func(f *foreign) { f.s.Attrs = f.attrs("error", false) })
	f(`"tags":{"a":"1"}`, func(f *foreign) { f.s.Attrs = f.attrs("error", "false", "a", "1") })
	f(`"tags":{"error":"timeout"}`, func(f *foreign) { f.s.Attrs = f.attrs("error", "timeout") })
}

func TestForeignEvents(t *testing.T) {
	t.Parallel()
	f := func(want string, event func(f *foreign) span.Event) {
		t.Helper()
		b := newForeign()
		mark := b.EventMark()
		b.Event(event(b))
		b.s.Events = b.EventsFrom(mark)
		if got := b.out(t); got != `"annotations":[{"timestamp":1,"value":"`+want+`"}]` {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(`retry`, func(f *foreign) span.Event { return span.Event{Time: 1999, Name: f.Copy("retry")} })
	f(`retry`, func(f *foreign) span.Event {
		return span.Event{Time: 1000, Name: f.Copy("retry"), Attrs: f.attrs("~event", "retry")}
	})
	f(`retry|{\"n\":2,\"f\":2.0,\"b\":true,\"s\":\"a|b\",\"nan\":\"NaN\",\"y\":\"AA==\",\"z\":null,\"j\":[1]}|0`, func(f *foreign) span.Event {
		return span.Event{Time: 1000, Name: f.Copy("retry"), Attrs: f.attrs("~event", "retry", "n", 2, "f", 2.0, "b", true, "s", "a|b",
			"nan", math.NaN(), "y", []byte{0}, "z", nil, "j", jsonText("[1]"))}
	})
	f(`|{\"message\":\"m\"}|0`, func(f *foreign) span.Event { return span.Event{Time: 1000, Attrs: f.attrs("message", "m")} })
	f(`x|{}|3`, func(f *foreign) span.Event { return span.Event{Time: 1000, Name: f.Copy("x"), Dropped: 3} })
}

func TestForeignTimes(t *testing.T) {
	t.Parallel()
	f := func(start, duration int64, want string) {
		t.Helper()
		b := newForeign()
		b.s.Start, b.s.Duration, b.s.Has = start, duration, span.HasStart|span.HasDuration
		if got := b.out(t); got != want {
			t.Errorf("%d, %d: %s\nwant %s", start, duration, got, want)
		}
	}
	f(1_700_000_000_000_000_999, 1999, `"timestamp":1700000000000000,"duration":1`)
	f(5000, 1, `"timestamp":5,"duration":1`)
	f(999, 0, ``)
	f(-5000, -5000, ``)
}

// A canonical span has an id of its own, a Zipkin span that of the wire.
func TestIdentity(t *testing.T) {
	t.Parallel()
	b := sound(t, formatV2JSON, []byte(`[{"traceId":"1","id":"2","parentId":"3","shared":true}]`))
	it := span.Item{Batch: b, Identity: span.Identity{ID: 77, Parent: 2}}
	e := &JSONEncoder{}
	if got, want := string(e.AppendJSON(nil, &it)), `{"traceId":"0000000000000001","parentId":"0000000000000003","id":"0000000000000002","shared":true}`; got != want {
		t.Error(got)
	}
	w := newForeign()
	w.Span(w.s)
	it = span.Item{Batch: w.Batch(), Identity: span.Identity{ID: 77, Parent: 2}}
	if got, want := string(e.AppendJSON(nil, &it)), `{"traceId":"0000000000000001","parentId":"0000000000000002","id":"000000000000004d"}`; got != want {
		t.Error(got)
	}
}

func TestEncoder(t *testing.T) {
	t.Parallel()
	b := sound(t, formatV2JSON, []byte(`[ {"traceId":"463ac35c9f6413ad","id":"1b1d2c3e4f5a4b6c", "extra":1} ,{"traceId":"1","id":"2"}]`))
	items := spantest.Items(b)
	e := NewJSONEncoder(translate.EncoderOptions{Residue: translate.Plain})
	if e.Messages() != nil {
		t.Error("a message without spans")
	}
	f := func(want string, spans int) {
		t.Helper()
		for range 2 { // asking twice is no harm
			if m := e.Messages(); len(m) != 1 || string(m[0].Body) != want || m[0].Spans != spans {
				t.Errorf("%+v", m)
			}
		}
	}
	e.Add(items[1:])
	f(`[{"traceId":"0000000000000001","id":"0000000000000002"}]`, 1)
	e.Add(nil)
	e.Notices(b)
	e.Add(items)
	const copied = `{"traceId":"463ac35c9f6413ad","id":"1b1d2c3e4f5a4b6c", "extra":1}`
	f(`[{"traceId":"0000000000000001","id":"0000000000000002"},`+copied+`,{"traceId":"0000000000000001","id":"0000000000000002"}]`, 3)
	e.Reset()
	if e.Messages() != nil {
		t.Error("a message after Reset")
	}
	e.Add(items[:1])
	f(`[`+copied+`]`, 1)
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	f := func(o translate.Outcome, status int, body string) {
		t.Helper()
		if r := answer(o); r.Status != status || string(r.Body) != body {
			t.Errorf("%v: %d %q", o.Verdict, r.Status, r.Body)
		}
	}
	fault := &translate.Malformed{Format: "zipkin v2 json"}
	fault.Stop(translate.Fault{Place: "byte 0", Found: "'{'", Want: "'['"})
	f(translate.Outcome{}, 202, "")
	f(translate.Outcome{Verdict: translate.BadBody, Err: fault}, 400, "zipkin v2 json: byte 0: '{', want '['\n")
	f(translate.Outcome{Verdict: translate.TooLarge, Err: fault}, 413, "zipkin v2 json: byte 0: '{', want '['\n")
	f(translate.Outcome{Verdict: translate.WrongMedia, Err: fault}, 400, "zipkin v2 json: byte 0: '{', want '['\n")
	f(translate.Outcome{Verdict: translate.Busy, Err: fault}, 503, "zipkin v2 json: byte 0: '{', want '['\n")
}

func TestFormats(t *testing.T) {
	t.Parallel()
	f := func(path, media, want string) {
		t.Helper()
		for _, r := range Protocol.HTTP {
			if r.Path == path {
				if got := r.Format(media); got != want {
					t.Errorf("%s %s: %s, want %s", path, media, got, want)
				}
			}
		}
	}
	for _, media := range []string{"", "application/json", "text/plain", "application/octet-stream"} {
		f("/api/v2/spans", media, formatV2JSON)
		f("/api/v1/spans", media, formatV1JSON)
	}
	f("/api/v2/spans", "application/x-protobuf", formatProto3)
	f("/api/v2/spans", "application/x-thrift", formatV2JSON)
	f("/api/v1/spans", "application/x-thrift", formatV1Thrift)
	f("/api/v1/spans", "application/x-protobuf", formatV1JSON)
}
