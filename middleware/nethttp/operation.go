// SPDX-License-Identifier: Apache-2.0

package nethttp

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// maxURL bounds the tag http.url: a span has to fit into a datagram.
const maxURL = 2048

// operationOf names a request by method and route.
func operationOf(r *http.Request, pattern string) string {
	method := methodOf(r.Method)
	if pattern == "" {
		return method
	}
	verb, rest := splitPattern(pattern)
	if verb == method {
		return pattern
	}
	return method + " " + rest
}

// methodOf is the method for a name. Anybody can send any method: those that
// are not standard must not become names.
func methodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	case "":
		return http.MethodGet // of a client
	}
	return "HTTP"
}

// splitPattern splits a pattern of http.ServeMux: [METHOD ][HOST]/[PATH].
func splitPattern(pattern string) (method, rest string) {
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		return pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	return "", pattern
}

// routeOf is the path of a pattern.
func routeOf(pattern string) string {
	_, rest := splitPattern(pattern)
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

func withoutQuery(u *url.URL) string {
	if u.Opaque != "" {
		return u.Scheme + ":" + u.Opaque
	}
	path := u.EscapedPath()
	if u.Host == "" {
		return path
	}
	return u.Scheme + "://" + u.Host + path
}

// urlTag is the URL of a request. That of a server's request has neither scheme
// nor host.
func (o *options) urlTag(r *http.Request) string {
	u := r.URL
	if u.Host == "" && r.Host != "" {
		full := *u
		full.Scheme, full.Host = "http", r.Host
		if r.TLS != nil {
			full.Scheme = "https"
		}
		u = &full
	}
	s := o.url(u)
	return s[:min(len(s), maxURL)]
}

// SetOperation names the server span of a request whose context this is, in
// place of the name that it would have. It is false if Handler did not make a
// span.
func SetOperation(ctx context.Context, operation string) bool {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.named = true
	x.span.SetOperationName(operation)
	return true
}

// SetRoute is for routers that do not set Request.Pattern: it names the server
// span of a request by the method and this route, unless it has a name by
// choice. It is false if Handler did not make a span.
func SetRoute(r *http.Request, route string) bool {
	x, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if ok {
		x.setRoute(r, route, true)
	}
	return ok
}

// setRoute gives the path of the route. What a router within says explicitly
// counts more than the pattern of one outside.
func (x *exchange) setRoute(r *http.Request, pattern string, explicit bool) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if pattern != "" && (explicit || !x.routed) {
		x.routed = explicit
		if pattern != x.pattern && !x.named {
			x.span.SetOperationName(operationOf(r, pattern))
		}
		x.pattern = pattern
	}
	return routeOf(x.pattern)
}
