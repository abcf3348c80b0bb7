// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"errors"
	"io"
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
