// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	common "skywalking.apache.org/repo/goapi/collect/common/v3"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
)

// segments are the traces as agents send them: each service's part of a trace is
// a message.
func segments(list []Trace) (all []*Message, err error) {
	for i := range list {
		for _, part := range parts(&list[i]) {
			body, err := proto.Marshal(part.object)
			if err != nil {
				return nil, err
			}
			// References name spans of other segments.
			m, err := newMessage(body, list[i:i+1], hexadecimal, varintMillis)
			if err != nil {
				return nil, err
			}
			m.Spans = len(part.spans)
			all = append(all, m)
		}
	}
	return all, nil
}

// part is a segment and its spans.
type part struct {
	object *agent.SegmentObject
	spans  []Span
	number map[uint32]int32 // by the span's id
}

// A name is as the agent for Java makes them.
func segmentName(low uint32, thread int) string {
	return fmt.Sprintf("%016x5d1b6c2a0f7e4938.%d.17637012345670021", id(sampleNonce, low), thread)
}

func parts(t *Trace) (list []*part) {
	of := make(map[string]*part)
	owner := make(map[uint32]*part)
	byID := make(map[uint32]*Span)
	for i := range t.Spans {
		s := &t.Spans[i]
		byID[s.ID] = s
		p := of[s.Local.Service]
		if p == nil {
			p = &part{number: make(map[uint32]int32), object: &agent.SegmentObject{
				TraceId: segmentName(t.ID, 67), TraceSegmentId: segmentName(s.ID, 91),
				Service: s.Local.Service, ServiceInstance: s.Local.Instance,
			}}
			of[s.Local.Service] = p
			list = append(list, p)
		}
		p.number[s.ID] = int32(len(p.spans))
		owner[s.ID] = p
		o := skywalkingSpan(s, int32(len(p.spans)))
		switch above := owner[s.Parent]; {
		case above == p:
			o.ParentSpanId = p.number[s.Parent]
		case above != nil:
			o.Refs = append(o.Refs, &agent.SegmentReference{
				TraceId: segmentName(t.ID, 67), ParentTraceSegmentId: above.object.GetTraceSegmentId(), ParentSpanId: above.number[s.Parent],
				ParentService: above.object.GetService(), ParentServiceInstance: above.object.GetServiceInstance(),
				ParentEndpoint: above.spans[0].Name, NetworkAddressUsedAtPeer: peer(byID[s.Parent]),
			})
		}
		p.spans = append(p.spans, *s)
		p.object.Spans = append(p.object.Spans, o)
	}
	return list
}

func peer(s *Span) string { return fmt.Sprintf("%s:%d", s.Remote.Service, s.Remote.Port) }

func skywalkingSpan(s *Span, number int32) *agent.SpanObject {
	o := &agent.SpanObject{
		SpanId: number, ParentSpanId: -1, OperationName: s.Name,
		StartTime: sampleTime.Add(s.Start).UnixMilli(), EndTime: sampleTime.Add(s.Start + s.Duration).UnixMilli(),
	}
	switch s.Kind {
	case Server:
		o.SpanType, o.SpanLayer, o.ComponentId = agent.SpanType_Entry, agent.SpanLayer_Http, 1
	case Consumer:
		o.SpanType, o.SpanLayer, o.ComponentId = agent.SpanType_Entry, agent.SpanLayer_MQ, 41
	case Client:
		o.SpanType, o.SpanLayer, o.ComponentId = agent.SpanType_Exit, agent.SpanLayer_Http, 2
		if s.Remote.Service == "mysql" {
			o.SpanLayer, o.ComponentId = agent.SpanLayer_Database, 33
		}
	case Producer:
		o.SpanType, o.SpanLayer, o.ComponentId = agent.SpanType_Exit, agent.SpanLayer_MQ, 40
	default:
		o.SpanType = agent.SpanType_Local
	}
	if o.SpanType == agent.SpanType_Exit {
		o.Peer = peer(s)
	}
	for _, p := range s.Tags {
		o.Tags = append(o.Tags, &common.KeyStringValuePair{Key: p.Key, Value: p.Value})
	}
	for _, e := range s.Events {
		o.Logs = append(o.Logs, &agent.Log{
			Time: sampleTime.Add(e.At).UnixMilli(), Data: []*common.KeyStringValuePair{{Key: "event", Value: e.Name}},
		})
	}
	return o
}
