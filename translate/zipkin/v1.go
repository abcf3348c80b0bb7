// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// v1span is a span of version 1 on its way to one or two canonical spans. Its
// slices are used again for the next span. Times are nanoseconds, 0 for absent.
type v1span struct {
	trace           span.TraceID
	id, parent      span.ID
	name            span.Text
	start, duration int64
	debug           bool
	raw             span.Text

	annotations []v1annotation
	binaries    []v1binary
	halves      []v1half
	crowded     bool // more than maxHalves services

	// The core annotations, which say kind and times.
	cs, cr, sr, ss, ms, mr, ws, wr v1core
}

type v1annotation struct {
	time  int64
	value span.Text
	host  span.Endpoint
	half  int // which half takes it as an event, -1 for none
}

type v1binary struct {
	attr span.Attr
	host span.Endpoint
	half int // which half takes it as a tag, -1 for none
}

// v1half is one of the canonical spans that a v1 span stands for.
type v1half struct {
	kind            span.Kind
	shared          bool
	start, duration int64
	local, remote   span.Endpoint
	// extra are core annotations whose other end is missing: of a call one, of
	// a message two.
	extra  [3]v1core
	extras int
}

type v1core struct {
	ok   bool
	time int64
	host span.Endpoint
	text span.Text
}

func (v *v1span) reset() {
	*v = v1span{annotations: v.annotations[:0], binaries: v.binaries[:0], halves: v.halves[:0]}
}

// convert makes canonical spans of a v1 span. It follows the server's
// V1SpanConverter step by step (openzipkin/zipkin, zipkin2.v1), because what a
// v1 span means is defined by nothing else. It returns false, and adds nothing,
// for a span of more than maxHalves services.
func (v *v1span) convert(w *span.Builder) bool {
	v.sort(w)
	v.halves = append(v.halves[:0], v1half{})
	v.readAnnotations(w)
	v.readTimes(w)
	v.readMessaging(w)
	v.readBinaries(w)
	if v.crowded {
		return false
	}
	for i := range v.halves {
		v.emit(w, i)
	}
	return true
}

// sort puts the annotations in the order in which the server looks at them:
// the first endpoint is the first span's own, the last of equal annotations
// counts.
func (v *v1span) sort(w *span.Builder) {
	slices.SortStableFunc(v.annotations, func(a, b v1annotation) int {
		if c := cmp.Compare(a.time, b.time); c != 0 {
			return c
		}
		return strings.Compare(w.Str(a.value), w.Str(b.value))
	})
	slices.SortStableFunc(v.binaries, func(a, b v1binary) int {
		return strings.Compare(w.Str(a.attr.Key), w.Str(b.attr.Key))
	})
}

// maxHalves bounds the services of one span. Real spans name two; every
// annotation is compared with all of them, and for a long body of nothing else
// that would take minutes.
const maxHalves = 64

var tooManyServices = translate.Fault{
	Place: "annotations", Found: "more than " + strconv.Itoa(maxHalves) + " services", Want: "those of one call",
}

// half is the half that reports under the service of an endpoint; the first
// one takes what has no endpoint.
func (v *v1span) half(w *span.Builder, e *span.Endpoint) int {
	if e.IsZero() {
		return 0
	}
	if v.halves[0].local.IsZero() {
		v.halves[0].local = *e
		return 0
	}
	if i := v.find(w, e); i >= 0 {
		return i
	}
	return v.newHalf(e)
}

func (v *v1span) find(w *span.Builder, e *span.Endpoint) int {
	for i := range v.halves {
		if sameService(w, &v.halves[i].local, e) {
			return i
		}
	}
	return -1
}

func (v *v1span) newHalf(e *span.Endpoint) int {
	if len(v.halves) == maxHalves {
		v.crowded = true
		return 0
	}
	v.halves = append(v.halves, v1half{local: *e})
	return len(v.halves) - 1
}

// of is the half of an endpoint, to be changed at once: the next call may move
// it.
func (v *v1span) of(w *span.Builder, e *span.Endpoint) *v1half {
	i := v.half(w, e)
	return &v.halves[i]
}

// sameService compares only the names: the addresses of one process may be
// given in more than one way.
func sameService(w *span.Builder, a, b *span.Endpoint) bool {
	return strings.EqualFold(w.Str(a.Service), w.Str(b.Service))
}

