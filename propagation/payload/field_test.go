// SPDX-License-Identifier: Apache-2.0

package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// What sanic_zipkin 0.1.2 sends.
const (
	sanicBody = `{"x": 1, "zipkin_headers": "{\"X-B3-TraceId\": \"6b0127bb0e42ef64e3a7e22ce16f44eb\", \"X-B3-SpanId\": \"bea3704ffe619673\", ` +
		`\"X-B3-Flags\": \"0\", \"X-B3-Sampled\": \"1\"}"}`
	sanicQuery = `x=1&zipkin_headers=%7B%22X-B3-TraceId%22:+%226b0127bb0e42ef64e3a7e22ce16f44eb%22,+%22X-B3-SpanId%22:+%22bea3704ffe619673%22,` +
		`+%22X-B3-Flags%22:+%220%22,+%22X-B3-Sampled%22:+%221%22%7D`
)

var (
	ctx = propagation.Context{
		Trace: span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}, Span: 0xf067aa0ba902b7, Long: true, Sampling: propagation.Accept,
	}
	multi  = propagation.New(propagation.Write(propagation.B3Multi))
	single = propagation.New(propagation.Write(propagation.B3))
)

func TestSanicZipkin(t *testing.T) {
	c, err := SanicZipkin.ExtractBody(multi, []byte(sanicBody))
	if err != nil || c.Trace.String() != "6b0127bb0e42ef64e3a7e22ce16f44eb" || c.Span.String() != "bea3704ffe619673" || c.Sampling != propagation.Accept {
		t.Errorf("%+v, %v", c, err)
	}
	if q := SanicZipkin.ExtractQuery(multi, sanicQuery); q.Trace != c.Trace || q.Span != c.Span || q.Sampling != c.Sampling {
		t.Errorf("query: %+v", q)
	}
	v, err := url.ParseQuery(sanicQuery)
	if err != nil {
		t.Fatal(err)
	}
	if q := SanicZipkin.ExtractValues(multi, v); q.Trace != c.Trace || q.Span != c.Span || q.Sampling != c.Sampling {
		t.Errorf("values: %+v", q)
	}
	SanicZipkin.InjectValues(v, multi, &ctx, propagation.Caller{})
	const want = `{"X-B3-TraceId":"463ac35c9f6413ad48485a3953bb6124","X-B3-SpanId":"00f067aa0ba902b7","X-B3-Sampled":"1"}`
	if v.Get("zipkin_headers") != want || v.Get("x") != "1" {
		t.Errorf("%v", v)
	}
	out := SanicZipkin.InjectQuery(sanicQuery, multi, &ctx, propagation.Caller{})
	if want := "x=1&zipkin_headers=" + url.QueryEscape(want); out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
}

func TestInjectBody(t *testing.T) {
	const b3 = `463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1`
	f := func(field Field, in, want string) {
		t.Helper()
		out, err := field.InjectBody([]byte("<"), []byte(in), single, &ctx, propagation.Caller{})
		if diff := cmp.Diff("<"+want, string(out)); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", in, err, diff)
			return
		}
		if !json.Valid(out[1:]) {
			t.Errorf("%s: %s", in, out)
		}
		if c, err := field.ExtractBody(single, out[1:]); err != nil || c.Trace != ctx.Trace || c.Span != ctx.Span {
			t.Errorf("%s: read back %+v, %v", in, c, err)
		}
		// Once more changes nothing.
		if again, err := field.InjectBody(nil, out[1:], single, &ctx, propagation.Caller{}); err != nil || string(again) != want {
			t.Errorf("%s: again %s, %v", in, again, err)
		}
	}
	text := Field{Name: "h"}
	f(text, `{}`, `{"h":"{\"b3\":\"`+b3+`\"}"}`)
	f(text, " { } \n", " {\"h\":\"{\\\"b3\\\":\\\""+b3+"\\\"}\" } \n")
	f(text, `{"n": 1.50e2, "big":123456789012345678901, "a" : [1,{"h":2}] , "s":"}\",{"}`,
		`{"n": 1.50e2, "big":123456789012345678901, "a" : [1,{"h":2}] , "s":"}\",{","h":"{\"b3\":\"`+b3+`\"}"}`)
	f(text, `{"a":1, "h" : "{\"b3\":\"0\", \"x\": 1}", "z":null}`, `{"a":1, "h" : "{\"b3\":\"`+b3+`\", \"x\": 1}", "z":null}`)
	f(text, `{"h":1,"a":2,"h":"no"}`, `{"h":"{\"b3\":\"`+b3+`\"}","a":2}`)
	f(text, `{"h":null}`, `{"h":"{\"b3\":\"`+b3+`\"}"}`)
	f(text, `{"\u0068":""}`, `{"\u0068":"{\"b3\":\"`+b3+`\"}"}`)
	object := Field{Name: "h", Form: Object}
	f(object, `{}`, `{"h":{"b3":"`+b3+`"}}`)
	f(object, `{"h": {"path":"order","timeout": 100,"B3":"0"}}`, `{"h": {"path":"order","timeout": 100,"b3":"`+b3+`"}}`)
	f(object, `{"h": {"B3":"0","path":{"a":1}}}`, `{"h": {"path":{"a":1},"b3":"`+b3+`"}}`)
	flat := Field{Form: Flat}
	f(flat, `{"b3":"0" ,"x":1}`, `{"b3":"`+b3+`" ,"x":1}`)
	f(flat, `{"x":1, "B3":"0"}`, `{"x":1,"b3":"`+b3+`"}`)
}

