// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"os"
	"sync"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/translate"
)

// setProcess adds the process of the spans that follow.
func (c *Converter) setProcess(p *tracer.Process) {
	c.process = p
	c.local = span.Endpoint{Service: c.text(p.Service)}
	c.local.SetIP(p.IP)
	mark := c.w.AttrMark()
	host := hostname()
	switch c.protocol {
	case span.OTLP:
		c.stringAttr("service.name", p.Service)
		c.given(translate.TagInstance, p.Instance)
		c.given("host.name", host)
		if p.IP.IsValid() {
			c.stringAttr("host.ip", p.IP.String())
		}
		c.stringAttr("telemetry.sdk.name", "spanbridge")
		c.stringAttr("telemetry.sdk.language", "go")
		c.scope = c.w.Scope(span.Scope{Name: c.w.Copy("github.com/spanbridge/spanbridge/tracer")})
	case span.Jaeger:
		// The tags of Jaeger's own clients.
		c.given("hostname", host)
		if p.IP.IsValid() {
			c.stringAttr("ip", p.IP.String())
		}
		if p.Instance != host {
			c.given(translate.TagInstance, p.Instance)
		}
		c.stringAttr("telemetry.sdk.language", "go")
	default:
		c.given(translate.TagInstance, p.Instance)
	}
	for i := range p.Tags {
		c.attr(&p.Tags[i])
	}
	c.resource = c.w.Resource(span.Resource{Attrs: c.w.AttrsFrom(mark)})
}

func (c *Converter) given(key, value string) {
	if value != "" {
		c.stringAttr(key, value)
	}
}

var hostname = sync.OnceValue(func() string {
	name, _ := os.Hostname()
	return name
})
