// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"net/http"
	"strings"
	"unsafe"
)

// Inject writes a context in the propagator's formats, the previous headers of
// these formats are replaced. From is this side, for formats that name the
// caller (sw8).
func (p *Propagator) Inject(c *Context, from Caller, to Writer) {
	p.InjectIn(nil, c, from, to)
}

// Memory is where headers live that InjectIn writes. Its zero value is ready.
// It may be a field of what lives as long as the headers: then to write them
// allocates nothing once it has grown.
type Memory struct {
	text   []byte
	values []string
}

// NewMemory is a memory over arrays of the caller's.
func NewMemory(text []byte, values []string) Memory { return Memory{text[:0], values[:0]} }

// Reset lets the memory be used again. Nothing that was written may be in use.
func (m *Memory) Reset() { m.text, m.values = m.text[:0], m.values[:0] }

// InjectIn is Inject with the memory of the caller: what is written points into
// it, and holds until its Reset.
func (p *Propagator) InjectIn(m *Memory, c *Context, from Caller, to Writer) {
	w := p.writings.Get().(*writing)
	w.from, w.keepUndecided, w.unmarked = from, p.keepUndecided, p.unmarked
	w.raw, w.narrow = false, false
	switch to.(type) {
	case HTTP:
	case Metadata:
		w.narrow = true
	default:
		_, w.raw = to.(Unescaped)
	}
	own := w.text[:0]
	if m != nil {
		w.text = m.text
	} else {
		w.text = own
	}
	for _, f := range p.write {
		n := len(w.heads)
		w.format(f, c)
		if len(w.heads) > n {
			w.wrote = w.wrote.With(f)
			p.counts.written[f].Add(1)
		}
	}
	if w.cut > 0 {
		p.counts.cut.Add(int64(w.cut))
	}
	w.clear(p.write, to)
	if m != nil {
		m.text = w.text
		m.values = w.flush(w.text, m.values, c.Baggage, to)
		w.text = own
	} else if len(w.heads) > 0 {
		copied := append(make([]byte, 0, len(w.text)), w.text...)
		w.flush(copied, nil, c.Baggage, to)
	}
	w.heads, w.from, w.wrote, w.cut = w.heads[:0], Caller{}, 0, 0
	p.writings.Put(w)
}

// writing is one Inject: the text of all values in a row and where each is.
type writing struct {
	from          Caller
	keepUndecided bool
	unmarked      bool
	raw           bool // values of baggage are not escaped
	narrow        bool // keys are of gRPC's letters
	text          []byte
	heads         []written
	wrote         Formats
	cut           int
}

// written is one header.
type written struct {
	h        *header // nil for an item of baggage
	prefix   string
	item     int // of the baggage
	from, to int // of the text
}

func (w *writing) format(f Format, c *Context) {
	switch f {
	case B3:
		w.b3(c)
	case B3Multi:
		w.b3Multi(c)
	case SW8:
		w.sw8(c)
	case W3C:
		w.w3c(c)
	case Uber:
		w.uber(c)
	case OT:
		w.ot(c)
	}
}

// add ends a value that was appended to w.text; an empty one is not written.
func (w *writing) add(h *header, text []byte) {
	if from := len(w.text); len(text) > from {
		w.heads = append(w.heads, written{h: h, from: from, to: len(text)})
	}
	w.text = text
}

// items writes each item of the baggage into a header of its own. Readers take
// the values of B3 and OpenTracing as they are.
func (w *writing) items(c *Context, prefix string) {
	for i := range c.Baggage {
		it := &c.Baggage[i]
		escape := prefix == uberPrefix && !w.raw
		if !isToken(it.Key) || !escape && !w.raw && !plain(it.Value) || isOurs(prefix, it.Key) || w.narrow && !isNarrow(it.Key) {
			w.cut++
			continue
		}
		from := len(w.text)
		if escape {
			w.text = appendEscaped(w.text, it.Value)
		} else {
			w.text = append(w.text, it.Value...)
		}
		w.heads = append(w.heads, written{prefix: prefix, item: i, from: from, to: len(w.text)})
	}
}

// isOurs is true for keys that mean something to this package's readers.
func isOurs(prefix, key string) bool {
	if prefix == otPrefix {
		return strings.EqualFold(key, stateKey)
	}
	return strings.EqualFold(key, NameKey)
}

// isNarrow is true for a key that gRPC lets into metadata: it fails the call with
// any other.
func isNarrow(key string) bool {
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// flush hands the values to the carrier.
func (w *writing) flush(text []byte, values []string, b Baggage, to Writer) []string {
	all := unsafe.String(unsafe.SliceData(text), len(text))
	switch to := to.(type) {
	case HTTP:
		values = grow(values, len(w.heads))
		for i := range w.heads {
			h := &w.heads[i]
			values = append(values, all[h.from:h.to])
			n := len(values)
			if h.h != nil {
				to[h.h.canonical] = values[n-1 : n : n]
			} else {
				to[http.CanonicalHeaderKey(h.prefix+b[h.item].Key)] = values[n-1 : n : n]
			}
		}
	case Metadata:
		values = grow(values, len(w.heads))
		for i := range w.heads {
			h := &w.heads[i]
			values = append(values, all[h.from:h.to])
			n := len(values)
			if h.h != nil {
				to[h.h.lower] = values[n-1 : n : n]
			} else {
				to[strings.ToLower(h.prefix+b[h.item].Key)] = values[n-1 : n : n]
			}
		}
	case TextMap:
		for i := range w.heads {
			h := &w.heads[i]
			to[h.key(b)] = all[h.from:h.to]
		}
	default:
		for i := range w.heads {
			h := &w.heads[i]
			to.Set(h.key(b), all[h.from:h.to])
		}
	}
	return values
}

// grow makes room for n more values.
func grow(values []string, n int) []string {
	if cap(values)-len(values) < n {
		return append(make([]string, 0, len(values)+n), values...)
	}
	return values
}

func (h *written) key(b Baggage) string {
	if h.h != nil {
		return h.h.spec
	}
	return h.prefix + b[h.item].Key
}

// has is true for a header that is going to be written.
func (w *writing) has(h *header) bool {
	for i := range w.heads {
		if w.heads[i].h == h {
			return true
		}
	}
	return false
}

// clear takes out what an earlier writing wrote and this one does not.
func (w *writing) clear(formats []Format, to Writer) {
	var del func(*header)
	switch to := to.(type) {
	case HTTP:
		if len(to) == 0 {
			return
		}
		for _, f := range formats {
			for _, h := range headersOf[f] {
				if !w.has(h) {
					delete(to, h.canonical)
				}
			}
		}
		return
	case Metadata:
		if len(to) == 0 {
			return
		}
		del = func(h *header) { delete(to, h.lower) }
	case TextMap:
		if len(to) == 0 {
			return
		}
		del = func(h *header) {
			delete(to, h.spec)
			if h.lower != h.spec {
				delete(to, h.lower)
			}
		}
	case Deleter:
		del = func(h *header) { to.Del(h.spec) }
	default:
		return
	}
	for _, f := range formats {
		for _, h := range headersOf[f] {
			if !w.has(h) {
				del(h)
			}
		}
	}
}
