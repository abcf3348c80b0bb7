// SPDX-License-Identifier: Apache-2.0

// Package zipkin is the reporter of package tracer to a Zipkin server, or to
// whatever takes its POST /api/v2/spans: lists of v2 spans in JSON, by HTTP.
//
// Records go in, spans with the tags and annotations of Zipkin come out: the tag
// error with the logged message, peer.* as the remote endpoint, a log's event as
// an annotation, with its other fields as event|{fields}|0, the form of
// OpenTelemetry's exporter. References beside the parent become the tags
// otlp.link.N of the same exporter. Types of values and nanoseconds are lost.
package zipkin

import (
	"context"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// New makes a reporter to a server: http://host:9411, or the whole URL where
// the path is another than /api/v2/spans. User and password of the URL are used
// for basic authentication.
func New(address string, options ...reporter.Option) (*reporter.Reporter, error) {
	s := reporter.NewSettings(options...)
	client, err := reporter.NewHTTP(address, "/api/v2/spans", "application/json", s)
	if err != nil {
		return nil, err
	}
	return reporter.New(&sender{
		client:    client,
		converter: reporter.NewConverter("zipkin.v2.json"),
		encoder:   zipkin.NewJSONEncoder(translate.EncoderOptions{Residue: translate.None}),
		bytes:     s.BatchBytes,
		gzip:      s.Gzip,
	}, s), nil
}

type sender struct {
	client    *reporter.HTTP
	converter *reporter.Converter
	encoder   translate.Encoder
	bytes     int
	gzip      bool
	message   []byte
	ascii     []byte
}

func (z *sender) Write(records []*tracer.Record) reporter.Written {
	z.converter.Reset()
	n := z.converter.Fill(records, z.bytes)
	z.encoder.Reset()
	z.encoder.Add(z.converter.Items())
	z.message = z.encoder.Messages()[0].Body
	if z.gzip {
		z.ascii = zipkin.BeforeGzip(z.ascii[:0], z.message)
		z.message = z.ascii
	}
	return reporter.Written{Records: n, Bytes: len(z.message)}
}

func (z *sender) Send(ctx context.Context) error {
	_, err := z.client.Post(ctx, z.message)
	return err
}

func (z *sender) Close() error {
	z.client.Close()
	return nil
}
