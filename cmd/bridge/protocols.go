// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/skywalking"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// protocols is THE list: a protocol that stands here is received, translated,
// configured, counted and documented.
func protocols(strategies func() *jaeger.Strategies) []translate.Protocol {
	return []translate.Protocol{
		zipkin.Protocol,
		jaeger.New(strategies),
		skywalking.Protocol,
		otlp.Protocol,
	}
}

// known is what the configuration needs to know of the protocols.
func known(list []translate.Protocol) (k config.Known) {
	for _, p := range list {
		for _, port := range p.Ports {
			k.Ports = append(k.Ports, config.Port{Name: port.Name, Listen: port.Listen, UDP: port.Network == translate.UDP, About: port.About})
		}
		for _, t := range p.Targets {
			k.Kinds = append(k.Kinds, config.Kind{Name: t.Kind, HTTP: t.Network == translate.HTTP, Tenants: !t.Together, About: t.About})
		}
	}
	return k
}

// target finds a kind of target.
func target(list []translate.Protocol, kind string) (translate.Target, bool) {
	for _, p := range list {
		for _, t := range p.Targets {
			if t.Kind == kind {
				return t, true
			}
		}
	}
	return translate.Target{}, false
}

// decoder decodes a body again that was taken before.
func decoder(list []translate.Protocol) func([]byte, span.Origin) (*span.Batch, error) {
	formats := make(map[string]translate.Format)
	for _, p := range list {
		for _, f := range p.Formats {
			formats[f.Name] = f
		}
	}
	return func(body []byte, origin span.Origin) (*span.Batch, error) {
		f, ok := formats[origin.Format]
		if !ok {
			return nil, fmt.Errorf("format %q is not known", origin.Format)
		}
		return f.Decode(body, origin)
	}
}
