// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// joins decides identities. What it knows of is in users; a decision that needs
// a span which was not seen yet is either put off or made from what there is.
type joins struct {
	users users
	// joiners are services that were seen to use the id of their caller without
	// the flag. Spans of others are not made to wait for a caller that may share
	// their id.
	joiners services
	// proxies: a proxy was seen that joined the span of its caller. From then on
	// calls wait for one that may be between: those of the services behind it
	// always, those of any other service until so many have waited inVain.
	proxies bool
	behind  services
	inVain  map[uint64]int8 // by the hash of the service
	found   []*user         // the result of the last look-up

	servers, lateClients int // how many got an id of their own
}

// services is a set of services, by the hash of the name.
type services map[uint64]struct{}

// maxServices bounds a set.
const maxServices = 10_000

func (s *services) learn(p span.Place) {
	if p.Named() && !s.know(p) && len(*s) < maxServices {
		if *s == nil {
			*s = make(services)
		}
		(*s)[p.Service] = struct{}{}
	}
}

func (s *services) know(p span.Place) bool {
	_, ok := (*s)[p.Service]
	return ok
}

// wait says which ids a decision needs to hear of; n is 0 for a decision.
type wait struct {
	keys [2]key
	n    int
}

func waitFor(keys ...key) (w wait) {
	w.n = copy(w.keys[:], keys)
	return w
}

// report is a span with what is asked of it again and again.
type report struct {
	*span.Item
	s     *span.Span
	place span.Place
	role  role
	user  ref // that was noted of it
	// joins: its protocol lets a server share the id of its client.
	joins bool
	// zipkin: its protocol is made for shared ids, so that they are to be
	// expected of every service.
	zipkin bool
}

func (r *report) own() key    { return key{r.s.Trace.Lo, r.s.ID} }
func (r *report) parent() key { return key{r.s.Trace.Lo, r.s.Parent} }

func reportOf(it *span.Item) report {
	s := it.Span()
	r := report{Item: it, s: s, place: it.Place(), role: other, user: ref{n: somebody}}
	p := it.Batch.Protocol()
	r.joins = p != span.OTLP && p != span.SkyWalking
	r.zipkin = r.joins && p != span.Jaeger
	switch {
	case split(s):
	case s.Has&span.Shared != 0 && s.Kind != span.KindClient:
		r.role = half
	case s.Kind == span.KindClient || s.Kind == span.KindProducer:
		r.role = client
	case r.joins && (s.Kind == span.KindServer || s.Kind == span.KindConsumer):
		r.role = server
	}
	return r
}

// split is true for a span whose id is its own already: only its wire identity
// in Zipkin is shared.
func split(s *span.Span) bool {
	return s.Has&span.HasWire != 0 && s.Wire.ID != s.ID
}

// note remembers a report. It returns true when it tells of something new.
func (j *joins) note(r *report) bool {
	if r.role == other && !r.joins || split(r.s) {
		r.user = ref{}
		return false // nobody else has its id
	}
	u := user{key: r.own(), place: r.place, role: r.role, end: -1}
	switch r.role {
	case half:
		u.as = r.place.Half(r.s.ID)
	case client:
		if service := r.Batch.Str(r.s.Remote.Service); service != "" {
			u.loop = strings.EqualFold(service, r.Batch.Str(r.s.Local.Service))
		} else {
			u.loop = true
		}
	case other:
		u.as = r.s.ID
	}
	if r.role >= server {
		u.start, u.end = r.times()
		u.message = r.s.Kind == span.KindConsumer
		j.between(r, &u)
	}
	var news bool
	r.user, news = j.users.note(&u)
	return news
}

// times are start and end, or 0 and -1 when they are not known.
func (r *report) times() (start, end int64) {
	const known = span.HasStart | span.HasDuration
	if r.s.Has&known != known {
		return 0, -1
	}
	return r.s.Start, r.s.Start + r.s.Duration
}

// between learns from a server half that comes after what it called.
func (j *joins) between(r *report, u *user) {
	for _, c := range j.look(r.own()) {
		if c.role == callee && u.isProxyOf(c.place, c.start, c.end) {
			j.proxies = true
			j.behind.learn(c.place)
		}
	}
}

