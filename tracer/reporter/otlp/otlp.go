// SPDX-License-Identifier: Apache-2.0

// Package otlp is the reporter of package tracer by OpenTelemetry's protocol,
// over HTTP in protobuf: to the Collector, Jaeger v2 and most vendors. For gRPC
// see tracer/reporter/otlpgrpc, which is apart so that users of HTTP need not
// have gRPC.
//
// Records go in, spans come out by the rules of OpenTelemetry's shim for
// OpenTracing (specification, compatibility/opentracing): the tag error becomes
// the status, with the logged message as its description; a log is an event, and
// a log of an error the event exception; references beside the parent, and a
// parent that the span only follows from, are links with opentracing.ref_type.
// The debug flag is lost; the span counts as sampled.
package otlp

import (
	"context"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/internal/otlprequest"
)

// New makes a reporter to an endpoint: http://host:4318, or the whole URL where
// the path is another than /v1/traces.
func New(address string, options ...reporter.Option) (*reporter.Reporter, error) {
	s := reporter.NewSettings(options...)
	client, err := reporter.NewHTTP(address, "/v1/traces", "application/x-protobuf", s)
	if err != nil {
		return nil, err
	}
	return reporter.New(&sender{requests: otlprequest.New(s.BatchBytes), client: client}, s), nil
}

type sender struct {
	requests *otlprequest.Writer
	client   *reporter.HTTP
}

func (o *sender) Write(records []*tracer.Record) reporter.Written { return o.requests.Write(records) }

func (o *sender) Send(ctx context.Context) error {
	answer, err := o.client.Post(ctx, o.requests.Message())
	if err != nil {
		return err
	}
	return o.requests.Judge(answer)
}

func (o *sender) Close() error {
	o.client.Close()
	return nil
}