func TestRemove(t *testing.T) {
	f := func(field Field, in, want string) {
		t.Helper()
		if out, err := field.RemoveBody(nil, []byte(in)); err != nil || string(out) != want {
			t.Errorf("%s: %s, %v, want %s", in, out, err, want)
		}
	}
	f(SanicZipkin, sanicBody, `{"x": 1}`)
	f(SanicZipkin, `{"zipkin_headers":1 , "x": 1}`, `{"x": 1}`)
	f(SanicZipkin, `{ "zipkin_headers":1 }`, `{ }`)
	f(SanicZipkin, `{"a":0, "zipkin_headers":1, "x": 1}`, `{"a":0, "x": 1}`)
	f(Attachments, `{"attachments":{"sw8":"1-","path":"p"}}`, `{"attachments":{"path":"p"}}`)
	f(Attachments, `{"x":1,"attachments":{"sw8":"1-"}}`, `{"x":1}`)
	f(Attachments, `{"x":1}`, `{"x":1}`)
	f(Field{Form: Flat}, `{"x":1,"traceparent":"00","tracestate":"","y":2}`, `{"x":1,"y":2}`)
	if q := SanicZipkin.RemoveQuery(sanicQuery + "&y=%"); q != "x=1&y=%" {
		t.Error(q)
	}
	if q := (Field{Form: Flat}).RemoveQuery("a=1&b3=0&B3=1&a=2"); q != "a=1&a=2" {
		t.Error(q)
	}
}

func TestFaults(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		body := []byte(in)
		out, err := SanicZipkin.InjectBody(nil, body, multi, &ctx, propagation.Caller{})
		if err == nil || err.Error() != want || out != nil {
			t.Errorf("%.40s: %s, %v, want %s", in, out, err, want)
		}
		if _, err := SanicZipkin.ExtractBody(multi, body); err == nil || err.Error() != want {
			t.Errorf("%.40s: %v, want %s", in, err, want)
		}
		if _, err := SanicZipkin.RemoveBody(nil, body); err == nil || err.Error() != want {
			t.Errorf("%.40s: %v, want %s", in, err, want)
		}
	}
	f("", "payload: an empty body, want a JSON object")
	f("[1]", "payload: '[' at byte 0, want a JSON object")
	f(" x=1&y=2", "payload: 'x' at byte 1, want a JSON object")
	f(`{"a":1,}`, "payload: byte 8: invalid character '}' looking for beginning of object key string, want a JSON object")
	f(`{"a":NaN}`, "payload: byte 6: invalid character 'N' looking for beginning of value, want a JSON object")
	f(`{"a":1} {}`, "payload: byte 9: invalid character '{' after top-level value, want a JSON object")
	f(`{"a":"`, "payload: byte 6: unexpected end of JSON input, want a JSON object")
	f(`{"a":"`+strings.Repeat("x", MaxBody)+`"}`, "payload: a body of 1048584 bytes, want at most 1048576")
	f(`{"a":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`}`, "payload: byte 10005: invalid character '[' exceeded max depth, want a JSON object")
}

func FuzzBody(f *testing.F) {
	for _, s := range []string{sanicBody, `{}`, `{"h":{"b3":"0","a":[{}]}}`, `{"h":"{}"}`, `{"b3":"0","h":1,"h":2,"x":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, field := range []Field{{Name: "h"}, {Name: "h", Form: Object}, {Form: Flat}} {
			out, err := field.InjectBody(nil, body, single, &ctx, propagation.Caller{})
			if valid := json.Valid(body) && len(body) > 0 && bytes.TrimLeft(body, " \n\t\r")[0] == '{'; (err == nil) != valid {
				t.Fatalf("%q: %v", body, err)
			}
			if err != nil {
				continue
			}
			if !json.Valid(out) {
				t.Fatalf("%q: %q", body, out)
			}
			if c, err := field.ExtractBody(single, out); err != nil || c.Trace != ctx.Trace || c.Span != ctx.Span {
				t.Fatalf("%q: %q: %+v, %v", body, out, c, err)
			}
			gone, err := field.RemoveBody(nil, out)
			if err != nil || !json.Valid(gone) {
				t.Fatalf("%q: %q, %v", out, gone, err)
			}
			if c, err := field.ExtractBody(single, gone); err != nil || !c.IsEmpty() {
				t.Fatalf("%q: %+v, %v", gone, c, err)
			}
		}
	})
}

