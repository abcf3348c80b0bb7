// SPDX-License-Identifier: Apache-2.0

package faultnet

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// HTTPTarget is a server that takes bodies by HTTP/1.1.
type HTTPTarget struct {
	*mood
	take     Take
	status   int
	listener net.Listener
	server   *http.Server
}

// NewHTTPTarget opens a port on loopback; status is that of a right answer.
func NewHTTPTarget(status int, take Take) (*HTTPTarget, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &HTTPTarget{mood: newMood(), take: take, status: status, listener: l}
	t.server = &http.Server{Handler: t, ReadHeaderTimeout: time.Minute}
	go func() { _ = t.server.Serve(l) }() // ends with Close
	return t, nil
}

// Addr is where it listens, as host:port.
func (t *HTTPTarget) Addr() string { return t.listener.Addr().String() }

// Close ends it at once.
func (t *HTTPTarget) Close() error { return t.server.Close() }

// mostBody bounds a body after decompression.
const mostBody = 256 << 20

// ServeHTTP answers in the manner that is set.
func (t *HTTPTarget) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m, changed := t.now()
	body, err := readBody(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var answer []byte
	if m.takes() {
		answer, err = t.take(Request{r.URL.Path, r.Header.Get, body})
		var refused *Refusal
		switch {
		case errors.As(err, &refused):
			http.Error(w, refused.Why, http.StatusBadRequest)
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	if !wait(r.Context(), m, changed) {
		panic(http.ErrAbortHandler)
	}
	switch m.Answer {
	case Wrong:
		status := m.Status
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, "the answer is wrong, as it was asked to be", status)
	case Half:
		t.raw(w, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\nhalf", t.status, http.StatusText(t.status), 8)
	case Twice:
		one := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s", t.status, http.StatusText(t.status), len(answer), answer)
		t.raw(w, "%s%s", one, one)
	default:
		w.WriteHeader(t.status)
		_, _ = w.Write(answer)
	}
}

// raw writes to the connection itself and closes it.
func (t *HTTPTarget) raw(w http.ResponseWriter, format string, args ...any) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, of which there is none here
	}
	fmt.Fprintf(conn, format, args...)
	_ = conn.Close()
}

func readBody(r *http.Request) ([]byte, error) {
	var from io.Reader = r.Body
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		from = z
	default:
		return nil, fmt.Errorf("Content-Encoding is %q, want gzip or none", encoding)
	}
	body, err := io.ReadAll(io.LimitReader(from, mostBody+1))
	if err == nil && len(body) > mostBody {
		err = fmt.Errorf("the body has more than %d bytes", mostBody)
	}
	return body, err
}