// skew is how far the clocks of two hosts may be apart, ns.
const skew = 200e6

// isProxyOf is true when a server half may have passed on the call that another
// service served: its time is around the other's but for the clocks, which may
// be further apart than the call took. Who took a message passed nothing on.
func (u *user) isProxyOf(p span.Place, start, end int64) bool {
	return u.role >= server && !u.message && u.place.Service != p.Service &&
		u.start <= u.end && start <= end && u.start-skew <= start && end <= u.end+skew
}

func (j *joins) look(k key) []*user {
	j.found = j.users.appendOf(j.found[:0], k)
	return j.found
}

// decide gives the item its identity. With force it does so from what is known;
// otherwise it may answer what to wait for.
func (j *joins) decide(r *report, force bool) wait {
	switch {
	case split(r.s):
		return wait{}
	case r.role == half:
		r.ID, r.Parent = r.place.Half(r.s.ID), j.clientOf(r.own())
		j.servers++
		return wait{}
	case r.role == server:
		if w := j.settleServer(r, force); w.n > 0 {
			return w
		}
		if r.ID != r.s.ID {
			j.servers++
			return wait{}
		}
	case r.role == client:
		j.settleClient(r)
	}
	if r.s.Parent == 0 {
		return wait{}
	}
	if r.s.Kind == span.KindServer || r.s.Kind == span.KindConsumer {
		return j.entry(r, force)
	}
	return j.local(r, force || !r.joins)
}

// clientOf is the id under which the client half of an id left.
func (j *joins) clientOf(k key) span.ID {
	for _, u := range j.look(k) {
		if u.role == client && u.as != 0 {
			return u.as
		}
	}
	return k.id
}

// settleServer decides whether a server without the flag shares the id of its
// client.
func (j *joins) settleServer(r *report, force bool) wait {
	own := r.own()
	as := r.s.ID // as it would leave if it does not share
	var me, caller *user
	for _, u := range j.look(own) {
		switch {
		case u.role == client:
			caller = u
		case u.role == server && u.place.All == r.place.All:
			me = u
		case u.role == server && u.as == as:
			as = r.place.Half(own.id) // another server left under the id: a retry
		}
	}
	switch {
	case me != nil && me.as != 0:
		as = me.as // a part of the same span was here before
	case caller != nil:
		as = r.place.Half(own.id)
		j.joiners.learn(r.place)
	case !force && j.joiners.know(r.place) && !j.calledByClient(r):
		if r.s.Parent == 0 || r.s.Parent == r.s.ID {
			return waitFor(own)
		}
		return waitFor(own, r.parent())
	}
	if me = j.user(own, r.place, server, r.user); me != nil {
		me.as = as
	}
	if as != r.s.ID {
		r.ID = as
		if caller != nil {
			r.Parent = j.clientOf(own)
		}
	}
	return wait{}
}

// calledByClient is true when the parent of a server is known to be a client
// elsewhere: then that is its caller and the server has an id of its own.
func (j *joins) calledByClient(r *report) bool {
	if r.s.Parent == 0 {
		return false
	}
	for _, u := range j.look(r.parent()) {
		if u.role == client && u.place.All != r.place.All {
			return true
		}
	}
	return false
}

// settleClient gives a client another id when a server left under the id that
// they share: the server had no flag, so nobody could know.
func (j *joins) settleClient(r *report) {
	var me *user
	late := false
	for _, u := range j.look(r.own()) {
		switch {
		case u.role == client && u.place.All == r.place.All:
			me = u
		case u.role == server && u.as == r.s.ID:
			late = true
			j.joiners.learn(u.place)
		}
	}
	switch {
	case me != nil && me.as != 0:
		r.ID = me.as
		return
	case late:
		r.ID = span.LateClient(r.s.ID)
		j.lateClients++
	}
	if me != nil {
		me.as = r.ID
	}
}

