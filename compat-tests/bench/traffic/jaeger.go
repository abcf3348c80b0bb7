// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"context"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
)

// A batch of Jaeger has one process, so that all its spans are the frontend's.
const jaegerService = "frontend"

var processTags = []Pair{
	{"jaeger.version", "Go-2.30.0"},
	{"hostname", "frontend-7d9f8b6c5d-x2k4q"},
	{"ip", "10.12.3.44"},
	{"client-uuid", "3f2a9c51d0b7e684"},
}

// jaegerTags are a span's, with those that say what Jaeger has no fields for.
func jaegerTags(s *Span) []Pair {
	tags := append([]Pair(nil), s.Tags...)
	if s.Kind != Local {
		tags = append(tags, Pair{"span.kind", map[Kind]string{Server: "server", Client: "client", Producer: "producer", Consumer: "consumer"}[s.Kind]})
	}
	if s.Remote.Service != "" {
		tags = append(tags, Pair{"peer.service", s.Remote.Service})
	}
	if s.Remote.IP != "" {
		tags = append(tags, Pair{"peer.ipv4", s.Remote.IP})
	}
	return tags
}

func thriftTags(list []Pair) (tags []*jaeger.Tag) {
	for _, p := range list {
		tags = append(tags, &jaeger.Tag{Key: p.Key, VType: jaeger.TagType_STRING, VStr: &p.Value})
	}
	return tags
}

func thriftBatch(list []Trace) *jaeger.Batch {
	b := &jaeger.Batch{Process: &jaeger.Process{ServiceName: jaegerService, Tags: thriftTags(processTags)}}
	for i := range list {
		for j := range list[i].Spans {
			s := &list[i].Spans[j]
			t := &jaeger.Span{
				TraceIdHigh: int64(list[i].High), TraceIdLow: int64(id(sampleNonce, list[i].ID)), SpanId: int64(id(sampleNonce, s.ID)),
				OperationName: s.Name, Flags: 1, Duration: s.Duration.Microseconds(),
				StartTime: sampleTime.Add(s.Start).UnixMicro(), Tags: thriftTags(jaegerTags(s)),
			}
			if s.Parent != 0 {
				t.ParentSpanId = int64(id(sampleNonce, s.Parent))
			}
			for _, e := range s.Events {
				t.Logs = append(t.Logs, &jaeger.Log{Timestamp: sampleTime.Add(e.At).UnixMicro(), Fields: thriftTags([]Pair{{"event", e.Name}})})
			}
			b.Spans = append(b.Spans, t)
		}
	}
	return b
}

// jaegerThrift is the body that a client posts to a collector.
func jaegerThrift(list []Trace) (*Message, error) {
	buffer := thrift.NewTMemoryBuffer()
	if err := thriftBatch(list).Write(context.Background(), thrift.NewTBinaryProtocolConf(buffer, nil)); err != nil {
		return nil, err
	}
	return newMessage(buffer.Bytes(), list, bigEndian, bigMicros)
}

// jaegerDatagram calls the agent's method in Thrift's compact protocol.
func jaegerDatagram(list []Trace) (*Message, error) {
	buffer := thrift.NewTMemoryBuffer()
	protocol := thrift.NewTCompactProtocolConf(buffer, nil)
	ctx := context.Background()
	if err := protocol.WriteMessageBegin(ctx, "emitBatch", thrift.ONEWAY, 1); err != nil {
		return nil, err
	}
	call := agent.AgentEmitBatchArgs{Batch: thriftBatch(list)}
	if err := call.Write(ctx, protocol); err != nil {
		return nil, err
	}
	return newMessage(buffer.Bytes(), list, zigzag10, zigzagMicros)
}

func protoTags(list []Pair) (tags []model.KeyValue) {
	for _, p := range list {
		tags = append(tags, model.String(p.Key, p.Value))
	}
	return tags
}

// jaegerProto is the request of a collector's gRPC method.
func jaegerProto(list []Trace) (*Message, error) {
	batch := model.Batch{Process: model.NewProcess(jaegerService, protoTags(processTags))}
	for i := range list {
		trace := model.NewTraceID(list[i].High, id(sampleNonce, list[i].ID))
		for j := range list[i].Spans {
			s := &list[i].Spans[j]
			p := &model.Span{
				TraceID: trace, SpanID: model.NewSpanID(id(sampleNonce, s.ID)), OperationName: s.Name, Flags: 1,
				StartTime: sampleTime.Add(s.Start), Duration: s.Duration, Tags: protoTags(jaegerTags(s)),
			}
			if s.Parent != 0 {
				p.References = []model.SpanRef{model.NewChildOfRef(trace, model.NewSpanID(id(sampleNonce, s.Parent)))}
			}
			for _, e := range s.Events {
				p.Logs = append(p.Logs, model.Log{Timestamp: sampleTime.Add(e.At), Fields: protoTags([]Pair{{"event", e.Name}})})
			}
			batch.Spans = append(batch.Spans, p)
		}
	}
	request := api_v2.PostSpansRequest{Batch: batch}
	body, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	// The fractions of the seconds stay, so the places are those of the seconds.
	return newMessage(body, list, bigEndian, varintSeconds)
}
