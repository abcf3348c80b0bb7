// SPDX-License-Identifier: Apache-2.0

package view

import (
	"bytes"
	"hash/maphash"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// zipkinWriter writes traces as Zipkin's server answers them: names in lower
// case, an exact repetition of a span once.
type zipkinWriter struct {
	out    []byte
	enc    zipkin.JSONEncoder
	raw    []byte
	unique bool // ids that belong to one span each, and one trace id
	traces int
	seen   map[uint64]place // spans of the trace by their hash
}

type place struct{ at, end int }

var spanSeed = maphash.MakeSeed()

// trace appends a trace as a list of spans.
func (w *zipkinWriter) trace(t trace) {
	w.out = append(w.out, '[')
	w.traces++
	if w.seen == nil {
		w.seen = make(map[uint64]place, len(t.items))
	}
	clear(w.seen)
	if w.unique {
		t = grow(t).trace
	}
	first := len(w.out)
	for i := range t.items {
		it := &t.items[i]
		at := len(w.out)
		if at > first {
			w.out = append(w.out, ',')
			at++
		}
		w.span(it, t.id)
		json := w.out[at:]
		h := maphash.Bytes(spanSeed, json)
		if p, ok := w.seen[h]; ok && bytes.Equal(w.out[p.at:p.end], json) {
			w.out = w.out[:max(at-1, first)]
			continue
		}
		w.seen[h] = place{at, len(w.out)}
	}
	w.out = append(w.out, ']')
}

// span appends a span.
func (w *zipkinWriter) span(it *span.Item, trace span.TraceID) {
	b, s := it.Batch, it.Span()
	if !w.unique && !upper(b.Str(s.Name)) && !upper(b.Str(s.Local.Service)) && !upper(b.Str(s.Remote.Service)) {
		w.out = w.enc.AppendJSON(w.out, it)
		return
	}
	w.raw = w.enc.AppendJSON(w.raw[:0], it)
	w.out = append(w.out, '{')
	if w.unique {
		w.out = append(w.out, `"traceId":"`...)
		w.out = trace.AppendHex(w.out)
		if it.Parent != 0 {
			w.out = append(w.out, `","parentId":"`...)
			w.out = it.Parent.AppendHex(w.out)
		}
		w.out = append(w.out, `","id":"`...)
		w.out = it.ID.AppendHex(w.out)
		w.out = append(w.out, `",`...)
	}
	w.fields(w.raw)
	w.out[len(w.out)-1] = '}'
}

// fields copies the fields of an object that the encoder wrote, each with a
// comma behind it: names in lower case, and without the identity when it is
// written anew.
func (w *zipkinWriter) fields(obj []byte) {
	for i := 1; i < len(obj); i++ {
		colon := i + stringEnd(obj[i:])
		end := colon + 1 + valueEnd(obj[colon+1:])
		key, value := string(obj[i+1:colon-1]), obj[colon+1:end]
		switch key {
		case "name", "serviceName":
			w.out = append(w.out, obj[i:colon+1]...)
			w.out = append(w.out, strings.ToLower(string(value))...)
		case "localEndpoint", "remoteEndpoint":
			w.out = append(w.out, obj[i:colon+1]...)
			w.out = append(w.out, '{')
			w.fields(value)
			w.out[len(w.out)-1] = '}'
		default:
			if w.unique && (key == "traceId" || key == "parentId" || key == "id" || key == "shared") {
				i = end
				continue
			}
			w.out = append(w.out, obj[i:end]...)
		}
		w.out = append(w.out, ',')
		i = end
	}
}

// stringEnd is the length of the JSON string at the beginning of p.
func stringEnd(p []byte) int {
	for i := 1; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(p)
}

// valueEnd is the length of the JSON value at the beginning of p.
func valueEnd(p []byte) int {
	depth := 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '"':
			i += stringEnd(p[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of the object around it
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(p)
}

// upper is true when s may have letters that are not in lower case.
func upper(s string) bool {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' || c >= 0x80 {
			return true
		}
	}
	return false
}
