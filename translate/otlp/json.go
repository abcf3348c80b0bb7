// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// decodeJSON reads an ExportTraceServiceRequest in OTLP's JSON: it is written
// as protobuf into the side memory and read there. Besides what the
// specification allows, keys may have underscores and enums their names, as
// the Collector takes them.
func decodeJSON(body []byte, origin span.Origin) (*span.Batch, error) {
	r := &reader{w: span.NewBuilder(body, origin), bad: &translate.Malformed{Format: "otlp json"}, side: true}
	r.ids = idNames{"traceId", "spanId", "parentSpanId"}
	j := &wire.JSON{Buf: body}
	t := wire.Transcoder{J: j}
	// Protobuf takes about half the room of JSON.
	request := t.Append(make([]byte, 0, len(body)/2), requestMessage)
	if j.Peek(); j.Err == nil && j.Pos < len(body) {
		j.Fail(j.Pos, j.Found(), "the end of the body")
	}
	r.w.SetSide(request)
	r.refused = t.BadUnits
	r.request(wire.ReadProto(request))
	if t.Bad != nil {
		r.stop(translate.FaultOf("", t.Bad))
	}
	if j.Err != nil {
		r.stop(translate.FaultOf(r.place(), j.Err))
	}
	r.residues.Restore(r.w)
	return r.w.Batch(), r.bad.OrNil()
}

// requestMessage describes ExportTraceServiceRequest. A span is a unit: what is
// wrong in it costs only itself.
var requestMessage = func() *wire.ProtoMessage {
	field := func(n int, k wire.ProtoKind) *wire.ProtoField { return &wire.ProtoField{Number: n, Kind: k} }
	sub := func(n int, m *wire.ProtoMessage) *wire.ProtoField {
		return &wire.ProtoField{Number: n, Kind: wire.ProtoSub, Message: m}
	}
	list := func(n int, m *wire.ProtoMessage) *wire.ProtoField {
		return &wire.ProtoField{Number: n, Kind: wire.ProtoSub, Message: m, Repeated: true}
	}

	value := &wire.ProtoMessage{}
	keyValue := &wire.ProtoMessage{
		"key":   field(1, wire.ProtoString),
		"value": sub(2, value),
	}
	*value = wire.ProtoMessage{
		"stringValue":         field(anyString, wire.ProtoString),
		"boolValue":           field(anyBool, wire.ProtoBool),
		"intValue":            field(anyInt, wire.ProtoInt),
		"doubleValue":         field(anyDouble, wire.ProtoDouble),
		"arrayValue":          sub(anyArray, &wire.ProtoMessage{"values": list(1, value)}),
		"kvlistValue":         sub(anyMap, &wire.ProtoMessage{"values": list(1, keyValue)}),
		"bytesValue":          field(anyBytes, wire.ProtoBytes),
		"stringValueStrindex": field(anyIndex, wire.ProtoInt),
	}
	entityRef := &wire.ProtoMessage{
		"schemaUrl":       field(1, wire.ProtoString),
		"type":            field(2, wire.ProtoString),
		"idKeys":          {Number: 3, Kind: wire.ProtoString, Repeated: true},
		"descriptionKeys": {Number: 4, Kind: wire.ProtoString, Repeated: true},
	}
	resource := &wire.ProtoMessage{
		"attributes":             list(1, keyValue),
		"droppedAttributesCount": field(2, wire.ProtoInt),
		"entityRefs":             list(3, entityRef),
	}
	scope := &wire.ProtoMessage{
		"name":                   field(1, wire.ProtoString),
		"version":                field(2, wire.ProtoString),
		"attributes":             list(3, keyValue),
		"droppedAttributesCount": field(4, wire.ProtoInt),
	}
	event := &wire.ProtoMessage{
		"timeUnixNano":           field(1, wire.ProtoFixed64),
		"name":                   field(2, wire.ProtoString),
		"attributes":             list(3, keyValue),
		"droppedAttributesCount": field(4, wire.ProtoInt),
	}
	link := &wire.ProtoMessage{
		"traceId":                field(1, wire.ProtoHex),
		"spanId":                 field(2, wire.ProtoHex),
		"traceState":             field(3, wire.ProtoString),
		"attributes":             list(4, keyValue),
		"droppedAttributesCount": field(5, wire.ProtoInt),
		"flags":                  field(6, wire.ProtoFixed32),
	}
	status := &wire.ProtoMessage{
		"deprecatedCode": field(1, wire.ProtoInt),
		"message":        field(2, wire.ProtoString),
		"code": {Number: 3, Kind: wire.ProtoEnum, Enum: map[string]int32{
			"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2,
		}},
	}
	spanMessage := &wire.ProtoMessage{
		"traceId":      field(fieldTraceID, wire.ProtoHex),
		"spanId":       field(fieldSpanID, wire.ProtoHex),
		"traceState":   field(fieldState, wire.ProtoString),
		"parentSpanId": field(fieldParent, wire.ProtoHex),
		"flags":        field(fieldFlags, wire.ProtoFixed32),
		"name":         field(fieldName, wire.ProtoString),
		"kind": {Number: fieldKind, Kind: wire.ProtoEnum, Enum: map[string]int32{
			"SPAN_KIND_UNSPECIFIED": 0, "SPAN_KIND_INTERNAL": 1, "SPAN_KIND_SERVER": 2,
			"SPAN_KIND_CLIENT": 3, "SPAN_KIND_PRODUCER": 4, "SPAN_KIND_CONSUMER": 5,
		}},
		"startTimeUnixNano":      field(fieldStart, wire.ProtoFixed64),
		"endTimeUnixNano":        field(fieldEnd, wire.ProtoFixed64),
		"attributes":             list(fieldAttribute, keyValue),
		"droppedAttributesCount": field(fieldDroppedAttrs, wire.ProtoInt),
		"events":                 list(fieldEvent, event),
		"droppedEventsCount":     field(fieldDroppedEvents, wire.ProtoInt),
		"links":                  list(fieldLink, link),
		"droppedLinksCount":      field(fieldDroppedLinks, wire.ProtoInt),
		"status":                 sub(fieldStatus, status),
	}
	spans := list(spansField, spanMessage)
	spans.Unit = true
	scopeSpans := &wire.ProtoMessage{
		"scope":     sub(1, scope),
		"spans":     spans,
		"schemaUrl": field(3, wire.ProtoString),
	}
	librarySpans := &wire.ProtoMessage{
		"instrumentationLibrary": sub(1, scope),
		"spans":                  spans,
		"schemaUrl":              field(3, wire.ProtoString),
	}
	resourceSpans := &wire.ProtoMessage{
		"resource":                    sub(1, resource),
		"scopeSpans":                  list(scopeSpansField, scopeSpans),
		"instrumentationLibrarySpans": list(instrumentationLibrarySpans, librarySpans),
		"schemaUrl":                   field(3, wire.ProtoString),
	}
	for _, m := range []*wire.ProtoMessage{
		keyValue, value, entityRef, resource, scope, event, link, status, spanMessage, scopeSpans, librarySpans, resourceSpans,
	} {
		m.AddSnakeCase()
	}
	request := wire.ProtoMessage{"resourceSpans": list(resourceSpansField, resourceSpans)}.AddSnakeCase()
	return &request
}()
