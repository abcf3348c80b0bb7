// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"net/http"
	"testing"

	"github.com/spanbridge/spanbridge/span"
)

// ordinary are the headers of a request besides.
func ordinary() http.Header {
	return http.Header{
		"Accept":            {"application/json"},
		"Accept-Encoding":   {"gzip, deflate, br"},
		"Accept-Language":   {"en"},
		"Authorization":     {"Bearer 0123456789"},
		"Cache-Control":     {"no-cache"},
		"Content-Length":    {"120"},
		"Content-Type":      {"application/json"},
		"Cookie":            {"session=1"},
		"Origin":            {"https://shop.example"},
		"User-Agent":        {"curl/8.0"},
		"X-Forwarded-For":   {"10.0.0.1"},
		"X-Forwarded-Proto": {"https"},
		"X-Request-Id":      {"7d1f"},
	}
}

var (
	common = Context{
		Trace: span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}, Long: true,
		Span: 0x00f067aa0ba902b7, Parent: 0x48485a3953bb6124, Sampling: Accept,
	}
	here = Caller{"frontend", "10.0.0.5", "GET:/home", "order:8080"}
)

func request(f Format) http.Header {
	h := ordinary()
	New(Write(f)).Inject(&common, here, HTTP(h))
	return h
}

// The common case: one format's headers among those of an ordinary request.
func TestNoAllocations(t *testing.T) {
	for _, f := range AllFormats() {
		h := request(f)
		p := New(Write(f))
		var c Context
		if n := testing.AllocsPerRun(200, func() { c = p.Extract(HTTP(h)) }); n != 0 {
			t.Errorf("%s: %v allocations to read", f, n)
		}
		if c.Trace != common.Trace || c.Span != common.Span {
			t.Errorf("%s: %+v", f, c)
		}
		var m Memory
		md := Metadata{}
		texts := TextMap{}
		for to, write := range map[string]func(){
			"HTTP":     func() { m.Reset(); p.InjectIn(&m, &common, here, HTTP(h)) },
			"TextMap":  func() { m.Reset(); p.InjectIn(&m, &common, here, texts) },
			"Metadata": func() { m.Reset(); p.InjectIn(&m, &common, here, md) },
			"HTTP, what was read": func() {
				m.Reset()
				p.InjectIn(&m, &c, here, HTTP(h))
			},
		} {
			if n := testing.AllocsPerRun(200, write); n != 0 {
				t.Errorf("%s: %v allocations to write into %s", f, n, to)
			}
		}
		if n := testing.AllocsPerRun(200, func() { c = p.Extract(texts) }); n != 0 {
			t.Errorf("%s: %v allocations to read a TextMap", f, n)
		}
	}
	none := HTTP(ordinary())
	p := New()
	if n := testing.AllocsPerRun(200, func() { _ = p.Extract(none) }); n != 0 {
		t.Errorf("%v allocations to read nothing", n)
	}
	var m Memory
	if n := testing.AllocsPerRun(200, func() { m.Reset(); p.InjectIn(&m, &common, here, none) }); n != 0 {
		t.Errorf("%v allocations to write the default set", n)
	}
}

func BenchmarkExtract(b *testing.B) {
	for _, f := range AllFormats() {
		b.Run(f.String(), func(b *testing.B) {
			h := HTTP(request(f))
			p := New()
			b.ReportAllocs()
			for b.Loop() {
				p.Extract(h)
			}
		})
	}
	b.Run("none", func(b *testing.B) {
		h := HTTP(ordinary())
		p := New()
		b.ReportAllocs()
		for b.Loop() {
			p.Extract(h)
		}
	})
}

func BenchmarkInject(b *testing.B) {
	bench := func(name string, p *Propagator, c *Context) {
		b.Run(name, func(b *testing.B) {
			h := HTTP(ordinary())
			var m Memory
			b.ReportAllocs()
			for b.Loop() {
				m.Reset()
				p.InjectIn(&m, c, here, h)
			}
		})
	}
	for _, f := range AllFormats() {
		bench(f.String(), New(Write(f)), &common)
	}
	bench("default set", New(), &common)
	c := New().Extract(HTTP(request(SW8)))
	bench("sw8, what was read", New(Write(SW8)), &c)
}
