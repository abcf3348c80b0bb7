// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"net/netip"
	"slices"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// sightedEnds is what reader.endpoints will make of the attributes of a span: of
// those that it has itself and of those that are made of its fields. It is the
// same rules again, for attributes that have no place in a batch.
type sightedEnds struct {
	ends
	b      *span.Batch
	made   [mostMadeEnds]madeEnd
	n      int
	marked []*span.Attr // those that say no more than a field
}

// mostMadeEnds is how many appendEndpoints makes.
const mostMadeEnds = 7

// madeEnd is an attribute that was made of a field.
type madeEnd struct {
	key  string
	attr span.Attr
	addr netip.Addr // of an address, whose attribute has no text
}

// appendOwnEnds appends what appendEndpoints does for a span whose attributes say
// nothing of an end: all that is written will be in a field again.
func (f *foreignWriter) appendOwnEnds(d []byte) ([]byte, bool) {
	g, s, v := f.sight, f.s, &f.sight.Span
	v.Local, v.Remote = s.Local, s.Remote
	v.Local.Service, v.Remote.Service = filled(s.Local.Service), filled(s.Remote.Service)
	ok, there := true, false
	if s.Remote.Service.Len() > 0 {
		text := f.b.Str(s.Remote.Service)
		ok = !f.named || g.Made("peer.service", residue.Value{Text: text}, true, false)
		d, there = appendKnownAttr(d, peerForm, text)
		ok = ok && there
	}
	d, there = f.appendEnd(d, &s.Remote, &peerKeys)
	ok = ok && there
	d, there = f.appendEnd(d, &s.Local, &localKeys)
	return d, ok && there
}

// The keys of what is said of an end.
type endKeys struct{ addr, second, port string }

var (
	peerKeys  = endKeys{"network.peer.address", "peer.ipv6", "network.peer.port"}
	localKeys = endKeys{"network.local.address", "net.host.ip", "network.local.port"}
	peerForm  = keyForm("peer.service")
)

// appendEnd appends the address and the port. What is made of them is in a field
// again, so that nothing is to be said of it unless there are attributes of such keys.
func (f *foreignWriter) appendEnd(d []byte, p *span.Endpoint, keys *endKeys) (out []byte, ok bool) {
	g := f.sight
	ok = true
	if ip := p.IP(); ip.IsValid() {
		ok = !ip.Is4In6() && (!f.named || g.Made(keys.addr, residue.Value{Addr: ip}, true, false))
		d = appendIPAttr(d, keys.addr, ip)
		if other := p.IP6(); other.IsValid() && ip.Is4() {
			ok = ok && !other.Is4In6() && (!f.named || g.Made(keys.second, residue.Value{Addr: other}, true, false))
			d = appendIPAttr(d, keys.second, other)
		}
	}
	if port := int64(p.Port); port != 0 {
		ok = ok && (!f.named || g.Made(keys.port, residue.Value{Type: span.Int, Int: port}, true, false))
		d = appendIntAttr(d, fieldAttribute, keys.port, port)
	}
	return d, ok
}

// appendEnds appends what appendEndpoints does for one whose attributes do.
func (f *foreignWriter) appendEnds(d []byte) ([]byte, bool) {
	e, g, b, s := &f.ends, f.sight, f.b, f.s
	e.ends, e.b, e.n, e.marked = ends{}, b, 0, e.marked[:0]
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		if a := &attrs[i]; !a.Mirrored {
			if key := b.Str(a.Key); len(key) > 6 {
				e.take(key, a)
			}
		}
	}
	ok := true
	p := &s.Remote
	if p.Service.Len() > 0 && !g.Visible("peer.service") {
		text := b.Str(p.Service)
		ok = ok && wire.IsValid(text)
		d = appendStringAttr(d, fieldAttribute, "peer.service", text)
		e.add("peer.service", span.StringAttr(span.Text{}, p.Service), netip.Addr{})
	}
	d = e.appendAddress(d, g, p, "network.peer.address", "peer.ipv6", &ok)
	d = e.appendPort(d, g, p.Port, "network.peer.port")
	p = &s.Local
	d = e.appendAddress(d, g, p, "network.local.address", "net.host.ip", &ok)
	d = e.appendPort(d, g, p.Port, "network.local.port")
	if !ok {
		return d, false
	}
	v := &g.Span
	v.Local.Service = filled(s.Local.Service)
	if e.any {
		e.remote(v)
		e.localEnd(v)
	}
	for i := range e.made[:e.n] {
		m := &e.made[i]
		value := residue.Value{Type: m.attr.Type, Addr: m.addr}
		if m.attr.Type == span.Int {
			value.Int = m.attr.Int()
		} else {
			value.Text = b.Str(m.attr.Text())
		}
		ok = ok && g.Made(m.key, value, slices.Contains(e.marked, &m.attr), false)
	}
	for _, a := range e.marked {
		if e.madeOf(a) == nil {
			g.InField()
		}
	}
	return d, ok
}

func (e *sightedEnds) add(key string, a span.Attr, addr netip.Addr) {
	m := &e.made[e.n]
	e.n++
	*m = madeEnd{key: key, attr: a, addr: addr}
	e.take(key, &m.attr)
}

