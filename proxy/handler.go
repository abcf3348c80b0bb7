// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
)

// handler is what listens at one address.
type handler struct {
	proxy *Proxy
	d     *direction
	to    *url.URL // nil for a forward proxy
	// keepHost: the service is to see the name that the caller called it by.
	keepHost  bool
	forwarded Forwarded
	pass      httputil.ReverseProxy
}

func newHandler(p *Proxy, d *direction, to *url.URL) *handler {
	h := &handler{proxy: p, d: d, to: to, keepHost: d.name == inward, forwarded: PassForwarded}
	if d.name == inward {
		h.forwarded = p.options.Forwarded
	}
	h.pass = httputil.ReverseProxy{
		Rewrite:   h.rewrite,
		Transport: p.transports,
		// Of a stream everything is flushed at once, whatever this says. It is for
		// answers of a known length that come in parts.
		FlushInterval: time.Millisecond,
		BufferPool:    buffers{},
		ErrorHandler:  h.failed,
		ErrorLog:      p.stdLog,
	}
	return h
}

// ServeHTTP passes one request on.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.to == nil && r.ProtoMajor == 2 && r.Method != http.MethodConnect && r.URL.Host == "" {
		// HTTP/2 always says who is asked, in :authority.
		r.URL.Scheme, r.URL.Host = "http", r.Host
	}
	if h.refuse(w, r) {
		return
	}
	if r.Method == http.MethodConnect {
		h.proxy.tunnel(w, r)
		return
	}
	h.proxy.open.enter()
	defer h.proxy.open.leave()
	x := &exchange{w: w, d: h.d}
	h.d.active.Inc()
	defer x.end(r)
	declineH2C(r.Header)
	keepListed(r.Header)
	if x.deadline = grpcTimeout(r.Header); x.deadline > 0 {
		x.began = time.Now()
	}
	h.d.cross(x, r, h.host(r))
	if r.ContentLength != 0 && r.Body != nil {
		b := &x.body
		b.ReadCloser, b.x, b.counter, b.http2, b.control = r.Body, x, h.d.request, r.ProtoMajor == 2, http.NewResponseController(w)
		r.Body = b
		if !b.http2 {
			// An answer may begin before the request has ended.
			_ = b.control.EnableFullDuplex()
		}
	}
	h.pass.ServeHTTP(x, r)
	x.whole = true
}

// refuse answers what is not for this port.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case h.to != nil && r.Method == http.MethodConnect:
		h.refused(w, r, http.StatusMethodNotAllowed, "CONNECT is for the forward port")
	case h.to != nil:
		return false
	case h.proxy.isOwn(r.URL.Host):
		h.refused(w, r, http.StatusLoopDetected, r.URL.Host+" is this port itself")
	case r.Method == http.MethodConnect:
		return false
	case !r.URL.IsAbs() || r.URL.Host == "":
		h.refused(w, r, http.StatusBadRequest, "this port is a forward proxy (HTTP_PROXY): want a request with a whole URL, such as GET http://orders:8080/ HTTP/1.1; a client that cannot do this needs a route of its own")
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		h.refused(w, r, http.StatusBadRequest, fmt.Sprintf("scheme %q, want http or https", r.URL.Scheme))
	default:
		return false
	}
	return true
}

func (h *handler) refused(w http.ResponseWriter, r *http.Request, code int, why string) {
	h.d.metrics.Errors.WithLabelValues(h.d.name, refused).Inc()
	h.d.answered(code)
	if r.Method == http.MethodConnect {
		h.d.metrics.Tunnels.WithLabelValues(refused).Inc()
	}
	http.Error(w, "bridge proxy: "+why, code)
}

// host is the name by which the request's client calls the other side.
func (h *handler) host(r *http.Request) string {
	if h.to != nil && !h.keepHost {
		return h.to.Host
	}
	return r.Host
}

// rewrite says where a request goes. The rest of it stays as it came.
func (h *handler) rewrite(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	if b, ok := in.Body.(*body); ok && out.Body != nil {
		out.Body = &outgoing{out.Body, b}
	}
	// Values come with the end of the body, into the caller's map.
	out.Trailer = in.Trailer
	h.forwarded.set(in, out)
	path, query, hasQuery := strings.Cut(originForm(in), "?")
	if h.to != nil {
		out.URL.Scheme, out.URL.Host = h.to.Scheme, h.to.Host
		if !h.keepHost {
			out.Host = ""
		}
		if base := strings.TrimSuffix(h.to.EscapedPath(), "/"); base != "" && path != "*" {
			path = base + path
			if u, err := url.Parse(path); err == nil {
				out.URL.Path, out.URL.RawPath = u.Path, u.RawPath
			}
		}
	}
	out.URL.RawQuery, out.URL.ForceQuery = query, hasQuery && query == ""
	// What url.URL would write in another way, such as a bar or a backslash.
	if path != out.URL.EscapedPath() && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") {
		out.URL.Opaque = path
	}
}

