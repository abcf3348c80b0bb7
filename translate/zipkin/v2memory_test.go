// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// What is compared with what came before is read as if nothing had come before.
func FuzzV2Memory(f *testing.F) {
	const a = `{"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","kind":"CLIENT","name":"get","timestamp":1700000000000000,"duration":15,` +
		`"localEndpoint":{"serviceName":"orders","ipv4":"10.0.0.1","port":80},"remoteEndpoint":{"serviceName":"db"},` +
		`"annotations":[{"timestamp":1700000000000001,"value":"a"}],"tags":{"http.method":"GET","error":"true","http.path":"/"},"shared":false}`
	for _, b := range []string{
		a, `{"id":"1","traceId":"2"}`,
		strings.Replace(a, `"http.method"`, `"http.methods"`, 1),
		strings.Replace(a, `"http.method":`, `"http.method" :`, 1),
		strings.Replace(a, `"http.method":"GET",`, ``, 1),
		strings.Replace(a, `"http.method"`, "\"http.me\tthod\"", 1),
		strings.Replace(a, `"http.method"`, `"http.me\u0074hod"`, 1),
		strings.Replace(a, `"http.method"`, `"otel.status_code":"ERROR","http.method"`, 1),
		strings.Replace(a, `"orders"`, `"or\u0064ers"`, 1),
		strings.Replace(a, `"orders"`, "\"or\tders\"", 1),
		strings.Replace(a, `"orders"`, `"orders","x":"binaryAnnotations"`, 1),
		strings.Replace(a, `"port":80`, `"port":"80"`, 1),
		strings.Replace(a, `"port":80`, `"port":800`, 1),
		strings.Replace(a, `1700000000000000`, `170000000000000000000`, 1),
		strings.Replace(a, `1700000000000000`, `17000000000000.0`, 1),
	} {
		f.Add(a, b)
		f.Add(b, a)
	}
	alone := func(s string) (dump string, exact []bool, ok bool) {
		b, err := decoders[formatV2JSON]([]byte("["+s+"]"), span.Origin{Format: formatV2JSON})
		if err != nil || b.Len() == 0 || strings.Contains(spantest.Dump(b), "\n  resource ") {
			return "", nil, false // resources have numbers
		}
		return spantest.Dump(b), exactOf(b), true
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		dump1, exact1, ok1 := alone(one)
		dump2, exact2, ok2 := alone(other)
		if !ok1 || !ok2 {
			return
		}
		b, err := decoders[formatV2JSON]([]byte("["+one+","+other+","+one+","+other+"]"), span.Origin{Format: formatV2JSON})
		if err != nil {
			return // a list that ends early, by itself
		}
		if d := cmp.Diff(dump1+dump2+dump1+dump2, spantest.Dump(b)); d != "" {
			t.Fatalf("(-alone +together):\n%s", d)
		}
		if d := cmp.Diff(append(append(append(exact1, exact2...), exact1...), exact2...), exactOf(b)); d != "" {
			t.Fatalf("exact (-alone +together):\n%s", d)
		}
	})
}

// Endpoints are not looked for where all differ, and are again where they repeat.
func TestEndpointMemory(t *testing.T) {
	t.Parallel()
	var list []string
	for i := range 200 {
		n := i
		if i >= 100 {
			n = i % 3
		}
		list = append(list, fmt.Sprintf(`{"traceId":"%016x","id":"1","localEndpoint":{"serviceName":"a%d"},"remoteEndpoint":{"ipv4":"10.0.0.%d","port":%d}}`, i+1, n, n, n))
	}
	b, err := decode(t, formatV2JSON, []byte("["+strings.Join(list, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range list {
		s := &b.Spans()[i]
		alone, _ := decode(t, formatV2JSON, []byte("["+one+"]"))
		want := &alone.Spans()[0]
		if b.Str(s.Local.Service) != alone.Str(want.Local.Service) || !s.Remote.SameIP(&want.Remote) || s.Remote.Port != want.Remote.Port {
			t.Errorf("span %d: %+v %+v, want %+v %+v", i, s.Local, s.Remote, want.Local, want.Remote)
		}
	}
}

// An address that is read at a glance is the one that its text says.
func TestUsualIP4(t *testing.T) {
	t.Parallel()
	f := func(text string) {
		t.Helper()
		r := &reader{j: wire.JSON{Buf: []byte(`"` + text + `","port":80000000}`)}}
		a, ok := r.usualIP4()
		want, exact, valid := parseIP4(text)
		if ok != (valid && exact) || ok && (a != want || r.j.Pos != len(text)+2) || !ok && r.j.Pos != 0 {
			t.Errorf("%q: %v %v at %d, want %v %v %v", text, a, ok, r.j.Pos, want, valid, exact)
		}
	}
	for i := range 1000 {
		for _, form := range []string{"%d.1.1.1", "1.%d.1.1", "1.1.1.%d", "255.255.255.%d", "%02d.1.1.1", "1.1.1.%03d", "1.1.1.%d.1", "1.1.%d"} {
			f(fmt.Sprintf(form, i))
		}
	}
	for _, text := range []string{"", ".", "1", "1.", "1.1.1.", "a.1.1.1", "1.1.1.1:", "::1", "1..1.1", "-1.1.1.1", "1.1.1.1 "} {
		f(text)
	}
}

func exactOf(b *span.Batch) (exact []bool) {
	for i := range b.Spans() {
		exact = append(exact, b.Spans()[i].Has&span.Exact != 0)
	}
	return exact
}
