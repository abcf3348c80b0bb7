// SPDX-License-Identifier: Apache-2.0

package nethttp

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/middleware"
)

// Transport is an http.RoundTripper that makes a client span of each request.
type Transport struct {
	options
	tracer opentracing.Tracer
	next   http.RoundTripper
}

// NewTransport makes a Transport over another one; nil stands for
// http.DefaultTransport.
func NewTransport(t opentracing.Tracer, next http.RoundTripper, options ...Option) *Transport {
	if next == nil {
		next = http.DefaultTransport
	}
	return &Transport{newOptions(options), t, next}
}

// Unwrap is the transport below.
func (t *Transport) Unwrap() http.RoundTripper { return t.next }

// CloseIdleConnections is what http.Client calls.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends a copy of the request that has the headers of the trace.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tracer, on := middleware.Active(t.tracer)
	if !on || r.URL == nil || !t.wants(r) {
		return t.next.RoundTrip(r)
	}
	c := &call{span: t.start(tracer, r), isError: t.isError}
	sampled := middleware.IsSampled(c.span)
	ctx := opentracing.ContextWithSpan(r.Context(), c.span)
	if sampled {
		t.tag(c.span, r)
		if t.events {
			ctx = httptrace.WithClientTrace(ctx, c.events())
		}
	}
	headers := r.Header.Clone()
	if headers == nil {
		headers = make(http.Header)
	}
	r = r.WithContext(ctx)
	r.Header = headers
	// A tracer that cannot write headers must not cost the request.
	_ = tracer.Inject(c.span.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(headers))
	returned := false
	defer func() {
		if !returned {
			c.end(errPanicked)
		}
	}()
	response, err := t.next.RoundTrip(r)
	returned = true
	switch {
	case err != nil:
		c.end(err)
		return response, err
	case response == nil: // against the rules; http.Client says so
		c.end(errNoResponse)
		return nil, nil //nolint:nilnil // as it came
	}
	c.answered(response)
	return response, nil
}

var (
	errPanicked   = errors.New("the transport panicked")
	errNoResponse = errors.New("the transport gave neither a response nor an error")
)

func (t *Transport) start(tracer opentracing.Tracer, r *http.Request) opentracing.Span {
	name := ""
	if t.operation != nil {
		name = t.operation(r)
	}
	if name == "" {
		name = operationOf(r, r.Pattern)
	}
	options := make([]opentracing.StartSpanOption, 0, 2+len(t.startWith))
	options = append(options, kindClient)
	if parent := opentracing.SpanFromContext(r.Context()); parent != nil {
		options = append(options, opentracing.ChildOf(parent.Context()))
	}
	return tracer.StartSpan(name, append(options, t.startWith...)...)
}

// tag comes before Inject: sw8 names the address of the callee.
func (t *Transport) tag(s opentracing.Span, r *http.Request) {
	s.SetTag("component", t.component)
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	s.SetTag("http.method", method)
	s.SetTag("http.url", t.urlTag(r))
	middleware.SetPeer(s, addressOf(r.URL))
	if r.ContentLength > 0 {
		s.SetTag("http.request_size", r.ContentLength)
	}
	if t.observe != nil {
		t.observe(s, r)
	}
}

// addressOf is host and port of a URL.
func addressOf(u *url.URL) string {
	if u.Host == "" || u.Port() != "" {
		return u.Host
	}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// answered sets the status. The span lives on until the body is done with.
func (c *call) answered(r *http.Response) {
	if middleware.IsSampled(c.span) {
		ext.HTTPStatusCode.Set(c.span, uint16(r.StatusCode))
		if c.isError(r.StatusCode) {
			ext.Error.Set(c.span, true)
		}
	}
	if r.Body == nil || r.Body == http.NoBody {
		c.end(nil)
		return
	}
	r.Body = c.watch(r.Body)
}
