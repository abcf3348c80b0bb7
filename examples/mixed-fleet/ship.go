// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"time"

	"github.com/SkyAPM/go2sky"
	"github.com/SkyAPM/go2sky/reporter"
	"github.com/twmb/franz-go/pkg/kgo"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/propagation"
	bridge "github.com/spanbridge/spanbridge/propagation/go2sky"
)

func init() { services["ship"] = ship }

// SkyWalking's numbers of the libraries that a span is of.
const (
	componentHTTPServer    = 5004
	componentKafkaProducer = 40
)

// ship is traced by go2sky, which knows sw8. With our adapter it takes a trace
// from any header, and writes b3 into the headers of the message, for a consumer
// that knows nothing else.
func ship(ctx context.Context, args []string) error {
	s, err := parseService("ship", args)
	if err != nil {
		return err
	}
	grpc, err := reporter.NewGRPCReporter(s.skywalking, reporter.WithCheckInterval(5*time.Second))
	if err != nil {
		return err
	}
	defer grpc.Close()
	tracer, err := go2sky.NewTracer("ship", go2sky.WithReporter(grpc), go2sky.WithInstance("ship-1"))
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.DefaultProduceTopic(s.topic))
	if err != nil {
		return err
	}
	defer client.Close()
	codec := bridge.New(bridge.Propagator(propagation.New(propagation.Prefer(propagation.SW8), propagation.Write(propagation.B3))))
	h := &shipping{tracer: tracer, codec: codec, kafka: client, broker: s.kafka, topic: s.topic}
	mux := http.NewServeMux()
	mux.Handle("GET /ship", orders(h.serve))
	return untilDone(ctx, newServer(s.listen, mux))
}

type shipping struct {
	tracer        *go2sky.Tracer
	codec         *bridge.Codec
	kafka         *kgo.Client
	broker, topic string
}

func (h *shipping) serve(r *http.Request) ([]visit, error) {
	ctx, extract := h.codec.Entry(r.Context(), propagation.HTTP(r.Header))
	entry, ctx, err := h.tracer.CreateEntrySpan(ctx, "GET:/ship", extract)
	if err != nil {
		return nil, err
	}
	defer entry.End()
	entry.SetComponent(componentHTTPServer)
	entry.SetSpanLayer(agent.SpanLayer_Http)
	entry.Tag(go2sky.TagHTTPMethod, r.Method)
	entry.Tag(go2sky.TagURL, "http://"+r.Host+r.URL.String())

	local, _, err := h.tracer.CreateLocalSpan(ctx, go2sky.WithOperationName("pack"))
	if err != nil {
		return nil, err
	}
	local.End()
	if err := h.send(ctx, r.URL.Query().Get("order")); err != nil {
		return nil, err
	}
	v := visit{Service: "ship", Trace: go2sky.TraceID(ctx), Headers: tracing(r.Header)}
	if v.Sampled = v.Trace != go2sky.EmptyTraceID; !v.Sampled {
		v.Trace = ""
	}
	return []visit{v}, nil
}

// send produces the message under an exit span.
func (h *shipping) send(ctx context.Context, order string) error {
	headers := propagation.TextMap{}
	exit, ctx, err := h.tracer.CreateExitSpanWithContext(ctx, "Kafka/"+h.topic+"/Producer", h.broker, h.codec.Exit(ctx, headers))
	if err != nil {
		return err
	}
	defer exit.End()
	exit.SetComponent(componentKafkaProducer)
	exit.SetSpanLayer(agent.SpanLayer_MQ)
	exit.Tag(go2sky.TagMQBroker, h.broker)
	exit.Tag(go2sky.TagMQTopic, h.topic)
	record := &kgo.Record{Value: []byte(order)}
	for key, value := range headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	return h.kafka.ProduceSync(ctx, record).FirstErr()
}
