// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Result is what became of a fleet by one protocol.
type Result struct {
	Output Output

	Spans int // that were reported
	// Judged are those whose true parent was reported too, or that have none. The
	// others have no right answer.
	Judged int
	Right  int // the parent is the true one (Zipkin: the identity is as it came)
	// What is not right, by what was to be had: the parent's report came after
	// the hold was over (Late), or to another node and not right (Apart), or it
	// was there in time.
	Late, Apart, Wrong int

	Duplicates int // spans with an id that another span of the trace has
	Dangling   int // spans with a parent that is nowhere and was never lost
	// Strangers are spans with a parent that is not above them. The children of a
	// client half that calls its own process do not count: nothing on the wire
	// tells them from those of the server half, to which Zipkin gives them.
	Strangers  int
	Lost       int
	Doubled    int
	OtherTrace int // spans whose trace has another id than it should

	Split     int // traces with more than one name, for SkyWalking alone
	Repeated  int // segments that came more than once
	Synthetic int // spans that nobody reported

	Cases  [cases]Tally
	Faults []string // what could not be read
	Sample []string // some of what was wrong
}

// Tally is how many spans of a case were judged, and how many of them came out
// with another parent though the true one was to be had.
type Tally struct{ Judged, Wrong int }

// Share is the share of right parents among the spans that are judged.
func (r *Result) Share() float64 { return float64(r.Right) / float64(max(r.Judged, 1)) }

// ShareInTime leaves out the spans whose parents were reported after the hold.
func (r *Result) ShareInTime() float64 { return float64(r.Right) / float64(max(r.Judged-r.Late, 1)) }

// samples is how many of each fault are told.
const samples = 4

// LoseDatagrams takes the spans that were sent by UDP and came out nowhere for
// lost on the way to the gateway, and returns how many they are. Whether they
// are just those that the gateway did not receive is for the caller to compare.
func (f *Fleet) LoseDatagrams(b *Backend) (lost int) {
	for n := range f.Spans {
		s := &f.Spans[n]
		if s.Lost || f.service(s.Instance).Protocol != JaegerUDP {
			continue
		}
		times := 0
		for o := range b.got {
			b.got[o].Lock()
			times += int(b.got[o].spans[n].times)
			b.got[o].Unlock()
		}
		if times == 0 {
			s.Lost = true
			lost++
		}
	}
	return lost
}

// Judge compares what came out with what is true. Hold is how long the gateway
// waits for a parent, in real time.
func (f *Fleet) Judge(b *Backend, o Output, a *Arrivals, hold time.Duration) *Result {
	j := &judge{Fleet: f, got: &b.got[o], arrivals: a, hold: hold, Result: &Result{Output: o}, told: make(map[string]int)}
	j.got.Lock()
	defer j.got.Unlock()
	j.Faults = j.got.faults
	j.Synthetic = len(j.got.others)
	for _, n := range j.got.segments {
		if n > 1 {
			j.Repeated++
		}
	}
	for t := range f.Traces {
		end := len(f.Spans)
		if t+1 < len(f.Traces) {
			end = int(f.Traces[t+1].First)
		}
		j.trace(f.Traces[t].First, int32(end))
	}
	return j.Result
}

type judge struct {
	*Fleet
	*Result
	got      *seen
	arrivals *Arrivals
	hold     time.Duration

	byID map[uint64]int32
	told map[string]int
}

func (j *judge) trace(first, end int32) {
	j.byID = make(map[uint64]int32, end-first)
	var names []uint64
	for n := first; n < end; n++ {
		s, e := &j.Fleet.Spans[n], &j.got.spans[n]
		if s.Lost {
			continue
		}
		j.Result.Spans++
		switch {
		case e.times == 0:
			j.Lost++
			j.sample("lost", n, "is nowhere")
			continue
		case e.times > 1:
			j.Doubled++
			j.sample("doubled", n, fmt.Sprintf("%d times", e.times))
		}
		if e.trace != j.Traces[s.Trace].ID {
			j.OtherTrace++
		}
		if e.name != 0 && !slices.Contains(names, e.name) {
			names = append(names, e.name)
		}
		if other, ok := j.byID[e.id]; ok && j.Output != ToZipkin {
			j.Duplicates++
			j.sample("duplicate", n, "has the id of "+j.describe(other))
		}
		j.byID[e.id] = n
	}
	if len(names) > 1 {
		j.Split++
	}
	for n := first; n < end; n++ {
		if !j.Fleet.Spans[n].Lost && j.got.spans[n].times > 0 {
			if j.Output == ToZipkin {
				j.identity(n)
			} else {
				j.parent(n)
			}
		}
	}
}

// identity wants a span of a Zipkin output to be as it was reported.
func (j *judge) identity(n int32) {
	s, e := &j.Fleet.Spans[n], &j.got.spans[n]
	j.Judged++
	j.Cases[s.Case].Judged++
	if e.id == s.ID && e.parent == s.ParentID && e.shared == s.Flagged {
		j.Right++
		return
	}
	j.Wrong++
	j.Cases[s.Case].Wrong++
	j.sample("identity", n, fmt.Sprintf("id %x parent %x shared %v, want %x %x %v", e.id, e.parent, e.shared, s.ID, s.ParentID, s.Flagged))
}

