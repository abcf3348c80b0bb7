// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"math"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// hasFields is true for an event that says more than its name.
func hasFields(b *span.Batch, e *span.Event) bool {
	attrs := b.Attrs(e.Attrs)
	for i := range attrs {
		if !attrs[i].Mirrored {
			return true
		}
	}
	return e.Dropped > 0
}

// appendEventText appends the value of the annotation for an event with
// fields: name|{fields}|dropped, the form of the Collector's Zipkin exporter
// (opentelemetry-collector-contrib, pkg/translator/zipkin). Strings and numbers
// are spelled as Go's encoding/json does it there: texts of that exporter can
// then be read, because they can be written again (see expand).
func appendEventText(d []byte, b *span.Batch, e *span.Event) []byte {
	d = b.AppendStr(d, e.Name)
	d = append(d, "|{"...)
	return appendFieldsText(d, len(d), b, e)
}

// appendFieldsText appends the rest of an event's text, whose fields begin at
// start, after those that are there already.
func appendFieldsText(d []byte, start int, b *span.Batch, e *span.Event) []byte {
	attrs := b.Attrs(e.Attrs)
	for i := range attrs {
		if attrs[i].Mirrored {
			continue
		}
		if len(d) > start {
			d = append(d, ',')
		}
		d = wire.AppendJSON(d, b.Str(attrs[i].Key))
		d = append(d, ':')
		d = appendJSONValue(d, b, &attrs[i])
	}
	d = escapeHTML(d, start)
	d = append(d, "}|"...)
	return strconv.AppendUint(d, uint64(e.Dropped), 10)
}

// appendJSONValue appends a typed value as JSON.
func appendJSONValue(d []byte, b *span.Batch, a *span.Attr) []byte {
	switch a.Type {
	case span.Int, span.Bool, span.JSON:
		return b.AppendText(d, a)
	case span.Float:
		return appendJSONFloat(d, a.Float())
	case span.Null:
		return append(d, "null"...)
	case span.Bytes:
		return append(b.AppendText(append(d, '"'), a), '"')
	default:
		return wire.AppendJSON(d, b.Str(a.Text()))
	}
}

// appendJSONFloat writes a number as encoding/json does (floatEncoder), save
// that one that would be read as an integer gets ".0". NaN and the infinities,
// which JSON has not, are strings.
func appendJSONFloat(d []byte, v float64) []byte {
	abs := math.Abs(v)
	switch {
	case v-v != 0:
		d = strconv.AppendFloat(append(d, '"'), v, 'g', -1, 64)
		return append(d, '"')
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		d = strconv.AppendFloat(d, v, 'e', -1, 64)
		if n := len(d); d[n-4] == 'e' && d[n-3] == '-' && d[n-2] == '0' { // e-09 is e-9
			d[n-2] = d[n-1]
			d = d[:n-1]
		}
		return d
	}
	d = strconv.AppendFloat(d, v, 'f', -1, 64)
	if v == math.Trunc(v) && v >= math.MinInt64 && v < math.MaxInt64 {
		d = append(d, ".0"...)
	}
	return d
}

// escapeHTML writes <, > and & of the JSON from start on, which stand in its
// strings alone, as encoding/json does.
func escapeHTML(d []byte, start int) []byte {
	n := 0
	for _, c := range d[start:] {
		if isHTML(c) {
			n++
		}
	}
	const escaped = len(`\u003c`)
	from := len(d)
	for range n {
		d = append(d, `\u003`...) // room, filled from behind
	}
	for to := len(d); from < to; {
		from--
		c := d[from]
		if !isHTML(c) {
			to--
			d[to] = c
			continue
		}
		to -= escaped
		copy(d[to:], `\u003`)
		d[to+escaped-1] = "0123456789abcdef"[c&15]
		if c == '&' {
			d[to+escaped-2] = '2'
		}
	}
	return d
}

func isHTML(c byte) bool { return c == '<' || c == '>' || c == '&' }