// readAnnotations gives every annotation to a half and takes the core ones
// out, which must have an endpoint.
func (v *v1span) readAnnotations(w *span.Builder) {
	for i := range v.annotations {
		a := &v.annotations[i]
		a.half = v.half(w, &a.host)
		if a.host.IsZero() || a.value.Len() != 2 {
			continue
		}
		h := &v.halves[a.half]
		core := v1core{ok: true, time: a.time, host: a.host, text: a.value}
		switch w.Str(a.value) {
		case "cs":
			h.kind, v.cs = span.KindClient, core
		case "cr":
			h.kind, v.cr = span.KindClient, core
		case "sr":
			h.kind, v.sr = span.KindServer, core
		case "ss":
			h.kind, v.ss = span.KindServer, core
		case "ms":
			h.kind, v.ms = span.KindProducer, core
		case "mr":
			h.kind, v.mr = span.KindConsumer, core
		case "ws":
			v.ws = core
		case "wr":
			v.wr = core
		default:
			continue
		}
		a.half = -1
	}
}

// readTimes finds the times of the halves of a call.
func (v *v1span) readTimes(w *span.Builder) {
	// A bridge between event and span models may lose the start.
	if !v.cs.ok && v.endsWith(v.cr) {
		v.cs = v1core{ok: true, time: v.start, host: v.cr.host}
	}
	if !v.sr.ok && v.endsWith(v.ss) {
		v.sr = v1core{ok: true, time: v.start, host: v.ss.host}
	}
	switch {
	case v.cs.ok && v.sr.ok:
		// The client side owns the times of the span.
		v.setTimes(w, v.cs, v.cr)
		client, server := v.pair(w, &v.cs.host, &v.sr.host, span.KindClient, span.KindServer)
		s := &v.halves[server]
		s.shared = true
		s.start = v.sr.time
		if v.ss.ok {
			s.duration = v.ss.time - v.sr.time
		}
		if !v.cr.ok && v.duration == 0 {
			v.halves[client].duration = 0 // one way
		}
	case v.cs.ok && v.cr.ok:
		v.setTimes(w, v.cs, v.cr)
	case v.sr.ok && v.ss.ok:
		v.setTimes(w, v.sr, v.ss)
	default:
		v.incomplete()
	}
	// Version 1 had no flag: a server that left the times to the client shares
	// its span.
	if !v.cs.ok && v.sr.ok && (v.start == 0 || v.ss.ok && v.duration == 0) {
		v.of(w, &v.sr.host).shared = true
	}
}

// pair gives the halves of both ends of a call. Where one service calls itself
// the second end gets a half of its own.
func (v *v1span) pair(w *span.Builder, from, to *span.Endpoint, first, second span.Kind) (sender, receiver int) {
	sender = v.half(w, from)
	if !sameService(w, from, to) {
		return sender, v.half(w, to)
	}
	v.halves[sender].kind = first
	receiver = v.newHalf(to)
	v.halves[receiver].kind = second
	return sender, receiver
}

func (v *v1span) endsWith(end v1core) bool {
	return end.ok && v.start != 0 && v.duration != 0 && v.start+v.duration == end.time
}

func (v *v1span) setTimes(w *span.Builder, begin, end v1core) {
	h := v.of(w, &begin.host)
	if v.start != 0 && v.duration != 0 {
		h.start, h.duration = v.start, v.duration
		return
	}
	h.start = begin.time
	if end.ok {
		h.duration = end.time - begin.time
	}
}

// incomplete handles a call of which an end is missing: the end that is there
// becomes an ordinary annotation.
func (v *v1span) incomplete() {
	for i := range v.halves {
		h := &v.halves[i]
		begin, end := v.cs, v.cr
		switch h.kind {
		case span.KindClient:
		case span.KindServer:
			begin, end = v.sr, v.ss
		default:
			continue
		}
		if begin.ok {
			h.start = begin.time
		}
		if end.ok {
			h.keep(end)
		}
	}
	if v.start != 0 {
		v.halves[0].start, v.halves[0].duration = v.start, v.duration
	}
}

func (h *v1half) keep(c v1core) {
	h.extra[h.extras] = c
	h.extras++
}

