// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/mocktracer"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
)

// pairs is a carrier of a type that the tracer does not know.
type pairs []string

func (p *pairs) Set(k, v string) { *p = append(*p, k, v) }

func (p *pairs) ForeachKey(f func(k, v string) error) error {
	for i := 0; i < len(*p); i += 2 {
		if err := f((*p)[i], (*p)[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func TestCarriers(t *testing.T) {
	tr, _ := newTracer(tracer.WithPropagator(propagation.New(propagation.Write(propagation.Uber, propagation.B3Multi))))
	s := tr.StartSpan("op").SetBaggageItem("user", "fry & co")
	c := contextOf(s.Context())
	for _, format := range []any{opentracing.HTTPHeaders, opentracing.TextMap} {
		for _, carrier := range []any{
			opentracing.HTTPHeadersCarrier{}, opentracing.TextMapCarrier{}, propagation.HTTP{}, propagation.TextMap{}, new(pairs),
		} {
			if err := tr.Inject(c, format, carrier); err != nil {
				t.Errorf("%T: %v", carrier, err)
				continue
			}
			got, err := tr.Extract(format, carrier)
			if err != nil {
				t.Errorf("%T: %v", carrier, err)
				continue
			}
			x := contextOf(got)
			if v, _ := x.Baggage.Get("user"); x.Trace != c.Trace || x.Span != c.Span || x.Sampling != c.Sampling || v != "fry & co" {
				t.Errorf("%T: %v with %v, want %v", carrier, x, x.Baggage, c)
			}
		}
	}
}

// Jaeger's clients escape baggage in HTTP headers and not in text maps, whatever
// the carrier's type.
func TestTextMapIsNotEscaped(t *testing.T) {
	tr, _ := newTracer(tracer.WithPropagator(propagation.New(propagation.Write(propagation.Uber))))
	c := tr.StartSpan("op").SetBaggageItem("user", "fry & co").Context()
	for format, want := range map[any]string{opentracing.TextMap: "fry & co", opentracing.HTTPHeaders: "fry%20&%20co"} {
		p := new(pairs)
		if err := tr.Inject(c, format, p); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		_ = p.ForeachKey(func(k, v string) error { got[k] = v; return nil })
		if got["uberctx-user"] != want {
			t.Errorf("%v: %q, want %q", format, got["uberctx-user"], want)
		}
	}
	got, err := tr.Extract(opentracing.TextMap, &pairs{"uber-trace-id", traceHex + ":" + callerHex + ":0:1", "uberctx-share", "100%25"})
	if v, _ := contextOf(got).Baggage.Get("share"); err != nil || v != "100%25" {
		t.Errorf("%q, %v, want the value as it came", v, err)
	}
}

// gRPC's metadata is escaped in either format, and takes no key that fails a call.
func TestMetadata(t *testing.T) {
	tr, _ := newTracer()
	c := tr.StartSpan("op").SetBaggageItem("share", "100%25 + ü").SetBaggageItem("no!key", "1").Context()
	for _, format := range []any{opentracing.TextMap, opentracing.HTTPHeaders} {
		md := propagation.Metadata{}
		if err := tr.Inject(c, format, md); err != nil {
			t.Fatal(err)
		}
		if md["uberctx-no!key"] != nil {
			t.Errorf("%v: %v, want no such key", format, md)
		}
		got, err := tr.Extract(format, propagation.Metadata{"uber-trace-id": md["uber-trace-id"], "uberctx-share": md["uberctx-share"]})
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := contextOf(got).Baggage.Get("share"); v != "100%25 + ü" {
			t.Errorf("%v: %q came back", format, v)
		}
	}
}

// record is a carrier of a user's own, of any text.
type record struct{ propagation.TextMap }

func (r record) Del(key string) { delete(r.TextMap, key) }

// A carrier that is written again has nothing of another trace.
func TestCarrierIsCleared(t *testing.T) {
	tr, _ := newTracer(tracer.WithPropagator(propagation.New(propagation.Write(propagation.Uber))))
	for _, format := range []any{opentracing.TextMap, opentracing.HTTPHeaders} {
		r := record{propagation.TextMap{}}
		for _, user := range []string{"fry", "leela"} {
			if err := tr.Inject(tr.StartSpan("op").SetBaggageItem(user, "here").Context(), format, r); err != nil {
				t.Fatal(err)
			}
		}
		if r.TextMap["uberctx-leela"] == "" || r.TextMap["uberctx-fry"] != "" {
			t.Errorf("%v: %v, want leela alone", format, r.TextMap)
		}
	}
}

func TestCarrierErrors(t *testing.T) {
	tr, _ := newTracer()
	c := tr.StartSpan("op").Context()
	foreign := mocktracer.New().StartSpan("x").Context()
	var none *tracer.SpanContext
	for _, e := range []struct {
		c               opentracing.SpanContext
		format, carrier any
		want            error
	}{
		{c, opentracing.HTTPHeaders, 5, opentracing.ErrInvalidCarrier},
		{c, opentracing.HTTPHeaders, nil, opentracing.ErrInvalidCarrier},
		{c, opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(nil), opentracing.ErrInvalidCarrier},
		{c, opentracing.TextMap, opentracing.TextMapCarrier(nil), opentracing.ErrInvalidCarrier},
		{c, opentracing.TextMap, propagation.TextMap(nil), opentracing.ErrInvalidCarrier},
		{c, opentracing.TextMap, propagation.Metadata(nil), opentracing.ErrInvalidCarrier},
		{c, opentracing.HTTPHeaders, propagation.Metadata(nil), opentracing.ErrInvalidCarrier},
		{c, opentracing.Binary, 5, opentracing.ErrInvalidCarrier},
		{c, "else", http.Header{}, opentracing.ErrUnsupportedFormat},
		{c, []int{1}, http.Header{}, opentracing.ErrUnsupportedFormat},
		{foreign, opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier{}, opentracing.ErrInvalidSpanContext},
		{none, opentracing.TextMap, opentracing.TextMapCarrier{}, opentracing.ErrInvalidSpanContext},
		{nil, opentracing.Binary, io.Discard, opentracing.ErrInvalidSpanContext},
	} {
		if err := tr.Inject(e.c, e.format, e.carrier); !errors.Is(err, e.want) {
			t.Errorf("inject %T as %v into %T: %v, want %v", e.c, e.format, e.carrier, err, e.want)
		}
	}
	for _, e := range []struct {
		format, carrier any
		want            error
	}{
		{opentracing.HTTPHeaders, 5, opentracing.ErrInvalidCarrier},
		{opentracing.TextMap, nil, opentracing.ErrInvalidCarrier},
		{opentracing.Binary, 5, opentracing.ErrInvalidCarrier},
		{"else", 5, opentracing.ErrUnsupportedFormat},
		{opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(nil), opentracing.ErrSpanContextNotFound},
		{opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier{"B3": {"broken"}}, opentracing.ErrSpanContextNotFound},
		{opentracing.Binary, strings.NewReader(""), opentracing.ErrSpanContextNotFound},
		{opentracing.Binary, strings.NewReader("short"), opentracing.ErrSpanContextCorrupted},
	} {
		if c, err := tr.Extract(e.format, e.carrier); !errors.Is(err, e.want) || c != nil {
			t.Errorf("extract %v from %T: %v, %v, want %v", e.format, e.carrier, c, err, e.want)
		}
	}
	if n := tr.Counts().Headers.Malformed[propagation.B3]; n != 1 {
		t.Errorf("%d malformed headers counted, want 1", n)
	}
}

// An error of the caller's writer is the caller's.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestBinary(t *testing.T) {
	tr, _ := newTracer()
	if err := tr.Inject(tr.StartSpan("op").Context(), opentracing.Binary, broken{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want the writer's", err)
	}
	for _, headers := range [][]string{
		{"uber-trace-id", traceHex + ":" + callerHex + ":" + aboveHex + ":1", "uberctx-user", "fry", "uberctx-empty", ""},
		{"uber-trace-id", traceHex + ":" + callerHex + ":0:0"},
		{"uber-trace-id", "48485a3953bb6124:" + callerHex + ":0:3"},
		{"uber-trace-id", traceHex + ":" + callerHex + ":0:9"},
		{"sw8", sw8Header},
		{"jaeger-baggage", "user=fry"},
	} {
		c := extract(t, tr, headers...)
		var b bytes.Buffer
		if err := tr.Inject(c, opentracing.Binary, &b); err != nil {
			t.Fatal(err)
		}
		b.WriteString("rest")
		got, err := tr.Extract(opentracing.Binary, &b)
		if err != nil {
			t.Errorf("%v: %v", headers, err)
			continue
		}
		x := contextOf(got)
		if x.Trace != c.Trace || x.Span != c.Span || x.Parent != c.Parent || x.Name() != c.Name() || len(x.Baggage) != len(c.Baggage) ||
			c.HasIDs() && x.Sampling != c.Sampling {
			t.Errorf("%v: %+v, want %+v", headers, x, c)
		}
		if b.String() != "rest" {
			t.Errorf("%v: %q is left, want what came behind", headers, b.String())
		}
	}
}

// FuzzBinary reads anything. What is taken is written and read again the same.
func FuzzBinary(f *testing.F) {
	tr, _ := newTracer()
	for _, s := range []opentracing.Span{tr.StartSpan("a"), tr.StartSpan("b").SetBaggageItem("k", "v")} {
		var b bytes.Buffer
		_ = tr.Inject(s.Context(), opentracing.Binary, &b)
		f.Add(b.Bytes())
	}
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, d []byte) {
		c, err := tr.Extract(opentracing.Binary, bytes.NewReader(d))
		if err != nil {
			if !errors.Is(err, opentracing.ErrSpanContextCorrupted) && !errors.Is(err, opentracing.ErrSpanContextNotFound) {
				t.Fatalf("error %v, want one of OpenTracing's", err)
			}
			return
		}
		var b bytes.Buffer
		if err := tr.Inject(c, opentracing.Binary, &b); err != nil {
			t.Fatal(err)
		}
		again, err := tr.Extract(opentracing.Binary, &b)
		if err != nil {
			t.Fatalf("%v of what was written", err)
		}
		x, y := contextOf(c), contextOf(again)
		if x.Trace != y.Trace || x.Span != y.Span || x.Sampling != y.Sampling || len(x.Baggage) != len(y.Baggage) {
			t.Fatalf("%+v became %+v", x, y)
		}
	})
}
