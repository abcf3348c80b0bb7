// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"strconv"

	commonv3 "skywalking.apache.org/repo/goapi/collect/common/v3"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
)

var segmentTypes = [...]agentv3.SpanType{
	agentv3.SpanType_Local, agentv3.SpanType_Entry, agentv3.SpanType_Exit, agentv3.SpanType_Exit, agentv3.SpanType_Entry,
}

// Components of the agent for Java: Kafka's consumer and producer, MySQL,
// Tomcat, HttpClient.
func component(s *Span) int32 {
	switch {
	case s.Peer == database:
		return 33
	case s.Kind == Producer:
		return 40
	case s.Kind == Consumer:
		return 41
	case s.Kind == Server:
		return 1
	case s.Kind == Client:
		return 2
	}
	return 0
}

func layer(s *Span) agentv3.SpanLayer {
	switch {
	case s.Peer == database:
		return agentv3.SpanLayer_Database
	case s.Kind == Producer || s.Kind == Consumer:
		return agentv3.SpanLayer_MQ
	case s.Kind != Local:
		return agentv3.SpanLayer_Http
	}
	return agentv3.SpanLayer_Unknown
}

// segmentObject is a segment as an agent sends it: the spans in the order of
// their ends, the first span last.
func (f *Fleet) segmentObject(n int32) *agentv3.SegmentObject {
	g := &f.Segments[n]
	i := &f.Instances[g.Instance]
	out := &agentv3.SegmentObject{
		TraceId: f.Traces[g.Trace].Name, TraceSegmentId: g.Name,
		Service: f.service(g.Instance).Name, ServiceInstance: i.Name,
		Spans: make([]*agentv3.SpanObject, 0, len(g.Spans)),
	}
	for at, n := range slices.Backward(g.Spans) {
		s := &f.Spans[n]
		start := f.micros(g.Instance, s.Start)
		o := &agentv3.SpanObject{
			SpanId: s.Number, ParentSpanId: -1, StartTime: start / 1000, EndTime: (start + s.duration()) / 1000,
			OperationName: f.endpoint(n), SpanType: segmentTypes[s.Kind], SpanLayer: layer(s), ComponentId: component(s),
			Tags: []*commonv3.KeyStringValuePair{{Key: idTag, Value: strconv.Itoa(int(n))}},
		}
		if s.Kind != Server && s.Kind != Local {
			o.Peer = f.peer(s)
		}
		switch {
		case at > 0:
			o.ParentSpanId = f.Spans[s.Parent].Number
		case g.Ref != nil:
			r := g.Ref
			o.Refs = []*agentv3.SegmentReference{{
				TraceId: out.TraceId, ParentTraceSegmentId: r.Segment, ParentSpanId: r.Number,
				ParentService: f.service(r.Instance).Name, ParentServiceInstance: f.Instances[r.Instance].Name,
				ParentEndpoint: r.Endpoint, NetworkAddressUsedAtPeer: r.NetworkAddress,
			}}
			if r.Thread {
				o.Refs[0].RefType = agentv3.RefType_CrossThread
			}
		}
		out.Spans = append(out.Spans, o)
	}
	return out
}
