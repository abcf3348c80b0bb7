// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
)

const (
	javaSegment = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002"
	javaSpan    = "dd13ca1c79f8e987" // number 2 of that segment
)

// javaSW8 is what a Java agent sends whose exit span is number 2.
var javaSW8 = "1-" + b64(java) + "-" + b64(javaSegment) + "-2-" + b64("frontend") + "-" + b64("a1b2@10.0.0.5") + "-" + b64("GET:/home") + "-" + b64("order:8080")

func b64(s string) string { return string(append64(nil, s)) }

// hop sends a context on in a format and reads it on the other side.
func hop(t *testing.T, c *Context, formats ...Format) (Context, http.Header) {
	t.Helper()
	h := http.Header{}
	New(Write(formats...)).Inject(c, here, HTTP(h))
	if err := strict(h); err != nil {
		t.Errorf("%v: %v", formats, err)
	}
	return New().Extract(HTTP(h)), h
}

// The four cases of the identity rules (design notes on SkyWalking, 5.4), with
// their values.
func TestCase1FromB3ToSW8(t *testing.T) {
	c := New().Extract(HTTP(lines("b3: " + z + "-00f067aa0ba902b7-1-48485a3953bb6124")))
	p := New(Write(SW8))
	h := http.Header{}
	p.Inject(&c, Caller{"frontend", "10.0.0.5", "GET:/home", "order"}, HTTP(h))
	if h.Get("sw8") != sw8 {
		t.Error(h.Get("sw8"))
	}
	back := p.Extract(HTTP(h))
	if back.Trace != c.Trace || back.Span != c.Span || back.Name() != z {
		t.Errorf("%+v", back)
	}
}

func TestCase2FromSW8ToB3(t *testing.T) {
	c := New().Extract(HTTP{"Sw8": {javaSW8}})
	if c.Trace.String() != javaID || c.Span.String() != javaSpan || c.Parent != 0 || c.Sampling != Accept || c.Name() != java || c.TraceName != "" {
		t.Errorf("%+v", c)
	}
	if got, want := c.ParentTag(), javaSegment+"|2|"+b64("frontend")+"|"+b64("a1b2@10.0.0.5")+"|"+b64("GET:/home")+"|"+b64("order:8080"); got != want {
		t.Error(got)
	}
	caller, ok := c.Caller()
	if want := (Caller{"frontend", "a1b2@10.0.0.5", "GET:/home", "order:8080"}); !ok || caller != want {
		t.Errorf("%+v", caller)
	}
	_, h := hop(t, &c, B3)
	if h.Get("b3") != javaID+"-"+javaSpan+"-1" {
		t.Error(h)
	}
	// A server with an id of its own calls on; its segment follows from the id.
	child := c.Child(0x0a1b2c3d4e5f6071)
	if _, ok := child.Caller(); ok || child.ParentTag() != "" || child.Name() != java || child.Parent != c.Span {
		t.Errorf("%+v", child)
	}
	back, h := hop(t, &child, SW8)
	segment, number, ok := back.ParentSegment()
	if !ok || segment != "ef6822bb66f40f180a1b2c3d4e5f6071" || number != 0 || back.Name() != java || back.Span != child.Span {
		t.Errorf("%v: %s %d", h, segment, number)
	}
}

func TestCase3FromB3ToSW8ToB3(t *testing.T) {
	order := "1-" + b64(z) + "-" + b64("0b1d2c3e4f5a4b6c8d7e9f0a1b2c3d4e.31.16563474296510000") + "-1-" + b64("order") + "-" + b64("i") + "-" + b64("e") + "-" + b64("billing")
	c := New().Extract(HTTP{"Sw8": {order}})
	if c.Trace.String() != z || c.Span.String() != "d5aa5482aa1294c6" || c.IsNamed() || c.Name() != z {
		t.Errorf("%+v", c)
	}
	back, _ := hop(t, &c, B3)
	if back.Trace != c.Trace || back.Span != c.Span || back.TraceName != "" {
		t.Errorf("%+v", back)
	}
}