func (e *sightedEnds) appendAddress(d []byte, g *residue.Sight, p *span.Endpoint, key, second string, ok *bool) []byte {
	ip, other := p.IP(), p.IP6()
	if !ip.IsValid() {
		return d
	}
	d = e.appendIP(d, g, key, ip, ok)
	if p.IP4().IsValid() && other.IsValid() {
		d = e.appendIP(d, g, second, other, ok)
	}
	return d
}

func (e *sightedEnds) appendIP(d []byte, g *residue.Sight, key string, ip netip.Addr, ok *bool) []byte {
	if g.Visible(key) {
		return d
	}
	*ok = *ok && !ip.Is4In6()
	e.add(key, span.Attr{}, ip)
	return appendIPAttr(d, key, ip)
}

func (e *sightedEnds) appendPort(d []byte, g *residue.Sight, port uint16, key string) []byte {
	if port == 0 || g.Visible(key) {
		return d
	}
	e.add(key, span.IntAttr(span.Text{}, int64(port)), netip.Addr{})
	return appendIntAttr(d, fieldAttribute, key, int64(port))
}

func (e *sightedEnds) mark(a *span.Attr) { e.marked = append(e.marked, a) }

// remote is reader.remote.
func (e *sightedEnds) remote(s *span.Span) {
	calls := s.Kind == span.KindClient || s.Kind == span.KindProducer || s.Kind == span.KindConsumer
	if !calls {
		e.peer[server], e.peer[serverSocket], e.db = family{}, family{}, nil
	}
	from, sure := -1, false
	for i := range e.peer {
		if set, plain := e.setIP(&s.Remote, e.peer[i].addr); set {
			from, sure = i, plain
			break
		}
	}
	for _, a := range [...]*span.Attr{e.ip4, e.ip6} {
		if set, plain := e.setIP(&s.Remote, a); set && from < 0 {
			from, sure = opentracing, plain
		}
	}
	if a := e.service; isText(a) {
		s.Remote.Service = a.Text()
		e.mark(a)
	} else if i := e.standIn(s); from < 0 {
		from = i
	}
	if from >= 0 {
		e.setPort(&s.Remote, e.peer[from].port, sure)
		return
	}
	for i := range e.peer {
		if e.setPort(&s.Remote, e.peer[i].port, i == networkPeer) {
			return
		}
	}
}

// standIn is reader.standIn.
func (e *sightedEnds) standIn(s *span.Span) int {
	for _, i := range [...]int{server, netPeer, serverSocket, netSockPeer, opentracing} {
		if e.nameOrIP(&s.Remote, e.peer[i].name) {
			return i
		}
	}
	if !e.nameOrIP(&s.Remote, e.address) {
		e.nameOrIP(&s.Remote, e.db)
	}
	return -1
}

func (e *sightedEnds) nameOrIP(end *span.Endpoint, a *span.Attr) bool {
	if !isText(a) {
		return false
	}
	ip, ok := parseIP(e.b.Str(a.Text()))
	switch {
	case !ok:
		end.Service = a.Text()
	case end.IP().IsValid():
		return false
	default:
		end.SetIP(ip)
	}
	return true
}

// localEnd is reader.localEnd.
func (e *sightedEnds) localEnd(s *span.Span) {
	end := span.Endpoint{Service: s.Local.Service}
	from, sure := -1, false
	for i := range e.local {
		if set, plain := e.setIP(&end, e.local[i].addr); set && from < 0 {
			from, sure = i, plain
		}
	}
	if from >= 0 {
		s.Local = end
		e.setPort(&s.Local, e.local[from].port, sure)
		return
	}
	for i := range e.local {
		if e.setPort(&s.Local, e.local[i].port, i == 0) {
			return
		}
	}
}

// setIP is reader.setIP. plain: the attribute was marked.
func (e *sightedEnds) setIP(end *span.Endpoint, a *span.Attr) (set, plain bool) {
	if a == nil || a.Type != span.String {
		return false, false
	}
	ip, text := netip.Addr{}, ""
	if m := e.madeOf(a); m != nil && m.addr.IsValid() {
		ip = m.addr
	} else {
		var ok bool
		text = e.b.Str(a.Text())
		if ip, ok = parseIP(text); !ok {
			return false, false
		}
		ip = ip.Unmap()
	}
	if ip.Is4() && end.IP4().IsValid() || ip.Is6() && end.IP6().IsValid() {
		return false, false
	}
	end.SetIP(ip)
	var room [64]byte
	if text == "" || string(wire.AppendIP(room[:0], ip)) == text {
		e.mark(a)
		return true, true
	}
	return true, false
}

func (e *sightedEnds) madeOf(a *span.Attr) *madeEnd {
	for i := range e.made[:e.n] {
		if a == &e.made[i].attr {
			return &e.made[i]
		}
	}
	return nil
}

// setPort is the function of that name.
func (e *sightedEnds) setPort(end *span.Endpoint, a *span.Attr, sure bool) bool {
	if a == nil || a.Type != span.Int || a.Int() <= 0 || a.Int() > 65535 {
		return false
	}
	end.Port = uint16(a.Int())
	if sure {
		e.mark(a)
	}
	return true
}