// Services that write their headers by hand.
func TestLenientFields(t *testing.T) {
	f := func(field Field, in string, found bool) {
		t.Helper()
		c, err := field.ExtractBody(multi, []byte(in))
		if err != nil || c.HasIDs() != found || found && (c.Trace.Lo != 0xa || c.Span != 0xb || c.Sampling != propagation.Accept) {
			t.Errorf("%s: %+v, %v", in, c, err)
		}
	}
	text, object := Field{Name: "h"}, Field{Name: "h", Form: Object}
	const ids = `"X-B3-TraceId": "a", "x-b3-spanid": "b"`
	f(text, `{"h": "{\"X-B3-TraceId\": \"a\", \"X-B3-SpanId\": \"b\", \"X-B3-Sampled\": 1}"}`, true)
	f(text, `{"h": {`+ids+`, "X-B3-Sampled": true}}`, true) // an object where a text is expected
	f(object, `{"h": "{\"X-B3-TraceId\": \"a\", \"X-B3-SpanId\": \"b\", \"X-B3-Sampled\": \"1\"}"}`, true)
	f(object, `{"h": {`+ids+`, "X-B3-Sampled": "1", "X-B3-ParentSpanId": null, "deep": {"b3": "1-2-0"}}}`, true)
	f(object, `{"h": {"X-B3-TraceId": "1", "X-B3-TraceId": "a", "x-b3-spanid": "b", "X-B3-Sampled": "1"}}`, true) // the last counts
	f(object, `{"h": 1, "h": {`+ids+`, "X-B3-Sampled": "1"}}`, true)
	f(text, `{"h": ""}`, false)
	f(text, `{"h": "["}`, false)
	f(text, `{"h": "   "}`, false)
	f(text, `{"h": []}`, false)
	f(text, `{"h": null}`, false)
	f(text, `{"H": {`+ids+`}}`, false)
	// Baggage of any text, as it is.
	c := ctx
	c.Baggage = c.Baggage.With("user", "a\"\\\x01語\xff")
	p := propagation.New(propagation.Write(propagation.Uber))
	for _, field := range []Field{text, object, {Form: Flat}} {
		body, err := field.InjectBody(nil, []byte(`{"x":1}`), p, &c, propagation.Caller{})
		if err != nil || !json.Valid(body) {
			t.Fatal(string(body), err)
		}
		back, err := field.ExtractBody(p, body)
		if v, _ := back.Baggage.Get("user"); err != nil || v != "a\"\\\x01語\uFFFD" {
			t.Errorf("%s: %q, %v", body, v, err)
		}
	}
	// Nothing to say leaves the body as it is.
	if body, err := text.InjectBody(nil, []byte(` {"x":1}`), p, &propagation.Context{}, propagation.Caller{}); err != nil || string(body) != ` {"x":1}` {
		t.Error(string(body), err)
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{sanicQuery, "", "&&", "h=1&h=2&x", "b3=0&%zz=1", "h=%7B%7D&a=+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, field := range []Field{{Name: "h"}, {Name: "h", Form: Object}, {Form: Flat}} {
			out := field.InjectQuery(query, single, &ctx, propagation.Caller{})
			if c := field.ExtractQuery(single, out); c.Trace != ctx.Trace || c.Span != ctx.Span {
				t.Fatalf("%q: %q: %+v", query, out, c)
			}
			if c := field.ExtractQuery(single, field.RemoveQuery(out)); !c.IsEmpty() {
				t.Fatalf("%q: %+v", out, c)
			}
			if field.InjectQuery(out, single, &ctx, propagation.Caller{}) != out {
				t.Fatalf("%q: again it is another", out)
			}
			for part := range strings.SplitSeq(query, "&") {
				if k, _, _ := parameter(part); k != "h" && !propagation.IsHeader(k, propagation.AllFormats()...) && !strings.Contains(out, part) {
					t.Fatalf("%q: %q lost %q", query, out, part)
				}
			}
		}
	})
}

// A body full of names is read once and not once for each of them.
func TestManyHeaders(t *testing.T) {
	body := []byte(`{"h":{"b3":"1-2-1"`)
	for i := 0; len(body) < 8<<20; i++ {
		body = fmt.Appendf(body, `,"ot-baggage-%07d":1`, i)
	}
	body = append(body, "}}"...)
	read := make(chan propagation.Context, 1)
	go func() {
		c, err := Field{Name: "h", Form: Object, MaxBody: 9 << 20}.ExtractBody(single, body)
		if err != nil {
			t.Error(err)
		}
		read <- c
	}()
	select {
	case c := <-read:
		if c.Span != 2 {
			t.Errorf("%+v", c)
		}
	case <-time.After(time.Minute): // a second is plenty; by pairs it is minutes
		t.Fatal("8 MiB are not read after a minute")
	}
}