func TestCase4FromSW8ToB3ToSW8(t *testing.T) {
	c := New().Extract(HTTP{"Sw8": {javaSW8}})
	child := c.Child(0x1122334455667788)
	const segment = "ef6822bb66f40f181122334455667788"
	// The name goes by every format that has a place for it.
	for _, f := range AllFormats() {
		mid, h := hop(t, &child, f)
		if mid.Name() != java || mid.Trace != c.Trace || mid.Span != child.Span {
			t.Errorf("%s: %v: %+v", f, h, mid)
		}
		back, _ := hop(t, &mid, SW8)
		if s, n, ok := back.ParentSegment(); !ok || s != segment || n != 0 || back.Name() != java {
			t.Errorf("%s: %s %d of %s", f, s, n, back.Name())
		}
	}
	// B3 ids alone lose it by nature: the numbers are the same, the name is not.
	mid := New().Extract(HTTP(lines("b3: " + javaID + "-1122334455667788-1")))
	back, _ := hop(t, &mid, SW8)
	if s, _, _ := back.ParentSegment(); s != segment || back.Name() != javaID || back.Trace != c.Trace || back.Span != child.Span {
		t.Errorf("%s of %s", s, back.Name())
	}
}

// What was read from sw8 and is handed on without a span of one's own is the
// same header again.
func TestPassedOn(t *testing.T) {
	f := func(in, out string) {
		t.Helper()
		c := New().Extract(HTTP{"Sw8": {in}})
		if got := string(c.AppendSW8(nil, Caller{"me", "me", "me", "peer"})); got != out {
			t.Errorf("%s\n%s, want\n%s", in, got, out)
		}
	}
	f(javaSW8, javaSW8)
	f(strings.ReplaceAll(javaSW8, "=", ""), javaSW8)
	f(javaSW8+"-more", javaSW8)
	f("2"+javaSW8[1:], javaSW8)
	f(strings.Replace(javaSW8, "-2-", "-+02-", 1), javaSW8)
	f(strings.Replace(javaSW8, b64("order:8080"), "", 1), strings.Replace(javaSW8, b64("order:8080"), b64("peer"), 1))
	f(strings.Replace(javaSW8, b64("a1b2@10.0.0.5"), "", 1), strings.Replace(javaSW8, b64("a1b2@10.0.0.5"), b64("unknown"), 1))
	f(strings.Replace(javaSW8, b64("GET:/home"), "", 1), strings.Replace(javaSW8, b64("GET:/home"), b64("/"), 1))
	f(strings.Replace(javaSW8, b64("GET:/home"), "/w==", 1), strings.Replace(javaSW8, b64("GET:/home"), b64("\uFFFD"), 1))
	f(strings.Replace(javaSW8, b64("GET:/home"), b64(strings.Repeat("x", 300)), 1), strings.Replace(javaSW8, b64("GET:/home"), b64(strings.Repeat("x", 150)), 1))
	// Ids that OAP cannot keep are replaced by those that follow from the numbers.
	c := New().Extract(HTTP{"Sw8": {strings.Replace(javaSW8, b64(java), b64(strings.Repeat("t", 151)), 1)}})
	if got := string(c.AppendSW8(nil, here)); !strings.HasPrefix(got, "1-"+b64(string(c.Trace.AppendHex32(nil)))+"-"+b64(javaSegment)+"-2-") {
		t.Error(got)
	}
	c = New().Extract(HTTP{"Sw8": {strings.Replace(javaSW8, b64(javaSegment), b64(strings.Repeat("s", 151)), 1)}})
	if got := string(c.AppendSW8(nil, here)); !strings.HasPrefix(got, "1-"+b64(java)+"-"+b64(span.SegmentName(c.Trace, c.Span))+"-0-") {
		t.Error(got)
	}
	// Someone has set other ids: the header names neither.
	c = New().Extract(HTTP{"Sw8": {javaSW8}})
	c.Span = 7
	if got := string(c.AppendSW8(nil, here)); !strings.HasPrefix(got, "1-"+b64(java)+"-"+b64(span.SegmentName(c.Trace, 7))+"-0-") {
		t.Error(got)
	}
	c.Trace = span.TraceID{Lo: 9}
	if c.Name() != "00000000000000000000000000000009" || c.ParentTag() != "" {
		t.Error(c.Name(), c.ParentTag())
	}
}

