// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
)

// says is what headers say, in one line.
func says(p *Propagator, h http.Header) string {
	c := p.Extract(HTTP(h))
	if !c.HasIDs() {
		if c.DebugID != "" {
			return fmt.Sprintf("%s %q", c.Sampling, c.DebugID)
		}
		return c.Sampling.String()
	}
	parent := ""
	if c.Parent != 0 {
		parent = " below " + c.Parent.String()
	}
	return fmt.Sprintf("%s %s%s %s by %s", c.Trace, c.Span, parent, c.Sampling, c.Format)
}

func lines(hs ...string) http.Header {
	h := http.Header{}
	for _, line := range hs {
		k, v, _ := strings.Cut(line, ": ")
		h.Add(k, v)
	}
	return h
}

// Grammar and leniency of each format.
func TestLeniency(t *testing.T) {
	f := func(want string, hs ...string) {
		t.Helper()
		if got := says(New(), lines(hs...)); got != want {
			t.Errorf("%q: %s, want %s", hs, got, want)
		}
	}
	const s = "00f067aa0ba902b7"
	// B3 in many headers.
	f(z+" "+s+" accept by b3multi", "x-b3-traceid: "+z, "x-b3-spanid: "+s, "x-b3-sampled: 1")
	f(z+" "+s+" below 48485a3953bb6124 accept by b3multi", "X-B3-TraceId: "+strings.ToUpper(z), "X-B3-SpanId: F067AA0BA902B7", "X-B3-ParentSpanId: 48485A3953bb6124", "X-B3-Sampled: tRUE")
	f("0000000000000001 0000000000000002 below 0000000000000003 deny by b3multi", "X-B3-TraceId: 1", "X-B3-SpanId: 2", "X-B3-ParentSpanId: 3", "X-B3-Sampled: False")
	f("0000000000000001463ac35c9f6413ad 0000000000000002 defer by b3multi", "X-B3-TraceId: 1463ac35c9f6413ad", "X-B3-SpanId: 2", "X-B3-ParentSpanId: 0000000000000000")
	f("defer", "X-B3-TraceId: "+z, "X-B3-SpanId: "+s, "X-B3-Sampled: yes")
	f("defer", "X-B3-TraceId: "+z)
	f("defer", "X-B3-SpanId: "+s)
	f("deny", "X-B3-TraceId: "+z, "X-B3-Sampled: 0")
	f("defer", "X-B3-TraceId: "+z, "X-B3-SpanId: 0")
	f("defer", "X-B3-TraceId: "+z+"0", "X-B3-SpanId: "+s)
	f("defer", "X-B3-TraceId: "+z, "X-B3-SpanId: "+s, "X-B3-ParentSpanId: x")
	// What aiozipkin sends.
	f(z+" "+s+" accept by b3multi", "X-B3-TraceId: "+z, "X-B3-SpanId: "+s, "X-B3-Flags: 0", "X-B3-Sampled: 1")
	// B3 in one.
	f(z+" "+s+" below 48485a3953bb6124 debug by b3", "b3: "+z+"-"+s+"-d-48485a3953bb6124")
	f(z+" "+s+" below 48485a3953bb6124 defer by b3", "b3: "+z+"-"+s+"-48485a3953bb6124")
	f("0000000000000001 0000000000000002 below 0000000000000003 deny by b3", "B3: 1-2-0-3")
	f(z+" "+s+" accept by b3", "b3:  "+z+"-"+s+"-1 ")
	f(z+" "+s+" accept by b3", "b3: "+z+"-"+s+"-1-0000000000000000")
	f("deny", "b3: 0")
	f("accept", "b3: 1")
	f("debug", "b3: d")
	for _, bad := range []string{"-" + z + "-" + s, z, z + "-" + s + "-1-" + s + "-1", z + "-" + s + "-", z + "-" + s + "-2", z + "-0", "true", "2", z + "-" + s + "-x-" + s} {
		f("defer", "b3: "+bad)
		// A malformed b3 falls back to the other form.
		f("0000000000000001 0000000000000002 defer by b3multi", "b3: "+bad, "X-B3-TraceId: 1", "X-B3-SpanId: 2")
	}
	f("0000000000000005 0000000000000006 defer by b3", "b3: 5-6", "X-B3-TraceId: 1", "X-B3-SpanId: 2")
	// uber-trace-id.
	f("0000000000000001 0000000000000002 accept by uber", "uber-trace-id: 1:2:0:1")
	f("0000000000000001463ac35c9f6413ad 0000000000000002 accept by uber", "uber-trace-id: 1463ac35c9f6413ad:2:0:1")
	f(z+" "+s+" below 0000000000000009 accept by uber", "Uber-Trace-Id: "+strings.ToUpper(z)+"%3A"+s+"%3a9%3A1")
	f(z+" "+s+" accept by uber", "uber-trace-id: "+z+":"+s+":dummy:1")
	f(z+" "+s+" accept by uber", "uber-trace-id: "+z+":"+s+"::1")
	f(z+" "+s+" debug by uber", "uber-trace-id: "+z+":"+s+":0:2")
	f(z+" "+s+" debug by uber", "uber-trace-id: "+z+":"+s+":0:0b")
	for _, bad := range []string{z + ":" + s + ":0", z + ":" + s + ":0:1:1", ":::", z + "0:1:0:1", "0:0:0:1", z + ":" + s + ":0:-1", z + ":" + s + ":0:", z + ":" + s + ":0:256"} {
		f("defer", "uber-trace-id: "+bad)
	}
	f(`debug "find me"`, "jaeger-debug-id: find+me")
	f(`debug "x"`, "jaeger-debug-id: x", "uber-trace-id: 0:0:0:0")
	f(z+" "+s+" accept by b3", "jaeger-debug-id: x", "b3: "+z+"-"+s+"-1")
	f("deny", "jaeger-debug-id: ", "b3: 0")
	// traceparent.
	f(z+" "+s+" accept by w3c", "Traceparent: 00-"+strings.ToUpper(z)+"-"+s+"-01")
	f(z+" "+s+" accept by w3c", "traceparent: 01-"+z+"-"+s+"-09-what-comes-later")
	f("48485a3953bb6124 "+s+" deny by w3c", "traceparent: 00-000000000000000048485a3953bb6124-"+s+"-00")
	for _, bad := range []string{"ff-" + z + "-" + s + "-01", "00-" + z + "-" + s + "-01-x", "00-" + z + "-" + s + "-01-", "01-" + z + "-" + s + "-01.x", "00-" + strings.Repeat("0", 32) + "-" + s + "-01", "00-" + z + "-" + strings.Repeat("0", 16) + "-01", "00-" + z[1:] + "-" + s + "-01", "0-" + z + "-" + s + "-01", "00-" + z + "-" + s + "-1", "00-" + z + "-" + s, "+0-" + z + "-" + s + "-01"} {
		f("defer", "traceparent: "+bad)
	}
	// OpenTracing and what Envoy once wrote.
	f(z+" "+s+" accept by ot", "ot-tracer-traceid: "+z, "ot-tracer-spanid: "+s, "ot-tracer-sampled: True")
	f("48485a3953bb6124 0000000000000002 deny by ot", "ot-tracer-traceid: 48485a3953bb6124", "ot-tracer-spanid: 2", "ot-tracer-sampled: 0")
	f("defer", "ot-tracer-traceid: "+z, "ot-tracer-sampled: true")
	f(z+" "+s+" below 0000000000000003 defer by lightstep", "x-ot-span-context: "+z+";"+s+";3;cs")
	f(z+" "+s+" deny by lightstep", "x-ot-span-context: "+z+";"+s+";0;cs", "X-B3-Sampled: 0")
	// Doubled by a proxy, in one line and in two (emissary#1344).
	f("0000000000000001 0000000000000002 accept by b3", "b3: 1-2-1,1-2-1")
	f("0000000000000001 0000000000000002 accept by b3", "b3: 1-2-1, 3-4-0")
	f("0000000000000001 0000000000000002 accept by b3", "b3: 1-2-1", "b3: 3-4-0")
	f("0000000000000001 0000000000000002 accept by b3", "b3: ", "b3: 1-2-1")
	f("0000000000000001 0000000000000002 accept by b3", "b3: ,1-2-1")
	f("0000000000000001 0000000000000002 accept by b3multi", "X-B3-TraceId: 1,1", "X-B3-SpanId: 2, 2", "X-B3-Sampled: 1,1")
	f("0000000000000001 0000000000000002 accept by uber", "uber-trace-id: 1:2:0:1,1:2:0:1")
	f(z+" "+s+" accept by sw8", "sw8: "+sw8+","+sw8)
	f(z+" "+s+" accept by w3c", "traceparent: 00-"+z+"-"+s+"-01,00-"+z+"-"+s+"-01")
}

