// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// transports call services. Connections are kept apart by version of HTTP, and
// those of gRPC from the others, since no bound on the time to the head of an
// answer holds for streams.
type transports struct {
	version Version
	http1   *http.Transport
	h2c     *http.Transport
	grpc    *http.Transport
}

// loops says whether a connection that was made for an address leads back here.
type loops func(c net.Conn, address string) bool

// errLoop is what a request gets that would come back for ever.
var errLoop = errors.New("it leads back to this proxy")

func newTransports(o *Options, loops loops) *transports {
	t := &transports{version: o.Version}
	t.http1 = newTransport(o, o.Timeouts.Response, loops)
	t.http1.Protocols.SetHTTP1(true)
	t.h2c = newTransport(o, o.Timeouts.Response, loops)
	t.h2c.Protocols.SetUnencryptedHTTP2(true)
	t.grpc = newTransport(o, 0, loops)
	t.grpc.Protocols.SetUnencryptedHTTP2(true)
	return t
}

func newTransport(o *Options, response time.Duration, loops loops) *http.Transport {
	dialer := &net.Dialer{Timeout: o.Timeouts.Dial, KeepAlive: 30 * time.Second}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err == nil && loops(c, address) {
			_ = c.Close()
			return nil, errLoop
		}
		return c, err
	}
	t := &http.Transport{
		// Not from the environment: there HTTP_PROXY may name this proxy.
		Proxy:                  nil,
		DialContext:            dial,
		TLSHandshakeTimeout:    o.Timeouts.Dial,
		ResponseHeaderTimeout:  response,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        o.Timeouts.ServiceIdle,
		MaxIdleConns:           4096,
		MaxIdleConnsPerHost:    1024,
		MaxResponseHeaderBytes: int64(o.MaxHeader),
		DisableCompression:     true, // as the caller asked, not as we do
		Protocols:              new(http.Protocols),
		// A stream may be silent for long. This finds out that the other side is gone.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
	t.Protocols.SetHTTP2(true) // for https, if the service wants it
	return t
}

// RoundTrip sends a request by the version of HTTP that the options say.
func (t *transports) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case isGRPC(r.Header) && (r.ProtoMajor == 2 || t.version == H2C):
		resp, err := t.grpc.RoundTrip(r)
		if o, ok := r.Body.(*outgoing); ok && err == nil && isGRPC(resp.Header) {
			resp.Body = &stream{resp.Body, resp, o.body.x}
		}
		return resp, err
	case t.version == HTTP1 || t.version == SameVersion && r.ProtoMajor < 2 || r.URL.Scheme == "https" || r.Header["Upgrade"] != nil:
		return t.http1.RoundTrip(r)
	default:
		return t.h2c.RoundTrip(r)
	}
}

func (t *transports) close() {
	t.http1.CloseIdleConnections()
	t.h2c.CloseIdleConnections()
	t.grpc.CloseIdleConnections()
}