// Names of the trace in every form that agents have.
func TestTraceNames(t *testing.T) {
	for _, name := range []string{
		java, z, strings.ToUpper(z), "463ac35c9f6413ad", "de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "334567890123456789012345678901234567890",
		"order 1/2;x=y,z", "%41+b", "订单", strings.Repeat("n", 150), strings.Repeat("语", 50),
	} {
		in := strings.Replace(javaSW8, b64(java), b64(name), 1)
		c := New().Extract(HTTP{"Sw8": {in}})
		if c.Name() != name || c.Trace != span.TraceOf(name) {
			t.Errorf("%q: %q", name, c.Name())
		}
		child := c.Child(5)
		for _, f := range []Format{SW8, W3C, OT, Uber, B3, B3Multi} {
			back, h := hop(t, &child, f)
			want := name
			if (f == B3 || f == B3Multi) && !plain(name) {
				want = string(c.Trace.AppendHex32(nil)) // these headers have no escape
			}
			if back.Name() != want || back.Trace != c.Trace {
				t.Errorf("%q over %s: %q, %v", name, f, back.Name(), h)
			}
		}
		h := http.Header{}
		New(WithoutMarks()).Inject(&child, here, HTTP(h))
		for k := range h {
			if strings.Contains(k, "Bridge") || k == "Tracestate" {
				t.Errorf("%q without marks: %v", name, h)
			}
		}
	}
	// A name that is none of this trace is not believed.
	for _, h := range []http.Header{
		lines("b3: 1-2-1", "baggage-bridge-tn: "+java), lines("uber-trace-id: 1:2:0:1", "uberctx-bridge-tn: "+java),
		lines("traceparent: 00-"+z+"-0000000000000002-01", "tracestate: br=n:"+java),
	} {
		if c := New().Extract(HTTP(h)); c.TraceName != "" || !c.HasIDs() {
			t.Errorf("%v: %+v", h, c)
		}
	}
}

// One header in every format, and each read alone, name the same span.
func TestAllFormatsAtOnce(t *testing.T) {
	for _, d := range []Sampling{Defer, Accept, Debug, Firehose} {
		c := common
		c.Sampling = d
		c.Baggage = Baggage{{Key: "user", Value: "42"}}
		h := http.Header{}
		New(Write(AllFormats()...), KeepUndecided()).Inject(&c, here, HTTP(h))
		if err := strict(h); err != nil {
			t.Error(err)
		}
		for _, first := range AllFormats() {
			p := New(Prefer(first))
			back := p.Extract(HTTP(h))
			if back.Trace != c.Trace || back.Span != c.Span || back.Sampling != d || len(back.Others) > 0 || back.Format != first || back.Parent != c.Parent {
				t.Errorf("%s, %s first: %+v", d, first, back)
			}
			if diff := cmp.Diff(c.Baggage, back.Baggage); diff != "" {
				t.Errorf("%s first: %s", first, diff)
			}
		}
	}
}

