// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Tags that every converted span has, so that the original can be found.
const (
	tagSpanID   = "bridge.span_id"
	tagParentID = "bridge.parent_id"
)

func isMark(key string) bool { return key == tagSpanID || key == tagParentID }

// oapTag is the name under which OAP searches and analyses a tag that other
// conventions call otherwise; "" for all other tags. It is asked for every tag,
// so it is no map.
func oapTag(key string) string {
	switch key {
	case "http.request.method":
		return "http.method"
	case "http.url", "url.full":
		return "url"
	case "http.response.status_code":
		return "http.status_code"
	case "rpc.grpc.status_code", "grpc.status_code":
		return "rpc.status_code"
	case "db.system", "db.system.name":
		return "db.type"
	case "db.name", "db.namespace":
		return "db.instance"
	case "sql.query", "db.query.text":
		return "db.statement"
	case "messaging.destination", "messaging.destination.name", "message_bus.destination", "kafka.topic":
		return "mq.topic"
	case "rabbitmq.queue":
		return "mq.queue"
	}
	return ""
}

const tagCacheType = "cache.type"

// appendTags appends the attributes of a span and of its resource, and what
// else it says that has no field.
func (e *Encoder) appendTags(d []byte, items []span.Item, v *conversion) []byte {
	it, r := &items[v.item], &v.role
	b, s := it.Batch, it.Span()
	e.keys = e.keys[:0]
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		if a := &attrs[i]; !a.Mirrored {
			d = e.appendAttr(d, b, a, r)
		}
	}
	for k := v.more; k >= 0; k = e.partials[k].next {
		d = e.appendPartial(d, items, v, k)
	}
	if res := b.Resource(s.Resource); res != nil {
		of := b.Attrs(res.Attrs)
		for i := range of {
			if a := &of[i]; !a.Mirrored && b.Find(s.Attrs, b.Str(a.Key)) == nil {
				d = e.appendAttr(d, b, a, r)
			}
		}
	}
	d = e.appendFurther(d, b, s, r)
	return e.appendMarks(d, it)
}

// appendFurther appends what a span says besides its attributes.
func (e *Encoder) appendFurther(d []byte, b *span.Batch, s *span.Span, r *role) []byte {
	if scope := b.Scope(s.Scope); scope != nil {
		d = e.appendTag(d, "otel.scope.name", b.Str(scope.Name), r)
		d = e.appendTag(d, "otel.scope.version", b.Str(scope.Version), r)
	}
	d = e.appendTag(d, "w3c.tracestate", b.Str(s.State), r)
	if s.Status == span.StatusOK {
		d = e.appendTag(d, "otel.status_code", "OK", r)
	}
	if r.nameless {
		d = e.appendTag(d, "span.kind", s.Kind.String(), r)
	}
	if r.layer == layerCache && !slices.Contains(e.keys, tagCacheType) {
		d = e.appendTag(d, tagCacheType, or(r.database, "redis"), r)
	}
	return d
}

func (e *Encoder) appendMarks(d []byte, it *span.Item) []byte {
	var id [16]byte
	d = e.appendMark(d, tagSpanID, it.ID.AppendHex(id[:0]))
	if it.Parent != 0 {
		d = e.appendMark(d, tagParentID, it.Parent.AppendHex(id[:0]))
	}
	return d
}

func (e *Encoder) appendMark(d []byte, key string, id []byte) []byte {
	d = append(d, 12<<3|wire.TypeBytes, byte(len(key)+len(id)+4), 1<<3|wire.TypeBytes, byte(len(key)))
	d = append(d, key...)
	d = append(d, 2<<3|wire.TypeBytes, byte(len(id)))
	d = append(d, id...)
	if e.shadow.on && !e.shadow.sighted {
		at := len(d) - len(id)
		a := span.StringAttr(span.At(at-2-len(key), len(key)), span.At(at, len(id)))
		a.Mirrored = true
		e.shadow.w.Attr(a)
	}
	return d
}

