// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"encoding/binary"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// print is a fingerprint on its way: of the values that an entry replaces. It
// guards against accidents, not against somebody who wants a collision.
type print uint64

const printStart print = 0x9e3779b97f4a7c15

// sum is the fingerprint as it is written: 24 bits.
func (p print) sum() int64 { return int64(uint64(p) >> 40) }

func (p print) word(v uint64) print {
	p = (p ^ print(v)) * 0xbf58476d1ce4e5b9
	return p ^ p>>29
}

func (p print) text(s string) print { return p.bytes(s, 0) }

// name is text for names, whose case may change on the way.
func (p print) name(s string) print { return p.bytes(s, 0x2020202020202020) }

func (p print) bytes(s string, or uint64) print {
	n := len(s)
	p = p.word(uint64(n))
	if n < 8 {
		if n == 0 {
			return p
		}
		return p.word(wire.ShortWord(s) | or)
	}
	i := 0
	for ; i+8 <= n; i += 8 {
		p = p.word(binary.LittleEndian.Uint64([]byte(s[i:i+8])) | or)
	}
	if i == n {
		return p
	}
	// The bytes that are left, without those before them.
	return p.word(binary.LittleEndian.Uint64([]byte(s[n-8:]))>>(8*(i+8-n)) | or)
}

// addrs is the fingerprint of the addresses of an endpoint, each as 16 bytes.
func (p print) addrs(e *span.Endpoint) print {
	if v, ok := e.IP4Bits(); ok {
		p = p.word(0).word(0xffff_0000 | uint64(v)<<32)
	} else {
		p = p.word(1)
	}
	if first, last, ok := e.IP6Bits(); ok {
		return p.word(first).word(last)
	}
	return p.word(1)
}

// flag is the number of a truth.
func flag(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

func (p print) endpoint(b *span.Batch, e *span.Endpoint) print {
	return p.name(b.Str(e.Service)).addrs(e).word(uint64(e.Port))
}

func (p print) scope(b *span.Batch, c *span.Scope) print {
	if c == nil {
		return p.word(0)
	}
	return p.text(b.Str(c.Name)).text(b.Str(c.Version)).text(b.Str(c.Schema)).word(uint64(c.Dropped)).attrs(b, c.Attrs)
}

func (p print) attrs(b *span.Batch, r span.Range) print {
	attrs := b.Attrs(r)
	p = p.word(uint64(len(attrs)))
	for i := range attrs {
		p = p.text(b.Str(attrs[i].Key)).value(b, &attrs[i])
	}
	return p
}

func (p print) value(b *span.Batch, a *span.Attr) print {
	p = p.word(uint64(a.Type))
	switch a.Type {
	case span.Int, span.Float, span.Bool:
		return p.word(uint64(a.Int()))
	case span.Null:
		return p
	}
	return p.text(b.Str(a.Text()))
}

func (p print) status(b *span.Batch, s *span.Span) print {
	return p.word(uint64(s.Status) | uint64(s.Has&span.HasStatus)<<8 | flag(s.StatusMessage.Present())<<16).text(b.Str(s.StatusMessage))
}

func (p print) dropped(d span.Dropped) print {
	return p.word(uint64(d.Attrs)).word(uint64(d.Events)<<32 | uint64(d.Refs))
}

// time is the fingerprint of a start or duration.
func (p print) time(v int64, has bool) print { return p.word(uint64(v)).word(flag(has)) }

// fields is the fingerprint of what mirrored attributes speak of.
func (p print) fields(f *form) print {
	return p.near(f).far(f)
}

// near is the half of fields that is the same for most spans of a kind that come
// from one process.
func (p print) near(f *form) print {
	b, s := f.b, f.s
	return p.word(uint64(s.Kind)|uint64(s.Sampling)<<32).word(uint64(s.TraceFlags)).status(b, s).endpoint(b, &s.Local)
}

func (p print) far(f *form) print {
	b, s := f.b, f.s
	return p.endpoint(b, &s.Remote).text(b.Str(s.State)).dropped(s.Dropped).scope(b, f.scope)
}

func (p print) refs(b *span.Batch, refs []span.Ref) print {
	for i := range refs {
		r := &refs[i]
		p = p.word(r.Trace.Hi).word(r.Trace.Lo).word(uint64(r.Span)).word(uint64(r.Kind) | uint64(r.TraceFlags)<<32)
		p = p.word(uint64(r.Dropped)).text(b.Str(r.State)).attrs(b, r.Attrs)
	}
	return p
}

func (p print) events(b *span.Batch, events []span.Event) print {
	for i := range events {
		e := &events[i]
		p = p.word(uint64(e.Time)).text(b.Str(e.Name)).word(uint64(e.Dropped)).attrs(b, e.Attrs)
	}
	return p
}
