// SPDX-License-Identifier: Apache-2.0

package sink

import (
	"context"
	"encoding/json"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
)

func decodeZipkinJSON(body []byte) (int, error) {
	var spans []model.SpanModel
	err := json.Unmarshal(body, &spans)
	return len(spans), err
}

func decodeZipkinProto(body []byte) (int, error) {
	spans, err := zipkin_proto3.ParseSpans(body, false)
	return len(spans), err
}

func decodeOTLP(body []byte) (n int, err error) {
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		return 0, err
	}
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			n += len(scope.GetSpans())
		}
	}
	return n, nil
}

func decodeJaegerProto(body []byte) (int, error) {
	var request api_v2.PostSpansRequest
	err := request.Unmarshal(body)
	return len(request.Batch.Spans), err
}

func decodeSegment(body []byte) (int, error) {
	var s agentv3.SegmentObject
	err := proto.Unmarshal(body, &s)
	return len(s.GetSpans()), err
}

func decodeSegments(body []byte) (n int, err error) {
	var all agentv3.SegmentCollection
	err = proto.Unmarshal(body, &all)
	for _, s := range all.GetSegments() {
		n += len(s.GetSpans())
	}
	return n, err
}

func decodeThrift(body []byte) (int, error) {
	b := jaeger.NewBatch()
	err := b.Read(context.Background(), thrift.NewTBinaryProtocolConf(memory(body), nil))
	return len(b.GetSpans()), err
}

func decodeDatagram(body []byte) (int, error) {
	ctx := context.Background()
	p := thrift.NewTCompactProtocolConf(memory(body), nil)
	if _, _, _, err := p.ReadMessageBegin(ctx); err != nil {
		return 0, err
	}
	var call agent.AgentEmitBatchArgs
	err := call.Read(ctx, p)
	return len(call.GetBatch().GetSpans()), err
}
