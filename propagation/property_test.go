// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
)

// keeps are the decisions that a format carries to the other side, as the
// golden table has them.
func keeps(f Format, s Sampling) bool {
	switch f {
	case SW8:
		return s == Accept || s == Debug
	case Uber:
		return s != Defer
	case B3, B3Multi:
		return s != Firehose
	}
	return true
}

// writes is true for a format that has any header for the decision.
func writes(f Format, s Sampling) bool {
	return (f != SW8 || s != Deny) && (f != Uber || s != Defer)
}

// carries is true for baggage that a format takes on.
func carries(f Format, before int, it Item, raw bool) bool {
	switch f {
	case SW8:
		return before < maxCorrelation && utf8.ValidString(it.Value) && utf8.RuneCountInString(it.Value) <= maxCorrelated
	case B3, B3Multi, OT:
		return raw || plain(it.Value)
	}
	return true
}

// What is written in any set of formats and read again is the same trace, span,
// decision and baggage, as far as the table and the limits go.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		formats := rapid.SliceOfNDistinct(rapid.SampledFrom(AllFormats()), 1, 6, rapid.ID[Format]).Draw(t, "formats")
		first := rapid.SampledFrom(AllFormats()).Draw(t, "first")
		c := Context{
			Trace:    span.TraceID{Hi: rapid.Uint64().Draw(t, "high"), Lo: rapid.Uint64Min(1).Draw(t, "low")},
			Span:     span.ID(rapid.Uint64Min(1).Draw(t, "span")),
			Parent:   span.ID(rapid.Uint64().Draw(t, "parent")),
			Sampling: Sampling(rapid.IntRange(int(Defer), int(Firehose)).Draw(t, "sampling")),
		}
		c.Long = c.Trace.Hi != 0 || rapid.Bool().Draw(t, "long")
		if rapid.Bool().Draw(t, "named") {
			c.TraceName = rapid.StringMatching(`[0-9a-z.-]{1,60}`).Draw(t, "name")
			c.Trace = span.TraceOf(c.TraceName)
		}
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`k[a-z0-9_.-]{0,8}`), 0, 5, rapid.ID[string]).Draw(t, "keys")
		for _, k := range keys {
			c.Baggage = c.Baggage.With(k, rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`)).Draw(t, "value"))
		}
		p := New(Write(formats...), Prefer(first))
		h := http.Header{}
		from := Caller{rapid.String().Draw(t, "service"), rapid.String().Draw(t, "instance"), rapid.String().Draw(t, "endpoint"), rapid.String().Draw(t, "address")}
		p.Inject(&c, from, HTTP(h))
		if err := strict(h); err != nil {
			t.Fatalf("%v", err)
		}
		texts := TextMap{}
		p.Inject(&c, from, texts)
		md := Metadata{}
		p.Inject(&c, from, md)
		for carrier, raw := range map[Reader]bool{&asReader{HTTP(h)}: false, &asReader{texts}: true, &asReader{md}: false} {
			check(t, &c, p.Extract(carrier.(*asReader).Reader), formats, p.Reads(), raw)
		}
	})
}

// asReader makes a carrier that is a map the key of one.
type asReader struct{ Reader }

func check(t *rapid.T, c *Context, back Context, formats, order []Format, raw bool) {
	written := slices.DeleteFunc(slices.Clone(order), func(f Format) bool {
		return !slices.Contains(formats, f) || !writes(f, c.Sampling)
	})
	if len(written) == 0 {
		if back.HasIDs() {
			t.Fatalf("ids from nothing: %+v", back)
		}
		return
	}
	if back.Trace != c.Trace || back.Span != c.Span || len(back.Others) > 0 || back.Format != written[0] {
		t.Fatalf("%+v", back)
	}
	want := c.Sampling.within(written[0])
	if slices.ContainsFunc(written, func(f Format) bool {
		return keeps(f, c.Sampling) && (f != SW8 || c.Sampling != Debug || len(c.Baggage) < maxCorrelation)
	}) {
		want = c.Sampling
	}
	if back.Sampling != want {
		t.Fatalf("%s, want %s", back.Sampling, want)
	}
	if c.TraceName != "" && back.Name() != c.TraceName {
		t.Fatalf("name %q, want %q", back.Name(), c.TraceName)
	}
	for _, it := range back.Baggage {
		if v, ok := c.Baggage.Get(it.Key); !ok || v != it.Value {
			t.Fatalf("%q is %q, want %q", it.Key, it.Value, v)
		}
	}
	sw8 := 0
	for _, it := range c.Baggage {
		carried := false
		for _, f := range formats {
			if f == SW8 && c.Sampling == Deny {
				continue
			}
			carried = carried || carries(f, sw8, it, raw)
		}
		if carries(SW8, 0, it, raw) {
			sw8++
		}
		if _, ok := back.Baggage.Get(it.Key); ok != carried {
			t.Fatalf("%q=%q: %v, want %v", it.Key, it.Value, ok, carried)
		}
	}
}

// Names that differ by case alone are one to header names: the first wins.
func TestKeysInHeaderNames(t *testing.T) {
	c := common
	c.Baggage = Baggage{{Key: "Key", Value: "1"}}
	h := http.Header{}
	New(Write(Uber)).Inject(&c, here, HTTP(h))
	if back := New().Extract(HTTP(h)); len(back.Baggage) != 1 || !strings.EqualFold(back.Baggage[0].Key, "key") || back.Baggage[0].Key != "key" {
		t.Errorf("%+v", back.Baggage)
	}
}
