// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Inject writes the headers of a context. HTTPHeaders and TextMap take
// OpenTracing's carriers and those of package propagation; Binary is the form
// of Jaeger's clients.
func (t *Tracer) Inject(sm opentracing.SpanContext, format, carrier any) error {
	c, ok := sm.(*SpanContext)
	switch format {
	case opentracing.HTTPHeaders, opentracing.TextMap:
		if !ok || c == nil {
			return opentracing.ErrInvalidSpanContext
		}
		w := writerOf(carrier, format == opentracing.TextMap)
		if w == nil {
			return opentracing.ErrInvalidCarrier
		}
		t.inject(c, w)
		return nil
	case opentracing.Binary:
		if !ok || c == nil {
			return opentracing.ErrInvalidSpanContext
		}
		w, ok := carrier.(io.Writer)
		if !ok {
			return opentracing.ErrInvalidCarrier
		}
		_, err := w.Write(c.appendBinary(nil))
		return err
	}
	return opentracing.ErrUnsupportedFormat
}

func (t *Tracer) inject(c *SpanContext, w propagation.Writer) {
	var from propagation.Caller
	if t.sw8 {
		from.Service, from.Instance = t.process.Service, t.process.Instance
		if c.entry != nil {
			from.Endpoint = c.entry.endpoint()
		}
	}
	if c.span != nil {
		from.Address = c.span.injected(t.sw8)
	}
	t.propagator.Inject(&c.Context, from, w)
}

