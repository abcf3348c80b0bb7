// SPDX-License-Identifier: Apache-2.0

package nethttp

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/log"

	"github.com/spanbridge/spanbridge/middleware"
)

// call is a request that goes out, until its response was read.
type call struct {
	span    opentracing.Span
	isError func(status int) bool
	read    atomic.Int64

	mu   sync.Mutex // events come from several goroutines, and late
	done bool
}

// end finishes the span, once.
func (c *call) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return
	}
	c.done = true
	if middleware.IsSampled(c.span) {
		if n := c.read.Load(); n > 0 {
			c.span.SetTag("http.response_size", n)
		}
		if err != nil {
			middleware.Fail(c.span, err)
		}
	}
	c.span.Finish()
}

func (c *call) log(fields ...log.Field) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.span.LogFields(fields...)
	}
}

// responseBody ends the call when it was read or closed.
type responseBody struct {
	call *call
	body io.ReadCloser
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.call.read.Add(int64(n))
	switch {
	case errors.Is(err, io.EOF):
		b.call.end(nil)
	case err != nil:
		b.call.end(err)
	}
	return n, err
}

func (b *responseBody) Close() error {
	b.call.end(nil)
	return b.body.Close()
}

// duplexBody is that of a connection that was upgraded.
type duplexBody struct {
	responseBody
	io.Writer
}

// halfBody is one that can end its own direction alone, as those of net/http
// can: proxies ask for it.
type halfBody struct {
	duplexBody
	halfCloser
}

type halfCloser interface{ CloseWrite() error }

// watch gives a body that ends the call, and can what the body can.
func (c *call) watch(body io.ReadCloser) io.ReadCloser {
	watched := responseBody{c, body}
	w, writes := body.(io.Writer)
	h, closes := body.(halfCloser)
	switch {
	case writes && closes:
		return &halfBody{duplexBody{watched, w}, h}
	case writes:
		return &duplexBody{watched, w}
	default:
		return &watched
	}
}
