// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"context"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
)

// NewHTTP makes a reporter to a collector: http://host:14268, or the whole URL
// where the path is another than /api/traces, as JAEGER_ENDPOINT has it. User
// and password, of the URL or by WithBasicAuth, are JAEGER_USER and
// JAEGER_PASSWORD.
func NewHTTP(address string, options ...reporter.Option) (*reporter.Reporter, error) {
	s := reporter.NewSettings(options...)
	client, err := reporter.NewHTTP(address, "/api/traces", "application/x-thrift", s)
	if err != nil {
		return nil, err
	}
	return reporter.New(&posts{batch: newBatch(false, s.BatchBytes), client: client}, s), nil
}

// posts posts batches to a collector.
type posts struct {
	*batch
	client *reporter.HTTP
}

func (p *posts) Write(records []*tracer.Record) reporter.Written { return p.write(records) }

func (p *posts) Send(ctx context.Context) error {
	_, err := p.client.Post(ctx, p.message)
	return err
}

func (p *posts) Close() error {
	p.client.Close()
	return nil
}
