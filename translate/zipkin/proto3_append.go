// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/binary"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// AppendProto3 appends spans as a ListOfSpans of zipkin.proto. It writes what
// the JSON encoder writes; a span that came as proto3 in the normal form is
// copied as it is. Trace ids take 16 bytes whatever their width, because
// zipkin-go and Jaeger take no other number; the server drops the zeros.
func AppendProto3(dst []byte, items []span.Item) []byte {
	var tags translate.Tags
	for i := range items {
		it := &items[i]
		if s := it.Span(); s.Has&span.Exact != 0 && it.Batch.Origin.Format == formatProto3 {
			dst = wire.AppendStringAlways(dst, 1, it.Batch.Str(s.Raw))
			continue
		}
		d, mark := wire.Open(dst, 1)
		dst = wire.Close(appendProtoSpan(d, it, &tags), mark)
	}
	return dst
}

func appendProtoSpan(d []byte, it *span.Item, tags *translate.Tags) []byte {
	b, s := it.Batch, it.Span()
	id, parent, shared := wireIdentity(it, s)
	d = append(d, fieldTraceID<<3|wire.TypeBytes, 16)
	d = binary.BigEndian.AppendUint64(d, s.Trace.Hi)
	d = binary.BigEndian.AppendUint64(d, s.Trace.Lo)
	if parent != 0 {
		d = append(d, fieldParentID<<3|wire.TypeBytes, 8)
		d = binary.BigEndian.AppendUint64(d, uint64(parent))
	}
	d = append(d, fieldID<<3|wire.TypeBytes, 8)
	d = binary.BigEndian.AppendUint64(d, uint64(id))
	d = wire.AppendVarint(d, fieldKind, kinds[s.Kind].number)
	d = wire.AppendString(d, fieldName, b.Str(s.Name))
	if start, ok := startMicros(s); ok {
		d = wire.AppendFixed64(d, fieldTimestamp, uint64(start))
	}
	if dur, ok := durationMicros(s); ok {
		d = wire.AppendVarint(d, fieldDuration, uint64(dur))
	}
	d = appendProtoEndpoint(d, fieldLocal, b, &s.Local)
	d = appendProtoEndpoint(d, fieldRemote, b, &s.Remote)
	d = appendProtoAnnotations(d, b, s)
	CollectTags(tags, b, s)
	d = appendProtoTags(d, b, tags.List)
	d = wire.AppendBool(d, fieldDebug, s.Sampling&span.Debug != 0)
	return wire.AppendBool(d, fieldShared, shared)
}

func appendProtoAnnotations(d []byte, b *span.Batch, s *span.Span) []byte {
	var mark int
	events := b.Events(s.Events)
	for i := range events {
		ev := &events[i]
		d, mark = wire.Open(d, fieldAnnotations)
		d = wire.AppendFixed64(d, 1, uint64(ev.Time/1000))
		if hasFields(b, ev) {
			var text int
			d, text = wire.Open(d, 2)
			d = wire.Close(appendEventText(d, b, ev), text)
		} else {
			d = wire.AppendString(d, 2, b.Str(ev.Name))
		}
		d = wire.Close(d, mark)
	}
	return d
}

func appendProtoTags(d []byte, b *span.Batch, list []translate.Tag) []byte {
	var mark, value int
	for i := range list {
		t := &list[i]
		d, mark = wire.Open(d, fieldTags)
		d = wire.AppendString(d, 1, t.Key)
		d, value = wire.Open(d, 2)
		d = wire.Close(t.AppendValue(d, b), value)
		d = wire.Close(d, mark)
	}
	return d
}

func appendProtoEndpoint(d []byte, field int, b *span.Batch, p *span.Endpoint) []byte {
	if p.IsZero() {
		return d
	}
	d, mark := wire.Open(d, field)
	d = wire.AppendString(d, 1, b.Str(p.Service))
	if a := p.IP4(); a.IsValid() {
		ip := a.As4()
		d = wire.AppendString(d, 2, string(ip[:]))
	}
	if a := p.IP6(); a.IsValid() {
		ip := a.As16()
		d = wire.AppendString(d, 3, string(ip[:]))
	}
	d = wire.AppendVarint(d, 4, uint64(p.Port))
	return wire.Close(d, mark)
}