// entry finds the parent of a span that another process called: the innermost
// span that crossed the wire, which is the client half, unless a proxy joined
// before. The proxy reports after what it called, so where proxies join, calls
// wait for one that may be between.
func (j *joins) entry(r *report, force bool) wait {
	parent, proxies := r.s.Parent, 0
	start, end := r.times()
	var proxy span.ID
	for _, u := range j.look(r.parent()) {
		switch {
		case u.role == client && u.as != 0:
			parent = u.as
		case u.as != 0 && u.as != r.s.Parent && u.isProxyOf(r.place, start, end):
			proxy = u.as
			proxies++
		}
	}
	switch {
	case proxies == 1:
		parent = proxy
		j.proxies = true
		j.behind.learn(r.place)
	case proxies == 0 && j.expectsProxy(r.place):
		if !force {
			return waitFor(r.parent())
		}
		j.waitedInVain(r.place)
	}
	r.Parent = parent
	if proxies == 0 && !force {
		j.users.note(&user{key: r.parent(), place: r.place, role: callee, start: start, end: end})
	}
	return wait{}
}

// patience is how many calls of a service wait for a proxy in vain before no
// more of them do.
const patience = 64

func (j *joins) expectsProxy(p span.Place) bool {
	return j.proxies && (j.behind.know(p) || j.inVain[p.Service] < patience && len(j.inVain) < maxServices)
}

func (j *joins) waitedInVain(p span.Place) {
	if j.behind.know(p) {
		return
	}
	if j.inVain == nil {
		j.inVain = make(map[uint64]int8)
	}
	j.inVain[p.Service]++
}

// local finds the parent of a span that its own process started: the span of
// that id which the same process reported.
func (j *joins) local(r *report, force bool) wait {
	parent := r.parent()
	var halves, exact int // that it may mean
	var target span.ID
	var open, plain, caller *user
	elsewhere := false // a server half is known at another place
	for _, u := range j.look(parent) {
		if !u.place.Fits(r.place) && r.place.Named() {
			elsewhere = elsewhere || u.role >= server
			continue
		}
		switch {
		case u.role == callee:
		case u.role >= server && u.as == 0:
			open = u
		case u.role >= server && u.as != parent.id:
			switch {
			case u.place.All == r.place.All:
				exact, target = exact+1, u.as
			case exact == 0:
				halves, target = halves+1, u.as
			}
		case u.role == client:
			caller = u
		default:
			plain = u
		}
	}
	may := !force && (r.zipkin || j.joiners.know(r.place))
	switch {
	case exact > 0 || halves == 1 && (r.place.Named() || !may):
		r.Parent = target
	case open != nil && !force:
		return waitFor(parent)
	case halves > 1 || plain != nil:
		// It means none of them more than another, or one that kept its id.
	case caller != nil && caller.loop && !elsewhere && may:
		return waitFor(parent) // its own process may be the one that was called
	case caller != nil:
		if caller.as != 0 {
			r.Parent = caller.as
		}
	case may:
		return waitFor(parent)
	}
	return wait{}
}

// parentOpen is true when the parent that a span may mean is a server of which
// nobody knows yet under which id it leaves.
func (j *joins) parentOpen(r *report) bool {
	for _, u := range j.look(r.parent()) {
		if u.role >= server && u.as == 0 && u.place.Fits(r.place) {
			return true
		}
	}
	return false
}

// user is what is remembered of a report.
func (j *joins) user(k key, place span.Place, r role, noted ref) *user {
	if noted.n == nobody {
		return nil
	}
	if u := j.users.get(noted); u != nil {
		return u
	}
	return j.users.find(k, place, r)
}

// calledBy is who may have called a span whose identity is decided.
func calledBy(it *span.Item, s *span.Span, r role) called {
	c := called{entry: s.Kind == span.KindServer || s.Kind == span.KindConsumer, by: s.Parent}
	if r == half || r == server && it.ID != s.ID {
		c.by, c.joined = s.ID, true
	}
	return c
}

// hasCaller is true when the span that called one is on its way. It notes of which
// service that is.
func (j *joins) hasCaller(trace uint64, c *called) bool {
	for _, u := range j.look(key{trace, c.by}) {
		if u.left && (u.role == client || !c.joined && u.role != callee) {
			c.known, c.from = true, u.place.Service
			return true
		}
	}
	return false
}
