// SPDX-License-Identifier: Apache-2.0

package propagation_test

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// printHeaders prints headers in the order of their names.
func printHeaders(h http.Header) {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("%s: %s\n", name, h.Get(name))
	}
}

// A service that is called by an aiozipkin service and calls one with a
// SkyWalking agent.
func Example() {
	p := propagation.New(propagation.Write(propagation.B3, propagation.SW8))

	in := http.Header{}
	in.Set("X-B3-TraceId", "463ac35c9f6413ad48485a3953bb6124")
	in.Set("X-B3-SpanId", "48485a3953bb6124")
	in.Set("X-B3-Sampled", "1")
	caller := p.Extract(propagation.HTTP(in))
	fmt.Println(caller.Trace, caller.Span, caller.Sampling)

	client := caller.Child(0x00f067aa0ba902b7)
	out := http.Header{}
	p.Inject(&client, propagation.Caller{Service: "frontend", Instance: "10.0.0.5", Endpoint: "GET:/home", Address: "order"}, propagation.HTTP(out))
	printHeaders(out)
	// Output:
	// 463ac35c9f6413ad48485a3953bb6124 48485a3953bb6124 accept
	// B3: 463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1-48485a3953bb6124
	// Sw8: 1-NDYzYWMzNWM5ZjY0MTNhZDQ4NDg1YTM5NTNiYjYxMjQ=-ODM4MDU1MjgxNzYxYTNlODAwZjA2N2FhMGJhOTAyYjc=-0-ZnJvbnRlbmQ=-MTAuMC4wLjU=-R0VUOi9ob21l-b3JkZXI=
}

// The header of a Java agent, as the services behind it see it.
func ExamplePropagator_Extract() {
	h := http.Header{}
	h.Set("sw8", "1-NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDE=-NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDI=-"+
		"2-ZnJvbnRlbmQ=-YTFiMkAxMC4wLjAuNQ==-R0VUOi9ob21l-b3JkZXI6ODA4MA==")
	c := propagation.New().Extract(propagation.HTTP(h))
	fmt.Println(c.Trace, c.Span, c.Format)
	fmt.Println(c.Name())
	from, _ := c.Caller()
	fmt.Println(from.Service, from.Endpoint, from.Address)
	segment, number, _ := c.ParentSegment()
	fmt.Println(segment, number)
	// Output:
	// 5741ef14a11c13bf5919387eb2d5b5f7 dd13ca1c79f8e987 sw8
	// 56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001
	// frontend GET:/home order:8080
	// 56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002 2
}

// Headers that live as long as the request does, without an allocation.
func ExamplePropagator_InjectIn() {
	p := propagation.New(propagation.Write(propagation.W3C))
	c := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2, Sampling: propagation.Accept}
	h := http.Header{}
	var memory propagation.Memory // a field of the request, say
	for range 2 {
		memory.Reset() // nothing of the last time is in use
		p.InjectIn(&memory, &c, propagation.Caller{}, propagation.HTTP(h))
	}
	printHeaders(h)
	// Output: Traceparent: 00-00000000000000000000000000000001-0000000000000002-01
}

func ExampleNewMemory() {
	// Over arrays that the caller has anyway.
	var text [256]byte
	var values [4]string
	memory := propagation.NewMemory(text[:], values[:])
	c := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2}
	h := http.Header{}
	propagation.New(propagation.Write(propagation.B3)).InjectIn(&memory, &c, propagation.Caller{}, propagation.HTTP(h))
	printHeaders(h)
	// Output: B3: 0000000000000001-0000000000000002
}

// Two headers that disagree: the tracer of this process speaks Jaeger's.
func ExamplePrefer() {
	h := http.Header{"B3": {"a-b-1"}, "Uber-Trace-Id": {"c:d:0:3"}}
	p := propagation.New(propagation.Prefer(propagation.Uber), propagation.OnDisagreement(func(c *propagation.Context) {
		for _, o := range c.Others {
			fmt.Println("not taken:", o.Format, o.Trace, o.Span)
		}
	}))
	c := p.Extract(propagation.HTTP(h))
	fmt.Println(c.Format, c.Trace, c.Span, c.Sampling, "found", c.Found)
	fmt.Printf("%v\n", p.Reads())
	// Output:
	// not taken: b3 000000000000000a 000000000000000b
	// uber 000000000000000c 000000000000000d debug found b3,uber
	// [uber b3 b3multi sw8 w3c ot lightstep]
}

func ExampleRead() {
	h := http.Header{"B3": {"a-b-1"}, "Uber-Trace-Id": {"c:d:0:3"}}
	c := propagation.New(propagation.Read(propagation.W3C, propagation.Uber)).Extract(propagation.HTTP(h))
	fmt.Println(c.Format, c.Trace)
	// Output: uber 000000000000000c
}