// appendPartial appends the attributes of another report of the span, of keys
// that the reports before it do not have.
func (e *Encoder) appendPartial(d []byte, items []span.Item, v *conversion, k int32) []byte {
	it := &items[e.partials[k].item]
	attrs := it.Batch.Attrs(it.Span().Attrs)
	for i := range attrs {
		a := &attrs[i]
		fresh := !a.Mirrored
		if fresh {
			key := it.Batch.Str(a.Key)
			e.reports(items, v, func(other *span.Item) bool {
				if other == it {
					return false
				}
				fresh = other.Batch.Find(other.Span().Attrs, key) == nil
				return fresh
			})
		}
		if fresh {
			d = e.appendAttr(d, it.Batch, a, &v.role)
		}
	}
	return d
}

// appendAttr appends an attribute as a tag, unless a field says the same or OAP
// would lose the whole segment for it.
func (e *Encoder) appendAttr(d []byte, b *span.Batch, a *span.Attr, r *role) []byte {
	key := b.Str(a.Key)
	if to := oapTag(key); to != "" {
		key = to
		if key == "db.type" && r.layer == layerCache {
			key = tagCacheType
		}
	}
	v := e.text(b, a)
	switch {
	case key == translate.TagTraceName && r.traceName != "", key == translate.TagInstance && v == r.instance:
		return d
	case isMark(key):
		return d // said by another gateway; of this one the span's own count
	}
	return e.appendAlways(d, residue.Outside(key), v, r)
}

// appendTag appends a tag that has a value.
func (e *Encoder) appendTag(d []byte, key, value string, r *role) []byte {
	if value == "" {
		return d
	}
	return e.appendAlways(d, key, value, r)
}

// appendAlways appends a tag, also with an empty value. OAP loses the segment
// of a cache span with a repeated key, of a transmission.latency that is no
// whole number, and of an x-le that is no JSON object.
func (e *Encoder) appendAlways(d []byte, key, value string, r *role) []byte {
	switch {
	case key == "x-le", key == "transmission.latency" && !isWhole(value):
		return d
	case r.layer == layerCache:
		if slices.Contains(e.keys, key) {
			return d
		}
		e.keys = append(e.keys, key)
	}
	key, value = sound(key), sound(value)
	d = appendSound(d, 12, key, value)
	switch n := &e.shadow; {
	case n.sighted:
		n.others = append(n.others, other{key, value})
	case n.on:
		n.tag(d, key, value)
	}
	return d
}

// isWhole matches -?[0-9]{1,18}.
func isWhole(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if len(s) == 0 || len(s) > 18 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// appendPair appends a KeyStringValuePair.
func appendPair(d []byte, field int, key, value string) []byte {
	return appendSound(d, field, sound(key), sound(value))
}

// appendSound is appendPair for UTF-8.
func appendSound(d []byte, field int, key, value string) []byte {
	// Nearly all are short: then all lengths are known and have one byte.
	const short = 0x7f - 4
	n := len(key) + len(value)
	if n <= short && key != "" && value != "" {
		d = append(d, byte(field<<3|wire.TypeBytes), byte(n+4), 1<<3|wire.TypeBytes, byte(len(key)))
		d = append(d, key...)
		d = append(d, 2<<3|wire.TypeBytes, byte(len(value)))
		return append(d, value...)
	}
	size := 0
	for _, s := range [...]string{key, value} {
		if s != "" {
			size += 1 + wire.SizeVarint(len(s)) + len(s)
		}
	}
	d = append(d, byte(field<<3|wire.TypeBytes))
	d = binary.AppendUvarint(d, uint64(size))
	d = wire.AppendString(d, 1, key)
	return wire.AppendString(d, 2, value)
}

// appendText appends a string.
func appendText(d []byte, field int, s string) []byte { return wire.AppendString(d, field, sound(s)) }
