// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// setCallee sets whom a SkyWalking exit calls. It is what the header names as
// the address of the callee, if there was one: OAP takes other words for another
// service.
func (c *Converter) setCallee(s *span.Span, r *tracer.Record) {
	if s.Kind != span.KindClient && s.Kind != span.KindProducer {
		return
	}
	callee := or(r.Callee, r.Address())
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