// What is written again of what was read: full width, lower case, the trace at
// the width in which it came.
func TestWidth(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		p := New(Write(B3, B3Multi, W3C, Uber, OT))
		c := p.Extract(HTTP(lines(in)))
		h := http.Header{}
		p.Inject(&c, Caller{}, HTTP(h))
		if err := strict(h); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		for _, line := range want {
			k, v, _ := strings.Cut(line, ": ")
			if h.Get(k) != v {
				t.Errorf("%s: %s: %s, want %s", in, k, h.Get(k), v)
			}
		}
	}
	f("b3: 1-2-1-3", "b3: 0000000000000001-0000000000000002-1-0000000000000003", "X-B3-TraceId: 0000000000000001", "X-B3-ParentSpanId: 0000000000000003",
		"uber-trace-id: 0000000000000001:0000000000000002:0000000000000003:1", "traceparent: 00-00000000000000000000000000000001-0000000000000002-01",
		"ot-tracer-traceid: 0000000000000001", "ot-baggage-br: ")
	f("b3: 00000000000000000000000000000001-2-1", "b3: 00000000000000000000000000000001-0000000000000002-1", "uber-trace-id: 00000000000000000000000000000001:0000000000000002:0:1")
	f("b3: "+strings.ToUpper(z)+"-2-d", "b3: "+z+"-0000000000000002-d", "X-B3-Flags: 1", "X-B3-Sampled: 1", "ot-tracer-traceid: 48485a3953bb6124", "ot-baggage-br: d&h:463ac35c9f6413ad")
	f("traceparent: 00-00000000000000000000000000000001-0000000000000002-03", "b3: 0000000000000001-0000000000000002-1", "traceparent: 00-00000000000000000000000000000001-0000000000000002-03")
	f("uber-trace-id: 1:2:2:9", "uber-trace-id: 0000000000000001:0000000000000002:0:9", "b3: 0000000000000001-0000000000000002-1")
	// The last half of the id is zero: no form of 64 bits is left.
	f("b3: 463ac35c9f6413ad0000000000000000-2-1", "ot-tracer-traceid: ", "ot-tracer-spanid: ", "b3: 463ac35c9f6413ad0000000000000000-0000000000000002-1")
}