// want is the true parent of a span. What an agent of SkyWalking reported goes to
// SkyWalking as it is: behind a proxy it refers to the header's client half, for
// its agent knew no better.
func (j *judge) want(n int32) int32 {
	s := &j.Fleet.Spans[n]
	if j.Output == ToSkyWalking && s.Segment >= 0 && s.Case == CaseBehindProxy {
		return j.Fleet.Spans[s.Parent].Parent
	}
	return s.Parent
}

func (j *judge) parent(n int32) {
	s, e := &j.Fleet.Spans[n], &j.got.spans[n]
	want := j.want(n)
	got, found := j.find(e.parent)
	if found && got >= 0 && !j.above(got, n) && s.Case != CaseUnderSelfClient {
		j.Strangers++
		j.sample("stranger", n, "has the parent "+j.describe(got))
	}
	if want >= 0 && j.Fleet.Spans[want].Lost {
		return // there is no right answer
	}
	j.Judged++
	tally := &j.Cases[s.Case]
	tally.Judged++
	if e.parent != 0 && !found && !j.wasLost(s.Trace, e.parent) {
		j.Dangling++
		j.sample("dangling", n, fmt.Sprintf("has the parent %x, want %s", e.parent, j.describe(want)))
	}
	if found && got == want {
		j.Right++
		return
	}
	switch {
	case want >= 0 && j.arrivals.Taken[want]-j.arrivals.Sent[n] > j.hold-j.hold/margin:
		j.Late++
		return
	case want >= 0 && j.arrivals.Node[want] != j.arrivals.Node[n]:
		j.Apart++
	default:
		j.Wrong++
	}
	tally.Wrong++
	j.sample(s.Case.String(), n, fmt.Sprintf("has the parent %d, want %d", got, want))
}

// margin is the part of the hold that a gateway may need, at the most, between
// the arrival of a report and a look at its spans.
const margin = 10

// find is the span with an id, -1 for none; spans that the gateway made up are
// passed.
func (j *judge) find(id uint64) (n int32, found bool) {
	for range 4 {
		if id == 0 {
			return -1, true
		}
		if n, ok := j.byID[id]; ok {
			return n, true
		}
		up, ok := j.got.others[id]
		if !ok {
			break
		}
		id = up
	}
	return -1, false
}

// wasLost tells whether an id is that of a span that was never reported: with a
// lost client half, what is taken for its child hangs in the air.
func (j *judge) wasLost(trace int32, id uint64) bool {
	t := &j.Traces[trace]
	for n := t.First; int(n) < len(j.Fleet.Spans) && j.Fleet.Spans[n].Trace == trace; n++ {
		s := &j.Fleet.Spans[n]
		if !s.Lost {
			continue
		}
		own := s.ID
		switch {
		case j.Output != ToSkyWalking:
		case s.Segment >= 0:
			own = hashOf(j.Segments[s.Segment].Name, s.Number)
		default:
			own = hashOf(segmentName(t.ID, s.ID), 0)
		}
		if own == id {
			return true
		}
	}
	return false
}

// above tells whether a span is an ancestor of another one.
func (j *judge) above(up, n int32) bool {
	for n = j.Fleet.Spans[n].Parent; n >= 0; n = j.Fleet.Spans[n].Parent {
		if n == up {
			return true
		}
	}
	return false
}

func (j *judge) sample(fault string, n int32, what string) {
	if j.told[fault] < samples {
		j.told[fault]++
		j.Sample = append(j.Sample, fault+": "+j.describe(n)+" "+what)
	}
}

// describe is a span in one line.
func (f *Fleet) describe(n int32) string {
	if n < 0 {
		return "none"
	}
	s := &f.Spans[n]
	v := f.service(s.Instance)
	return fmt.Sprintf("span %d of trace %d (%s, %s, parent %d, %s)", n, s.Trace, s.Case, v.Name, s.Parent, protocolNames[v.Protocol])
}

var protocolNames = [...]string{
	"zipkin json", "zipkin proto3", "zipkin thrift", "jaeger http", "jaeger udp", "skywalking", "otlp grpc", "otlp http",
}

// Header is the first line of a table of results, in Markdown.
const Header = `| output | spans | right | in time | late | apart | wrong | duplicates | dangling | strangers | lost | doubled | other trace | names split | made up |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
`

// String is a line of the table.
func (r *Result) String() string {
	return fmt.Sprintf("| %s | %d | %.3f %% | %.3f %% | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", r.Output, r.Spans,
		100*r.Share(), 100*r.ShareInTime(), r.Late, r.Apart, r.Wrong, r.Duplicates, r.Dangling, r.Strangers, r.Lost, r.Doubled,
		r.OtherTrace, r.Split, r.Synthetic)
}

// Why lists the cases that came out wrong.
func (r *Result) Why() string {
	var b strings.Builder
	for c, t := range r.Cases {
		if t.Wrong > 0 {
			fmt.Fprintf(&b, "  %s: %s %d of %d\n", r.Output, Case(c), t.Wrong, t.Judged)
		}
	}
	return b.String()
}