func TestExamine(t *testing.T) {
	p := New()
	f := func(h http.Header, want ...string) {
		t.Helper()
		var got []string
		for _, x := range p.Examine(HTTP(h)) {
			line := x.Format.String() + " " + stateOf(&x.Context)
			if len(x.Context.Baggage) > 0 {
				line += " with " + x.Context.Baggage[0].Key
			}
			if x.Context.TraceName != "" {
				line += " of " + x.Context.TraceName
			}
			if x.Err != nil {
				line += ": " + x.Err.Error()
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v:\n%s", h, diff)
		}
	}
	f(http.Header{})
	f(lines("b3: x", "X-B3-TraceId: 1", "X-B3-SpanId: 2", "baggage-a: b", "sw8: "), `b3 defer with a: b3: "x", want trace-span, or 0, 1 or d`, "b3multi defer")
	f(lines("b3: x", "baggage-a: b"), `b3 defer with a: b3: "x", want trace-span, or 0, 1 or d`)
	f(lines("traceparent: 00-"+z+"-0000000000000001-01", "tracestate: x"), "w3c accept: tracestate: not a list of key=value with known characters: left out as a whole")
	f(lines("tracestate: a=b"), "w3c defer: tracestate without traceparent")
	f(lines("uber-trace-id: "+javaID+":2:0:1", "uberctx-bridge-tn: "+java), "uber accept of "+java)
	if n := p.Counts(); len(n.Malformed) > 0 || len(n.Read) > 0 {
		t.Errorf("%+v", n)
	}
}

// A Jaeger client hands SkyWalking's name on as baggage; one that speaks W3C
// too writes it into its header.
func TestNameInOtherBaggage(t *testing.T) {
	for _, line := range []string{"baggage: a=1,bridge-tn=" + java, "jaeger-baggage: Bridge-TN=" + java, "ot-baggage-bridge-tn: " + java, "sw8-correlation: " + b64("bridge-tn") + ":" + b64(java)} {
		c := New().Extract(HTTP(lines("b3: "+javaID+"-2-1", line)))
		if _, ok := c.Baggage.Get(NameKey); ok || c.Name() != java {
			t.Errorf("%s: %+v", line, c)
		}
	}
	// Keys that mean something here are no user's.
	c := common
	c.Baggage = Baggage{{Key: "br", Value: "h:1111111111111111"}, {Key: "bridge-tn", Value: "x"}, {Key: "b3d", Value: "1"}}
	for _, f := range AllFormats() {
		back, h := hop(t, &c, f)
		if back.Trace != c.Trace || back.Sampling != Accept || back.IsNamed() {
			t.Errorf("%s: %v: %+v", f, h, back)
		}
	}
}

// What an earlier writing left, in any case of the keys, does not go on beside
// what is written: which of two spellings a reader meets first is chance.
func TestEarlierWriting(t *testing.T) {
	p := New(Write(B3Multi, Uber, OT))
	c := common
	c.Baggage = Baggage{{Key: "user", Value: "new"}}
	for _, name := range []string{"x-b3-traceid", "X-B3-Traceid", "X-B3-TRACEID"} {
		stale := TextMap{
			name: "aa", "x-b3-spanid": "bb", "X-B3-FLAGS": "1", "UBER-Trace-ID": "aa:bb:0:1", "uberctx-User": "old", "Uberctx-gone": "old",
			"baggage-gone": "old", "ot-baggage-gone": "old", "kept": "1", "x-b3-other": "1", "traceparent": "of another format",
		}
		h, md := HTTP{}, Metadata{}
		for k, v := range stale {
			h[http.CanonicalHeaderKey(k)], md[strings.ToLower(k)] = []string{v}, []string{v}
		}
		w := texts{maps.Clone(stale)}
		for _, to := range []interface {
			Reader
			Writer
		}{stale, h, md, w} {
			p.Inject(&c, here, to)
			got := map[string]string{}
			to.Each(func(k, v string) {
				if v == "old" || v == "aa" || v == "bb" {
					t.Errorf("%T: %s: %s is still there", to, k, v)
				}
				if got[strings.ToLower(k)] != "" {
					t.Errorf("%T: %s is there twice", to, k)
				}
				got[strings.ToLower(k)] = v
			})
			if got["kept"] != "1" || got["x-b3-other"] != "1" || got["traceparent"] == "" {
				t.Errorf("%T: %v, want what is no format's that is written", to, got)
			}
			back := New(Read(B3Multi, Uber, OT)).Extract(to)
			if back.Span != c.Span || len(back.Others) > 0 || len(back.Baggage) != 1 || back.Sampling != Accept {
				t.Errorf("%T: %+v", to, back)
			}
		}
	}
}

// A header that only looks like baggage is the application's, unless there was
// an earlier writing.
func TestApplicationsHeaders(t *testing.T) {
	p := New()
	c := common
	c.Baggage = Baggage{{Key: "user", Value: "new"}}
	for _, to := range []interface {
		Reader
		Writer
	}{HTTP{"Baggage-Claim": {"7"}}, Metadata{"baggage-claim": {"7"}}, TextMap{"Baggage-Claim": "7"}, texts{TextMap{"Baggage-Claim": "7"}}} {
		p.Inject(&c, here, to)
		kept := false
		to.Each(func(k, v string) { kept = kept || strings.EqualFold(k, "baggage-claim") && v == "7" })
		if !kept {
			t.Errorf("%T: %v, want the application's header in it", to, to)
		}
	}
}

// texts is a carrier of a user's own.
type texts struct{ stale TextMap }

func (m texts) Each(f func(key, value string)) { m.stale.Each(f) }
func (m texts) Del(key string) {
	for k := range m.stale {
		if strings.EqualFold(k, key) {
			delete(m.stale, k)
		}
	}
}

func (m texts) Set(key, value string) {
	m.Del(key)
	m.stale[key] = value
}
