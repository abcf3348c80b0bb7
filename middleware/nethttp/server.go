// SPDX-License-Identifier: Apache-2.0

package nethttp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/middleware"
)

type handler struct {
	*options
	tracer opentracing.Tracer
	next   http.Handler
	mux    *http.ServeMux // next, if it is one
}

// Handler makes a server span of each request that next answers. Next may be
// nil, which stands for http.DefaultServeMux. A Handler inside another one adds
// nothing.
func Handler(t opentracing.Tracer, next http.Handler, options ...Option) http.Handler {
	return Middleware(t, options...)(next)
}

// Middleware is Handler in the form that routers take.
func Middleware(t opentracing.Tracer, options ...Option) func(http.Handler) http.Handler {
	o := newOptions(options)
	return func(next http.Handler) http.Handler {
		if next == nil {
			next = http.DefaultServeMux
		}
		mux, _ := next.(*http.ServeMux)
		return &handler{&o, t, next, mux}
	}
}

// kindServer and kindClient are made once: an option for each call would be an
// allocation.
var (
	kindServer opentracing.StartSpanOption = ext.SpanKindRPCServer
	kindClient opentracing.StartSpanOption = ext.SpanKindRPCClient
)

// exchange is a request that is being answered.
type exchange struct {
	context requestContext
	writer  writer
	http1   http1
	span    opentracing.Span
	tagged  bool

	mu      sync.Mutex
	pattern string // the route, as far as it is known
	named   bool   // by Operation or SetOperation
	routed  bool   // by SetRoute
}

type exchangeKey struct{}

// requestContext is the context of the request, and leads to the exchange.
type requestContext struct {
	context.Context
	x *exchange
}

func (c *requestContext) Value(key any) any {
	if _, ok := key.(exchangeKey); ok {
		return c.x
	}
	return c.Context.Value(key)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, on := middleware.Active(h.tracer)
	if !on || !h.wants(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	if outer, ok := r.Context().Value(exchangeKey{}).(*exchange); ok {
		before := r.Pattern
		h.next.ServeHTTP(w, r)
		if r.Pattern != before {
			outer.setRoute(r, r.Pattern, true)
		}
		return
	}
	x := new(exchange)
	x.span = h.start(t, r, x)
	ctx := opentracing.ContextWithSpan(r.Context(), x.span)
	x.context = requestContext{ctx, x}
	r = r.WithContext(&x.context) //nolint:contextcheck // it is below that of the request
	if middleware.IsSampled(x.span) {
		h.tag(x, r)
	}
	returned := false
	defer func() {
		recovered := recover()
		h.end(x, r, returned, recovered)
		if recovered != nil {
			panic(recovered)
		}
	}()
	h.next.ServeHTTP(x.wrap(w), r)
	returned = true
}

func (h *handler) start(t opentracing.Tracer, r *http.Request, x *exchange) opentracing.Span {
	x.pattern = h.patternOf(r)
	name := ""
	if h.operation != nil {
		name = h.operation(r)
		x.named = name != ""
	}
	if name == "" {
		name = operationOf(r, x.pattern)
	}
	options := make([]opentracing.StartSpanOption, 0, 2+len(h.startWith))
	options = append(options, kindServer)
	// What cannot be read begins a new trace.
	if caller, err := t.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(r.Header)); err == nil && caller != nil {
		options = append(options, opentracing.ChildOf(caller))
	} else if outer := opentracing.SpanFromContext(r.Context()); outer != nil {
		options = append(options, opentracing.ChildOf(outer.Context()))
	}
	return t.StartSpan(name, append(options, h.startWith...)...)
}

// patternOf asks a ServeMux for the route before it is taken: whoever samples by
// operation, or is told of our endpoint by sw8, needs the name from the start.
func (h *handler) patternOf(r *http.Request) string {
	// The answer for CONNECT may be a path.
	if h.mux != nil && r.Method != http.MethodConnect && r.RequestURI != "*" {
		if _, pattern := h.mux.Handler(r); pattern != "" {
			return pattern
		}
	}
	return r.Pattern
}

func (h *handler) tag(x *exchange, r *http.Request) {
	x.tagged = true
	s := x.span
	s.SetTag("component", h.component)
	s.SetTag("http.method", r.Method)
	s.SetTag("http.url", h.urlTag(r))
	if r.RemoteAddr != "" {
		s.SetTag("peer.address", r.RemoteAddr)
	}
	if h.observe != nil {
		h.observe(s, r)
	}
}

// end finishes the span. The handler has returned, or panicked, or, if neither,
// has ended its goroutine.
func (h *handler) end(x *exchange, r *http.Request, returned bool, recovered any) {
	s, w := x.span, &x.writer
	defer s.Finish()
	// A router within has set the pattern meanwhile.
	route := x.setRoute(r, r.Pattern, false)
	if !middleware.IsSampled(s) {
		return
	}
	if !x.tagged { // sampling.priority was set meanwhile
		h.tag(x, r)
	}
	if route != "" {
		s.SetTag("http.route", route)
	}
	if r.ContentLength > 0 {
		s.SetTag("http.request_size", r.ContentLength)
	}
	status := w.status
	switch {
	case status != 0:
	case w.hijacked && isUpgrade(r):
		// Written past us. Who refuses an upgrade does so before.
		status = http.StatusSwitchingProtocols
	case returned && !w.hijacked:
		status = http.StatusOK // net/http writes it now
	}
	if status != 0 {
		ext.HTTPStatusCode.Set(s, uint16(status))
	}
	if w.size > 0 {
		s.SetTag("http.response_size", w.size)
	}
	if errors.Is(r.Context().Err(), context.Canceled) {
		s.SetTag("http.aborted", true)
	}
	switch {
	case recovered == http.ErrAbortHandler: //nolint:errorlint // net/http compares as well
		middleware.Fail(s, http.ErrAbortHandler)
	case recovered != nil:
		middleware.FailPanic(s, recovered)
	case !returned:
		middleware.Fail(s, errGoexit)
	case h.isError(status):
		ext.Error.Set(s, true)
	}
}

var errGoexit = errors.New("the handler ended its goroutine")

func isUpgrade(r *http.Request) bool {
	for _, v := range r.Header["Connection"] {
		for word := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(word), "upgrade") {
				return true
			}
		}
	}
	return false
}
