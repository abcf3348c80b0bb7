// SPDX-License-Identifier: Apache-2.0

// Package propagationtest sends one request in each format and sampling state
// through a service that traces with some library, and checks what the service
// reported and wrote. A function that serves the request goes in, a table that a
// person can read comes out.
package propagationtest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// States are the decisions that a header may carry.
var States = []propagation.Sampling{propagation.Defer, propagation.Deny, propagation.Accept, propagation.Debug, propagation.Firehose}

// Ids of the caller's span in Sent.
var (
	Trace  = span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}
	Caller = span.ID(0x00f067aa0ba902b7)
	Parent = span.ID(0x48485a3953bb6124)
)

// Hop is what a service did with a request: it began a span for the request and
// another one for a call of its own.
type Hop struct {
	Trace                span.TraceID // of both spans
	Server, ServerParent span.ID
	Client, ClientParent span.ID
	Joined               bool        // the server's span has the caller's id, as in Zipkin
	Recorded             bool        // the spans are reported
	Out                  http.Header // of the call
}

// From is the side that Sent comes from.
var From = propagation.Caller{Service: "frontend", Instance: "10.0.0.5", Endpoint: "GET:/home", Address: "order:8080"}

// Sent is the header of a format for a request in a state, with baggage.
func Sent(f propagation.Format, s propagation.Sampling) http.Header {
	h := http.Header{}
	c := propagation.Context{Trace: Trace, Span: Caller, Parent: Parent, Long: true, Sampling: s}
	c.Baggage = c.Baggage.With("user", "5").With("region", "eu-1")
	propagation.New(propagation.Write(f)).Inject(&c, From, propagation.HTTP(h))
	return h
}

// All writes every format, for the service's side of a Table.
func All() *propagation.Propagator {
	return propagation.New(propagation.Write(propagation.AllFormats()...))
}

// Table serves a request in each format and state. It checks ids and parents;
// decisions are in the text: what was sent and read, whether the service
// recorded it, and what a reader of one format alone finds in the call.
func Table(t *testing.T, serve func(t *testing.T, in http.Header) Hop) string {
	t.Helper()
	var b strings.Builder
	line := func(cells ...string) {
		for _, c := range cells[:len(cells)-1] {
			fmt.Fprintf(&b, "%-9s ", c)
		}
		b.WriteString(cells[len(cells)-1] + "\n")
	}
	head := []string{"#in", "sent", "read", "recorded"}
	for _, f := range propagation.AllFormats() {
		head = append(head, f.String())
	}
	line(head...)
	for _, f := range propagation.AllFormats() {
		for _, s := range States {
			in := Sent(f, s)
			read := propagation.New().Extract(propagation.HTTP(in))
			hop := serve(t, in.Clone())
			name := f.String() + " " + s.String()
			hop.check(t, name, &read)
			cells := []string{f.String(), s.String(), word(&read), fmt.Sprint(hop.Recorded)}
			for _, out := range propagation.AllFormats() {
				c := propagation.New(propagation.Read(out)).Extract(propagation.HTTP(hop.Out))
				cells = append(cells, word(&c))
				hop.checkOut(t, name, out, &c, &read)
			}
			line(cells...)
		}
	}
	return b.String()
}

// word is the decision of a context, "-" for one without ids.
func word(c *propagation.Context) string {
	if !c.HasIDs() {
		return "-"
	}
	return c.Sampling.String()
}

func (hop *Hop) check(t *testing.T, name string, read *propagation.Context) {
	t.Helper()
	if !hop.Recorded && hop.Server == 0 {
		return // nothing was begun
	}
	switch {
	case !read.HasIDs():
		if hop.ServerParent != 0 || hop.Trace.IsZero() {
			t.Errorf("%s: trace %s with parent %s, want one that begins here", name, hop.Trace, hop.ServerParent)
		}
	case hop.Trace != read.Trace:
		t.Errorf("%s: trace %s, want %s", name, hop.Trace, read.Trace)
	case hop.Joined && hop.Server != read.Span:
		t.Errorf("%s: the server's span is %s, want the caller's, %s", name, hop.Server, read.Span)
	case !hop.Joined && hop.ServerParent != read.Span:
		t.Errorf("%s: the server's parent is %s, want %s", name, hop.ServerParent, read.Span)
	}
	if hop.ClientParent != hop.Server {
		t.Errorf("%s: the call's parent is %s, want %s", name, hop.ClientParent, hop.Server)
	}
}

func (hop *Hop) checkOut(t *testing.T, name string, out propagation.Format, c, read *propagation.Context) {
	t.Helper()
	if !c.HasIDs() {
		return
	}
	want := hop.Trace
	if hop.Server == 0 { // what came is handed on
		want = read.Trace
	}
	if c.Trace != want || hop.Client != 0 && c.Span != hop.Client {
		t.Errorf("%s: %s says %s-%s, want %s-%s", name, out, c.Trace, c.Span, want, hop.Client)
	}
	for _, it := range read.Baggage {
		if v, ok := c.Baggage.Get(it.Key); !ok || v != it.Value {
			t.Errorf("%s: %s has %s=%q of baggage, want %q", name, out, it.Key, v, it.Value)
		}
	}
}