// The formats of a setting.
func ExampleParseFormats() {
	formats, err := propagation.ParseFormats("b3multi, skywalking")
	fmt.Printf("%v %v\n", formats, err)
	_, err = propagation.ParseFormats("b3,dapper")
	fmt.Println(err)
	// Output:
	// [b3multi sw8] <nil>
	// header format "dapper", want a list of b3, b3multi, sw8, w3c, uber, ot
}

// Nobody has decided yet whether the trace is kept.
func ExampleKeepUndecided() {
	c := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2}
	for _, p := range []*propagation.Propagator{
		propagation.New(propagation.Write(propagation.Uber)),
		propagation.New(propagation.Write(propagation.Uber), propagation.KeepUndecided()),
	} {
		h := http.Header{}
		p.Inject(&c, propagation.Caller{}, propagation.HTTP(h))
		fmt.Println(h)
	}
	// Output:
	// map[]
	// map[Uber-Trace-Id:[0000000000000001:0000000000000002:0:0]]
}

func ExampleWithoutMarks() {
	c := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2, Sampling: propagation.Debug}
	h := http.Header{}
	propagation.New(propagation.Write(propagation.W3C)).Inject(&c, propagation.Caller{}, propagation.HTTP(h))
	printHeaders(h)
	h = http.Header{}
	propagation.New(propagation.Write(propagation.W3C), propagation.WithoutMarks()).Inject(&c, propagation.Caller{}, propagation.HTTP(h))
	printHeaders(h)
	// Output:
	// Traceparent: 00-00000000000000000000000000000001-0000000000000002-01
	// Tracestate: br=d
	// Traceparent: 00-00000000000000000000000000000001-0000000000000002-01
}

// Why a trace breaks here.
func ExamplePropagator_Examine() {
	h := http.Header{"B3": {"463ac35c9f6413ad-1"}, "Sw8": {"1-x"}}
	for _, found := range propagation.New().Examine(propagation.HTTP(h)) {
		if found.Err != nil {
			fmt.Printf("%s: %v\n", found.Format, found.Err)
			continue
		}
		fmt.Println(found.Format, found.Context.Trace, found.Context.Span)
	}
	// Output:
	// b3 463ac35c9f6413ad 0000000000000001
	// sw8: sw8: 2 fields, want 8
}

func ExamplePropagator_Counts() {
	p := propagation.New(propagation.Write(propagation.B3))
	p.Extract(propagation.HTTP{"Traceparent": {"nonsense"}})
	c := p.Extract(propagation.HTTP{"B3": {"a-b-1"}})
	p.Inject(&c, propagation.Caller{}, propagation.TextMap{})
	n := p.Counts()
	fmt.Println(n.Read, n.Malformed, n.Written)
	// Output: map[b3:1] map[w3c:1] map[b3:1]
}

func ExamplePropagator_Keys() {
	fmt.Println(propagation.New(propagation.Write(propagation.W3C)).Keys())
	// Output: [traceparent tracestate baggage]
}

func ExamplePropagator_Writes() {
	fmt.Printf("%v\n", propagation.New().Writes())
	// Output: [b3 sw8 w3c uber]
}

// Metadata, attachments and the like are texts by key.
func ExampleTextMap() {
	p := propagation.New(propagation.Write(propagation.Uber))
	c := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2, Sampling: propagation.Accept}
	c.Baggage = c.Baggage.With("user", "a b")
	m := propagation.TextMap{}
	p.Inject(&c, propagation.Caller{}, m)
	fmt.Println(m)
	back := p.Extract(m)
	fmt.Println(back.Baggage.Get("user"))
	// Output:
	// map[uber-trace-id:0000000000000001:0000000000000002:0:1 uberctx-user:a b]
	// a b true
}

func ExampleMetadata() {
	md := map[string][]string{} // a metadata.MD
	c := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2, Sampling: propagation.Accept}
	propagation.New(propagation.Write(propagation.B3Multi)).Inject(&c, propagation.Caller{}, propagation.Metadata(md))
	fmt.Println(md)
	// Output: map[x-b3-sampled:[1] x-b3-spanid:[0000000000000002] x-b3-traceid:[0000000000000001]]
}

// What came in is not to go on beside what is written.
func ExampleStrip() {
	h := http.Header{"X-B3-Traceid": {"1"}, "X-B3-Spanid": {"2"}, "Accept": {"*/*"}, "Traceparent": {"00-…"}}
	propagation.Strip(h, propagation.B3, propagation.B3Multi)
	printHeaders(h)
	// Output:
	// Accept: */*
	// Traceparent: 00-…
}

func ExampleIsHeader() {
	fmt.Println(propagation.IsHeader("Uberctx-User", propagation.AllFormats()...), propagation.IsHeader("Accept", propagation.AllFormats()...))
	fmt.Println(propagation.Uber.Headers())
	// Output:
	// true false
	// [uber-trace-id jaeger-baggage jaeger-debug-id uberctx-]
}

