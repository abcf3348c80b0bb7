// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"encoding/base64"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fuzz is for parsers of one header: half of the ids never comes out, and an
// error comes alone.
func fuzz(f *testing.F, parse func(string) (Context, error), seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { one(t, in, parse) })
}

func one(t *testing.T, in string, parse func(string) (Context, error)) {
	c, err := parse(in)
	if err != nil {
		if !reflect.DeepEqual(c, Context{}) {
			t.Fatalf("%q: an error and %+v", in, c)
		}
		if len(err.Error()) > 500 {
			t.Fatalf("%q: an error of %d bytes", in, len(err.Error()))
		}
		return
	}
	if (c.Span == 0) != c.Trace.IsZero() {
		t.Fatalf("%q: half of the ids: %+v", in, c)
	}
	again(t, &c)
}

// again checks that a context, whatever it was read from, is written strictly
// and reads as the same.
func again(t *testing.T, c *Context) {
	t.Helper()
	p := New(Write(AllFormats()...))
	h := http.Header{}
	p.Inject(c, Caller{"s", "i", "e", "a"}, HTTP(h))
	if err := strict(h); err != nil {
		t.Fatal(err)
	}
	back := p.Extract(HTTP(h))
	if back.Trace != c.Trace && c.HasIDs() || back.Span != c.Span && c.HasIDs() || back.Sampling != c.Sampling || len(back.Others) > 0 {
		t.Fatalf("%v: %+v, want %+v", h, back, *c)
	}
	if n := p.Counts(); len(n.Malformed) > 0 {
		t.Fatalf("%v: %+v", h, n)
	}
}

func FuzzB3(f *testing.F) { fuzz(f, ParseB3, z+"-00f067aa0ba902b7-d-48485a3953bb6124", "0", z+"-a-b") }

func FuzzB3Multi(f *testing.F) {
	fuzz(f, func(s string) (Context, error) {
		v := strings.SplitN(s+"|||||", "|", 6)
		return ParseB3Multi(v[0], v[1], v[2], v[3], v[4])
	}, z+"|00f067aa0ba902b7|48485a3953bb6124|1|0", "|||0|", "1|2|||1", "1||||", "1|2|0|True|")
}

func FuzzTraceparent(f *testing.F) {
	fuzz(f, ParseTraceparent, "00-"+z+"-00f067aa0ba902b7-01", "cc-"+z+"-00f067aa0ba902b7-01-x")
}

func FuzzUber(f *testing.F) {
	fuzz(f, ParseUber, z+":f067aa0ba902b7:0:1", "1%3A2%3A0%3A0", "1:2:dummy:11")
}

func FuzzSW8(f *testing.F) {
	fuzz(f, ParseSW8, sw8, javaSW8, "1-------", "0-YQ-YQ-0-YQ-YQ-YQ-YQ", "2-YQ==-YQ==-+1-----")
}

// The short way through a header and the long one say the same.
func FuzzSW8Whole(f *testing.F) {
	for _, s := range []string{sw8, javaSW8, "1-YQ==-YQ==-0-YQ==-YQ==-YQ==-YQ==", "1-YQ==-YWI=-10-YWJj-YQ==-YQ==-YWJj", "1-YQ==-YQ==-01-YQ==-YQ==-YQ==-YQ=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var c Context
		if !c.readWhole(in) {
			if !reflect.DeepEqual(c, Context{}) {
				t.Fatalf("%q: %+v of a header that is not whole", in, c)
			}
			return
		}
		// A field more sends it the long way.
		long, err := ParseSW8(in + "-")
		if err != nil || long.native.whole {
			t.Fatalf("%q: %+v, %v", in, long, err)
		}
		long.native.sw8, long.native.whole = in, true
		if !reflect.DeepEqual(c, long) {
			t.Fatalf("%q: %+v, want %+v", in, c, long)
		}
		if err := strictSW8(in); err != nil && len(in) < 2048 {
			t.Fatalf("%q: %v", in, err)
		}
	})
}

func FuzzOT(f *testing.F) {
	fuzz(f, func(s string) (Context, error) {
		v := strings.SplitN(s+"|||", "|", 4)
		return ParseOT(v[0], v[1], v[2])
	}, "48485a3953bb6124|00f067aa0ba902b7|true", z+"|1|0")
}

func FuzzLightStep(f *testing.F) { fuzz(f, ParseLightStep, z+";00f067aa0ba902b7;0;cs") }

func FuzzTracestate(f *testing.F) {
	for _, s := range []string{"a=b,br=d", "br=?&n:" + java, "br=N:4pyT,a@b=c", " a=b ,, c=d", "a=b,a=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		state, marks, ok := splitState(in)
		if !ok && state+marks != "" {
			t.Fatalf("%q: %q, %q", in, state, marks)
		}
		if state != "" {
			if err := strictState(state); err != nil {
				t.Fatalf("%q: %v", in, err)
			}
			twice, ours, ok := splitState(state)
			if !ok || twice != state || ours != "" {
				t.Fatalf("%q: %q, then %q, %q, %v", in, state, twice, ours, ok)
			}
		}
		c := common
		c.State = state
		c.readMarks(marks, W3C)
		if c.Trace != common.Trace {
			t.Fatalf("%q: trace %s", in, c.Trace)
		}
		again(t, &c)
	})
}

