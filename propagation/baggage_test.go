// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestBaggage(t *testing.T) {
	var b Baggage
	one := b.With("a", "1")
	two := one.With("b", "2").With("a", "3")
	if diff := cmp.Diff(Baggage{{Key: "a", Value: "3"}, {Key: "b", Value: "2"}}, two); diff != "" || len(one) != 1 || one[0].Value != "1" {
		t.Error(diff, one)
	}
	if v, ok := two.Get("b"); !ok || v != "2" {
		t.Error(v, ok)
	}
	if _, ok := two.Get("B"); ok {
		t.Error("keys differ by case")
	}
	if less := two.Without("a"); len(less) != 1 || len(two) != 2 || cmp.Diff(two.Without("x"), two) != "" {
		t.Error(less, two)
	}
}

func TestReadBaggage(t *testing.T) {
	f := func(h http.Header, want ...Item) {
		t.Helper()
		c := New().Extract(HTTP(h))
		if diff := cmp.Diff(Baggage(want), c.Baggage, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%v:\n%s", h, diff)
		}
	}
	item := func(k, v string) Item { return Item{Key: k, Value: v} }
	// W3C: percent-encoding, and a plus is a plus.
	f(lines("baggage: a=1, b = two%20words ,c=1+1;p=q;r,D=%E8%AF%AD"), item("a", "1"), item("b", "two words"), Item{"c", "1+1", "p=q;r"}, item("D", "语"))
	f(lines("baggage: a=1,a=2"), item("a", "2"))
	f(lines("baggage: a=1", "baggage: b=2"), item("a", "1"), item("b", "2"))
	f(lines("baggage: novalue,=x,a=,,b=%zz,c=x=y"), item("a", ""), item("b", "%zz"), item("c", "x=y"))
	f(lines("baggage: a=1;bad property,b=2;x=%"), item("a", "1"), item("b", "2"))
	// Jaeger: as url.QueryUnescape reads it.
	f(lines("uberctx-User: two+words%21", "Uberctx-b: %zz"), item("b", "%zz"), item("user", "two words!"))
	f(lines("jaeger-baggage: a=1, b = x+y%2C,c"), item("a", "1"), item("b", " x y"))
	f(lines("jaeger-baggage: a=1,d=2%3D3"), item("a", "1"), item("d", "2=3"))
	// OpenTracing and Jaeger's codec for B3: as they are.
	f(lines("ot-baggage-a: 1+1%20", "ot-baggage-br: d"), item("a", "1+1%20"))
	f(lines("baggage-a: 1+1%20", "baggage-bridge-tn: x"), item("a", "1+1%20"))
	// SkyWalking.
	f(lines("sw8-correlation: "+b64("a")+":"+b64("语")), item("a", "语"))
	// One key in several formats: the order of precedence; header names have no
	// case; W3C alone has properties.
	f(lines("baggage: User=w;p", "uberctx-user: w", "ot-baggage-user: o", "ot-baggage-x: 1", "baggage-user: w"), Item{"user", "w", "p"}, item("x", "1"))
	c := New(Prefer(W3C)).Extract(HTTP(lines("baggage: User=w;p", "uberctx-user: u")))
	if diff := cmp.Diff(Baggage{{"User", "w", "p"}}, c.Baggage); diff != "" {
		t.Error(diff)
	}
	// Formats that are not read carry none.
	if c := New(Read(B3Multi)).Extract(HTTP(lines("baggage: a=1", "uberctx-b: 1", "jaeger-baggage: c=1", "ot-baggage-d: 1", "sw8-correlation: YQ==:MQ==", "baggage-e: 1"))); len(c.Baggage) != 1 || c.Baggage[0].Key != "e" {
		t.Errorf("%+v", c.Baggage)
	}
	// A text map of Jaeger's is not escaped.
	c = New().Extract(TextMap{"uber-trace-id": "1:2:0:1", "uberctx-user": "two+words%21"})
	if diff := cmp.Diff(Baggage{{Key: "user", Value: "two+words%21"}}, c.Baggage); diff != "" {
		t.Error(diff)
	}
	// The order is the same each time.
	h := http.Header{}
	for i := range 20 {
		h.Set(fmt.Sprintf("uberctx-k%02d", i), "v")
	}
	for range 20 {
		for i, it := range New().Extract(HTTP(h)).Baggage {
			if it.Key != fmt.Sprintf("k%02d", i) {
				t.Fatalf("item %d is %s", i, it.Key)
			}
		}
	}
}

