// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"

	"github.com/uber/jaeger-client-go/thrift"
	"github.com/uber/jaeger-client-go/thrift-gen/agent"
	"github.com/uber/jaeger-client-go/thrift-gen/jaeger"
)

var jaegerKinds = [...]string{Server: "server", Client: "client", Producer: "producer", Consumer: "consumer"}

func (f *Fleet) jaegerBatch(instance int32, spans []int32) *jaeger.Batch {
	i := &f.Instances[instance]
	b := &jaeger.Batch{
		Process: &jaeger.Process{ServiceName: f.service(instance).Name, Tags: []*jaeger.Tag{
			stringTag("hostname", i.Name), stringTag("ip", i.IP.String()),
		}},
		Spans: make([]*jaeger.Span, 0, len(spans)),
	}
	for _, n := range spans {
		s := &f.Spans[n]
		id := f.Traces[s.Trace].ID
		j := &jaeger.Span{
			TraceIdLow: int64(id.lo), TraceIdHigh: int64(id.hi), SpanId: int64(s.ID), ParentSpanId: int64(s.ParentID),
			OperationName: f.endpoint(n), Flags: 1, StartTime: f.micros(instance, s.Start),
		}
		f.attributes(n, func(key, value string) { j.Tags = append(j.Tags, stringTag(key, value)) })
		if !s.OneWay {
			j.Duration = s.duration()
		}
		if k := jaegerKinds[s.Kind]; k != "" {
			j.Tags = append(j.Tags, stringTag("span.kind", k))
		}
		if r := f.remote(s); r != "" {
			j.Tags = append(j.Tags, stringTag("peer.service", r))
		}
		b.Spans = append(b.Spans, j)
	}
	return b
}

func stringTag(key, value string) *jaeger.Tag {
	return &jaeger.Tag{Key: key, VType: jaeger.TagType_STRING, VStr: &value}
}

func (f *Fleet) jaegerThrift(ctx context.Context, instance int32, spans []int32) ([]byte, error) {
	buf := thrift.NewTMemoryBuffer()
	err := f.jaegerBatch(instance, spans).Write(ctx, thrift.NewTBinaryProtocolConf(buf, nil))
	return buf.Bytes(), err
}

func (f *Fleet) jaegerPacket(ctx context.Context, instance int32, spans []int32) ([]byte, error) {
	buf := thrift.NewTMemoryBuffer()
	client := agent.NewAgentClientFactory(buf, thrift.NewTCompactProtocolFactoryConf(nil))
	err := client.EmitBatch(ctx, f.jaegerBatch(instance, spans))
	return buf.Bytes(), err
}
