// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// Go2skyLog reads what go2sky's log reporter writes (reporter/log.go), a line
// for each segment:
//
//	go2sky-log2026/11/21 05:01:58 Segment-<segment id>: [ {span}, …, {root} ]
//
// The lines come out of logs, so anything may stand around a segment, several
// may stand in one line, and a line that Docker's json-file driver wrapped is
// unwrapped. Lines without a segment are none of our business. A segment that
// breaks off is refused as a whole: its root, which says the trace, is last.
//
// The lines do not say whose they are; that is for the caller to know. Start
// and end are exact to the nanosecond, where the same agent by gRPC says
// milliseconds.
type Go2skyLog struct {
	Service, Instance string
	// Line is the number of the first line, for messages; 0 stands for 1.
	Line int
}

// formatGo2skyLog is the form of a body of such lines.
const formatGo2skyLog = "skywalking.go2sky.log"

// marker stands before each segment.
var marker = []byte("Segment-")

// Decode reads any number of lines.
func (g Go2skyLog) Decode(body []byte, origin span.Origin) (*span.Batch, error) {
	r := newReader(body, origin, "go2sky log")
	r.side = true
	l := &logLines{reader: r, who: g}
	for n := max(g.Line, 1); len(body) > 0; n++ {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		l.number = n
		l.line(line)
		body = rest
	}
	b := r.w.Batch()
	l.restore(b)
	return b, r.bad.OrNil()
}

// Holds says whether a line holds a segment, whole or not.
func (Go2skyLog) Holds(line []byte) bool {
	if bytes.HasPrefix(line, wrapped) {
		line = unwrapped(line)
	}
	_, ok := nextSegment(line)
	return ok
}

// wrapped is how lines of Docker's json-file driver begin.
var wrapped = []byte(`{"log":"`)

// nextSegment finds the list behind a marker, a name and a colon.
func nextSegment(line []byte) (list []byte, ok bool) {
	for {
		i := bytes.Index(line, marker)
		if i < 0 {
			return nil, false
		}
		line = line[i+len(marker):]
		name, list, ok := bytes.Cut(line, []byte(": "))
		// "Segment-" and a colon may stand in any log.
		if ok && len(name) > 0 && len(name) <= maxSegmentName && !bytes.ContainsAny(name, " \t\"") &&
			(len(list) == 0 || list[0] == '[') {
			return list, true
		}
	}
}

// logLines reads lines into a batch.
type logLines struct {
	*reader
	who    Go2skyLog
	number int // of the line
	times  []loggedSpan

	message []byte // room for a span
}

// loggedSpan has the times of a span that milliseconds cannot say.
type loggedSpan struct {
	segment    uint32
	number     int32
	start, end int64 // ns since 1970, 0 for none
}

func (l *logLines) line(line []byte) {
	if bytes.HasPrefix(line, wrapped) {
		line = unwrapped(line)
	}
	if !bytes.Contains(line, marker) {
		return // before the whole line is looked at
	}
	if !utf8.Valid(line) {
		line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	}
	for {
		list, ok := nextSegment(line)
		if !ok {
			return
		}
		j := &wire.JSON{Buf: list}
		l.segment(j)
		line = list[j.Pos:]
	}
}

// unwrapped is the text in a line of Docker's json-file driver.
func unwrapped(line []byte) []byte {
	j := &wire.JSON{Buf: line, Pos: len(`{"log":`)}
	text, ok := j.AppendUnescaped(nil, j.String())
	if j.Err != nil || !ok {
		return line
	}
	return text
}

// segment writes the list of spans as a SegmentObject into the side memory and
// reads that, as it is done with JSON by HTTP.
func (l *logLines) segment(j *wire.JSON) {
	side := l.w.Side()
	at, first, refused := len(side), len(l.times), l.bad.Spans
	list := loggedList{
		j: j, out: side, place: "line " + strconv.Itoa(l.number), who: l.who, times: l.times, bad: l.bad, message: l.message,
	}
	spans, good := list.read()
	l.message = list.message
	if j.Err == nil && len(list.out) > span.MaxBody {
		j.Fail(j.Pos, "more memory than a batch can hold", "less")
	}
	if j.Err != nil {
		l.bad.Refuse(translate.FaultOf(list.place, j.Err))
		l.bad.Spans = refused + max(spans, 1)
		j.Pos = 0 // another segment may begin where this one breaks off
		return
	}
	if good == 0 && spans > 0 {
		return
	}
	l.w.SetSide(list.out)
	l.buf, l.times = list.out, list.times
	before := l.w.Len()
	l.n++
	l.lost = good < spans
	l.reader.segment(at, len(list.out)-at)
	l.lost = false
	if l.w.Len() == before {
		l.times = l.times[:first]
		return
	}
	number := l.w.SpanAt(before).Segment
	for i := first; i < len(l.times); i++ {
		l.times[i].segment = number
	}
}

// restore gives the spans their times. Both lists are in the order of the body;
// the batch may lack some.
func (l *logLines) restore(b *span.Batch) {
	k := 0
	for i := range b.Spans() {
		s := &b.Spans()[i]
		number := b.Agent(s.Agent).Number
		for k < len(l.times) && (l.times[k].segment != s.Segment || l.times[k].number != number) {
			k++
		}
		if k == len(l.times) {
			return
		}
		t := l.times[k]
		k++
		if s.Has&span.HasStart == 0 || t.start == 0 {
			continue
		}
		s.Start = t.start
		if s.Has&span.HasDuration != 0 && t.end != 0 {
			s.Duration = max(t.end-t.start, 0)
		}
	}
}