// Extract reads the headers of a request, of whatever format. What is there but
// cannot be read is counted and is no error: the request begins a new trace.
func (t *Tracer) Extract(format, carrier any) (opentracing.SpanContext, error) {
	switch format {
	case opentracing.HTTPHeaders, opentracing.TextMap:
		r := readerOf(carrier, format == opentracing.TextMap)
		if r == nil {
			return nil, opentracing.ErrInvalidCarrier
		}
		c := &SpanContext{remote: true}
		t.propagator.ExtractTo(&c.Context, r)
		if c.IsEmpty() {
			return nil, opentracing.ErrSpanContextNotFound
		}
		return c, nil
	case opentracing.Binary:
		r, ok := carrier.(io.Reader)
		if !ok {
			return nil, opentracing.ErrInvalidCarrier
		}
		c, err := readBinary(r)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	return nil, opentracing.ErrUnsupportedFormat
}

// writerOf is nil for what cannot be written to. The format TextMap is for any
// text at all: Jaeger's clients escape nothing in it.
func writerOf(carrier any, text bool) propagation.Writer {
	switch c := carrier.(type) {
	case opentracing.HTTPHeadersCarrier:
		if c != nil {
			return propagation.HTTP(c)
		}
	case opentracing.TextMapCarrier:
		if c != nil {
			return propagation.TextMap(c)
		}
	case propagation.HTTP:
		if c != nil {
			return c
		}
	case propagation.TextMap:
		if c != nil {
			return c
		}
	case propagation.Metadata:
		if c != nil {
			return c
		}
	case propagation.Writer:
		if text {
			return textWriter{c}
		}
		return c
	}
	return nil
}

func readerOf(carrier any, text bool) propagation.Reader {
	var r propagation.Reader
	switch c := carrier.(type) {
	case opentracing.HTTPHeadersCarrier:
		return propagation.HTTP(c)
	case opentracing.TextMapCarrier:
		return propagation.TextMap(c)
	case propagation.HTTP, propagation.TextMap, propagation.Metadata:
		return c.(propagation.Reader)
	case propagation.Reader:
		r = c
	case opentracing.TextMapReader:
		r = ranger{c}
	default:
		return nil
	}
	if text {
		return textReader{r}
	}
	return r
}

// ranger is OpenTracing's reader as that of propagation; the writers are alike.
type ranger struct{ r opentracing.TextMapReader }

func (r ranger) Each(f func(key, value string)) {
	_ = r.r.ForeachKey(func(key, value string) error {
		f(key, value)
		return nil
	})
}

type textReader struct{ propagation.Reader }

func (textReader) Unescaped() {}

type textWriter struct{ propagation.Writer }

func (textWriter) Unescaped() {}

func (w textWriter) Del(key string) {
	if d, ok := w.Writer.(propagation.Deleter); ok {
		d.Del(key)
	}
}

func (w textWriter) Each(f func(key, value string)) {
	if r, ok := w.Writer.(propagation.Reader); ok {
		r.Each(f)
	}
}

// Bounds of what readBinary takes.
const (
	maxItems = 180
	maxItem  = 16 << 10
)

// appendBinary appends the context as Jaeger's clients do: trace id, span id
// and parent in 8 bytes for each half, flags, then baggage with lengths of 4
// bytes.
func (c *SpanContext) appendBinary(d []byte) []byte {
	d = binary.BigEndian.AppendUint64(d, c.Trace.Hi)
	d = binary.BigEndian.AppendUint64(d, c.Trace.Lo)
	d = binary.BigEndian.AppendUint64(d, uint64(c.Span))
	d = binary.BigEndian.AppendUint64(d, uint64(c.Parent))
	flags := byte(0)
	switch c.Sampling {
	case propagation.Accept:
		flags = 1
	case propagation.Debug:
		flags = 3
	case propagation.Firehose:
		flags = 9
	}
	d = append(d, flags)
	items := c.Baggage
	if c.IsNamed() {
		items = items.With(propagation.NameKey, c.Name())
	}
	d = binary.BigEndian.AppendUint32(d, uint32(len(items)))
	for i := range items {
		for _, s := range [...]string{items[i].Key, items[i].Value} {
			d = binary.BigEndian.AppendUint32(d, uint32(len(s)))
			d = append(d, s...)
		}
	}
	return d
}

func readBinary(r io.Reader) (*SpanContext, error) {
	var head [4*8 + 1 + 4]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		if n == 0 {
			return nil, opentracing.ErrSpanContextNotFound
		}
		return nil, opentracing.ErrSpanContextCorrupted
	}
	c := &SpanContext{remote: true}
	c.Trace = span.TraceID{Hi: binary.BigEndian.Uint64(head[:]), Lo: binary.BigEndian.Uint64(head[8:])}
	c.Span = span.ID(binary.BigEndian.Uint64(head[16:]))
	c.Parent = span.ID(binary.BigEndian.Uint64(head[24:]))
	switch flags := head[32]; {
	case flags&2 != 0:
		c.Sampling = propagation.Debug
	case flags&9 == 9:
		c.Sampling = propagation.Firehose
	case flags&1 != 0:
		c.Sampling = propagation.Accept
	default:
		c.Sampling = propagation.Deny
	}
	n := binary.BigEndian.Uint32(head[33:])
	if n > maxItems {
		return nil, fmt.Errorf("binary carrier: %d items of baggage, want at most %d: %w", n, maxItems, opentracing.ErrSpanContextCorrupted)
	}
	for range n {
		key, err := readText(r)
		if err != nil {
			return nil, err
		}
		value, err := readText(r)
		if err != nil {
			return nil, err
		}
		if key == propagation.NameKey {
			c.SetName(value)
		} else {
			c.Baggage = append(c.Baggage, propagation.Item{Key: key, Value: value})
		}
	}
	if !c.HasIDs() {
		if !c.Trace.IsZero() || c.Span != 0 {
			return nil, opentracing.ErrSpanContextCorrupted
		}
		if len(c.Baggage) == 0 {
			return nil, opentracing.ErrSpanContextNotFound
		}
		c.Sampling, c.Parent = propagation.Defer, 0
	}
	return c, nil
}

func readText(r io.Reader) (string, error) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return "", opentracing.ErrSpanContextCorrupted
	}
	size := binary.BigEndian.Uint32(n[:])
	if size > maxItem {
		return "", fmt.Errorf("binary carrier: a text of %d bytes, want at most %d: %w", size, maxItem, opentracing.ErrSpanContextCorrupted)
	}
	p := make([]byte, size)
	if _, err := io.ReadFull(r, p); err != nil {
		return "", opentracing.ErrSpanContextCorrupted
	}
	return string(p), nil
}
