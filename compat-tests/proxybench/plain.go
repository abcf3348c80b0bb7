// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// servePlain is the proxy to compare with: httputil.ReverseProxy, with the
// settings of bridge proxy.
func servePlain(listen, to string) error {
	target, err := url.Parse(to)
	if err != nil {
		return err
	}
	transports := [3]*http.Transport{1: transport(false), 2: transport(true)}
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			if ip, _, err := net.SplitHostPort(r.In.RemoteAddr); err == nil {
				r.Out.Header["X-Forwarded-For"] = []string{ip}
			}
		},
		Transport:     sameVersion(transports),
		FlushInterval: time.Millisecond,
		BufferPool:    &buffers{},
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Else net/http closes the request's body when the answer begins, which
			// under load breaks off answers: the transport may still be reading.
			if r.ProtoMajor == 1 && r.ContentLength != 0 {
				_ = http.NewResponseController(w).EnableFullDuplex()
			}
			pass.ServeHTTP(w, r)
		}),
		Protocols:         &protocols,
		ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1000},
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func transport(h2c bool) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		DialContext: dialer.DialContext, ResponseHeaderTimeout: 5 * time.Minute, ExpectContinueTimeout: time.Second,
		IdleConnTimeout: 4 * time.Second, MaxIdleConns: 4096, MaxIdleConnsPerHost: 1024, MaxResponseHeaderBytes: 64 << 10,
		DisableCompression: true, Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
	t.Protocols.SetHTTP1(!h2c)
	t.Protocols.SetUnencryptedHTTP2(h2c)
	return t
}

// sameVersion calls the service by the caller's version of HTTP.
type sameVersion [3]*http.Transport

func (s sameVersion) RoundTrip(r *http.Request) (*http.Response, error) {
	return s[r.ProtoMajor].RoundTrip(r)
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[32 << 10]byte); ok {
		return p[:]
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put((*[32 << 10]byte)(p)) }
