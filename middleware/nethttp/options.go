// SPDX-License-Identifier: Apache-2.0

package nethttp

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/opentracing/opentracing-go"
)

// Option is a setting of Handler or NewTransport.
type Option func(*options)

type options struct {
	component string
	operation func(*http.Request) string
	filter    func(*http.Request) bool
	url       func(*url.URL) string
	observe   func(opentracing.Span, *http.Request)
	isError   func(status int) bool
	startWith []opentracing.StartSpanOption
	events    bool
}

func newOptions(list []Option) options {
	o := options{
		component: "net/http",
		url:       withoutQuery,
		isError:   func(status int) bool { return status >= http.StatusInternalServerError },
	}
	for _, set := range list {
		set(&o)
	}
	return o
}

func (o *options) wants(r *http.Request) bool { return o.filter == nil || o.filter(r) }

// Operation names spans. An empty name stands for the usual one. The names have
// to be few: no ids, no paths as they came.
func Operation(f func(*http.Request) string) Option {
	return func(o *options) { o.operation = f }
}

// Filter leaves requests without a span for which f is false, such as health
// checks. Their headers are not continued either.
func Filter(f func(*http.Request) bool) Option {
	return func(o *options) {
		if before := o.filter; before != nil {
			o.filter = func(r *http.Request) bool { return before(r) && f(r) }
			return
		}
		o.filter = f
	}
}

// Skip leaves requests to these paths without a span:
//
//	nethttp.Skip("/healthz", "/metrics")
func Skip(paths ...string) Option {
	paths = slices.Clone(paths)
	return Filter(func(r *http.Request) bool { return !slices.Contains(paths, r.URL.Path) })
}

// URL makes the tag http.url, by default without user, query and fragment. To
// keep queries:
//
//	nethttp.URL((*url.URL).Redacted)
//
// The URL of a server's request is completed by scheme and host before.
func URL(f func(*url.URL) string) Option { return func(o *options) { o.url = f } }

// Observe is called with each span that is recorded after its first tags were
// set, to set more.
func Observe(f func(opentracing.Span, *http.Request)) Option {
	return func(o *options) { o.observe = f }
}

// Errors says which statuses set the tag error, by default those from 500 on.
func Errors(f func(status int) bool) Option { return func(o *options) { o.isError = f } }

// Component sets the tag component, by default net/http.
func Component(name string) Option { return func(o *options) { o.component = name } }

// StartOptions go to StartSpan for each span, such as tags.
func StartOptions(list ...opentracing.StartSpanOption) Option {
	return func(o *options) { o.startWith = append(o.startWith, list...) }
}

// Events logs what happens on a client's connection: the look-up of the name,
// connect, TLS, the connection taken, request written, first byte.
func Events() Option { return func(o *options) { o.events = true } }
