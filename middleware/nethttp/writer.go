// SPDX-License-Identifier: Apache-2.0

package nethttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// writer watches a response.
type writer struct {
	w        http.ResponseWriter
	status   int // 0 until a final one was written
	size     int64
	hijacked bool
}

func (w *writer) Header() http.Header { return w.w.Header() }

func (w *writer) WriteHeader(status int) {
	// Of the informational ones only 101 is an answer.
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.w.WriteHeader(status)
}

// begin is what net/http does with a body that comes without a status.
func (w *writer) begin() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.w.Write(p)
	w.size += int64(n)
	return n, err
}

func (w *writer) WriteString(s string) (int, error) {
	w.begin()
	n, err := io.WriteString(w.w, s)
	w.size += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.w }

// Handlers ask by type assertion what a writer can do, so one that cannot must
// not have the method. These are the methods one by one.
type (
	flusher    struct{ of *writer }
	hijacker   struct{ of *writer }
	pusher     struct{ of *writer }
	readerFrom struct{ of *writer }
)

func (f flusher) Flush() { _ = f.FlushError() }

func (f flusher) FlushError() error {
	f.of.begin()
	if w, ok := f.of.w.(interface{ FlushError() error }); ok {
		return w.FlushError()
	}
	f.of.w.(http.Flusher).Flush()
	return nil
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := h.of.w.(http.Hijacker).Hijack()
	if err == nil {
		h.of.hijacked = true
	}
	return c, rw, err
}

func (p pusher) Push(target string, o *http.PushOptions) error {
	return p.of.w.(http.Pusher).Push(target, o)
}

func (f readerFrom) ReadFrom(r io.Reader) (int64, error) {
	f.of.begin()
	n, err := f.of.w.(io.ReaderFrom).ReadFrom(r)
	f.of.size += n
	return n, err
}

// http1 can what the writer of HTTP/1 can. It is a part of the exchange, to
// save an allocation.
type http1 struct {
	*writer
	flusher
	hijacker
	readerFrom
}

const (
	canFlush = 1 << iota
	canHijack
	canPush
	canReadFrom
)

// wrap is the writer for the handler.
func (x *exchange) wrap(of http.ResponseWriter) http.ResponseWriter {
	w := &x.writer
	w.w = of
	f, h, p, r := flusher{w}, hijacker{w}, pusher{w}, readerFrom{w}
	can := 0
	if _, ok := of.(http.Flusher); ok {
		can |= canFlush
	}
	if _, ok := of.(http.Hijacker); ok {
		can |= canHijack
	}
	if _, ok := of.(http.Pusher); ok {
		can |= canPush
	}
	if _, ok := of.(io.ReaderFrom); ok {
		can |= canReadFrom
	}
	switch can {
	case canFlush | canHijack | canReadFrom:
		x.http1 = http1{w, f, h, r}
		return &x.http1
	case canFlush | canPush: // HTTP/2
		return struct {
			*writer
			flusher
			pusher
		}{w, f, p}
	case canFlush:
		return struct {
			*writer
			flusher
		}{w, f}
	case canHijack:
		return struct {
			*writer
			hijacker
		}{w, h}
	case canPush:
		return struct {
			*writer
			pusher
		}{w, p}
	case canReadFrom:
		return struct {
			*writer
			readerFrom
		}{w, r}
	case canFlush | canHijack:
		return struct {
			*writer
			flusher
			hijacker
		}{w, f, h}
	case canFlush | canReadFrom:
		return struct {
			*writer
			flusher
			readerFrom
		}{w, f, r}
	case canHijack | canPush:
		return struct {
			*writer
			hijacker
			pusher
		}{w, h, p}
	case canHijack | canReadFrom:
		return struct {
			*writer
			hijacker
			readerFrom
		}{w, h, r}
	case canPush | canReadFrom:
		return struct {
			*writer
			pusher
			readerFrom
		}{w, p, r}
	case canFlush | canHijack | canPush:
		return struct {
			*writer
			flusher
			hijacker
			pusher
		}{w, f, h, p}
	case canFlush | canPush | canReadFrom:
		return struct {
			*writer
			flusher
			pusher
			readerFrom
		}{w, f, p, r}
	case canHijack | canPush | canReadFrom:
		return struct {
			*writer
			hijacker
			pusher
			readerFrom
		}{w, h, p, r}
	case canFlush | canHijack | canPush | canReadFrom:
		return struct {
			*writer
			flusher
			hijacker
			pusher
			readerFrom
		}{w, f, h, p, r}
	}
	return w
}
