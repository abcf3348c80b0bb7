// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"bytes"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// JSON is written as protobuf into the side memory and read from there: one
// reader for both, and a segment that came as JSON can leave by gRPC.

// The messages by the names of their fields.
var (
	pairFields = wire.ProtoMessage{
		"key": {Number: 1}, "value": {Number: 2},
	}.AddSnakeCase()
	logFields = wire.ProtoMessage{
		"time": {Number: 1, Kind: wire.ProtoInt},
		"data": {Number: 2, Kind: wire.ProtoSub, Repeated: true, Message: &pairFields},
	}.AddSnakeCase()
	referenceFields = wire.ProtoMessage{
		"refType":              {Number: 1, Kind: wire.ProtoEnum, Enum: map[string]int32{"CrossProcess": 0, "CrossThread": 1}},
		"traceId":              {Number: 2},
		"parentTraceSegmentId": {Number: 3},
		"parentSpanId":         {Number: 4, Kind: wire.ProtoInt},
		"parentService":        {Number: 5}, "parentServiceInstance": {Number: 6}, "parentEndpoint": {Number: 7},
		"networkAddressUsedAtPeer": {Number: 8},
	}.AddSnakeCase()
	spanFieldsByName = wire.ProtoMessage{
		"spanId": {Number: 1, Kind: wire.ProtoInt}, "parentSpanId": {Number: 2, Kind: wire.ProtoInt},
		"startTime": {Number: 3, Kind: wire.ProtoInt}, "endTime": {Number: 4, Kind: wire.ProtoInt},
		"refs":          {Number: 5, Kind: wire.ProtoSub, Repeated: true, Message: &referenceFields},
		"operationName": {Number: 6}, "peer": {Number: 7},
		"spanType":    {Number: 8, Kind: wire.ProtoEnum, Enum: map[string]int32{"Entry": typeEntry, "Exit": typeExit, "Local": typeLocal}},
		"spanLayer":   {Number: 9, Kind: wire.ProtoEnum, Enum: layerNumbers()},
		"componentId": {Number: 10, Kind: wire.ProtoInt}, "isError": {Number: 11, Kind: wire.ProtoBool},
		"tags":         {Number: 12, Kind: wire.ProtoSub, Repeated: true, Message: &pairFields},
		"logs":         {Number: 13, Kind: wire.ProtoSub, Repeated: true, Message: &logFields},
		"skipAnalysis": {Number: 14, Kind: wire.ProtoBool},
	}.AddSnakeCase()
	segmentFields = wire.ProtoMessage{
		"traceId": {Number: 1}, "traceSegmentId": {Number: 2},
		"spans":   {Number: 3, Kind: wire.ProtoSub, Repeated: true, Message: &spanFieldsByName, Unit: true},
		"service": {Number: 4}, "serviceInstance": {Number: 5},
		"isSizeLimited": {Number: 6, Kind: wire.ProtoBool},
	}.AddSnakeCase()
	propertiesFields = wire.ProtoMessage{
		"service": {Number: 1}, "serviceInstance": {Number: 2},
		"properties": {Number: 3, Kind: wire.ProtoSub, Repeated: true, Message: &pairFields},
		"layer":      {Number: 4},
	}.AddSnakeCase()
	pingFields = wire.ProtoMessage{
		"service": {Number: 1}, "serviceInstance": {Number: 2}, "layer": {Number: 3},
	}.AddSnakeCase()
)

// layerNumbers are the layers by name, those included that an OAP knows and the
// published protocol does not.
func layerNumbers() map[string]int32 {
	m := make(map[string]int32)
	for n := int32(0); ; n++ {
		name := translate.LayerName(n)
		if name == "" || '0' <= name[0] && name[0] <= '9' {
			return m
		}
		m[name] = n
	}
}

// decodeSegmentJSON reads one SegmentObject.
func decodeSegmentJSON(body []byte, origin span.Origin) (*span.Batch, error) {
	r, j := newJSONReader(body, origin, "skywalking segment json")
	if at, n, ok := r.transcode(j, &segmentFields); ok {
		r.segment(at, n)
	}
	return r.endJSON(j)
}

// decodeSegmentsJSON reads an array of SegmentObjects.
func decodeSegmentsJSON(body []byte, origin span.Origin) (*span.Batch, error) {
	r, j := newJSONReader(body, origin, "skywalking segments json")
	j.Array()
	for j.Elem() {
		r.n++
		if at, n, ok := r.transcode(j, &segmentFields); ok {
			r.segment(at, n)
		}
	}
	return r.endJSON(j)
}

func decodePropertiesJSON(body []byte, origin span.Origin) (*span.Batch, error) {
	return decodeNoticeJSON(body, origin, &propertiesNotice)
}

func decodePingJSON(body []byte, origin span.Origin) (*span.Batch, error) {
	return decodeNoticeJSON(body, origin, &pingNotice)
}

func decodeNoticeJSON(body []byte, origin span.Origin, k *notice) (*span.Batch, error) {
	r, j := newJSONReader(body, origin, k.form+" json")
	if at, n, ok := r.transcode(j, k.fields); ok {
		r.notice(at, n, k)
	}
	return r.endJSON(j)
}

func newJSONReader(body []byte, origin span.Origin, form string) (*reader, *wire.JSON) {
	r := newReader(body, origin, form)
	r.side = true
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	return r, &wire.JSON{Buf: body}
}

// transcode reads an object as a protobuf message in the side memory. One with
// a value of the wrong type is refused, but for a span of a segment: that costs
// only itself.
func (r *reader) transcode(j *wire.JSON, m *wire.ProtoMessage) (at, n int, ok bool) {
	side := r.w.Side()
	at = len(side)
	t := wire.Transcoder{J: j}
	side = t.Append(side, m)
	switch {
	case j.Err != nil:
		return 0, 0, false
	case t.Bad != nil:
		r.bad.Refuse(translate.FaultOf(r.place(""), t.Bad))
		return 0, 0, false
	case len(side) > span.MaxBody:
		j.Fail(j.Pos, "more memory than a batch can hold", "less")
		return 0, 0, false
	}
	r.w.SetSide(side)
	r.buf, r.broken = side, t.BadUnits
	return at, len(side) - at, true
}

// endJSON ends the reading: nothing but white space may follow.
func (r *reader) endJSON(j *wire.JSON) (*span.Batch, error) {
	if j.Err == nil && (j.Peek() != 0 || j.Pos < len(j.Buf)) {
		j.Fail(j.Pos, j.Found(), "the end of the body")
	}
	if j.Err != nil {
		r.bad.Stop(translate.FaultOf(r.place(""), j.Err))
	}
	r.residues.Restore(r.w)
	return r.w.Batch(), r.bad.OrNil()
}
