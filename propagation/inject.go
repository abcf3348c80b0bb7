// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"net/http"
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
	w.from = from
	_, w.raw = to.(TextMap)
	for _, f := range p.write {
		n := len(w.heads)
		w.format(f, c)
		if len(w.heads) > n {
			p.counts.written[f].Add(1)
		}
	}
	if w.cut > 0 {
		p.counts.cut.Add(int64(w.cut))
	}
	p.clear(to)
	w.flush(m, to)
	w.heads, w.text, w.cut, w.from = w.heads[:0], w.text[:0], 0, Caller{}
	p.writings.Put(w)
}

// writing is one Inject: the text of all values in a row and where each is.
type writing struct {
	p     *Propagator
	from  Caller
	raw   bool // values of baggage are not escaped
	text  []byte
	at    int // where the value begins that is being written
	heads []written
	cut   int
}

type written struct {
	h      *header // nil for one with a prefix
	prefix string
	key    string
	from   int
	to     int
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

// next gives the memory that a value is appended to.
func (w *writing) next() []byte {
	w.at = len(w.text)
	return w.text
}

// add ends a value; an empty one is not written.
func (w *writing) add(h *header, text []byte) {
	w.text = text
	if len(text) > w.at {
		w.heads = append(w.heads, written{h: h, from: w.at, to: len(text)})
	}
}

func (w *writing) addPrefixed(prefix, key string, text []byte) {
	w.text = text
	w.heads = append(w.heads, written{prefix: prefix, key: key, from: w.at, to: len(text)})
}

// names writes SkyWalking's name of the trace, and for B3 the baggage, as
// headers with a prefix.
func (w *writing) names(c *Context, prefix string) {
	if prefix == b3Prefix {
		for i := range c.Baggage {
			it := &c.Baggage[i]
			if !isToken(it.Key) || !plain(it.Value) || it.Value == "" {
				w.cut++
				continue
			}
			w.addPrefixed(prefix, it.Key, append(w.next(), it.Value...))
		}
	}
	if c.HasIDs() && c.IsNamed() {
		if name := c.Name(); plain(name) {
			w.addPrefixed(prefix, NameKey, append(w.next(), name...))
		}
	}
}

// flush hands the values to the carrier.
func (w *writing) flush(m *Memory, to Writer) {
	if len(w.heads) == 0 {
		return
	}
	var own Memory
	if m == nil {
		own = Memory{make([]byte, 0, len(w.text)), make([]string, 0, len(w.heads))}
		m = &own
	}
	from := len(m.text)
	m.text = append(m.text, w.text...)
	all := unsafe.String(unsafe.SliceData(m.text[from:]), len(w.text))
	switch to := to.(type) {
	case HTTP:
		for i := range w.heads {
			h := &w.heads[i]
			m.values = append(m.values, all[h.from:h.to])
			n := len(m.values)
			to[h.canonical()] = m.values[n-1 : n : n]
		}
	case TextMap:
		for i := range w.heads {
			h := &w.heads[i]
			to[h.spec()] = all[h.from:h.to]
		}
	default:
		for i := range w.heads {
			h := &w.heads[i]
			to.Set(h.spec(), all[h.from:h.to])
		}
	}
}

func (h *written) spec() string {
	if h.h != nil {
		return h.h.spec
	}
	return h.prefix + h.key
}

func (h *written) canonical() string {
	if h.h != nil {
		return h.h.canonical
	}
	return http.CanonicalHeaderKey(h.prefix + h.key)
}

// optional are headers that are left out at times: one of an earlier writing
// must not stay.
var optional = [numFormats][]*header{
	B3:      {&hB3},
	B3Multi: {&hB3Trace, &hB3Span, &hB3Parent, &hB3Sampled, &hB3Flags},
	SW8:     {&hSW8, &hCorrelation, &hSW8X},
	W3C:     {&hParent, &hState, &hBaggage},
	Uber:    {&hUber, &hUberBaggage, &hUberDebug},
	OT:      {&hOTTrace, &hOTSpan, &hOTSampled},
}

// clear takes out what was written before.
func (p *Propagator) clear(to Writer) {
	switch to := to.(type) {
	case HTTP:
		if len(to) == 0 {
			return
		}
		for _, f := range p.write {
			for _, h := range optional[f] {
				delete(to, h.canonical)
			}
		}
	case TextMap:
		if len(to) == 0 {
			return
		}
		for _, f := range p.write {
			for _, h := range optional[f] {
				delete(to, h.spec)
			}
		}
	}
}
