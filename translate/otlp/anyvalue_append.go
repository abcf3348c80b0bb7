// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// appendAny appends the member of the AnyValue that a JSON text stands for. It
// is the inverse of reader.appendJSON and takes any other JSON as well; false,
// with nothing appended, means that the text is not JSON.
func appendAny(d, text []byte) ([]byte, bool) {
	w := anyWriter{j: wire.JSON{Buf: text}}
	mark := len(d)
	d = w.value(d, 0)
	if w.j.Peek(); w.j.Err != nil || w.j.Pos != len(text) {
		return d[:mark], false
	}
	return d, true
}

type anyWriter struct{ j wire.JSON }

// value appends a value. Each level of a value may take two in the text.
func (w *anyWriter) value(d []byte, depth int) []byte {
	j := &w.j
	if depth > 2*maxNesting+2 {
		j.Fail(j.Pos, "values too deep", "less")
		return d
	}
	switch j.Peek() {
	case '{':
		if out, ok := w.typed(d, depth); ok {
			return out
		}
		return w.object(d, depth)
	case '[':
		d, mark := wire.Open(d, anyArray)
		j.Array()
		for j.Elem() {
			var elem int
			d, elem = wire.Open(d, 1)
			d = wire.Close(w.value(d, depth+1), elem)
		}
		return wire.Close(d, mark)
	case '"':
		return w.str(d, anyString, j.String())
	case 't', 'f':
		v := uint64(0)
		if j.Bool() {
			v = 1
		}
		return wire.AppendVarintAlways(d, anyBool, v)
	case 'n':
		j.Null()
		return d
	}
	return w.number(d)
}

func (w *anyWriter) str(d []byte, field int, s wire.Str) []byte {
	d, mark := wire.Open(d, field)
	d, ok := w.j.AppendUnescaped(d, s)
	if !ok {
		w.j.Fail(s.At, "a bad escape", "JSON's escapes")
	}
	return wire.Close(d, mark)
}

func (w *anyWriter) number(d []byte) []byte {
	s := w.j.String() // which takes a number as its text
	if w.j.Err != nil {
		return d
	}
	text := w.j.Raw(s)
	if !strings.ContainsAny(text, ".eE") {
		if v, err := strconv.ParseInt(text, 10, 64); err == nil {
			return wire.AppendVarintAlways(d, anyInt, uint64(v))
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		w.j.Fail(s.At, strconv.Quote(text[:min(len(text), 40)]), "a number of 64 bits")
	}
	return wire.AppendDoubleAlways(d, anyDouble, v)
}

// object appends an object as a map.
func (w *anyWriter) object(d []byte, depth int) []byte {
	d, mark := wire.Open(d, anyMap)
	w.j.Object()
	for {
		k, ok := w.j.Key()
		if !ok {
			return wire.Close(d, mark)
		}
		d = w.entry(d, k, depth)
	}
}

func (w *anyWriter) entry(d []byte, k wire.Str, depth int) []byte {
	d, entry := wire.Open(d, 1)
	d = w.str(d, 1, k)
	d, value := wire.Open(d, 2)
	d = wire.Close(w.value(d, depth+1), value)
	return wire.Close(d, entry)
}

// typed appends an object that gives a type to its only value. It looks ahead
// and reads nothing if the object is not of that form.
func (w *anyWriter) typed(d []byte, depth int) ([]byte, bool) {
	ahead := w.j
	ahead.Object()
	k, ok := ahead.Key()
	if !ok || !isTypeKey(ahead.Raw(k)) {
		return d, false
	}
	next := ahead.Peek()
	inside := ahead
	var s wire.Str
	switch {
	case ahead.Raw(k) == mapKey && next == '{':
		ahead.Skip()
	case ahead.Raw(k) != mapKey && next == '"':
		s = ahead.String()
	default:
		return d, false
	}
	if _, more := ahead.Key(); more || ahead.Err != nil {
		return d, false
	}
	switch ahead.Raw(k) {
	case mapKey:
		w.j = inside
		d = w.object(d, depth+1)
		w.j.Key() // steps over the closing bracket
		return d, true
	case bytesKey:
		raw, mark := wire.Open(d, anyBytes)
		raw, err := base64.StdEncoding.AppendDecode(raw, ahead.Bytes(s))
		if err != nil {
			return d, false
		}
		d = wire.Close(raw, mark)
	default:
		var v float64
		switch ahead.Raw(s) {
		case "NaN":
			v = math.NaN()
		case "Infinity":
			v = math.Inf(1)
		case "-Infinity":
			v = math.Inf(-1)
		default:
			return d, false
		}
		d = wire.AppendDoubleAlways(d, anyDouble, v)
	}
	w.j = ahead
	return d, true
}