// baggage is read by f, and what came out is bounded and written strictly.
func fuzzBaggage(f *testing.F, key string, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c := New().Extract(HTTP{"B3": {z + "-00f067aa0ba902b7-1"}, http.CanonicalHeaderKey(key): {in}})
		if len(c.Baggage) > maxBaggage || c.Baggage.bytes() > maxBaggageBytes {
			t.Fatalf("%d items, %d bytes", len(c.Baggage), c.Baggage.bytes())
		}
		for i, it := range c.Baggage {
			if it.Key == "" || slices.ContainsFunc(c.Baggage[:i], func(b Item) bool { return b.Key == it.Key }) {
				t.Fatalf("%q: %q", in, it.Key)
			}
		}
		again(t, &c)
	})
}

func FuzzBaggage(f *testing.F) {
	fuzzBaggage(f, "baggage", "a=1,b=%20;p=q", "a=1,a=2,,=,x", "k=v;bad prop", "k = v ; p , x=%zz")
}

func FuzzUberBaggage(f *testing.F) { fuzzBaggage(f, "jaeger-baggage", "a=1,b=2", "a%3D1%2Cb=2") }

func FuzzUberItem(f *testing.F) { fuzzBaggage(f, "uberctx-a", "a+b%20", "%zz", "\xff") }

func FuzzCorrelation(f *testing.F) {
	fuzzBaggage(f, "sw8-correlation", "YQ==:MQ==,Yg==:Mg==", "YQ:", ":", "YjNk:MQ==", "a:b:c,/w==:/w==")
}

func FuzzDecode64(f *testing.F) {
	for _, s := range []string{"", "YQ==", "YQ", "YWI=", "YWJj", "Y", "====", "Y\nQ=", "-_"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := decode64([]byte("<"), in)
		want, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(in, "="))
		if wanted := err == nil && !strings.ContainsAny(in, "\r\n"); ok != wanted || ok && string(got) != "<"+string(want) {
			t.Fatalf("%q: %q, %v, want %q, %v", in, got, ok, want, err)
		}
	})
}

func FuzzExtension(f *testing.F) {
	for _, s := range []string{"1- ", "0-1700000000000", "x", "1--1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		skip, sent, err := parseSW8X(in)
		if sent < 0 || err != nil && (skip || sent != 0) {
			t.Fatalf("%q: %v %d %v", in, skip, sent, err)
		}
		c := New().Extract(HTTP{"Sw8": {sw8}, "Sw8-X": {in}})
		again(t, &c)
	})
}

func FuzzIdentify(f *testing.F) {
	for _, s := range []string{z, java, sw8, "b3: " + z + "-b", "de5980b8-fce3-4a37-aab9-b4ac3af7eedd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if id, err := Identify(in); err == nil && id.IsZero() {
			t.Fatalf("%q: zero id", in)
		}
	})
}

// Whatever headers come in, what is injected again, with and without a span
// below, is strictly valid, and the request goes on.
func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		"b3: " + z + "-00f067aa0ba902b7-1\nX-B3-TraceId: 1\nX-B3-SpanId: 2",
		"sw8: " + javaSW8 + "\nsw8-correlation: YQ==:MQ==,YjNk:MQ==\nsw8-x: 1-1700000000000\nb3: 0",
		"traceparent: 00-" + z + "-00f067aa0ba902b7-01\ntracestate: a=b,br=d&n:x\nbaggage: a=1;p",
		"uber-trace-id: 1:2:0:9\nuberctx-a: 1+2\njaeger-debug-id: x\njaeger-baggage: a=1\nuberctx-bridge-tn: x",
		"ot-tracer-traceid: 48485a3953bb6124\not-tracer-spanid: 2\not-tracer-sampled: true\not-baggage-br: d&h:463ac35c9f6413ad&N:4pyT\not-baggage-x: \xff",
		"x-ot-span-context: 1;2;3;cs\nbaggage-a: b\nbaggage-bridge-tn: " + java,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		h, m := http.Header{}, TextMap{}
		for line := range strings.Lines(in) {
			k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			h[k] = append(h[k], v)
			m[k] = v
		}
		p := New(Write(AllFormats()...))
		for _, c := range []Context{p.Extract(HTTP(h)), p.Extract(m), p.Extract(Metadata(h))} {
			out := http.Header{}
			p.Inject(&c, Caller{}, HTTP(out))
			if err := strict(out); err != nil {
				t.Fatalf("%q: %v", in, err)
			}
			if !c.HasIDs() {
				continue
			}
			back := p.Extract(HTTP(out))
			if back.Trace != c.Trace || back.Span != c.Span || back.Sampling != c.Sampling || back.Name() != c.Name() && plain(c.Name()) && len(c.Name()) <= maxName {
				t.Fatalf("%q: %v: %+v, want %+v", in, out, back, c)
			}
			child := c.Child(7)
			clear(out)
			p.Inject(&child, Caller{}, HTTP(out))
			if err := strict(out); err != nil {
				t.Fatalf("%q: child: %v", in, err)
			}
		}
		p.Examine(m)
	})
}
