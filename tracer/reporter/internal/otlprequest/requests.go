// SPDX-License-Identifier: Apache-2.0

// Package otlprequest makes the messages of the reporters by OpenTelemetry's
// protocol: records go in, an ExportTraceServiceRequest comes out. What becomes
// of records is said in package tracer/reporter/otlp.
package otlprequest

import (
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/otlp"
)

// Writer makes requests of records, for any way to send them. Its memory is used
// again for each.
type Writer struct {
	converter *reporter.Converter
	encoder   translate.Encoder
	bytes     int
	message   []byte
}

// New makes a writer of requests of about that many bytes at most.
func New(bytes int) *Writer {
	return &Writer{
		converter: reporter.NewConverter("otlp.proto"), bytes: bytes,
		encoder: otlp.NewEncoder(translate.EncoderOptions{Residue: translate.None}),
	}
}

// Write makes a message of records, from the first one on.
func (q *Writer) Write(records []*tracer.Record) reporter.Written {
	q.converter.Reset()
	n := q.converter.Fill(records, q.bytes)
	q.encoder.Reset()
	q.encoder.Add(q.converter.Items())
	q.message = q.encoder.Messages()[0].Body
	return reporter.Written{Records: n, Bytes: len(q.message)}
}

// Message is what was written last. It is valid until the next Write.
func (q *Writer) Message() []byte { return q.message }

// Judge reads the answer to a message that was taken: how many of its spans the
// backend says it refused.
func (q *Writer) Judge(answer []byte) error {
	spans, why := otlp.Refused(answer)
	if spans == 0 {
		return nil
	}
	return &reporter.Partly{Refused: spans, Why: why}
}
