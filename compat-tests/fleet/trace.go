// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/base64"
	"fmt"
	"time"
)

// database is the Peer of a call to a database, which reports nothing.
const database = -2

// process is an instance at work for one request.
type process struct {
	instance int32
	segment  int32 // of a SkyWalking agent, else -1
}

// current is the span that the next spans of a process belong to.
type current struct {
	span  int32
	id    uint64 // what they say as their parent
	under Case
}

// caller is the context of a call as the callee gets it.
type caller struct {
	span     int32  // the true parent of what answers
	id       uint64 // the client half's
	parentID uint64
	ref      Ref
	native   bool // the client half is one of SkyWalking
	join     bool // a server that can joins
	as       Case // joined, for the plain kind
	under    Case
}

// trace makes one trace that begins at a time.
func (f *Fleet) trace(begin int64) {
	at := f.pick(-1)
	t := Trace{First: int32(len(f.Spans)), ID: TraceID{f.id(), f.id()}}
	switch s := f.service(at); {
	case s.Protocol == SkyWalking && f.chance(0.5):
		t.Name = f.javaName(at)
		t.ID = traceOf(t.Name)
	case s.Protocol < OTLPGRPC && s.Protocol != SkyWalking && f.chance(0.2):
		t.ID.hi = 0
	}
	if t.Name == "" {
		t.Name = t.ID.hex32()
	}
	f.Traces = append(f.Traces, t)
	kind := Server
	if f.chance(0.1) {
		kind = Local
	}
	p, c := f.enter(at, caller{span: -1, as: CaseRoot}, kind, begin)
	f.close(c.span, f.work(p, c, begin, 0))
}

func (f *Fleet) now() *Trace { return &f.Traces[len(f.Traces)-1] }

func (f *Fleet) full() bool { return len(f.Spans)-int(f.now().First) >= maxSpans }

// pick is an instance of any service but the proxies, and not the one given.
func (f *Fleet) pick(but int32) int32 {
	for {
		n := int32(f.rng.IntN(len(f.Instances)))
		if n != but && !f.service(n).Proxy {
			return n
		}
	}
}

// sibling is another instance of the same service.
func (f *Fleet) sibling(of int32) int32 {
	first := f.service(of).first
	all := int32(len(f.Instances))
	for {
		n := first + int32(f.rng.IntN(int(all-first)))
		if n != of && f.Instances[n].Service == f.Instances[of].Service {
			return n
		}
	}
}

// open begins a span.
func (f *Fleet) open(p process, c current, k Kind, at int64) int32 {
	n := int32(len(f.Spans))
	s := Span{
		Trace: int32(len(f.Traces) - 1), Parent: c.span, Instance: p.instance, Peer: -1, Kind: k, Case: c.under,
		ParentID: c.id, Start: at, Segment: p.segment, Number: -1,
	}
	if p.segment >= 0 {
		g := &f.Segments[p.segment]
		s.Number = int32(len(g.Spans))
		s.ID = spanOf(g.Name, s.Number)
		g.Spans = append(g.Spans, n)
	} else {
		s.ID = f.id()
	}
	f.Spans = append(f.Spans, s)
	return n
}

// close ends a span.
func (f *Fleet) close(n int32, at int64) int64 {
	f.Spans[n].End = at
	t := f.now()
	t.End = max(t.End, at)
	return at
}

// javaName is an id as SkyWalking's agent for Java makes it.
func (f *Fleet) javaName(instance int32) string {
	i := &f.Instances[instance]
	i.thread++
	return fmt.Sprintf("%s.%d.%d", i.hex, 20+i.thread%7, 17000000000000000+i.thread*2)
}

// segment begins what a SkyWalking agent reports at once.
func (f *Fleet) segment(instance int32, ref *Ref) int32 {
	name := f.javaName(instance)
	if instance%2 == 1 {
		name = hex16(f.id()) + hex16(f.id()) // Go, Python
	}
	f.Segments = append(f.Segments, Segment{Name: name, Trace: int32(len(f.Traces) - 1), Instance: instance, Ref: ref})
	return int32(len(f.Segments) - 1)
}

