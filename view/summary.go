// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
)

// summary is a trace in a few words.
type summary struct {
	Trace     string  `json:"trace"`
	Service   string  `json:"service,omitempty"`
	Name      string  `json:"name,omitempty"`
	Start     nanos   `json:"start,omitempty"`
	Duration  nanos   `json:"duration,omitempty"`
	Spans     int     `json:"spans"`
	Errors    int     `json:"errors,omitempty"`
	Cut       int     `json:"cut,omitempty"`
	Services  []share `json:"services"`
	Protocols []share `json:"protocols"`
}

// share is how many spans of a trace are of a service or came by a protocol.
type share struct {
	Name   string `json:"name"`
	Spans  int    `json:"spans"`
	Errors int    `json:"errors,omitempty"`
}

// nanos is a time or a duration in ns as a decimal number in a string, since
// numbers of JavaScript end before the times of today do. "" when not known.
type nanos string

func nanosOf(v int64, known bool) nanos {
	if !known {
		return ""
	}
	return nanos(strconv.FormatInt(v, 10))
}

// maxServices bounds the services of a summary.
const maxServices = 50

func summarize(g *tree) summary {
	root := g.root()
	return summary{
		Trace: g.id.String(), Service: root.service, Name: root.name,
		Start: nanosOf(g.start, g.timed), Duration: nanosOf(g.lasted(), g.timed),
		Spans: len(g.rows), Errors: g.errs, Cut: g.gone,
		Services: g.services(maxServices), Protocols: g.protocols(),
	}
}

// lasted is the time from the first start to the last end, in ns.
func (g *tree) lasted() int64 {
	if g.start < 0 && g.end > math.MaxInt64+g.start {
		return math.MaxInt64
	}
	return g.end - g.start
}

// services are the services with most spans first.
func (g *tree) services(most int) []share {
	at := make(map[string]int)
	list := []share{}
	for i := range g.rows {
		r := &g.rows[i]
		k, ok := at[r.service]
		if !ok {
			k = len(list)
			at[r.service] = k
			list = append(list, share{Name: r.service})
		}
		list[k].Spans++
		if r.failed {
			list[k].Errors++
		}
	}
	slices.SortStableFunc(list, bySpans)
	return list[:min(len(list), most)]
}

func bySpans(a, b share) int {
	return cmp.Or(cmp.Compare(b.Spans, a.Spans), strings.Compare(a.Name, b.Name))
}

// protocols are the protocols by which the spans came.
func (g *tree) protocols() []share {
	var list []share
	last, at := "", -1
	for i := range g.rows {
		format := g.items[g.rows[i].item].Batch.Origin.Format
		if at < 0 || format != last {
			name := metrics.Protocol(format)
			last = format
			if at = slices.IndexFunc(list, func(s share) bool { return s.Name == name }); at < 0 {
				at = len(list)
				list = append(list, share{Name: name})
			}
		}
		list[at].Spans++
	}
	slices.SortStableFunc(list, bySpans)
	return list
}

// instanceOf is which process of the service it was, as far as the report says.
func instanceOf(b *span.Batch, s *span.Span) string {
	if g := b.Segment(s.Segment); g != nil && g.Instance.Len() > 0 {
		return b.Str(g.Instance)
	}
	if r := b.Resource(s.Resource); r != nil {
		for _, key := range [...]string{"service.instance.id", "host.name", "hostname"} {
			if a := b.Find(r.Attrs, key); a != nil && a.Type == span.String {
				return b.Str(a.Text())
			}
		}
	}
	if ip := s.Local.IP(); ip.IsValid() {
		return ip.String()
	}
	return ""
}
