// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"net/netip"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/residue"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// family is a set of attributes that describe one end of a call together.
type family struct{ addr, port, name *span.Attr }

// Families of attributes for the other end, best first: the order of
// OpenTelemetry's rules for Zipkin exporters (trace/sdk_exporters/zipkin.md).
const (
	networkPeer  = iota // semantic conventions since 1.21
	serverSocket        // 1.20
	netSockPeer         // 1.13
	netPeer             // up to 1.12
	server              // since 1.20: the name that the client used
	opentracing
	families
)

// ends collects what the attributes of a span say of both ends of the call.
type ends struct {
	peer    [families]family
	local   [3]family
	service *span.Attr // peer.service
	address *span.Attr // peer.address
	ip4     *span.Attr // peer.ipv4
	ip6     *span.Attr // peer.ipv6
	db      *span.Attr // db.name
	any     bool
}

func (e *ends) take(key string, a *span.Attr) {
	var to **span.Attr
	switch key {
	case "network.peer.address":
		to = &e.peer[networkPeer].addr
	case "network.peer.port":
		to = &e.peer[networkPeer].port
	case "server.socket.address":
		to = &e.peer[serverSocket].addr
	case "server.socket.port":
		to = &e.peer[serverSocket].port
	case "server.socket.domain":
		to = &e.peer[serverSocket].name
	case "net.sock.peer.addr":
		to = &e.peer[netSockPeer].addr
	case "net.sock.peer.port":
		to = &e.peer[netSockPeer].port
	case "net.sock.peer.name":
		to = &e.peer[netSockPeer].name
	case "net.peer.ip":
		to = &e.peer[netPeer].addr
	case "net.peer.port":
		to = &e.peer[netPeer].port
	case "net.peer.name":
		to = &e.peer[netPeer].name
	case "server.address":
		to = &e.peer[server].name
	case "server.port":
		to = &e.peer[server].port
	case "peer.hostname":
		to = &e.peer[opentracing].name
	case "peer.port":
		to = &e.peer[opentracing].port
	case "peer.service":
		to = &e.service
	case "peer.address":
		to = &e.address
	case "peer.ipv4":
		to = &e.ip4
	case "peer.ipv6":
		to = &e.ip6
	case "db.name":
		to = &e.db
	case "network.local.address":
		to = &e.local[0].addr
	case "network.local.port":
		to = &e.local[0].port
	case "net.sock.host.addr":
		to = &e.local[1].addr
	case "net.sock.host.port":
		to = &e.local[1].port
	case "net.host.ip":
		to = &e.local[2].addr
	case "net.host.port":
		to = &e.local[2].port
	default:
		return
	}
	*to = a
	e.any = true
}

// endpoints fills the endpoints of a span from its attributes and marks those
// that say no more than the field does. It says whether there is an attribute
// for a residue.
func (r *reader) endpoints(s *span.Span, attrs []span.Attr) (marked bool) {
	var e ends
	for i := range attrs {
		// Most keys are none of these.
		if key := r.w.Str(attrs[i].Key); len(key) > 6 {
			switch key[0] {
			case 'n', 's', 'p', 'd':
				e.take(key, &attrs[i])
			case 'b':
				marked = marked || key == residue.Key
				residue.Inside(r.w, &attrs[i])
			}
		}
	}
	if e.any {
		r.remote(s, &e)
		r.localEnd(s, &e)
	}
	return marked
}

// remote fills the other end. The attributes that name the server stand for it
// only on the side that calls: elsewhere the server is the span's own end.
func (r *reader) remote(s *span.Span, e *ends) {
	calls := s.Kind == span.KindClient || s.Kind == span.KindProducer || s.Kind == span.KindConsumer
	if !calls {
		e.peer[server], e.peer[serverSocket], e.db = family{}, family{}, nil
	}
	from := -1 // the family that gave the address, whose port belongs to it
	sure := false
	for i := range e.peer {
		if a := e.peer[i].addr; r.setIP(&s.Remote, a) {
			from, sure = i, a.Mirrored
			break
		}
	}
	for _, a := range [...]*span.Attr{e.ip4, e.ip6} {
		if r.setIP(&s.Remote, a) && from < 0 {
			from, sure = opentracing, a.Mirrored
		}
	}
	if a := e.service; isText(a) {
		s.Remote.Service = a.Text()
		a.Mirrored = true
	} else if i := r.standIn(s, e); from < 0 {
		from = i
	}
	if from >= 0 {
		setPort(&s.Remote, e.peer[from].port, sure)
		return
	}
	for i := range e.peer {
		if setPort(&s.Remote, e.peer[i].port, i == networkPeer) {
			return
		}
	}
}

