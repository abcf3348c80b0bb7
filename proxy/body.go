// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// body is what the caller sends, counted.
type body struct {
	io.ReadCloser
	counter prometheus.Counter
	x       *exchange
	http2   bool
	control *http.ResponseController

	reading atomic.Bool
	cut     atomic.Bool // by the side that it goes to
	failed  atomic.Bool // by the caller
}

func (b *body) Read(p []byte) (int, error) {
	b.reading.Store(true)
	n, err := b.ReadCloser.Read(p)
	b.reading.Store(false)
	b.counter.Add(float64(n))
	if err != nil && !errors.Is(err, io.EOF) && !b.cut.Load() {
		b.failed.Store(true)
	}
	return n, err
}

// outgoing is the same body as a transport gets it, by way of httputil's reader.
type outgoing struct {
	io.ReadCloser
	body *body
}

// Close ends a Read that waits for the caller. httputil's reader does not, and
// net/http's transport for HTTP/2 tells the reader of an answer that the
// connection is gone only after the request's body has come to an end: a stream
// whose caller is silent would hang when its service dies.
func (o *outgoing) Close() error {
	err := o.ReadCloser.Close()
	b := o.body
	b.cut.Store(true)
	switch {
	case b.http2:
		_ = b.Close()
	case b.reading.Load():
		// To close a body of HTTP/1 would wait for the Read.
		_ = b.control.SetReadDeadline(time.Unix(1, 0))
	}
	return err
}
