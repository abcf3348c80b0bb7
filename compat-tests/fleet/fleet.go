// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Fleet is services and the spans that they make.
type Fleet struct {
	Services  []Service
	Instances []Instance
	Traces    []Trace
	Spans     []Span    // those of a trace lie together; fleet.id is the place here
	Segments  []Segment // of SkyWalking

	Joins, Unflagged int // servers that share an id, and those that do not say so

	begin   time.Time
	rng     *rand.Rand
	proxies float64
	tagged  bool
	tags    map[int32][2]string // sw8.trace_id and sw8.parent of spans
}

// Trace is one request from the first service to the last.
type Trace struct {
	ID    TraceID
	Name  string // as SkyWalking's agents write the id
	First int32  // its first span
	End   int64  // ns since the fleet began
}

// Kind is the role of a span in a call.
type Kind uint8

// Kinds.
const (
	Local Kind = iota
	Server
	Client
	Producer
	Consumer
)

// Span is a span with what is true of it and what its report says.
type Span struct {
	Trace    int32
	Parent   int32 // the true one, -1 for none
	Instance int32
	Peer     int32 // the service at the other side, -1 for none
	Kind     Kind
	Case     Case
	Joined   bool // it has the id of its client
	Flagged  bool // and says so
	OneWay   bool // it tells no duration
	Lost     bool // it is never reported

	ID, ParentID uint64 // in the report; a parent of 0 is none
	Start, End   int64  // ns since the fleet began, by a right clock

	Segment, Number int32 // its place with SkyWalking, -1 elsewhere
}

// Segment is what a SkyWalking agent reports at once.
type Segment struct {
	Name     string
	Trace    int32
	Instance int32
	Spans    []int32
	Ref      *Ref // to the parent of the first span, nil for a root
	Lost     bool
}

// Ref is what the header of a call says to a SkyWalking agent, or one of its
// threads to another.
type Ref struct {
	Segment                  string
	Number                   int32
	Thread                   bool
	Instance                 int32
	Endpoint, NetworkAddress string
}

// Case is how a span came to be: what makes its parent easy or hard to know.
type Case uint8

// Cases. The child of a joined server names an id that two spans have; the
// words "own id" are about a server that did not join.
const (
	CaseRoot Case = iota
	CasePlain
	CaseOwnID
	CaseJoined
	CaseJoinedUnflagged
	CaseUnderJoined
	CaseUnderUnflagged
	CaseUnderClient
	CaseRetried
	CaseUnderRetried
	CaseSelf
	CaseUnderSelf
	CaseUnderSelfClient
	CaseProxy
	CaseBehindProxy
	CaseOneWay
	CaseUnderOneWay
	CaseConsumer
	CaseJoinedConsumer
	CaseUnderJoinedConsumer
	cases
)

var caseNames = [cases]string{
	"root", "plain", "server with its own id", "joined", "joined unflagged",
	"under joined", "under unflagged", "under client half", "joined retry", "under joined retry",
	"joined call to itself", "under joined call to itself", "under client half of call to itself",
	"proxy", "behind proxy", "joined one-way", "under joined one-way",
	"consumer", "joined consumer", "under joined consumer",
}

func (c Case) String() string { return caseNames[c] }

// New makes a fleet and all its traces.
func New(o Options) *Fleet {
	f := &Fleet{
		begin: o.Begin, rng: rand.New(rand.NewPCG(o.Seed, 0x666c656574)),
		proxies: o.Proxies, tagged: o.Tagged, tags: make(map[int32][2]string),
	}
	f.deploy(o)
	f.Spans = make([]Span, 0, o.Spans+maxSpans)
	// How many traces there will be is not known: a trace has about 20 spans.
	for len(f.Spans) < o.Spans {
		f.trace(int64(float64(o.Length) * float64(len(f.Spans)) / float64(o.Spans)))
	}
	f.lose(o.Loss)
	return f
}

// lose picks the spans that are never reported.
func (f *Fleet) lose(share float64) {
	for i := range f.Spans {
		if s := &f.Spans[i]; s.Segment < 0 {
			s.Lost = f.chance(share)
		}
	}
	for i := range f.Segments {
		g := &f.Segments[i]
		g.Lost = f.chance(share)
		for _, n := range g.Spans {
			f.Spans[n].Lost = g.Lost
		}
	}
}

// Reported is how many spans are reported.
func (f *Fleet) Reported() (n int) {
	for i := range f.Spans {
		if !f.Spans[i].Lost {
			n++
		}
	}
	return n
}

func (f *Fleet) service(instance int32) *Service { return &f.Services[f.Instances[instance].Service] }

func (f *Fleet) chance(share float64) bool { return f.rng.Float64() < share }

// wait is a random time around a mean, in ns.
func (f *Fleet) wait(mean time.Duration) int64 {
	return int64(f.rng.ExpFloat64()*float64(mean)) + int64(mean)/10
}

func (f *Fleet) id() uint64 {
	for {
		if v := f.rng.Uint64(); v != 0 {
			return v
		}
	}
}

// micros is a time in a report: µs since 1970 by the clock of the instance.
func (f *Fleet) micros(instance int32, at int64) int64 {
	return f.begin.Add(time.Duration(at) + f.Instances[instance].Skew).UnixMicro()
}

// attributes calls add for every tag of a span.
func (f *Fleet) attributes(n int32, add func(key, value string)) {
	add(idTag, strconv.Itoa(int(n)))
	if t, ok := f.tags[n]; ok {
		add("sw8.trace_id", t[0])
		add("sw8.parent", t[1])
	}
}

// duration is how long a span took, in µs and at least 1, as its tracer
// measures it.
func (s *Span) duration() int64 { return max((s.End-s.Start)/1000, 1) }
