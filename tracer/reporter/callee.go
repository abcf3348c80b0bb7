// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"net"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// setCallee sets whom a SkyWalking exit calls. It is what the header names as
// the address of the callee, if there was one: OAP takes other words for another
// service.
func (c *Converter) setCallee(s *span.Span, r *tracer.Record, p *peer) {
	if s.Kind != span.KindClient && s.Kind != span.KindProducer {
		return
	}
	callee := r.Callee
	if callee == "" {
		callee = p.callee(r)
	}
	if callee == "" {
		return
	}
	s.Remote = span.Endpoint{Service: c.text(callee)}
	if s.Kind == span.KindProducer {
		a := span.StringAttr(c.w.Copy("mq.broker"), s.Remote.Service)
		a.Mirrored = true // the peer says it
		c.w.Attr(a)
	}
}

// callee is the address of the other side, chosen as the tracer does for a
// header.
func (p *peer) callee(r *tracer.Record) string {
	host := p.host
	if ip := p.ip4; host == "" && ip.IsValid() {
		host = ip.String()
	}
	if ip := p.ip6; host == "" && ip.IsValid() {
		host = ip.String()
	}
	switch {
	case p.address != "":
		return p.address
	case host != "" && p.port != 0:
		return net.JoinHostPort(host, strconv.Itoa(int(p.port)))
	case host != "":
		return host
	}
	for i := range r.Tags {
		if t := &r.Tags[i]; t.Key == "http.url" {
			if host := hostOf(textOf(t.Value)); host != "" {
				return host
			}
		}
	}
	return p.service
}

// hostOf is the host and the port of a URL.
func hostOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		rest = rest[:at]
	}
	return rest[strings.LastIndexByte(rest, '@')+1:]
}
