// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// loan lends the memory of an encoder to net/http for one request. The transport
// may go on reading a body after the answer, or after an error; when the loan is
// over it reads nothing any more, and the encoder writes its next payload there.
type loan struct {
	mu   sync.Mutex
	body []byte
	over bool
}

var errOver = errors.New("the request is over")

// reader reads the body from its start: a request may be sent again on another
// connection.
func (l *loan) reader() (io.ReadCloser, error) { return &lentReader{loan: l}, nil }

// end takes the memory back.
func (l *loan) end() {
	l.mu.Lock()
	l.over, l.body = true, nil
	l.mu.Unlock()
}

type lentReader struct {
	loan *loan
	at   int
}

func (r *lentReader) Read(p []byte) (int, error) {
	return r.take(len(p), func(piece []byte) (int, error) { return copy(p, piece), nil })
}

// take has up to n bytes that come next taken, which stay what they are meanwhile.
func (r *lentReader) take(n int, by func(piece []byte) (taken int, err error)) (int, error) {
	l := r.loan
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return 0, errOver
	case r.at == len(l.body):
		return 0, io.EOF
	}
	n, err := by(l.body[r.at:min(len(l.body), r.at+n)])
	r.at += n
	return n, err
}

func (r *lentReader) Close() error { return nil }

// lentPiece is how much of a body is written at once, while end waits.
const lentPiece = 256 << 10

// writeTo writes what is left of the body, up to n bytes, from where it lies.
func (r *lentReader) writeTo(w io.Writer, n int64) (written int64, err error) {
	for err == nil && written < n {
		var k int
		k, err = r.take(int(min(n-written, lentPiece)), w.Write)
		written += int64(k)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return written, err
}

// lendingConn is a connection that writes bodies from where they lie: net/http would
// copy them through a buffer that it makes for each, in pieces of 32 KiB. A write that
// the other side does not take is ended by net/http, which closes the connection when
// the request is over.
type lendingConn struct{ net.Conn }

// ReadFrom writes what a reader has left. net/http asks for it with the body, behind a
// limit that is its length.
func (c lendingConn) ReadFrom(r io.Reader) (int64, error) {
	if limit, ok := r.(*io.LimitedReader); ok {
		if lent, ok := limit.R.(*lentReader); ok {
			n, err := lent.writeTo(c.Conn, limit.N)
			limit.N -= n
			return n, err
		}
	}
	return io.Copy(c.Conn, r)
}

// dialing is how a connection is made.
type dialing = func(ctx context.Context, network, address string) (net.Conn, error)

// lending has what is dialed lend.
func lending(dial dialing) dialing {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lendingConn{c}, nil
	}
}
