// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"net/http"
	"strings"
	"unsafe"
)

// Inject writes a context in the propagator's formats. The previous headers of
// these formats are replaced; in HTTP and Metadata those of baggage too, once the
// propagator has read or written such. From is this side, for formats that name
// the caller (sw8).
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
	w := writing{from: from, keepUndecided: p.keepUndecided, unmarked: p.unmarked}
	switch to.(type) {
	case HTTP:
	case Metadata:
		w.narrow = true
	default:
		_, w.raw = to.(Unescaped)
	}
	if m != nil {
		w.text = m.text
		w.all(p, c)
		w.clear(p, to)
		m.text = w.text
		m.values = w.flush(w.text, m.values, c.Baggage, to)
		return
	}
	text := p.texts.Get().(*[]byte)
	w.text = (*text)[:0]
	w.all(p, c)
	w.clear(p, to)
	if w.n > 0 {
		w.flush(append(make([]byte, 0, len(w.text)), w.text...), nil, c.Baggage, to)
	}
	*text = w.text
	p.texts.Put(text)
}

// writing is one Inject: the text of all values in a row and where each is. It
// is on the stack, and so are as many headers as there are without baggage.
type writing struct {
	from          Caller
	keepUndecided bool
	unmarked      bool
	raw           bool // values of baggage are not escaped
	narrow        bool // keys are of gRPC's letters
	text          []byte
	n             int
	heads         [20]written
	more          []written
	wrote         Formats
	itemised      bool // baggage went into headers of its own
	cut           int
}

// written is one header.
type written struct {
	h        *header // nil for an item of baggage
	item     int32   // of the baggage
	prefix   Format  // whose it is
	from, to int32   // of the text
}

func (w *writing) put(x written) {
	if w.n < len(w.heads) {
		w.heads[w.n] = x
	} else {
		w.more = append(w.more, x)
	}
	w.n++
}

func (w *writing) head(i int) *written {
	if i < len(w.heads) {
		return &w.heads[i]
	}
	return &w.more[i-len(w.heads)]
}

// all writes the context in all formats.
func (w *writing) all(p *Propagator, c *Context) {
	for _, f := range p.write {
		n := w.n
		w.format(f, c)
		if w.n > n {
			w.wrote = w.wrote.With(f)
			p.counts.written[f].Add(1)
		}
	}
	if w.cut > 0 {
		p.counts.cut.Add(int64(w.cut))
	}
	if w.itemised && !p.itemised.Load() {
		p.itemised.Store(true)
	}
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
		w.put(written{h: h, from: int32(from), to: int32(len(text))})
	}
	w.text = text
}

// items writes each item of the baggage into a header of its own. Readers take
// the values of B3 and OpenTracing as they are.
func (w *writing) items(c *Context, f Format) {
	escape := f == Uber && !w.raw
	for i := range c.Baggage {
		w.itemised = true
		it := &c.Baggage[i]
		if !isToken(it.Key) || !escape && !w.raw && !plain(it.Value) || isOurs(f, it.Key) || w.narrow && !isNarrow(it.Key) {
			w.cut++
			continue
		}
		from := len(w.text)
		if escape {
			w.text = appendEscaped(w.text, it.Value)
		} else {
			w.text = append(w.text, it.Value...)
		}
		w.put(written{item: int32(i), prefix: f, from: int32(from), to: int32(len(w.text))})
	}
}

// isOurs is true for keys that mean something to this package's readers.
func isOurs(f Format, key string) bool {
	if f == OT {
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
		values = grow(values, w.n)
		for i := range w.n {
			h := w.head(i)
			key := ""
			if h.h != nil {
				key = h.h.canonical
			} else {
				key = http.CanonicalHeaderKey(h.key(b))
			}
			values = append(values, all[h.from:h.to])
			n := len(values)
			to[key] = values[n-1 : n : n]
		}
	case Metadata:
		values = grow(values, w.n)
		for i := range w.n {
			h := w.head(i)
			key := ""
			if h.h != nil {
				key = h.h.lower
			} else {
				key = strings.ToLower(h.key(b))
			}
			values = append(values, all[h.from:h.to])
			n := len(values)
			to[key] = values[n-1 : n : n]
		}
	case TextMap:
		for i := range w.n {
			h := w.head(i)
			to[h.key(b)] = all[h.from:h.to]
		}
	default:
		for i := range w.n {
			h := w.head(i)
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
	return prefixOf[h.prefix] + b[h.item].Key
}

// has is true for a header that is going to be written.
func (w *writing) has(h *header) bool {
	for i := range w.n {
		if w.head(i).h == h {
			return true
		}
	}
	return false
}

// clear takes out what an earlier writing wrote and this one does not write
// again. The keys of HTTP and of Metadata have one spelling.
func (w *writing) clear(p *Propagator, to Writer) {
	switch to := to.(type) {
	case HTTP:
		if len(to) == 0 {
			return
		}
		if p.itemised.Load() {
			clearBaggage(p.write, to)
		}
		for _, f := range p.write {
			for _, h := range headersOf[f] {
				if !w.has(h) {
					delete(to, h.canonical)
				}
			}
		}
	case Metadata:
		if len(to) == 0 {
			return
		}
		if p.itemised.Load() {
			clearBaggage(p.write, to)
		}
		for _, f := range p.write {
			for _, h := range headersOf[f] {
				if !w.has(h) {
					delete(to, h.lower)
				}
			}
		}
	case TextMap:
		clearBaggage(p.write, to)
		for k := range to {
			if h, _ := headerOf(p.write, k); h != nil && (k != h.spec || !w.has(h)) {
				delete(to, k)
			}
		}
	case Deleter:
		if r, ok := to.(Reader); ok {
			for _, k := range baggageKeys(p.write, r) {
				to.Del(k)
			}
		}
		for _, f := range p.write {
			for _, h := range headersOf[f] {
				if !w.has(h) {
					to.Del(h.spec)
				}
			}
		}
	}
}

// clearBaggage takes out baggage in headers of its own: that of another request
// must not go on in a map that is used again. Without a header of an earlier
// writing they are the application's: baggage-claim says nothing of a trace. To
// look for them costs as much as to write, so it is done once there were any
// (Propagator.itemised).
func clearBaggage[V any](formats []Format, to map[string]V) {
	earlier := false
	for k := range to {
		if h, _ := headerOf(formats, k); h != nil {
			earlier = true
			break
		}
	}
	if !earlier {
		return
	}
	for k := range to {
		if h, ours := headerOf(formats, k); ours && h == nil {
			delete(to, k)
		}
	}
}

// baggageKeys are those that clearBaggage takes out, of a carrier that is no map.
func baggageKeys(formats []Format, r Reader) (keys []string) {
	earlier := false
	r.Each(func(k, _ string) {
		switch h, ours := headerOf(formats, k); {
		case h != nil:
			earlier = true
		case ours:
			keys = append(keys, k)
		}
	})
	if !earlier {
		return nil
	}
	return keys
}
