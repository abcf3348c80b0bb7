// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"
)

// report is what an instance sends at once.
type report struct {
	at    int64   // ns since the fleet began
	units []int32 // spans, or segments of a SkyWalking agent
}

// schedule sorts what is reported into the reports of each instance, in the
// order of time.
func (f *Fleet) schedule(o Options) [][]report {
	type unit struct {
		at, end int64
		n       int32
	}
	all := make([][]unit, len(f.Instances))
	add := func(instance, trace, n int32, end int64) {
		var at int64
		if o.Interval > 0 {
			every, phase := int64(o.Interval), int64(f.Instances[instance].phase)
			at = (end+every-phase)/every*every + phase
		} else {
			at = f.Traces[trace].End + f.rng.Int64N(int64(o.Spread))
		}
		all[instance] = append(all[instance], unit{at, end, n})
	}
	for n := range f.Spans {
		if s := &f.Spans[n]; s.Segment < 0 && !s.Lost {
			end := s.End
			if s.OneWay {
				end = s.Start // it is done with it at once
			}
			add(s.Instance, s.Trace, int32(n), end)
		}
	}
	for n := range f.Segments {
		g := &f.Segments[n]
		if g.Lost {
			continue
		}
		var end int64
		for _, s := range g.Spans {
			end = max(end, f.Spans[s].End)
		}
		add(g.Instance, g.Trace, int32(n), end)
	}
	out := make([][]report, len(all))
	for i, units := range all {
		slices.SortFunc(units, func(a, b unit) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.end, b.end)) })
		limit := o.Spans // of a report
		switch {
		case o.Interval == 0:
			limit = 1
		case f.service(int32(i)).Protocol == JaegerUDP:
			limit = datagramSpans
		}
		for _, u := range units {
			last := len(out[i]) - 1
			if last < 0 || out[i][last].at != u.at || len(out[i][last].units) >= limit {
				out[i] = append(out[i], report{at: u.at})
				last++
			}
			out[i][last].units = append(out[i][last].units, u.n)
		}
	}
	return out
}

// datagramSpans keeps a packet well below 64 KiB.
const datagramSpans = 50
