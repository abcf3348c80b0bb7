// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"strconv"

	"github.com/spanbridge/spanbridge/span"
)

// numbering gives the spans of a segment their ids and finds them again by
// number. It is used again for the next segment.
type numbering struct {
	trace   span.TraceID
	segment string
	ids     span.SegmentIDs
	marks   *marks
	links   []link                // one for each span
	low     []span.ID             // by number, for the usual ones
	high    map[int32]span.ID     // by number, for others
	repeats int                   // numbers that came more than once
	room    [usualNumbers]span.ID // low's first memory
}

// link holds what a span says of its place in the segment.
type link struct{ number, parent int32 }

const (
	usualNumbers = 32
	maxLow       = 4096
)

func (g *numbering) reset(trace span.TraceID, segment string) {
	g.trace, g.segment = trace, segment
	g.ids.Reset(trace, segment)
	g.links = g.links[:0]
	if g.low == nil {
		g.low = g.room[:0]
	}
	g.low = g.low[:0]
	clear(g.high)
	g.repeats = 0
}

// take gives the next span its id. A number that was taken before gets another
// id: children mean the first span of a number.
func (g *numbering) take(number, parent int32) span.ID {
	g.links = append(g.links, link{number, parent})
	if number < 0 || number >= maxLow {
		if g.high == nil {
			g.high = make(map[int32]span.ID)
		}
		if _, ok := g.high[number]; ok {
			return g.again(number)
		}
		id := g.ids.Of(number)
		g.high[number] = id
		return id
	}
	for len(g.low) <= int(number) {
		g.low = append(g.low, 0)
	}
	if g.low[number] != 0 {
		return g.again(number)
	}
	if m := g.marks.get(number); m.id != 0 {
		g.low[number] = m.id
	} else {
		g.low[number] = g.ids.Of(number)
	}
	return g.low[number]
}

// again is the id of a span whose number is taken. It depends on nothing but
// the segment, so that a repeated report gives the same ids.
func (g *numbering) again(number int32) span.ID {
	g.repeats++
	return span.SpanOf(g.trace, g.segment+"#"+strconv.Itoa(g.repeats), number)
}

// find is the id of a number, also of one that the segment does not have.
func (g *numbering) find(number int32) span.ID {
	if number < maxLow {
		if int(number) < len(g.low) && g.low[number] != 0 {
			return g.low[number]
		}
	} else if id, ok := g.high[number]; ok {
		return id
	}
	return g.ids.Of(number)
}