func TestWriteBaggage(t *testing.T) {
	f := func(format Format, to Writer, b Baggage, cut int64, want map[string]string) {
		t.Helper()
		p := New(Write(format))
		c := common
		c.Baggage = b
		p.Inject(&c, here, to)
		got := make(map[string]string)
		to.(Reader).Each(func(k, v string) {
			if !IsHeader(k, AllFormats()...) || strings.Contains(strings.ToLower(k), "baggage") || strings.HasPrefix(strings.ToLower(k), uberPrefix) {
				got[k] = v
			}
		})
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || p.Counts().Cut != cut {
			t.Errorf("%s: cut %d\n%s", format, p.Counts().Cut, diff)
		}
	}
	b := Baggage{{Key: "user", Value: "a b+c=d;e,f%语"}, {Key: "Empty"}, {Key: "not a token", Value: "x"}, {Key: "p", Value: "v", Properties: "x=y;z"}, {Key: "q", Value: "\r\n", Properties: "a,b"}}
	const escaped = "a%20b%2Bc%3Dd%3Be%2Cf%25%E8%AF%AD"
	f(W3C, HTTP{}, b, 1, map[string]string{"Baggage": "user=" + escaped + ",Empty=,p=v;x=y;z,q=%0D%0A"})
	f(Uber, HTTP{}, b, 1, map[string]string{"Uberctx-User": escaped, "Uberctx-Empty": "", "Uberctx-P": "v", "Uberctx-Q": "%0D%0A"})
	f(Uber, TextMap{}, b, 1, map[string]string{"uberctx-user": b[0].Value, "uberctx-Empty": "", "uberctx-p": "v", "uberctx-q": "\r\n"})
	f(Uber, Metadata{}, b, 1, map[string]string{"uberctx-user": escaped, "uberctx-empty": "", "uberctx-p": "v", "uberctx-q": "%0D%0A"})
	f(OT, HTTP{}, b, 3, map[string]string{"Ot-Baggage-Empty": "", "Ot-Baggage-P": "v", "Ot-Baggage-Br": "h:463ac35c9f6413ad"})
	f(B3, HTTP{}, b, 3, map[string]string{"Baggage-Empty": "", "Baggage-P": "v"})
	f(B3Multi, Metadata{}, b, 3, map[string]string{"baggage-empty": "", "baggage-p": "v"})

	// More and longer than the header baggage may be.
	var many Baggage
	for i := range 100 {
		many = append(many, Item{Key: fmt.Sprint("k", i), Value: "v"})
	}
	c := common
	c.Baggage = many
	h := HTTP{}
	p := New(Write(W3C))
	p.Inject(&c, here, h)
	if n := strings.Count(http.Header(h).Get("baggage"), ",") + 1; n != 64 || p.Counts().Cut != 36 {
		t.Error(n, p.Counts())
	}
	c.Baggage = Baggage{{Key: "a", Value: strings.Repeat("x", 8000)}, {Key: "b", Value: strings.Repeat("y", 300)}, {Key: "c", Value: "z"}}
	p.Inject(&c, here, h)
	if v := http.Header(h).Get("baggage"); len(v) != 8006 || !strings.HasSuffix(v, ",c=z") || p.Counts().Cut != 37 {
		t.Error(len(v), p.Counts())
	}
}

// What comes in is bounded and what goes over is counted.
func TestBaggageBounds(t *testing.T) {
	h := http.Header{}
	for i := range 300 {
		h.Set(fmt.Sprint("uberctx-k", i), "v")
	}
	p := New()
	if c := p.Extract(HTTP(h)); len(c.Baggage) != maxBaggage || p.Counts().Cut != 120 {
		t.Error(len(c.Baggage), p.Counts())
	}
	p = New()
	if c := p.Extract(HTTP(lines("baggage: a="+strings.Repeat("x", 20<<10)+",b=1", "ot-baggage-c: "+strings.Repeat("x", 20<<10)))); c.Baggage.bytes() > maxBaggageBytes || p.Counts().Cut != 2 {
		t.Error(c.Baggage.bytes(), p.Counts())
	}
	p = New()
	if c := p.Extract(HTTP{"Baggage": {strings.Repeat("a=1,", 10000)}}); len(c.Baggage) != 0 || p.Counts().Cut != 1 {
		t.Error(len(c.Baggage), p.Counts())
	}
}

// A list in very many lines costs no more than a list.
func TestLines(t *testing.T) {
	h := http.Header{}
	for i := range 1000 {
		h.Add("baggage", fmt.Sprintf("k%03d=v", i))
	}
	p := New()
	if c := p.Extract(HTTP(h)); len(c.Baggage) != maxLines+1 || p.Counts().Cut != 1000-maxLines-1 {
		t.Error(len(c.Baggage), p.Counts())
	}
}

// Baggage and debug ids of requests without a trace, as Jaeger's clients know them.
func TestWithoutIDs(t *testing.T) {
	p := New()
	c := Context{DebugID: "order 7%", Baggage: Baggage{{Key: "a", Value: "1 2"}, {Key: "b", Value: "x,y"}}}
	h := http.Header{}
	p.Inject(&c, here, HTTP(h))
	if err := strict(h); err != nil {
		t.Error(err)
	}
	if h.Get("jaeger-debug-id") != "order%207%25" || h.Get("jaeger-baggage") != "a=1%202" || h.Get("baggage") != "a=1%202,b=x%2Cy" || h.Get("sw8-correlation") != "" {
		t.Error(h)
	}
	back := p.Extract(HTTP(h))
	if back.DebugID != c.DebugID || back.Sampling != Debug || back.HasIDs() {
		t.Errorf("%+v", back)
	}
	if diff := cmp.Diff(c.Baggage, back.Baggage); diff != "" {
		t.Error(diff)
	}
}
