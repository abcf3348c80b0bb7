// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"strings"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// java is the name of a trace as the Java agent makes it.
const java = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"

// caller is the calling side, in the order of sw8's fields.
func caller(service, instance, endpoint, address string) propagation.Caller {
	return propagation.Caller{Service: service, Instance: instance, Endpoint: endpoint, Address: address}
}

// Samples are contexts of every state and with every awkward name.
func Samples() (all []Sample) {
	trace := span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}
	from := propagation.Caller{Service: "order", Instance: "order-1@10.0.0.5", Endpoint: "GET:/orders/{id}", Address: "billing:8080"}
	plainOne := propagation.Context{Trace: trace, Span: 0x00f067aa0ba902b7, Parent: 0x48485a3953bb6124, Long: true, Sampling: propagation.Accept}
	add := func(name string, change func(c *propagation.Context, from *propagation.Caller)) {
		c, f := plainOne, from
		change(&c, &f)
		all = append(all, sampleOf(name, &c, f))
	}
	for s := propagation.Defer; s <= propagation.Firehose; s++ {
		add("state "+s.String(), func(c *propagation.Context, _ *propagation.Caller) {
			c.Sampling = s
			c.Baggage = propagation.Baggage{{Key: "user", Value: "5"}, {Key: "region", Value: "eu-1"}}
			c.State = "vendor=x,other@tenant=y:z"
		})
	}
	add("root", func(c *propagation.Context, _ *propagation.Caller) { c.Parent = 0 })
	add("64 bit", func(c *propagation.Context, _ *propagation.Caller) { c.Trace.Hi, c.Long = 0, false })
	add("64 bit in 32 digits", func(c *propagation.Context, _ *propagation.Caller) { c.Trace.Hi = 0 })
	add("small ids", func(c *propagation.Context, _ *propagation.Caller) {
		c.Trace, c.Span, c.Parent, c.Long = span.TraceID{Lo: 1}, 2, 3, false
	})
	add("large ids", func(c *propagation.Context, _ *propagation.Caller) {
		c.Trace, c.Span, c.Parent = span.TraceID{Hi: ^uint64(0), Lo: ^uint64(0)}, ^span.ID(0), ^span.ID(0)-1
	})
	for _, name := range []string{
		java, "de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "295747653745698547265836418761234567891", "463ac35c9f6413ad",
		"trace 注文/1", strings.Repeat("n", 150),
	} {
		add("name "+strings.TrimRight(name, "n"), func(c *propagation.Context, _ *propagation.Caller) { c.Trace, c.TraceName = span.TraceOf(name), name })
	}
	add("caller empty", func(_ *propagation.Context, f *propagation.Caller) { *f = propagation.Caller{} })
	add("caller service alone", func(_ *propagation.Context, f *propagation.Caller) { *f = propagation.Caller{Service: "order"} })
	add("caller not ASCII", func(_ *propagation.Context, f *propagation.Caller) {
		*f = caller("注文サービス", "実例-1", "GET:/注文/{番号}", "請求:8080")
	})
	add("caller long", func(_ *propagation.Context, f *propagation.Caller) {
		*f = caller(strings.Repeat("s", 300), strings.Repeat("i", 300), strings.Repeat("e", 300), strings.Repeat("a", 300))
	})
	add("caller long, not ASCII", func(_ *propagation.Context, f *propagation.Caller) {
		*f = caller(strings.Repeat("注", 300), strings.Repeat("文", 300), strings.Repeat("🚀", 300), strings.Repeat("é", 300))
	})
	add("caller with separators", func(_ *propagation.Context, f *propagation.Caller) {
		*f = caller("a-b-c", "x,y:z=w", "POST:/a|b?c=d&e=f#g", "[2001:db8::1]:8080")
	})
	add("caller with controls", func(_ *propagation.Context, f *propagation.Caller) {
		*f = caller("line\r\nbreak", "tab\there", "nul\x00byte", " space ")
	})
	add("caller not UTF-8", func(_ *propagation.Context, f *propagation.Caller) {
		*f = caller("caf\xe9", "\xff", "GET:/\xc3", "b\xe9:80")
	})
	add("baggage special", func(c *propagation.Context, _ *propagation.Caller) {
		c.Baggage = propagation.Baggage{
			{Key: "plain", Value: "v"},
			{Key: "space", Value: "a b c"},
			{Key: "quote", Value: `say "hi" \ now`},
			{Key: "comma", Value: "a,b;c=d"},
			{Key: "percent", Value: "50% %41 +1"},
			{Key: "utf8", Value: "Jürgen 世界 🚀"},
			{Key: "line", Value: "a\r\nb"},
			{Key: "edges", Value: " x "},
			{Key: "empty", Value: ""},
			{Key: "Case", Value: "kept"},
			{Key: "dotted.key_1-2", Value: "ok"},
		}
	})
	add("baggage with properties", func(c *propagation.Context, _ *propagation.Caller) {
		c.Baggage = propagation.Baggage{{Key: "user", Value: "5", Properties: "ttl=30;secret"}}
	})
	add("baggage with odd keys", func(c *propagation.Context, _ *propagation.Caller) {
		c.Baggage = propagation.Baggage{{Key: "with space", Value: "1"}, {Key: "ключ", Value: "2"}, {Key: "a:b", Value: "3"}, {Key: "ok", Value: "4"}}
	})
	add("baggage long", func(c *propagation.Context, _ *propagation.Caller) {
		c.Baggage = propagation.Baggage{{Key: "long", Value: strings.Repeat("x", 200)}, {Key: "fits", Value: strings.Repeat("é", 128)}, {Key: "short", Value: "1"}}
	})
	add("baggage many", func(c *propagation.Context, _ *propagation.Caller) {
		for i := range 70 {
			c.Baggage = append(c.Baggage, propagation.Item{Key: "k" + string(rune('A'+i/26)) + string(rune('a'+i%26)), Value: "v"})
		}
	})
	add("debug with three items", func(c *propagation.Context, _ *propagation.Caller) {
		c.Sampling = propagation.Debug
		c.Baggage = propagation.Baggage{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "c", Value: "3"}}
	})
	add("state long", func(c *propagation.Context, _ *propagation.Caller) {
		c.Trace, c.TraceName = span.TraceOf(java), java
		for i := range 31 {
			c.State += ",v" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "=" + strings.Repeat("s", 12)
		}
		c.State = c.State[1:]
	})
	add("skip analysis", func(c *propagation.Context, _ *propagation.Caller) { c.SkipAnalysis = true })
	add("sent", func(c *propagation.Context, _ *propagation.Caller) { c.Sent = 1700000000123 })
	for s := propagation.Deny; s <= propagation.Debug; s++ {
		add("without ids "+s.String(), func(c *propagation.Context, _ *propagation.Caller) { *c = propagation.Context{Sampling: s} })
	}
	add("without ids but a debug id", func(c *propagation.Context, _ *propagation.Caller) {
		*c = propagation.Context{Sampling: propagation.Debug, DebugID: "order 7 is late"}
	})
	add("without ids but baggage", func(c *propagation.Context, _ *propagation.Caller) {
		*c = propagation.Context{Baggage: propagation.Baggage{{Key: "user", Value: "5"}, {Key: "region", Value: "eu-1"}}}
	})
	passed := func(name string, h map[string]string) {
		c := propagation.New().Extract(propagation.TextMap(h))
		s := sampleOf(name, &c, from)
		s.From = h
		all = append(all, s)
	}
	// Span 12 of a segment of a Java agent.
	native := "1-NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDE=-NTZhNWUxYzUxOWFlNGM3NmEyYjhiMTFkOTJjZWFkN2YuMTIuMTY1NjM0NzQyOTY0MzAwMDI=-12-ZnJvbnRlbmQ=-ZnJvbnRlbmQtMQ==-R0VUOi9ob21l-b3JkZXI6ODA4MA=="
	passed("passed on", map[string]string{"sw8": native, "sw8-correlation": "dXNlcg==:NQ==", "sw8-x": "1- "})
	passed("passed on, without padding", map[string]string{"sw8": strings.ReplaceAll(native, "=", "")})
	passed("passed on, an empty instance and a ninth field", map[string]string{"sw8": strings.Replace(native, "ZnJvbnRlbmQtMQ==", "", 1) + "-bW9yZQ=="})
	return all
}
