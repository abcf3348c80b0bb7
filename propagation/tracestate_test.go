// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestTracestate(t *testing.T) {
	const parent = "00-" + z + "-00f067aa0ba902b7-01"
	f := func(in, state, again string, malformed int64) {
		t.Helper()
		p := New(Write(W3C))
		c := p.Extract(HTTP{"Traceparent": {parent}, "Tracestate": strings.Split(in, "|")})
		if c.State != state || !c.HasIDs() || p.Counts().Malformed[W3C] != malformed {
			t.Errorf("%.80q: %.80q, %+v, want %.80q", in, c.State, p.Counts(), state)
		}
		h := HTTP{}
		p.Inject(&c, Caller{}, h)
		if got := http.Header(h).Get("tracestate"); got != again {
			t.Errorf("%.80q: again %.80q, want %.80q", in, got, again)
		}
		if err := strict(http.Header(h)); err != nil {
			t.Error(err)
		}
	}
	same := func(in string) { t.Helper(); f(in, in, in, 0) }
	same("a=b")
	same("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
	same("1a@b=x,a_-*/9= y")
	same(strings.Repeat("k", 256) + "=" + strings.Repeat("v", 256))
	f("", "", "", 0)
	f(" a=b , ,c=d,", "a=b,c=d", "a=b,c=d", 0)
	f("a=b|c=d", "a=b,c=d", "a=b,c=d", 0)
	f("a=1,b=2,a=3", "a=1,b=2", "a=1,b=2", 0)
	f("a=b,br=d,c=d", "a=b,c=d", "br=d,a=b,c=d", 0)
	f("br=d", "", "br=d", 0)
	f("br=f,br=d,a=b", "a=b", "br=f,a=b", 0)
	f("br=something,a=b", "a=b", "a=b", 0)
	for _, bad := range []string{"a", "a=", "=b", "A=b", "a=b=c", "a b=c", "1a=b", "a@=b", "a@1=b", "a@b@c=d", "é=b", "a=é", "_a=b", strings.Repeat("k", 257) + "=v", "k=" + strings.Repeat("v", 257), strings.Repeat("t", 242) + "@a=b", "a@" + strings.Repeat("s", 15) + "=b"} {
		f("x=y,br=d,"+bad, "", "", 1)
	}
	list := func(n int) string {
		var m []string
		for i := range n {
			m = append(m, fmt.Sprintf("k%d=%s", i, strings.Repeat("v", 200)))
		}
		return strings.Join(m, ",")
	}
	same(list(32)) // as long as it may be
	f(list(33), "", "", 1)
	f(strings.Repeat("a=b,", 6000)+"a=b", "", "", 1)
	f("a=b,"+strings.Repeat(",", 3000), "a=b", "a=b", 0)

	// Ours makes one too many: the oldest goes.
	p := New(Write(W3C))
	c := p.Extract(HTTP{"Traceparent": {parent}, "Tracestate": {list(32)}})
	c.Sampling = Debug
	h := http.Header{}
	p.Inject(&c, Caller{}, HTTP(h))
	if err := strict(h); err != nil || h.Get("tracestate") != "br=d,"+list(31) || p.Counts().Cut != 1 {
		t.Errorf("%v, %+v", err, p.Counts())
	}
	// Set by hand: what would make others drop the list is left out.
	c = Context{Trace: common.Trace, Span: 1, Sampling: Accept, State: "a=b,Bad=c,c=d\r\n"}
	h = http.Header{}
	p.Inject(&c, Caller{}, HTTP(h))
	if h.Get("tracestate") != "a=b" {
		t.Error(h)
	}
	// A long name of the trace, in bytes that need an escape, stays a valid member.
	c = New().Extract(HTTP{"Sw8": {strings.Replace(javaSW8, b64(java), b64(strings.Repeat("语", 50)), 1)}})
	c.Sampling, c.State = Debug, "a=b"
	h = http.Header{}
	p.Inject(&c, Caller{}, HTTP(h))
	if err := strict(h); err != nil || !strings.HasPrefix(h.Get("tracestate"), "br=d&N:") {
		t.Errorf("%v: %v", err, h)
	}
	// Alone it says nothing.
	if c := p.Extract(HTTP{"Tracestate": {"a=b"}}); !c.IsEmpty() {
		t.Errorf("%+v", c)
	}
}
