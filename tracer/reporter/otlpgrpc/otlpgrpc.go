// SPDX-License-Identifier: Apache-2.0

// Package otlpgrpc is the reporter of package tracer by OpenTelemetry's protocol
// over gRPC. What becomes of records is said in package tracer/reporter/otlp.
package otlpgrpc

import (
	"context"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/internal/otlprequest"
	"github.com/spanbridge/spanbridge/tracer/reporter/internal/rpc"
)

const method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// New makes a reporter to an endpoint: host:4317, or https://host:4317 by TLS.
func New(address string, options ...reporter.Option) (*reporter.Reporter, error) {
	s := reporter.NewSettings(options...)
	conn, err := rpc.Dial(address, s)
	if err != nil {
		return nil, err
	}
	return reporter.New(&sender{requests: otlprequest.New(s.BatchBytes), conn: conn}, s), nil
}

type sender struct {
	requests *otlprequest.Writer
	conn     *rpc.Conn
}

func (o *sender) Write(records []*tracer.Record) reporter.Written { return o.requests.Write(records) }

func (o *sender) Send(ctx context.Context) error {
	answer, err := o.conn.Call(ctx, method, o.requests.Message())
	if err != nil {
		return err
	}
	return o.requests.Judge(answer)
}

func (o *sender) Close() error { return o.conn.Close() }
