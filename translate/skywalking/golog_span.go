// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"strconv"
	"time"

	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Numbers for the members of a logged span that are no fields of a SpanObject
// as they are.
const (
	loggedStart = 1000 + iota
	loggedEnd
	loggedTrace
	loggedSegment
)

// loggedReference describes what the log says of a caller.
var loggedReference = wire.ProtoMessage{
	"trace_id": {Number: 2}, "parent_segment_id": {Number: 3}, "parent_span_id": {Number: 4, Kind: wire.ProtoInt},
	"parent_service": {Number: 5}, "parent_service_instance": {Number: 6}, "parent_endpoint": {Number: 7},
	"address_used_at_client": {Number: 8},
}

// loggedFields describes a logged span: Go's names of the members of go2sky's
// defaultSpan and SegmentContext.
var loggedFields = wire.ProtoMessage{
	"SpanID": {Number: 1, Kind: wire.ProtoInt}, "ParentSpanID": {Number: 2, Kind: wire.ProtoInt},
	"StartTime": {Number: loggedStart}, "EndTime": {Number: loggedEnd},
	"Refs":          {Number: 5, Kind: wire.ProtoSub, Repeated: true, Message: &loggedReference},
	"OperationName": {Number: 6}, "Peer": {Number: 7},
	"SpanType": {Number: 8, Kind: wire.ProtoInt}, "Layer": {Number: 9, Kind: wire.ProtoInt},
	"ComponentID": {Number: 10, Kind: wire.ProtoInt}, "IsError": {Number: 11, Kind: wire.ProtoBool},
	"Tags":    {Number: 12, Kind: wire.ProtoSub, Repeated: true, Message: &pairFields},
	"Logs":    {Number: 13, Kind: wire.ProtoSub, Repeated: true, Message: &logFields},
	"TraceID": {Number: loggedTrace}, "SegmentID": {Number: loggedSegment},
}

// loggedList writes a list of logged spans as a SegmentObject, with the fields
// that go2sky's gRPC reporter fills (reporter/grpc.go).
type loggedList struct {
	j     *wire.JSON
	out   []byte // the side memory with the segment at its end
	place string
	who   Go2skyLog
	times []loggedSpan
	bad   *translate.Malformed

	message     []byte // the span that is read
	trace, name string // as the last span says them
}

// read reads the list and says how many spans it has and how many are good.
func (l *loggedList) read() (spans, good int) {
	for l.j.Array(); l.j.Elem(); {
		spans++
		if l.span(spans) {
			good++
		}
	}
	l.out = wire.AppendString(l.out, 1, l.trace)
	l.out = wire.AppendString(l.out, 2, l.name)
	l.out = wire.AppendString(l.out, 4, l.who.Service)
	l.out = wire.AppendString(l.out, 5, l.who.Instance)
	return spans, good
}

// span writes a span. One with a value of the wrong type is left out.
func (l *loggedList) span(n int) (good bool) {
	t := wire.Transcoder{J: l.j}
	l.message = t.Append(l.message[:0], &loggedFields)
	if l.j.Err != nil {
		return false // the segment is refused as a whole
	}
	place := l.place + ": span " + strconv.Itoa(n)
	if t.Bad != nil {
		l.bad.Refuse(translate.FaultOf(place, t.Bad))
		return false
	}
	before := len(l.out)
	out, mark := wire.Open(l.out, 3)
	var one loggedSpan
	for p := wire.ReadProto(l.message); ; {
		at := p.Pos
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch field {
		case loggedStart, loggedEnd:
			text := text(&p)
			v, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				l.out = out[:before]
				l.bad.Refuse(translate.Fault{Place: place, Found: strconv.Quote(cut(text, 40)), Want: "a time such as 2026-01-02T03:04:05.6Z"})
				return false
			}
			if field == loggedStart {
				out = wire.AppendVarint(out, 3, uint64(v.UnixMilli()))
				one.start = nanos(v)
			} else {
				out = wire.AppendVarint(out, 4, uint64(v.UnixMilli()))
				one.end = nanos(v)
			}
		case loggedTrace:
			l.trace = text(&p)
		case loggedSegment:
			l.name = text(&p)
		default:
			p.Skip(field, typ)
			if field == 1 {
				number := wire.Proto{Buf: p.Buf, Pos: at + 1, End: p.Pos}
				one.number = int32(number.Varint())
			}
			// The log has every member, a message leaves out zeros and empty texts.
			if p.Pos > at+2 || l.message[at+1] != 0 {
				out = append(out, l.message[at:p.Pos]...)
			}
		}
	}
	l.out = wire.Close(out, mark)
	l.times = append(l.times, one)
	return true
}

// text copies a string.
func text(p *wire.Proto) string {
	at, n := p.Bytes()
	return string(p.Buf[at : at+n])
}

// nanos is a time in ns since 1970, 0 for one that int64 cannot say.
func nanos(t time.Time) int64 {
	if y := t.Year(); y < 1970 || y > 2261 {
		return 0
	}
	return t.UnixNano()
}