// standIn takes a name for the other end, where no service is given, from the
// best attribute that has one, and says whose family it is (-1: of none). An
// address is not a name; it is used if there is no other.
func (r *reader) standIn(s *span.Span, e *ends) int {
	for _, i := range [...]int{server, netPeer, serverSocket, netSockPeer, opentracing} {
		if r.nameOrIP(&s.Remote, e.peer[i].name) {
			return i
		}
	}
	if !r.nameOrIP(&s.Remote, e.address) {
		r.nameOrIP(&s.Remote, e.db)
	}
	return -1
}

func (r *reader) nameOrIP(end *span.Endpoint, a *span.Attr) bool {
	if !isText(a) {
		return false
	}
	ip, ok := r.parseIP(a)
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

func isText(a *span.Attr) bool {
	return a != nil && a.Type == span.String && a.Text().Len() > 0
}

// localEnd fills what the attributes say of the span's own end. They know it
// better than the resource, which has the addresses of the host.
func (r *reader) localEnd(s *span.Span, e *ends) {
	end := span.Endpoint{Service: s.Local.Service}
	from := -1
	for i := range e.local {
		if r.setIP(&end, e.local[i].addr) && from < 0 {
			from = i
		}
	}
	if from >= 0 {
		s.Local = end
		setPort(&s.Local, e.local[from].port, e.local[from].addr.Mirrored)
		return
	}
	for i := range e.local {
		if setPort(&s.Local, e.local[i].port, i == 0) {
			return
		}
	}
}

// setIP sets the part of an endpoint that an address belongs to, unless it is
// set, and marks the attribute if the part gives its text back.
func (r *reader) setIP(e *span.Endpoint, a *span.Attr) bool {
	if a == nil {
		return false
	}
	if a.Type == span.String {
		// The usual one, whose text is the only one for its address.
		if ip, ok := span.ParseIP4(r.w.Str(a.Text())); ok {
			if e.IP4().IsValid() {
				return false
			}
			e.SetIP4(ip)
			a.Mirrored = true
			return true
		}
	}
	ip, ok := r.parseIP(a)
	if !ok {
		return false
	}
	ip = ip.Unmap()
	if ip.Is4() && e.IP4().IsValid() || ip.Is6() && e.IP6().IsValid() {
		return false
	}
	e.SetIP(ip)
	var room [64]byte
	a.Mirrored = string(ip.AppendTo(room[:0])) == r.w.Str(a.Text())
	return true
}

func (r *reader) parseIP(a *span.Attr) (netip.Addr, bool) {
	if a.Type != span.String {
		return netip.Addr{}, false
	}
	return parseIP(r.w.Str(a.Text()))
}

// parseIP reads an address. What cannot be one by its length or its first byte
// is not parsed, since the parser's refusal takes memory.
func parseIP(text string) (netip.Addr, bool) {
	if len(text) < 2 || len(text) > 45 || text[0] > 'f' || text[0] == '/' {
		return netip.Addr{}, false
	}
	dots, colons := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return netip.Addr{}, false
		}
	}
	if dots != 3 && colons < 2 {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(text)
	return ip, err == nil
}

// setPort sets the port of an endpoint. The attribute is marked if it is the
// port of that very address.
func setPort(e *span.Endpoint, a *span.Attr, sure bool) bool {
	if a == nil || a.Type != span.Int || a.Int() <= 0 || a.Int() > 65535 {
		return false
	}
	e.Port = uint16(a.Int())
	a.Mirrored = sure
	return true
}

// readLocal takes from the attributes of a resource what all its spans say of
// their own end.
func (r *reader) readLocal(attrs []span.Attr) {
	for i := range attrs {
		a := &attrs[i]
		switch r.w.Str(a.Key) {
		case keyService:
			if a.Type == span.String && a.Text().Len() > 0 && !r.local.Service.Present() {
				r.local.Service = a.Text()
				a.Mirrored = true
			}
		case "host.ip":
			if a.Type == span.JSON {
				r.setFirstIP(r.w.Str(a.Text()))
				continue
			}
			r.setIP(&r.local, a)
		}
	}
}

// setFirstIP takes the first address of a list, which is the usual form of
// host.ip.
func (r *reader) setFirstIP(list string) {
	j := wire.JSON{Buf: []byte(list)}
	if j.Peek() != '[' {
		return
	}
	for j.Array(); j.Elem(); {
		if j.Peek() != '"' {
			j.Skip()
			continue
		}
		if ip, ok := parseIP(j.Raw(j.String())); ok {
			r.local.SetIP(ip)
			return
		}
	}
}

const keyService = "service.name"