// enter is the beginning of a request in a process.
func (f *Fleet) enter(instance int32, from caller, k Kind, at int64) (process, current) {
	v := f.service(instance)
	p := process{instance: instance, segment: -1}
	if v.Protocol == SkyWalking {
		var ref *Ref
		if from.span >= 0 {
			ref = &from.ref
		}
		p.segment = f.segment(instance, ref)
	}
	n := f.open(p, current{from.span, from.id, from.as}, k, at)
	s := &f.Spans[n]
	c := current{n, s.ID, CasePlain}
	if from.span < 0 {
		return p, c
	}
	s.Peer = f.Instances[f.Spans[from.span].Instance].Service
	if f.tagged && p.segment < 0 && from.native {
		f.tags[n] = [2]string{f.now().Name, f.header(&from.ref)}
	}
	joins := v.Joins && (from.join || v.Proxy)
	if !joins {
		if k == Server && from.as != CaseBehindProxy {
			s.Case = CaseOwnID
		}
		if k == Consumer {
			s.Case = CaseConsumer
		}
		return p, c
	}
	s.ID, s.ParentID = from.id, from.parentID
	s.Joined, s.Flagged = true, v.Flags
	c.id, c.under = s.ID, from.under
	f.Joins++
	if !v.Flags {
		f.Unflagged++
		if from.as == CaseJoined {
			s.Case, c.under = CaseJoinedUnflagged, CaseUnderUnflagged
		}
	}
	return p, c
}

// work is what a process does under a span; it returns when it ends.
func (f *Fleet) work(p process, c current, at int64, depth int) int64 {
	at += f.wait(time.Millisecond)
	for range 1 + f.rng.IntN(3) {
		if f.full() {
			break
		}
		switch r := f.rng.Float64(); {
		case r < 0.15:
			at = f.local(p, c, at, depth)
		case r < 0.30:
			n := f.open(p, c, Client, at)
			f.Spans[n].Peer = database
			at = f.close(n, at+f.wait(time.Millisecond))
		case r < 0.36:
			at = f.message(p, c, at, depth)
		case depth < maxDepth:
			at = f.call(p, c, at, depth)
		}
		at += f.wait(time.Millisecond)
	}
	return at
}

// local is a span within the process; with SkyWalking it may be another thread.
func (f *Fleet) local(p process, c current, at int64, depth int) int64 {
	if p.segment >= 0 && f.chance(0.2) {
		p.segment = f.segment(p.instance, &Ref{
			Segment: f.Segments[p.segment].Name, Number: f.Spans[c.span].Number, Thread: true,
			Instance: p.instance, Endpoint: f.endpoint(f.Segments[p.segment].Spans[0]), NetworkAddress: "",
		})
	}
	n := f.open(p, c, Local, at)
	end := at + f.wait(time.Millisecond)
	if f.chance(0.3) {
		end = f.work(p, current{n, f.Spans[n].ID, CasePlain}, at, depth+1)
	}
	return f.close(n, end)
}

// call is a call of another service, or of itself.
func (f *Fleet) call(p process, c current, at int64, depth int) int64 {
	n := f.open(p, c, Client, at)
	to := f.pick(p.instance)
	self := f.chance(selfShare)
	if self {
		to = p.instance
	}
	f.Spans[n].Peer = f.Instances[to].Service
	if f.chance(localShare) {
		under := CaseUnderClient
		if self {
			under = CaseUnderSelfClient
		}
		l := f.open(p, current{n, f.Spans[n].ID, under}, Local, at+f.wait(10*time.Microsecond))
		at = f.close(l, f.Spans[l].Start+f.wait(100*time.Microsecond))
	}
	from := f.context(p, n)
	from.join = !f.chance(separateShare)
	from.as, from.under = CaseJoined, CaseUnderJoined
	at += f.net()
	switch {
	case self:
		from.as, from.under = CaseSelf, CaseUnderSelf
	case f.chance(oneWayShare):
		from.as, from.under = CaseOneWay, CaseUnderOneWay
		f.Spans[n].OneWay = true
		f.answer(to, from, Server, at+f.wait(5*time.Millisecond), depth)
		return f.close(n, at)
	case f.chance(f.proxies):
		return f.close(n, f.proxied(to, from, at, depth)+f.net())
	case f.chance(retryShare) && f.Instances[to].Service != f.Instances[p.instance].Service:
		from.as, from.under = CaseRetried, CaseUnderRetried
		at = f.answer(f.sibling(to), from, Server, at, depth) + f.net()
	}
	return f.close(n, f.answer(to, from, Server, at, depth)+f.net())
}

