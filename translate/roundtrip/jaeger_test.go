// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"context"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// jaegerThriftBody is a Batch in the binary protocol.
func jaegerThriftBody(t *rapid.T) []byte {
	batch := &jaeger.Batch{Process: &jaeger.Process{ServiceName: services.Draw(t, "service"), Tags: thriftTags(t, 3)}}
	for range rapid.IntRange(1, perCheck).Draw(t, "spans") {
		s := &jaeger.Span{
			TraceIdLow: int64(id(t)), SpanId: int64(id(t)), OperationName: texts.Draw(t, "name"),
			Flags: rapid.Int32Range(0, 11).Draw(t, "flags"), Duration: span64(t), Tags: thriftTags(t, 6),
		}
		if yes(t, 2) {
			s.TraceIdHigh = int64(id(t))
		}
		if yes(t, 2) {
			s.ParentSpanId = int64(id(t))
		}
		if !yes(t, 5) {
			s.StartTime = instant(t) / 1000
		}
		for range few(t, 3) {
			r := &jaeger.SpanRef{
				RefType:    jaeger.SpanRefType(rapid.IntRange(0, 1).Draw(t, "type")),
				TraceIdLow: s.TraceIdLow, TraceIdHigh: s.TraceIdHigh, SpanId: int64(id(t)),
			}
			if yes(t, 3) {
				r.TraceIdLow = int64(id(t))
			}
			s.References = append(s.References, r)
		}
		for range few(t, 3) {
			s.Logs = append(s.Logs, &jaeger.Log{Timestamp: instant(t) / 1000, Fields: thriftTags(t, 3)})
		}
		batch.Spans = append(batch.Spans, s)
	}
	m := thrift.NewTMemoryBuffer()
	if err := batch.Write(context.Background(), thrift.NewTBinaryProtocolConf(m, nil)); err != nil {
		t.Fatal(err)
	}
	return m.Bytes()
}

func thriftTags(t *rapid.T, most int) (list []*jaeger.Tag) {
	for range few(t, most) {
		tag := &jaeger.Tag{Key: keys.Draw(t, "key")}
		switch rapid.IntRange(0, 7).Draw(t, "type") {
		case 0:
			v := ints.Draw(t, "int")
			tag.VType, tag.VLong = jaeger.TagType_LONG, &v
		case 1:
			v := floats.Draw(t, "float")
			tag.VType, tag.VDouble = jaeger.TagType_DOUBLE, &v
		case 2:
			v := rapid.Bool().Draw(t, "bool")
			tag.VType, tag.VBool = jaeger.TagType_BOOL, &v
		case 3:
			tag.VType, tag.VBinary = jaeger.TagType_BINARY, rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "bytes")
		default:
			v := texts.Draw(t, "text")
			if tag.Key == "span.kind" {
				v = kindNames.Draw(t, "kind")
			}
			tag.VType, tag.VStr = jaeger.TagType_STRING, &v
		}
		list = append(list, tag)
	}
	return list
}

// jaegerProtoBody is a PostSpansRequest.
func jaegerProtoBody(t *rapid.T) []byte {
	d, batch := wire.Open(nil, 1)
	for range rapid.IntRange(1, perCheck).Draw(t, "spans") {
		d = protoSpan(t, d)
	}
	if !yes(t, 5) {
		d = protoProcess(t, d, 2)
	}
	return wire.Close(d, batch)
}

func protoProcess(t *rapid.T, d []byte, field int) []byte {
	d, mark := wire.Open(d, field)
	d = wire.AppendString(d, 1, services.Draw(t, "service"))
	for range few(t, 3) {
		d = protoTag(t, d, 2)
	}
	return wire.Close(d, mark)
}

func protoSpan(t *rapid.T, d []byte) []byte {
	d, mark := wire.Open(d, 1)
	trace := append(bytes8(id(t)), bytes8(id(t))...)
	own := bytes8(id(t))
	d = wire.AppendString(d, 1, string(trace))
	d = wire.AppendString(d, 2, string(own))
	d = wire.AppendString(d, 3, texts.Draw(t, "name"))
	for range few(t, 3) {
		var ref int
		d, ref = wire.Open(d, 4)
		of := string(trace)
		if yes(t, 3) {
			of = string(append(bytes8(0xffff), bytes8(id(t))...))
		}
		d = wire.AppendString(d, 1, of)
		d = wire.AppendString(d, 2, string(bytes8(id(t))))
		d = wire.AppendVarint(d, 3, uint64(rapid.IntRange(0, 1).Draw(t, "type")))
		d = wire.Close(d, ref)
	}
	d = wire.AppendVarint(d, 5, uint64(rapid.IntRange(0, 11).Draw(t, "flags")))
	if !yes(t, 5) {
		d = protoSeconds(d, 6, instant(t))
	}
	d = protoSeconds(d, 7, span64(t)*rapid.SampledFrom([]int64{1, 1, 1, -1}).Draw(t, "sign"))
	for range few(t, 6) {
		d = protoTag(t, d, 8)
	}
	for range few(t, 3) {
		var log int
		d, log = wire.Open(d, 9)
		d = protoSeconds(d, 1, instant(t))
		for range few(t, 3) {
			d = protoTag(t, d, 2)
		}
		d = wire.Close(d, log)
	}
	if yes(t, 4) {
		d = protoProcess(t, d, 10)
	}
	for range few(t, 2) {
		d = wire.AppendStringAlways(d, 12, texts.Draw(t, "warning"))
	}
	return wire.Close(d, mark)
}

func protoSeconds(d []byte, field int, ns int64) []byte {
	d, mark := wire.Open(d, field)
	d = wire.AppendVarint(d, 1, uint64(ns/second))
	d = wire.AppendVarint(d, 2, uint64(ns%second))
	return wire.Close(d, mark)
}

func protoTag(t *rapid.T, d []byte, field int) []byte {
	d, mark := wire.Open(d, field)
	key := keys.Draw(t, "key")
	d = wire.AppendString(d, 1, key)
	switch rapid.IntRange(0, 7).Draw(t, "type") {
	case 0:
		d = wire.AppendVarint(d, 2, 2)
		d = wire.AppendVarint(d, 5, uint64(ints.Draw(t, "int")))
	case 1:
		d = wire.AppendVarint(d, 2, 3)
		d = wire.AppendDoubleAlways(d, 6, floats.Draw(t, "float"))
	case 2:
		d = wire.AppendVarint(d, 2, 1)
		d = wire.AppendBool(d, 4, rapid.Bool().Draw(t, "bool"))
	case 3:
		d = wire.AppendVarint(d, 2, 4)
		d = wire.AppendString(d, 7, string(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "bytes")))
	default:
		v := texts.Draw(t, "text")
		if key == "span.kind" {
			v = kindNames.Draw(t, "kind")
		}
		d = wire.AppendString(d, 3, v)
	}
	return wire.Close(d, mark)
}