// readMessaging finds the times of a producer and a consumer, which are not
// supposed to be in one span but have been seen there.
func (v *v1span) readMessaging(w *span.Builder) {
	switch {
	case v.ms.ok && v.mr.ok:
		producer, consumer := v.pair(w, &v.ms.host, &v.mr.host, span.KindProducer, span.KindConsumer)
		c := &v.halves[consumer]
		c.shared = true
		c.start = v.mr.time
		if v.wr.ok {
			c.start, c.duration = v.wr.time, v.mr.time-v.wr.time
		}
		p := &v.halves[producer]
		p.start, p.duration = v.ms.time, 0
		if v.ws.ok {
			p.duration = v.ws.time - v.ms.time
		}
	case v.ms.ok:
		v.setTimes(w, v.ms, v.ws)
	case v.mr.ok && v.wr.ok:
		v.setTimes(w, v.wr, v.mr)
	case v.mr.ok:
		v.setTimes(w, v.mr, v1core{})
	default:
		if v.ws.ok {
			v.of(w, &v.ws.host).keep(v.ws)
		}
		if v.wr.ok {
			v.of(w, &v.wr.host).keep(v.wr)
		}
	}
}

// readBinaries gives the tags to their halves and takes the addresses out. The
// values of sa, ca and ma should be true; some clients write "1".
func (v *v1span) readBinaries(w *span.Builder) {
	var ca, sa, ma span.Endpoint
	for i := range v.binaries {
		b := &v.binaries[i]
		b.half = -1
		switch key := w.Str(b.attr.Key); {
		case key == "ca":
			ca = b.host
		case key == "sa":
			sa = b.host
		case key == "ma":
			ma = b.host
		case b.attr.Type != span.String:
			// The server drops it, so it must not make a half.
			b.half = max(v.find(w, &b.host), 0)
		default:
			b.half = v.half(w, &b.host)
			if key == "lc" && b.attr.Text().Len() == 0 {
				b.half = -1 // it was there for its endpoint
			}
		}
	}
	if core := v.cs.ok || v.cr.ok || v.sr.ok || v.ss.ok; !core && (!ca.IsZero() || !sa.IsZero()) {
		switch {
		case !ca.IsZero() && !sa.IsZero():
			v.of(w, &ca).remote = sa
		case !sa.IsZero():
			v.halves[0].remote = sa
		default:
			v.halves[0].kind = span.KindServer
			v.halves[0].remote = ca
		}
		return
	}
	server := v.sr
	if !server.ok {
		server = v.ss
	}
	if !ca.IsZero() && server.ok && !sameEndpoint(w, &ca, &server.host) {
		if sameService(w, &ca, &server.host) {
			// Finagle writes the server's own name here; it would draw a loop.
			ca.Service = span.Text{}
		}
		v.of(w, &server.host).remote = ca
	}
	client := v.cs
	if !client.ok {
		client = v.cr
	}
	if !sa.IsZero() && client.ok {
		v.of(w, &client.host).remote = sa
	}
	if !ma.IsZero() {
		if v.ms.ok {
			v.of(w, &v.ms.host).remote = ma
		}
		if v.mr.ok {
			v.of(w, &v.mr.host).remote = ma
		}
	}
}

func sameEndpoint(w *span.Builder, a, b *span.Endpoint) bool {
	return sameService(w, a, b) && a.SameIP(b) && a.Port == b.Port
}

// emit adds a half to the batch.
func (v *v1span) emit(w *span.Builder, i int) {
	h := &v.halves[i]
	s := span.Span{
		Trace: v.trace, ID: v.id, Parent: v.parent, Name: v.name, Kind: h.kind,
		Local: h.local, Remote: h.remote, Raw: v.raw,
	}
	if h.start > 0 {
		s.Start = h.start
		s.Has |= span.HasStart
	}
	if h.duration > 0 {
		s.Duration = h.duration
		s.Has |= span.HasDuration
	}
	if v.debug {
		s.Sampling = span.Debug | span.Sampled
	}
	mark := w.EventMark()
	for _, a := range v.annotations {
		if a.half == i {
			w.Event(span.Event{Time: a.time, Name: a.value})
		}
	}
	for _, c := range h.extra[:h.extras] {
		w.Event(span.Event{Time: c.time, Name: c.text})
	}
	sortEvents(w, mark)
	s.Events = w.EventsFrom(mark)
	mark = w.AttrMark()
	var said outcome
	for _, b := range v.binaries {
		if b.half == i {
			a := b.attr
			said.read(w, &a)
			w.Attr(a)
		}
	}
	s.Attrs = w.AttrsFrom(mark)
	said.set(w, &s, mark)
	setWire(&s, h.shared)
	w.Span(s)
}