// Formats of one request that disagree: the first in the order of precedence
// wins, the others are kept.
func TestConflict(t *testing.T) {
	const s = "00f067aa0ba902b7"
	all := []string{
		"b3: b3-1-0", "X-B3-TraceId: b3b3", "X-B3-SpanId: 2", "X-B3-Sampled: 1", "sw8: " + sw8, "traceparent: 00-" + strings.Repeat("c", 32) + "-000000000000000c-01",
		"uber-trace-id: d:d:0:3", "ot-tracer-traceid: e", "ot-tracer-spanid: e", "x-ot-span-context: f;f;0;cs",
	}
	var told []*Context
	p := New(OnDisagreement(func(c *Context) { told = append(told, c) }))
	c := p.Extract(HTTP(lines(all...)))
	want := []Other{
		{B3Multi, span.TraceID{Lo: 0xb3b3}, 2},
		{SW8, span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}, 0xf067aa0ba902b7},
		{W3C, span.TraceID{Hi: 0xcccccccccccccccc, Lo: 0xcccccccccccccccc}, 0xc},
		{Uber, span.TraceID{Lo: 0xd}, 0xd},
		{OT, span.TraceID{Lo: 0xe}, 0xe},
		{LightStep, span.TraceID{Lo: 0xf}, 0xf},
	}
	if diff := cmp.Diff(want, c.Others); diff != "" || c.Trace.Lo != 0xb3 || c.Format != B3 || c.Sampling != Deny || len(told) != 1 {
		t.Errorf("%+v\n%s", c, diff)
	}
	if got := c.Found.String(); got != "b3,b3multi,sw8,w3c,uber,ot,lightstep" {
		t.Error(got)
	}
	if n := p.Counts(); n.Disagreed[SW8] != 1 || n.Disagreed[B3] != 0 || n.Read[LightStep] != 1 {
		t.Errorf("%+v", n)
	}
	f := func(want string, p *Propagator, hs ...string) {
		t.Helper()
		if got := says(p, lines(hs...)); got != want {
			t.Errorf("%q: %s, want %s", hs, got, want)
		}
	}
	f(z+" "+s+" accept by sw8", New(Prefer(SW8)), all...)
	f("000000000000000d 000000000000000d debug by uber", New(Prefer(Uber, W3C)), all...)
	f(strings.Repeat("c", 32)+" 000000000000000c accept by w3c", New(Read(W3C, Uber)), all...)
	f("000000000000000e 000000000000000e defer by ot", New(Read(OT, OT, 99, 0)), all...)
	// Some proxies leave b3 as it came and write the other form anew
	// (envoy#47515): what names b3's span as its parent is nearer.
	stale := []string{"b3: 1-2-1", "X-B3-TraceId: 1", "X-B3-SpanId: 3", "X-B3-ParentSpanId: 2", "X-B3-Sampled: 1"}
	f("0000000000000001 0000000000000003 below 0000000000000002 accept by b3multi", New(), stale...)
	f("0000000000000001 0000000000000002 accept by b3", New(), stale[:3]...)
	// A decision alone in one format and ids in another.
	f("0000000000000001 0000000000000002 deny by uber", New(), "b3: 0", "uber-trace-id: 1:2:0:1")
	f("0000000000000001 0000000000000002 accept by uber", New(Prefer(Uber)), "b3: 0", "uber-trace-id: 1:2:0:1")
	f("0000000000000001 0000000000000002 deny by b3", New(), "b3: 1-2", "X-B3-Sampled: 0")
	// One span in several formats: the one with more words for it counts.
	f("0000000000000001 0000000000000002 defer by b3", New(), "b3: 1-2", "uber-trace-id: 1:2:0:0", "traceparent: 00-00000000000000000000000000000001-0000000000000002-00")
	f("0000000000000001 0000000000000002 accept by b3", New(), "b3: 1-2", "uber-trace-id: 1:2:0:1")
	f("0000000000000001 0000000000000002 firehose by b3", New(), "b3: 1-2-1", "uber-trace-id: 1:2:0:9")
	f("0000000000000001 0000000000000002 debug by w3c", New(), "traceparent: 00-00000000000000000000000000000001-0000000000000002-01", "uber-trace-id: 1:2:0:3")
	f("0000000000000001 0000000000000002 deny by b3", New(), "b3: 1-2-0", "uber-trace-id: 1:2:0:1")
	f(z+" "+s+" debug by sw8", New(Prefer(SW8)), "sw8: "+sw8, "b3: "+z+"-"+s+"-d")
	f(z+" "+s+" defer by sw8", New(Prefer(SW8)), "sw8: "+sw8, "b3: "+z+"-"+s)
	// Half of an id, lost on the way, comes from another format.
	f(z+" "+s+" accept by ot", New(Prefer(OT)), "ot-tracer-traceid: 48485a3953bb6124", "ot-tracer-spanid: "+s, "ot-tracer-sampled: true", "uber-trace-id: "+z+":"+s+":0:1")
	f(z+" "+s+" accept by ot", New(), "ot-tracer-traceid: 48485a3953bb6124", "ot-tracer-spanid: "+s, "ot-tracer-sampled: true", "ot-baggage-br: h:463ac35c9f6413ad")
	// A mark of another trace.
	f(z+" "+s+" accept by w3c", New(), "traceparent: 00-"+z+"-"+s+"-01", "tracestate: br=h:1111111111111111&n:other")
}

