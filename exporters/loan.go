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
	l := r.loan
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return 0, errOver
	case r.at == len(l.body):
		return 0, io.EOF
	}
	n := copy(p, l.body[r.at:])
	r.at += n
	return n, nil
}

func (r *lentReader) Close() error { return nil }

// lentPiece is how much of a body is written at once, while end waits.
const lentPiece = 256 << 10

// writeTo writes what is left of the body, up to n bytes, from where it lies.
func (r *lentReader) writeTo(w io.Writer, n int64) (written int64, err error) {
	for err == nil && written < n {
		var k int
		k, err = r.writePiece(w, min(n-written, lentPiece))
		written += int64(k)
		if k == 0 {
			break
		}
	}
	return written, err
}

// writePiece writes nothing, without an error, at the end of the body.
func (r *lentReader) writePiece(w io.Writer, n int64) (int, error) {
	l := r.loan
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return 0, errOver
	case r.at == len(l.body):
		return 0, nil
	}
	k, err := w.Write(l.body[r.at:min(int64(len(l.body)), int64(r.at)+n)])
	r.at += k
	return k, err
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

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// lending has what is dialed lend.
func lending(to dial) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := to(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lendingConn{c}, nil
	}
}
