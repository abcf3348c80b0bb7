// SPDX-License-Identifier: Apache-2.0

package franzgo

import (
	"github.com/opentracing/opentracing-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Option is a setting of New.
type Option func(*options)

type options struct {
	component string
	filter    func(*kgo.Record) bool
	observe   func(opentracing.Span, *kgo.Record)
	startWith []opentracing.StartSpanOption
	receive   bool
	brokers   string
}

// Filter leaves records without a span, and as they are, for which f is false.
func Filter(f func(*kgo.Record) bool) Option { return func(o *options) { o.filter = f } }

// Observe is called with each span of a record that is recorded, to set more
// tags.
func Observe(f func(opentracing.Span, *kgo.Record)) Option {
	return func(o *options) { o.observe = f }
}

// StartOptions go to StartSpan for each span, such as tags.
func StartOptions(list ...opentracing.StartSpanOption) Option {
	return func(o *options) { o.startWith = append(o.startWith, list...) }
}

// Receive makes a span of each record when it is polled, and puts it into the
// record's Context: for consumers that do not call Process.
func Receive() Option { return func(o *options) { o.receive = true } }

// Component sets the tag component, by default franz-go.
func Component(name string) Option { return func(o *options) { o.component = name } }

// Brokers sets how the brokers are called in peer.address, by default the seed
// brokers of the client with ; between. Producers and consumers have to
// call them the same for SkyWalking to see one queue.
func Brokers(address string) Option { return func(o *options) { o.brokers = address } }
