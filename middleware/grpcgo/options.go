// SPDX-License-Identifier: Apache-2.0

package grpcgo

import (
	"context"
	"slices"

	"github.com/opentracing/opentracing-go"
	"google.golang.org/grpc/codes"
)

// Option is a setting of an interceptor.
type Option func(*options)

type options struct {
	component string
	filter    func(ctx context.Context, method string) bool
	observe   func(s opentracing.Span, method string)
	isError   func(codes.Code) bool
	startWith []opentracing.StartSpanOption
	messages  bool
}

func newOptions(isError func(codes.Code) bool, list []Option) *options {
	o := &options{component: "gRPC", isError: isError}
	for _, set := range list {
		set(o)
	}
	return o
}

func (o *options) wants(ctx context.Context, method string) bool {
	return o.filter == nil || o.filter(ctx, method)
}

// Filter leaves calls without a span for whose full method f is false. Their
// headers are not continued either.
func Filter(f func(ctx context.Context, method string) bool) Option {
	return func(o *options) {
		if before := o.filter; before != nil {
			o.filter = func(ctx context.Context, method string) bool { return before(ctx, method) && f(ctx, method) }
			return
		}
		o.filter = f
	}
}

// Skip leaves calls of these full methods without a span:
//
//	grpcgo.Skip("/grpc.health.v1.Health/Check")
func Skip(methods ...string) Option {
	methods = slices.Clone(methods)
	return Filter(func(_ context.Context, method string) bool { return !slices.Contains(methods, method) })
}

// Observe is called with each span that is recorded when it has its first tags,
// to set more.
func Observe(f func(s opentracing.Span, method string)) Option {
	return func(o *options) { o.observe = f }
}

// Errors says which codes set the tag error.
func Errors(f func(codes.Code) bool) Option { return func(o *options) { o.isError = f } }

// Component sets the tag component, by default gRPC.
func Component(name string) Option { return func(o *options) { o.component = name } }

// StartOptions go to StartSpan for each span, such as tags.
func StartOptions(list ...opentracing.StartSpanOption) Option {
	return func(o *options) { o.startWith = append(o.startWith, list...) }
}

// Messages logs each message of a stream, up to the first thousand.
func Messages() Option { return func(o *options) { o.messages = true } }

// failedCall is a client's view: it did not get what it asked for.
func failedCall(c codes.Code) bool { return c != codes.OK }

// failedServer is a server's view, the same as OpenTelemetry's.
func failedServer(c codes.Code) bool {
	switch c {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	}
	return false
}
