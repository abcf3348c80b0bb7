// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/otlp"
)

// Requests makes messages ExportTraceServiceRequest of records, for any way to
// send them. Its memory is used again for each.
type Requests struct {
	converter *reporter.Converter
	encoder   translate.Encoder
	bytes     int
	message   []byte
}

// NewRequests makes messages of about that many bytes at most.
func NewRequests(bytes int) *Requests {
	return &Requests{
		converter: reporter.NewConverter("otlp.proto"), bytes: bytes,
		encoder: otlp.NewEncoder(translate.EncoderOptions{Residue: translate.None}),
	}
}

// Write makes a message of records, from the first one on.
func (q *Requests) Write(records []*tracer.Record) reporter.Written {
	q.converter.Reset()
	n := q.converter.Fill(records, q.bytes)
	q.encoder.Reset()
	q.encoder.Add(q.converter.Items())
	q.message = q.encoder.Messages()[0].Body
	return reporter.Written{Records: n, Bytes: len(q.message)}
}

// Message is what was written last. It is valid until the next Write.
func (q *Requests) Message() []byte { return q.message }

// Judge reads the answer to a message that was taken: how many of its spans the
// backend says it refused.
func (q *Requests) Judge(answer []byte) error {
	spans, why := otlp.Refused(answer)
	if spans == 0 {
		return nil
	}
	return &reporter.Partly{Refused: spans, Why: why}
}
