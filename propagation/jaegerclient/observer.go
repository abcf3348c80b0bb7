// SPDX-License-Identifier: Apache-2.0

package jaegerclient

import (
	"fmt"
	"net"
	"net/url"
	"sync"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/uber/jaeger-client-go"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// local is what is known of a trace in this process: Jaeger's spans of it share
// one sampling state, which holds it.
type local struct {
	came propagation.Context // set before the first span begins

	mu       sync.Mutex
	first    *observed // the span that began first
	endpoint string
	calls    map[jaeger.SpanID]*observed // open spans that told their peer
}

type stateKey struct{}

func newLocal() any { return &local{} }

// about is what sw8 says of a span that calls.
func (l *local) about(id jaeger.SpanID) (endpoint, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.calls[id]; o != nil {
		address = o.peer.address()
	}
	return l.endpoint, address
}

// Observer tells the codec of the tracer's spans. Without it sw8 has neither the
// endpoint nor, unless the carrier is a Carrier, the address, and spans get no
// tags.
func (c *Codec) Observer() jaeger.ContribObserver { return observer{c} }

type observer struct{ c *Codec }

// OnStartSpan implements jaeger.ContribObserver.
func (o observer) OnStartSpan(s opentracing.Span, name string, _ opentracing.StartSpanOptions) (jaeger.ContribSpanObserver, bool) {
	sc, ok := s.Context().(jaeger.SpanContext)
	if !ok {
		return nil, false
	}
	if t, ok := s.Tracer().(*jaeger.Tracer); ok && o.c.tracer.Load() == nil {
		o.c.tracer.CompareAndSwap(nil, t)
	}
	if sc.IsSamplingFinalized() && !sc.IsSampled() {
		return nil, false // no sw8 is written and no span reported
	}
	l := sc.ExtendedSamplingState(stateKey{}, newLocal).(*local)
	seen := &observed{span: s, id: sc.SpanID(), parent: sc.ParentID(), local: l}
	l.mu.Lock()
	if l.first == nil {
		l.first, l.endpoint = seen, name
	}
	l.mu.Unlock()
	return seen, true
}

// observed is an open span.
type observed struct {
	span       opentracing.Span
	id, parent jaeger.SpanID
	local      *local
	peer       peer
}

// OnSetOperationName implements jaeger.ContribSpanObserver.
func (o *observed) OnSetOperationName(name string) {
	o.local.mu.Lock()
	defer o.local.mu.Unlock()
	if o.local.first == o {
		o.local.endpoint = name
	}
}

// OnSetTag implements jaeger.ContribSpanObserver.
func (o *observed) OnSetTag(key string, value any) {
	if key == "" || key[0] != 'p' && key[0] != 'h' && key[0] != 's' {
		return
	}
	l := o.local
	l.mu.Lock()
	defer l.mu.Unlock()
	if !o.peer.take(key, value) {
		return
	}
	if l.calls == nil {
		l.calls = make(map[jaeger.SpanID]*observed)
	}
	l.calls[o.id] = o
}

// Tags from which a gateway makes SkyWalking's reference to the caller. Jaeger's
// client cuts a tag at 256 bytes: half a reference is worse than none.
const (
	tagTraceName = "sw8.trace_id"
	tagParent    = "sw8.parent"
	maxTag       = jaeger.DefaultMaxTagValueLength
)

// OnFinish implements jaeger.ContribSpanObserver.
func (o *observed) OnFinish(opentracing.FinishOptions) {
	l := o.local
	l.mu.Lock()
	delete(l.calls, o.id)
	l.mu.Unlock()
	came := &l.came
	if !came.HasIDs() || span.ID(o.parent) != came.Span && span.ID(o.id) != came.Span {
		return
	}
	if name := came.Name(); came.IsNamed() && len(name) <= maxTag {
		o.span.SetTag(tagTraceName, name)
	}
	if tag := came.ParentTag(); tag != "" && len(tag) <= maxTag {
		o.span.SetTag(tagParent, tag)
	}
}

// peer is what a span says of the other side.
type peer struct {
	serves                       bool // a server's peer is the caller
	sends                        bool // a producer's peer is the broker, whatever service it is said to be
	service, ip, host, port, url string
}

// take keeps a tag that matters; false for any other.
func (p *peer) take(key string, value any) bool {
	switch key {
	case string(ext.SpanKind):
		kind := fmt.Sprint(value)
		p.serves = kind == string(ext.SpanKindRPCServerEnum) || kind == string(ext.SpanKindConsumerEnum)
		p.sends = kind == string(ext.SpanKindProducerEnum)
	case string(ext.PeerService):
		p.service = fmt.Sprint(value)
	case string(ext.PeerHostIPv4), string(ext.PeerHostIPv6):
		p.ip = ipText(value)
	case string(ext.PeerHostname), string(ext.PeerAddress):
		p.host = fmt.Sprint(value)
	case string(ext.PeerPort):
		p.port = fmt.Sprint(value)
	case string(ext.HTTPUrl):
		p.url = fmt.Sprint(value)
	default:
		return false
	}
	return true
}

// ipText is an address in the forms that tags have: a text, or a number for IPv4.
func ipText(value any) string {
	n, ok := value.(uint32)
	if !ok {
		return fmt.Sprint(value)
	}
	return net.IPv4(byte(n>>24), byte(n>>16), byte(n>>8), byte(n)).String()
}

// address is the peer that a gateway gives to the exit span: both must agree.
func (p *peer) address() string {
	switch {
	case p.serves:
		return ""
	case p.service != "" && (!p.sends || p.ip == "" && p.host == ""):
		return p.service
	case p.ip != "":
		return p.withPort(p.ip)
	case p.host != "":
		return p.withPort(p.host)
	}
	u, err := url.Parse(p.url)
	if err != nil {
		return ""
	}
	return u.Host
}

func (p *peer) withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil || p.port == "" || p.port == "0" {
		return host
	}
	return net.JoinHostPort(host, p.port)
}
