// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"math"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// role is how OAP sees a converted span. Names are cut to OAP's lengths.
type role struct {
	signs
	typ, layer, component int32
	service, instance     string
	operation             string
	// peer is whom an exit calls; for the entry of a message it is the broker,
	// for any other the caller's address.
	peer string
	// nameless: a client that does not know whom it calls. OAP draws an exit
	// without a peer wrong, so it is written as a local span.
	nameless bool
	remote   bool // a call that another process may continue
	apart    bool // it is number 0 of a segment of its own
}

// converter makes segments of spans. Its memory is used again for each call.
type converter struct {
	names    arena
	prefixes prefixes
	keys     []string
}

// role decides how OAP is to see a span.
func (c *converter) role(r *role, it *span.Item) {
	b, s := it.Batch, it.Span()
	*r = role{}
	r.read(b, s)
	r.service = cut(or(b.Str(s.Local.Service), unknown), maxService)
	instance := or(r.signs.instance[0], r.signs.instance[1], r.signs.instance[2], r.signs.instance[3])
	if instance == "" {
		instance = or(c.localIP(s), unknown)
	}
	r.instance = cut(instance, maxInstance)
	r.typ = typeLocal
	switch s.Kind {
	case span.KindServer, span.KindConsumer:
		r.typ = typeEntry
	case span.KindClient, span.KindProducer:
		r.typ = typeExit
	}
	r.layer = r.layerOf(s.Kind)
	r.peer = c.peerOf(b, s, r)
	r.remote = r.typ == typeExit && r.layer != layerDatabase && r.layer != layerCache
	r.apart = r.remote || r.typ == typeEntry || s.Has&span.Referred != 0
	if r.typ == typeExit && r.peer == "" {
		r.typ, r.layer, r.nameless = typeLocal, layerUnknown, true
	}
	r.component = r.componentOf(b, s)
	r.operation = cutEndpoint(or(c.operation(b.Str(s.Name), r), unknown), r.service)
}

// peerOf is whom a span calls, or by which broker it comes; for any other entry
// it is the caller's address. A header that a client writes has to name this
// very text as the address of the callee (networkAddressUsedAtPeer), or OAP
// takes the two for two services.
func (c *converter) peerOf(b *span.Batch, s *span.Span, r *role) string {
	switch {
	case r.layer == layerMQ:
		return cut(c.broker(b, s, &r.signs), maxPeer)
	case r.typ == typeExit:
		peer := b.Str(s.Remote.Service)
		if peer == "" {
			peer = c.remoteAddress(s)
		}
		if peer == "" {
			peer = or(c.address(r.host, r.port), hostOf(r.url))
		}
		return cut(peer, maxPeer)
	case r.typ == typeEntry:
		return c.remoteAddress(s)
	default:
		return ""
	}
}

// layerOf is the layer. Database and cache are what exits call: on an entry OAP
// would make a virtual database of them. An exit with an unknown layer makes a
// second, undefined node of the service that it calls, so it is an RPC.
func (r *role) layerOf(kind span.Kind) int32 {
	if kind == span.KindProducer || kind == span.KindConsumer {
		return layerMQ
	}
	switch exit := r.typ == typeExit; {
	case r.typ == typeLocal:
		return layerUnknown
	case exit && r.families&aboutQueue != 0:
		return layerMQ
	case exit && (r.families&aboutCache != 0 || r.families&aboutDatabase != 0 && isCache(r.database)):
		return layerCache
	case exit && r.families&aboutDatabase != 0:
		return layerDatabase
	case r.families&aboutRPC != 0:
		return layerRPC
	case r.families&aboutHTTP != 0 || r.url != "" || r.method != "":
		return layerHTTP
	default:
		return layerRPC
	}
}

func isCache(system string) bool {
	switch strings.ToLower(system) {
	case "redis", "valkey", "memcached":
		return true
	}
	return false
}

// broker is the broker of a span about a message. Another service must not
// stand in for it: OAP would draw that service as a virtual queue. In Zipkin
// the remote endpoint of such a span is the broker by definition.
func (c *converter) broker(b *span.Batch, s *span.Span, g *signs) string {
	remote := ""
	if strings.HasPrefix(b.Origin.Format, "zipkin.") {
		remote = b.Str(s.Remote.Service)
	}
	if g.broker != "" {
		return g.broker
	}
	if address := c.remoteAddress(s); address != "" {
		return address
	}
	return or(c.address(g.host, g.port), remote, g.queue)
}

// localIP is the address of the process.
func (c *converter) localIP(s *span.Span) string {
	ip := s.Local.IP()
	if !ip.IsValid() {
		return ""
	}
	mark := len(c.names)
	c.names = ip.AppendTo(c.names)
	return c.names.since(mark)
}

// remoteAddress is the address of the other side with its port.
func (c *converter) remoteAddress(s *span.Span) string {
	ip := s.Remote.IP()
	if !ip.IsValid() {
		return ""
	}
	mark := len(c.names)
	v6 := ip.Is6() && s.Remote.Port != 0
	if v6 {
		c.names = append(c.names, '[')
	}
	c.names = ip.AppendTo(c.names)
	if v6 {
		c.names = append(c.names, ']')
	}
	if s.Remote.Port != 0 {
		c.names = append(c.names, ':')
		c.names = strconv.AppendUint(c.names, uint64(s.Remote.Port), 10)
	}
	return c.names.since(mark)
}

// address is a host with its port.
func (c *converter) address(host string, port int64) string {
	if host == "" || port <= 0 || port > math.MaxUint16 || strings.IndexByte(host, ':') >= 0 {
		return host
	}
	mark := len(c.names)
	c.names = append(c.names, host...)
	c.names = append(c.names, ':')
	c.names = strconv.AppendInt(c.names, port, 10)
	return c.names.since(mark)
}

// hostOf is the host of a URL with its port.
func hostOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest[strings.LastIndexByte(rest, '@')+1:]
}
