// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math/bits"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// appendAttrs appends attributes as KeyValues of a field; those of other
// protocols without the mirrored ones.
func (e *Encoder) appendAttrs(d []byte, field int, b *span.Batch, r span.Range) []byte {
	attrs := b.Attrs(r)
	for i := range attrs {
		if a := &attrs[i]; e.own || !a.Mirrored {
			d = e.appendAttr(d, field, b, a)
		}
	}
	return d
}

// appendAttr appends an attribute as a KeyValue. Null is an AnyValue without a
// member.
func (e *Encoder) appendAttr(d []byte, field int, b *span.Batch, a *span.Attr) []byte {
	key := b.Str(a.Key)
	if field == fieldAttribute {
		key = residue.Outside(key)
	}
	if a.Type == span.String {
		return appendStringAttr(d, field, key, b.Str(a.Text()))
	}
	if a.Type == span.Int {
		return appendIntAttr(d, field, key, a.Int())
	}
	d, kv, value := openAttr(d, field, key)
	switch a.Type {
	case span.Float:
		d = wire.AppendDoubleAlways(d, anyDouble, a.Float())
	case span.Bool:
		v := uint64(0)
		if a.Bool() {
			v = 1
		}
		d = wire.AppendVarintAlways(d, anyBool, v)
	case span.Bytes:
		d = wire.AppendStringAlways(d, anyBytes, b.Str(a.Text()))
	case span.JSON:
		e.text = b.AppendStr(e.text[:0], a.Text())
		var ok bool
		if d, ok = appendAny(d, e.text); !ok {
			d = wire.AppendStringAlways(d, anyString, b.Str(a.Text()))
		}
	}
	return closeAttr(d, kv, value)
}

// openAttr starts a KeyValue and its AnyValue.
func openAttr(d []byte, field int, key string) (out []byte, kv, value int) {
	d, kv = wire.Open(d, field)
	d = wire.AppendString(d, 1, key)
	d, value = wire.Open(d, 2)
	return d, kv, value
}

func closeAttr(d []byte, kv, value int) []byte { return wire.Close(wire.Close(d, value), kv) }

// appendStringAttr appends a text. The sizes of a short one are known beforehand.
func appendStringAttr[T string | []byte](d []byte, field int, key string, text T) []byte {
	value := 2 + len(text)
	if kv := 2 + len(key) + 2 + value; kv < 0x80 && key != "" {
		d = append(d, byte(field)<<3|wire.TypeBytes, byte(kv), tagKey, byte(len(key)))
		d = append(d, key...)
		d = append(d, tagValue, byte(value), tagString, byte(len(text)))
		return append(d, text...)
	}
	d, kv, member := openAttr(d, field, key)
	d = wire.AppendTag(d, anyString, wire.TypeBytes)
	d = binary.AppendUvarint(d, uint64(len(text)))
	return closeAttr(append(d, text...), kv, member)
}

// appendIntAttr appends a number, of whose size the same is true.
func appendIntAttr(d []byte, field int, key string, v int64) []byte {
	value := 1 + (bits.Len64(uint64(v)|1)+6)/7
	if kv := 2 + len(key) + 2 + value; kv < 0x80 && key != "" {
		d = append(d, byte(field)<<3|wire.TypeBytes, byte(kv), tagKey, byte(len(key)))
		d = append(d, key...)
		d = append(d, tagValue, byte(value), tagInt)
		return binary.AppendUvarint(d, uint64(v))
	}
	d, kv, value := openAttr(d, field, key)
	return closeAttr(wire.AppendVarintAlways(d, anyInt, uint64(v)), kv, value)
}

// appendText appends an attribute of a span, unless there is no text or an
// attribute of the key goes out as it is: keys must not repeat.
func (e *Encoder) appendText(d []byte, b *span.Batch, s *span.Span, key, text string) []byte {
	if text == "" || written(b, s.Attrs, key) {
		return d
	}
	return appendStringAttr(d, fieldAttribute, key, text)
}

// appendInt is appendText for a number.
func (e *Encoder) appendInt(d []byte, b *span.Batch, s *span.Span, key string, v int64) []byte {
	if written(b, s.Attrs, key) {
		return d
	}
	return appendIntAttr(d, fieldAttribute, key, v)
}