// proxied is a call that a proxy passes on with the context that it got: the
// application behind it is called by the proxy.
func (f *Fleet) proxied(to int32, from caller, at int64, depth int) int64 {
	first := f.Services[len(f.Services)-1].first
	proxy := first + int32(f.rng.IntN(len(f.Instances)-int(first)))
	from.as = CaseProxy
	_, c := f.enter(proxy, from, Server, at)
	f.Spans[c.span].Peer = f.Instances[to].Service
	from.span, from.join, from.as = c.span, false, CaseBehindProxy
	end := f.answer(to, from, Server, at+f.wait(200*time.Microsecond), depth)
	return f.close(c.span, end+f.wait(200*time.Microsecond))
}

// message is a message to another service, which takes it later.
func (f *Fleet) message(p process, c current, at int64, depth int) int64 {
	n := f.open(p, c, Producer, at)
	to := f.pick(p.instance)
	f.Spans[n].Peer = f.Instances[to].Service
	from := f.context(p, n)
	from.join = f.chance(joinedMessage) && f.service(to).Flags && f.service(to).Protocol != ZipkinThrift
	from.as, from.under = CaseJoinedConsumer, CaseUnderJoinedConsumer
	f.answer(to, from, Consumer, at+f.wait(10*time.Millisecond), depth)
	return f.close(n, at+f.wait(200*time.Microsecond))
}

// answer is all that a callee does.
func (f *Fleet) answer(to int32, from caller, k Kind, at int64, depth int) int64 {
	p, c := f.enter(to, from, k, at)
	return f.close(c.span, f.work(p, c, at, depth+1))
}

// net is the time of a message between two hosts.
func (f *Fleet) net() int64 { return f.wait(150 * time.Microsecond) }

// context is what a client half writes into its headers, in every form.
func (f *Fleet) context(p process, n int32) caller {
	s := &f.Spans[n]
	r := Ref{Segment: segmentName(f.now().ID, s.ID), Instance: p.instance, NetworkAddress: f.peer(s)}
	r.Endpoint = f.endpoint(n)
	if p.segment >= 0 {
		g := &f.Segments[p.segment]
		r.Segment, r.Number, r.Endpoint = g.Name, s.Number, f.endpoint(g.Spans[0])
	}
	return caller{span: n, id: s.ID, parentID: s.ParentID, ref: r, native: p.segment >= 0}
}

// header is the tag sw8.parent: what the header said of the caller.
func (f *Fleet) header(r *Ref) string {
	text := func(s string) string { return "|" + base64.StdEncoding.EncodeToString([]byte(s)) }
	return fmt.Sprintf("%s|%d", r.Segment, r.Number) + text(f.service(r.Instance).Name) + text(f.Instances[r.Instance].Name) +
		text(r.Endpoint) + text(r.NetworkAddress)
}

// endpoint is the name of a span.
func (f *Fleet) endpoint(n int32) string {
	s := &f.Spans[n]
	switch {
	case s.Kind == Local:
		return "work"
	case s.Peer == database:
		return "select"
	case s.Kind == Server:
		return "get /" + f.service(s.Instance).Name
	case s.Kind == Client && s.Peer >= 0:
		return "get /" + f.Services[s.Peer].Name
	}
	return "topic"
}

// peer is the address that a client half calls.
func (f *Fleet) peer(s *Span) string {
	switch {
	case s.Peer == database:
		return "mysql:3306"
	case s.Kind == Producer || s.Kind == Consumer:
		return "kafka:9092"
	case s.Peer >= 0:
		return f.Services[s.Peer].Name + ":8080"
	}
	return ""
}