func ExampleParseB3() {
	c, err := propagation.ParseB3("463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-d")
	fmt.Println(c.Trace, c.Span, c.Sampling, err)
	_, err = propagation.ParseB3("463ac35c9f6413ad48485a3953bb6124")
	fmt.Println(err)
	// Output:
	// 463ac35c9f6413ad48485a3953bb6124 00f067aa0ba902b7 debug <nil>
	// b3: "463ac35c9f6413ad48485a3953bb6124", want trace-span, or 0, 1 or d
}

func ExampleParseB3Multi() {
	c, err := propagation.ParseB3Multi("463ac35c9f6413ad", "1", "", "True", "")
	fmt.Println(c.Trace, c.Span, c.Sampling, err)
	// Output: 463ac35c9f6413ad 0000000000000001 accept <nil>
}

func ExampleParseTraceparent() {
	c, err := propagation.ParseTraceparent("00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-03")
	fmt.Println(c.Trace, c.Span, c.Sampling, c.Random, err)
	// Output: 463ac35c9f6413ad48485a3953bb6124 00f067aa0ba902b7 accept true <nil>
}

func ExampleParseUber() {
	c, err := propagation.ParseUber("463ac35c9f6413ad%3Af067aa0ba902b7%3A0%3A1")
	fmt.Println(c.Trace, c.Span, c.Sampling, err)
	// Output: 463ac35c9f6413ad 00f067aa0ba902b7 accept <nil>
}

func ExampleParseSW8() {
	_, err := propagation.ParseSW8("1-YQ==-Yg==-0x10-cw==-aQ==-ZQ==-YQ==")
	fmt.Println(err)
	// Output: sw8: span number: "0x10", want 0 or more
}

func ExampleParseOT() {
	c, err := propagation.ParseOT("48485a3953bb6124", "00f067aa0ba902b7", "true")
	fmt.Println(c.Trace, c.Span, c.Sampling, err)
	// Output: 48485a3953bb6124 00f067aa0ba902b7 accept <nil>
}

func ExampleParseLightStep() {
	c, err := propagation.ParseLightStep("48485a3953bb6124;00f067aa0ba902b7;0000000000000000;cs")
	fmt.Println(c.Trace, c.Span, c.Sampling, err)
	// Output: 48485a3953bb6124 00f067aa0ba902b7 defer <nil>
}

// One context in the words of each header.
func ExampleContext_AppendB3() {
	c := propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2, Parent: 3, Sampling: propagation.Accept}
	fmt.Printf("b3: %s\n", c.AppendB3(nil))
	fmt.Printf("traceparent: %s\n", c.AppendTraceparent(nil))
	fmt.Printf("uber-trace-id: %s\n", c.AppendUber(nil))
	fmt.Printf("sw8: %s\n", c.AppendSW8(nil, propagation.Caller{Service: "s", Instance: "i", Endpoint: "e", Address: "a"}))
	// Output:
	// b3: 0000000000000001-0000000000000002-1-0000000000000003
	// traceparent: 00-00000000000000000000000000000001-0000000000000002-01
	// uber-trace-id: 0000000000000001:0000000000000002:0000000000000003:1
	// sw8: 1-MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDE=-MmZjOWQxNjU3YmNjZTE3MTAwMDAwMDAwMDAwMDAwMDI=-0-cw==-aQ==-ZQ==-YQ==
}

// The span of this service, and the tag by which a gateway gives its reference
// back to SkyWalking.
func ExampleContext_Child() {
	c := propagation.New().Extract(propagation.HTTP{"Sw8": {"1-dHJhY2U=-c2VnbWVudA==-2-cw==-aQ==-ZQ==-YQ=="}})
	fmt.Println(c.ParentTag())
	server := c.Child(7)
	fmt.Println(server.Parent == c.Span, server.Name(), server.ParentTag() == "")
	// Output:
	// segment|2|cw==|aQ==|ZQ==|YQ==
	// true trace true
}

func ExampleBaggage() {
	var b propagation.Baggage
	b = b.With("user", "42").With("tier", "gold")
	less := b.Without("user") // b stays as it is
	fmt.Println(len(b), len(less))
	fmt.Println(b.Get("user"))
	// Output:
	// 2 1
	// 42 true
}

// Whatever a person pastes.
func ExampleIdentify() {
	for _, s := range []string{
		"b3: 463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1",
		"de5980b8-fce3-4a37-aab9-b4ac3af7eedd",
		"56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001",
	} {
		id, err := propagation.Identify(s)
		fmt.Println(id, err)
	}
	// Output:
	// 463ac35c9f6413ad48485a3953bb6124 <nil>
	// de5980b8fce34a37aab9b4ac3af7eedd <nil>
	// 5741ef14a11c13bf5919387eb2d5b5f7 <nil>
}