// C1: each row of the table of what agents make of a header, for this reader.
func TestC1BadHeaders(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		c, err := ParseSW8(in)
		got := fmt.Sprint(c.Trace, " ", c.Span, " ", c.Sampling)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%.80q: %s, want %s", in, got, want)
		}
		// Nothing malformed is ever written, and a request goes on.
		p := New(Write(SW8))
		h := HTTP{"Sw8": {in}}
		c = p.Extract(h)
		p.Inject(&c, Caller{}, h)
		if err := strict(http.Header(h)); err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if (err != nil) != (p.Counts().Malformed[SW8] == 1) {
			t.Errorf("%q: %+v", in, p.Counts())
		}
	}
	const good = z + " 00f067aa0ba902b7 accept"
	part := strings.Split(sw8, "-")
	with := func(i int, s string) string {
		p := append([]string(nil), part...)
		p[i] = s
		return strings.Join(p, "-")
	}
	f(sw8, good)
	f(" "+sw8+" ", good)
	f("1-x", "sw8: 2 fields, want 8")
	f(sw8+"-eA==", good)
	f(with(1, "!!!!"), `sw8: trace id: "!!!!", want base64`)
	f(with(7, "b3JkZX"), z+" 00f067aa0ba902b7 accept") // loose bits
	f(with(7, "b3JkZ"), `sw8: address: "b3JkZ", want base64`)
	f(strings.ReplaceAll(sw8, "=", ""), good)
	f(with(5, ""), good)
	f(with(7, ""), good)
	f(with(1, ""), "sw8: trace id: empty, want base64 of a text")
	f(with(2, ""), "sw8: segment id: empty, want base64 of a text")
	f(with(3, "0x10"), `sw8: span number: "0x10", want 0 or more`)
	f(with(3, ""), `sw8: span number: "", want 0 or more`)
	f(with(3, "2147483648"), `sw8: span number: "2147483648", want 0 or more`)
	f(with(0, "0"), z+" 00f067aa0ba902b7 deny")
	f(with(0, "7"), good)
	f(with(0, ""), `sw8: flag: "", want a number`)
	f(with(0, "x"), `sw8: flag: "x", want a number`)
	f("1-------", "sw8: trace id: empty, want base64 of a text")
	f(with(1, "/w=="), `sw8: trace id: "/w==", want base64 of UTF-8`)
	f(with(2, "/w=="), `sw8: segment id: "/w==", want base64 of UTF-8`)
	f(with(4, "/w=="), good)
	f(with(1, "NDYz\nYWMz"), `sw8: trace id: "NDYz\nYWMz", want base64`)
	f(with(6, strings.Repeat("YWFh", 3000)), "sw8: 12129 bytes, want at most 8192")
	f(with(3, "+0"), good)
	f(with(3, "00"), good)
	// Absent and empty are the same to all.
	p := New()
	if c := p.Extract(HTTP{"Sw8": {""}}); !c.IsEmpty() || p.Counts().Malformed[SW8] != 0 {
		t.Errorf("%+v", c)
	}
}

