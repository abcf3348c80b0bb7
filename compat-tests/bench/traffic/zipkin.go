// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"encoding/json"
	"net"

	"github.com/openzipkin/zipkin-go/model"
)

var zipkinKinds = map[Kind]model.Kind{Server: model.Server, Client: model.Client, Producer: model.Producer, Consumer: model.Consumer}

// zipkinJSON is a list in version 2 as zipkin-go writes it.
func zipkinJSON(list []Trace) (*Message, error) {
	var spans []model.SpanModel
	for i := range list {
		t := &list[i]
		// The server's half of a shared span has the id of the client's, which its
		// children name as their parent.
		wire := make(map[uint32]uint32)
		above := make(map[uint32]uint32)
		for _, s := range t.Spans {
			own, parent := s.ID, s.Parent
			if renamed, ok := wire[parent]; ok {
				parent = renamed
			}
			if s.Shared {
				own, parent = parent, above[parent]
			}
			wire[s.ID], above[own] = own, parent
			spans = append(spans, zipkinSpan(t, &s, own, parent))
		}
	}
	body, err := json.Marshal(spans)
	if err != nil {
		return nil, err
	}
	return newMessage(body, list, hexadecimal, decimalMicros)
}

func zipkinSpan(t *Trace, s *Span, own, parent uint32) model.SpanModel {
	z := model.SpanModel{
		SpanContext: model.SpanContext{
			TraceID: model.TraceID{High: t.High, Low: id(sampleNonce, t.ID)}, ID: model.ID(id(sampleNonce, own)),
		},
		Kind: zipkinKinds[s.Kind], Name: s.Name, Shared: s.Shared,
		Timestamp: sampleTime.Add(s.Start), Duration: s.Duration,
		LocalEndpoint: zipkinEndpoint(s.Local), RemoteEndpoint: zipkinEndpoint(s.Remote),
		Tags: make(map[string]string),
	}
	if parent != 0 {
		above := model.ID(id(sampleNonce, parent))
		z.ParentID = &above
	}
	for _, e := range s.Events {
		z.Annotations = append(z.Annotations, model.Annotation{Timestamp: sampleTime.Add(e.At), Value: e.Name})
	}
	for _, p := range s.Tags {
		z.Tags[p.Key] = p.Value
	}
	return z
}

func zipkinEndpoint(e Endpoint) *model.Endpoint {
	if e.IP == "" {
		return nil
	}
	return &model.Endpoint{ServiceName: e.Service, IPv4: net.ParseIP(e.IP), Port: uint16(e.Port)}
}
