// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"errors"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// A PostSpansRequest as JSON is for people and for files; nobody sends it. It
// is protobuf's own JSON, but for the ids, which are in hex,
// as OTLP does it.

// requestMessage describes PostSpansRequest (jaeger-idl's model.proto).
var requestMessage = func() *wire.ProtoMessage {
	field := func(n int, k wire.ProtoKind) *wire.ProtoField { return &wire.ProtoField{Number: n, Kind: k} }
	sub := func(n int, m *wire.ProtoMessage) *wire.ProtoField {
		return &wire.ProtoField{Number: n, Kind: wire.ProtoSub, Message: m}
	}
	list := func(n int, m *wire.ProtoMessage) *wire.ProtoField {
		return &wire.ProtoField{Number: n, Kind: wire.ProtoSub, Message: m, Repeated: true}
	}
	keyValue := wire.ProtoMessage{
		"key": field(1, wire.ProtoString),
		"vType": {Number: 2, Kind: wire.ProtoEnum, Enum: map[string]int32{
			"STRING": 0, "BOOL": 1, "INT64": 2, "FLOAT64": 3, "BINARY": 4,
		}},
		"vStr": field(3, wire.ProtoString), "vBool": field(4, wire.ProtoBool), "vInt64": field(5, wire.ProtoInt),
		"vFloat64": field(6, wire.ProtoDouble), "vBinary": field(7, wire.ProtoBytes),
	}.AddSnakeCase()
	log := wire.ProtoMessage{"timestamp": field(1, wire.ProtoTime), "fields": list(2, &keyValue)}
	reference := wire.ProtoMessage{
		"traceId": field(1, wire.ProtoHex), "spanId": field(2, wire.ProtoHex),
		"refType": {Number: 3, Kind: wire.ProtoEnum, Enum: map[string]int32{"CHILD_OF": 0, "FOLLOWS_FROM": 1}},
	}.AddSnakeCase()
	process := wire.ProtoMessage{"serviceName": field(1, wire.ProtoString), "tags": list(2, &keyValue)}.AddSnakeCase()
	one := wire.ProtoMessage{
		"traceId": field(1, wire.ProtoHex), "spanId": field(2, wire.ProtoHex), "operationName": field(3, wire.ProtoString),
		"references": list(4, &reference), "flags": field(5, wire.ProtoInt),
		"startTime": field(6, wire.ProtoTime), "duration": field(7, wire.ProtoDuration),
		"tags": list(8, &keyValue), "logs": list(9, &log), "process": sub(10, &process), "processId": field(11, wire.ProtoString),
		"warnings": {Number: 12, Kind: wire.ProtoString, Repeated: true},
	}.AddSnakeCase()
	batch := wire.ProtoMessage{"spans": list(1, &one), "process": sub(2, &process)}
	return &wire.ProtoMessage{"batch": sub(1, &batch)}
}()

var requestNames = requestMessage.Names(false)

// AppendJSON appends a PostSpansRequest as JSON.
func AppendJSON(dst, request []byte) ([]byte, error) {
	return requestNames.AppendJSON(dst, request)
}

// DecodeJSON reads what AppendJSON writes. The batch is that of the request in
// protobuf, which takes the place of the body.
func DecodeJSON(body []byte, origin span.Origin) (*span.Batch, error) {
	j := &wire.JSON{Buf: body}
	t := wire.Transcoder{J: j}
	request := t.Append(nil, requestMessage)
	if j.Peek(); j.Err == nil && j.Pos < len(body) {
		j.Fail(j.Pos, j.Found(), "the end of the body")
	}
	origin.Format = formatProto
	b, err := decodeProto(request, origin)
	if t.Bad == nil && j.Err == nil {
		return b, err
	}
	bad := &translate.Malformed{}
	errors.As(err, &bad)
	bad.Format = "jaeger proto json"
	if t.Bad != nil {
		bad.Stop(translate.FaultOf("", t.Bad))
	}
	if j.Err != nil {
		bad.Stop(translate.FaultOf("", j.Err))
	}
	return b, bad
}
