// SPDX-License-Identifier: Apache-2.0

package zipkingo

import (
	"sync"

	"github.com/openzipkin/zipkin-go/model"

	"github.com/spanbridge/spanbridge/propagation"
)

// Baggage is the baggage of a trace in this process, in the place that zipkin-go
// has for it: zipkin.BaggageFromContext finds it. The spans of a request share
// it, so an item that one sets is seen by the others. It may be used by several
// goroutines at once.
type Baggage struct {
	came propagation.Context // what the request said; not changed

	mu       sync.Mutex
	items    propagation.Baggage
	endpoint string
}

var _ model.BaggageFields = (*Baggage)(nil)

// NewBaggage is baggage for a trace that begins in this process:
//
//	tracer.StartSpan("job", zipkin.Parent(model.SpanContext{Baggage: zipkingo.NewBaggage()}))
func NewBaggage() *Baggage { return &Baggage{} }

// BaggageOf is the baggage of a span context; nil for one that came from
// elsewhere.
func BaggageOf(sc model.SpanContext) *Baggage {
	b, _ := sc.Baggage.(*Baggage)
	return b
}

// SetEndpoint tells the operation by which this process was called, such as
// "GET /bills/{id}": sw8 hands it on, and OAP draws the calls between endpoints
// from it. On nil it does nothing.
func (b *Baggage) SetEndpoint(name string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.endpoint = name
	b.mu.Unlock()
}

func (b *Baggage) now() (propagation.Baggage, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.items, b.endpoint
}

// Get implements model.BaggageFields. An item has one value.
func (b *Baggage) Get(key string) []string {
	items, _ := b.now()
	if v, ok := items.Get(key); ok {
		return []string{v}
	}
	return nil
}

// Set implements model.BaggageFields. Of several values the first counts.
func (b *Baggage) Set(key string, values ...string) bool {
	if key == "" || len(values) == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = b.items.With(key, values[0])
	return true
}

// Add implements model.BaggageFields: it sets a key that is not there yet.
func (b *Baggage) Add(key string, values ...string) bool {
	if key == "" || len(values) == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.items.Get(key); ok {
		return false
	}
	b.items = b.items.With(key, values[0])
	return true
}

// Delete implements model.BaggageFields.
func (b *Baggage) Delete(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.items)
	b.items = b.items.Without(key)
	return len(b.items) < n
}

// Iterate implements model.BaggageFields. zipkin-go's middleware writes what it
// gets here into headers of that name: they begin with "baggage-", as those of
// jaeger-client's codec for B3 do, so that no item passes for a header such as
// Authorization.
func (b *Baggage) Iterate(f func(key string, values []string)) {
	items, _ := b.now()
	for _, it := range items {
		f("baggage-"+it.Key, []string{it.Value})
	}
}