// C2: what the caller's side looks like does not matter: the four agents' rules
// hold for every header. strictSW8 has them.
func TestC2EveryHeaderIsTaken(t *testing.T) {
	for _, s := range []string{"", "a", "a-b", "zażółć", "\xff\xfe", "\u0000", "\r\n", " ", strings.Repeat("w", 500), strings.Repeat("语", 500), strings.Repeat("😀", 500)} {
		for _, c := range []Context{common, {Trace: common.Trace, Span: 1, TraceName: java}, {Trace: common.Trace, Span: 1, TraceName: s}} {
			v := string(c.AppendSW8(nil, Caller{s, s, s, s}))
			if err := strictSW8(v); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
		// The same fields, as another agent has sent them.
		in := fmt.Sprintf("1-%s-%s-3-%s-%[3]s-%[3]s-%[3]s", append64(nil, or(s, "t")), append64(nil, or(s, "s")), append64(nil, s))
		c, err := ParseSW8(in)
		if err != nil {
			if !strings.Contains(err.Error(), "UTF-8") && len(in) <= maxSW8 {
				t.Errorf("%q: %v", s, err)
			}
			continue
		}
		if err := strictSW8(string(c.AppendSW8(nil, Caller{}))); err != nil {
			t.Errorf("%q: again: %v", s, err)
		}
	}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// C3: long and foreign names are cut between characters, and the header stays
// below 2 KiB.
func TestC3LongNames(t *testing.T) {
	c := common
	v := string(c.AppendSW8(nil, Caller{strings.Repeat("é", 80), "i", strings.Repeat("语", 300), strings.Repeat("😀", 300)}))
	back, err := ParseSW8(v)
	if err != nil || strictSW8(v) != nil {
		t.Fatal(err, strictSW8(v))
	}
	got, ok := back.Caller()
	if want := (Caller{strings.Repeat("é", 50), "i", strings.Repeat("语", 150), strings.Repeat("😀", 50)}); !ok || got != want {
		t.Errorf("%+v", got)
	}
}

// C4: the limits of the correlation hold for what is written, not for what is
// read.
func TestC4Correlation(t *testing.T) {
	p := New(Write(SW8))
	four := "YQ==:MQ==,Yg==:Mg==,Yw==:Mw==,ZA==:NA==" // a to d are 1 to 4
	c := p.Extract(HTTP(lines("sw8: "+sw8, "sw8-correlation: "+four)))
	if want := (Baggage{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "c", Value: "3"}, {Key: "d", Value: "4"}}); cmp.Diff(want, c.Baggage) != "" {
		t.Errorf("%+v", c.Baggage)
	}
	write := func(c *Context) string {
		h := http.Header{}
		p.Inject(c, Caller{}, HTTP(h))
		if err := strict(h); err != nil {
			t.Error(err)
		}
		return h.Get("sw8-correlation")
	}
	if got := write(&c); got != four[:29] || p.Counts().Cut != 1 {
		t.Error(got, p.Counts())
	}
	c.Sampling = Debug // there is no room for it
	if got := write(&c); got != four[:29] || p.Counts().Cut != 3 {
		t.Error(got, p.Counts())
	}
	c.Baggage = Baggage{{Key: "long", Value: strings.Repeat("é", 129)}, {Key: "fits", Value: strings.Repeat("é", 128)}, {Key: "none"}, {Key: "a\xff", Value: "x"}}
	c.Sampling = Accept
	back := p.Extract(HTTP(lines("sw8: "+sw8, "sw8-correlation: "+write(&c))))
	if diff := cmp.Diff(Baggage{{Key: "fits", Value: strings.Repeat("é", 128)}, {Key: "none"}}, back.Baggage); diff != "" {
		t.Error(diff)
	}
	// Parts that are none cost only themselves.
	for in, want := range map[string]Baggage{
		"a:b:c,YQ==:MQ==":  {{Key: "a", Value: "1"}},
		"YQ==":             nil,
		"YQ==:":            {{Key: "a"}},
		":MQ==":            nil,
		"YQ:MQ, Yg : Mg ,": {{Key: "a", Value: "1"}},
		"!:!,YQ==:MQ==":    {{Key: "a", Value: "1"}},
	} {
		if c := p.Extract(HTTP(lines("sw8: "+sw8, "sw8-correlation: "+in))); cmp.Diff(want, c.Baggage) != "" {
			t.Errorf("%q: %+v", in, c.Baggage)
		}
	}
	// Two lines are one list.
	if c := p.Extract(HTTP{"Sw8": {sw8}, "Sw8-Correlation": {"YQ==:MQ==", "Yg==:Mg=="}}); len(c.Baggage) != 2 {
		t.Errorf("%+v", c.Baggage)
	}
}

// C5: sw8-x.
func TestC5Extension(t *testing.T) {
	p := New(Write(SW8))
	f := func(in string, skip bool, sent int64, out string) {
		t.Helper()
		c := p.Extract(HTTP{"Sw8": {sw8}, "Sw8-X": {in}})
		if c.SkipAnalysis != skip || c.Sent != sent || !c.HasIDs() {
			t.Errorf("%q: %+v", in, c)
		}
		h := HTTP{"Sw8-X": {in}}
		p.Inject(&c, Caller{}, h)
		if got := http.Header(h).Get("sw8-x"); got != out {
			t.Errorf("%q: %q again, want %q", in, got, out)
		}
		child := c.Child(5)
		if child.SkipAnalysis != skip || child.Sent != 0 {
			t.Errorf("%q: child %+v", in, child)
		}
	}
	f("1- ", true, 0, "1-")
	f("1", true, 0, "1-")
	f("0- ", false, 0, "")
	f("0-1700000000000", false, 1700000000000, "0-1700000000000")
	f("1-1700000000000", true, 1700000000000, "1-1700000000000")
	f("1-soon", true, 0, "1-")
	f("0--5", false, 0, "")
	f("x", false, 0, "")
	f("", false, 0, "")
	if c := p.Extract(HTTP{"Sw8-X": {"1-1700000000000"}}); !c.IsEmpty() || c.SkipAnalysis || c.Sent != 0 {
		t.Errorf("without sw8: %+v", c)
	}
}

// C6: a denial crosses from one tongue to the other.
func TestC6Denial(t *testing.T) {
	p := New(Write(B3, SW8))
	f := func(in http.Header, b3, sw8 string) {
		t.Helper()
		c := p.Extract(HTTP(in))
		h := HTTP{"Sw8": {"old"}, "Sw8-Correlation": {"old"}, "B3": {"old"}}
		p.Inject(&c, Caller{"frontend", "10.0.0.5", "GET:/home", "order"}, h)
		if got := http.Header(h); got.Get("b3") != b3 || got.Get("sw8") != sw8 || got.Get("sw8-correlation") != "" {
			t.Errorf("%v: %v", in, h)
		}
	}
	f(lines("b3: "+z+"-00f067aa0ba902b7-0"), z+"-00f067aa0ba902b7-0", "")
	f(lines("sw8: 0"+sw8[1:]), z+"-00f067aa0ba902b7-0", "")
	f(lines("b3: 0"), "0", "")
	f(lines("sw8: "), "", "")
	f(lines("b3: "+z+"-00f067aa0ba902b7"), z+"-00f067aa0ba902b7", sw8)
	f(lines("b3: "+z+"-00f067aa0ba902b7-1"), z+"-00f067aa0ba902b7-1", sw8)
	f(lines("sw8: "+sw8), z+"-00f067aa0ba902b7-1", sw8)
}