// originForm is the target of a request as it was sent, from its path on.
func originForm(r *http.Request) string {
	target := r.RequestURI
	if !r.URL.IsAbs() || strings.HasPrefix(target, "/") || target == "*" {
		return target
	}
	_, rest, _ := strings.Cut(target, "://")
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		if rest[i] == '/' {
			return rest[i:]
		}
		return "/" + rest[i:]
	}
	return "/"
}

// declineH2C takes out the offer to go on in HTTP/2, which clients in Java make
// with every first request. A service that took it would get the following
// requests past the proxy. To ignore the offer is allowed (RFC 9110, 7.8).
func declineH2C(h http.Header) {
	if h["Upgrade"] == nil {
		return
	}
	for _, v := range h["Upgrade"] {
		for name := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(name), "h2c") {
				delete(h, "Upgrade")
				delete(h, "Http2-Settings")
				return
			}
		}
	}
}

// keepListed takes the names of tracing headers out of Connection, which lists
// headers that are not passed on. They would be missing among those that are
// written.
func keepListed(h http.Header) {
	lines := h["Connection"]
	if len(lines) == 0 || len(lines) == 1 && (strings.EqualFold(lines[0], "keep-alive") || strings.EqualFold(lines[0], "close") || strings.EqualFold(lines[0], "upgrade")) {
		return
	}
	var kept []string
	for _, v := range lines {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" && !propagation.IsHeader(name, formats...) {
				kept = append(kept, name)
			}
		}
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}

// formats are all whose headers are known.
var formats = append(propagation.AllFormats(), propagation.LightStep)

// end counts an exchange.
func (x *exchange) end(r *http.Request) {
	defer x.d.active.Dec() // when everything else is counted
	x.d.response.Add(float64(x.bytes))
	// httputil ends an answer that broke off with a panic, which makes net/http end
	// the connection or the stream.
	if !x.whole && x.reason == "" {
		x.reason = broken
		if x.err != nil || x.body.failed.Load() || r.Context().Err() != nil {
			x.reason = aborted
		}
	}
	if x.record != nil {
		x.d.spans.finish(x)
	}
	if x.reason != "" {
		x.d.metrics.Errors.WithLabelValues(x.d.name, x.reason).Inc()
	}
	if x.reason == aborted {
		x.d.metrics.Requests.WithLabelValues(x.d.name, aborted).Inc()
		return
	}
	x.d.answered(x.code)
}

// Forwarded says what becomes of X-Forwarded-For on the way to the service.
type Forwarded string

// What becomes of X-Forwarded-For. The other headers of this kind (Forwarded,
// X-Forwarded-Host, X-Forwarded-Proto) pass as they are, since the service sees
// the host and the protocol that the caller used.
const (
	AppendForwarded Forwarded = "append" // the caller's address is added at the end
	PassForwarded   Forwarded = "pass"   // as it came
	DropForwarded   Forwarded = "drop"   // none goes on
)

var forwardedHeaders = [...]string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"}

const forwardedFor = "X-Forwarded-For"

func (f Forwarded) set(in, out *http.Request) {
	if f == DropForwarded {
		return // httputil has taken them out
	}
	for _, key := range forwardedHeaders {
		if v, ok := in.Header[key]; ok {
			out.Header[key] = v
		}
	}
	prior := in.Header[forwardedFor]
	if f == AppendForwarded {
		if ip, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
			if len(prior) > 0 {
				ip = strings.Join(prior, ", ") + ", " + ip
			}
			prior = []string{ip}
		}
	}
	if len(prior) > 0 {
		out.Header[forwardedFor] = prior
	}
}

// buffers are for bodies that pass.
type buffers struct{}

var bufferPool = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func (buffers) Get() []byte  { return bufferPool.Get().(*[32 << 10]byte)[:] }
func (buffers) Put(b []byte) { bufferPool.Put((*[32 << 10]byte)(b)) }
