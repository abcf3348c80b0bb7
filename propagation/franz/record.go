// SPDX-License-Identifier: Apache-2.0

// Package franz carries a trace in the headers of Kafka records, for
// github.com/twmb/franz-go.
//
// What goes in is a *kgo.Record, to be produced or as it was fetched; what comes
// out is a propagation.Context, or the record with headers that name the
// producing span. Headers of the same name, in any case, are replaced: a record
// that is fetched and produced again has one of each. The slice of headers itself
// is never changed, since records may share one.
//
// Baggage is written as it is, as Jaeger's clients do in messages. What is lost
// is what the formats lose: see docs/headers.md.
package franz

import (
	"strings"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanbridge/spanbridge/propagation"
)

// Extract reads the context from a record's headers. It holds beyond the record,
// whose memory a client with pools uses again (kgo.Record.Recycle). Context.Sent is when the record was sent, where a producer said so.
func Extract(r *kgo.Record, p *propagation.Propagator) propagation.Context {
	if len(r.Headers) == 0 {
		return propagation.Context{}
	}
	return p.Extract(&record{r.Headers})
}

// Inject writes the context into a record's headers.
func Inject(r *kgo.Record, p *propagation.Propagator, c *propagation.Context, from propagation.Caller) {
	h := record{make([]kgo.RecordHeader, len(r.Headers), len(r.Headers)+8)}
	copy(h.headers, r.Headers)
	p.Inject(c, from, &h)
	r.Headers = h.headers
}

// InjectAt is Inject that says when the record is sent as well, in sw8-x:
// SkyWalking's consumers report how long it was on its way
// (transmission.latency).
func InjectAt(r *kgo.Record, p *propagation.Propagator, c *propagation.Context, from propagation.Caller, sent time.Time) {
	stamped := *c
	stamped.Sent = sent.UnixMilli()
	Inject(r, p, &stamped, from)
}

// record is the carrier.
type record struct{ headers []kgo.RecordHeader }

var formats = append(propagation.AllFormats(), propagation.LightStep)

// Each implements propagation.Reader: it gives the headers of all formats.
func (r *record) Each(f func(key, value string)) {
	for i := range r.headers {
		if h := &r.headers[i]; propagation.IsHeader(h.Key, formats...) {
			f(h.Key, string(h.Value))
		}
	}
}

// Set implements propagation.Writer.
func (r *record) Set(key, value string) {
	h := kgo.RecordHeader{Key: key, Value: unsafe.Slice(unsafe.StringData(value), len(value))}
	for i := range r.headers {
		if strings.EqualFold(r.headers[i].Key, key) {
			r.headers[i] = h
			r.headers = drop(r.headers, i+1, key)
			return
		}
	}
	r.headers = append(r.headers, h)
}

// Del implements propagation.Deleter.
func (r *record) Del(key string) { r.headers = drop(r.headers, 0, key) }

// Unescaped marks the carrier as one of any text.
func (r *record) Unescaped() {}

func drop(h []kgo.RecordHeader, from int, key string) []kgo.RecordHeader {
	kept := h[:from]
	for _, x := range h[from:] {
		if !strings.EqualFold(x.Key, key) {
			kept = append(kept, x)
		}
	}
	clear(h[len(kept):])
	return kept
}
