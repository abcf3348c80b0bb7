// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Mood is how a Moody server answers those who bring spans.
type Mood struct {
	// Status is of HTTP, with Retry-After.
	Status int
	// Code is of gRPC; Hint adds a RetryInfo.
	Code codes.Code
	Hint bool
	// Break breaks the connection; Wait answers when the mood is a good one.
	Break, Wait bool
}

// Moody is a Recorder that may be full.
type Moody struct {
	*Recorder

	mu      sync.Mutex
	mood    Mood
	good    chan struct{} // closed when the mood is good
	refused [][]byte
}

// NewMoody starts one in a good mood.
func NewMoody(t testing.TB) *Moody {
	t.Helper()
	m := &Moody{Recorder: &Recorder{}, good: make(chan struct{})}
	close(m.good)
	server := httptest.NewUnstartedServer(m)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	server.Start()
	t.Cleanup(func() {
		m.Be(Mood{})
		server.CloseClientConnections()
		server.Close()
	})
	m.URL = server.URL
	m.Addr = strings.TrimPrefix(server.URL, "http://")
	return m
}

type connKey struct{}

// Be changes the mood; the zero Mood is the good one.
func (m *Moody) Be(mood Mood) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.good:
		if mood != (Mood{}) {
			m.good = make(chan struct{})
		}
	default:
		if mood == (Mood{}) {
			close(m.good)
		}
	}
	m.mood = mood
}

// Refused tells whether something with the name in it was refused, or waits.
func (m *Moody) Refused(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.refused {
		if bytes.Contains(r, []byte(name)) {
			return true
		}
	}
	return false
}

// Got tells whether something with the name in it was taken.
func (m *Moody) Got(name string) bool {
	for _, c := range m.Calls("") {
		for _, p := range append(c.Frames, c.Body) {
			if bytes.Contains(p, []byte(name)) {
				return true
			}
		}
	}
	return false
}

// carriesSpans is for the requests that a full gateway refuses.
func carriesSpans(path string) bool {
	switch {
	case strings.HasSuffix(path, "/spans"), strings.HasSuffix(path, "/api/traces"), strings.HasSuffix(path, "/v1/traces"),
		strings.Contains(path, "/v3/segment"), strings.Contains(path, "TraceSegmentReportService"),
		strings.HasSuffix(path, "TraceService/Export"), strings.HasSuffix(path, "/PostSpans"):
		return true
	}
	return false
}

// ServeHTTP implements http.Handler.
func (m *Moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !carriesSpans(r.URL.Path):
		m.Recorder.ServeHTTP(w, r)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
		m.serveCall(w, r)
	default:
		body, err := ReadBody(r)
		if err != nil || !m.admit(w, r, body, false) {
			return
		}
		r.Header.Del("Content-Encoding")
		r.Body = io.NopCloser(bytes.NewReader(body))
		m.Recorder.ServeHTTP(w, r)
	}
}

// serveCall looks at each message: the stream of go2sky never ends.
func (m *Moody) serveCall(w http.ResponseWriter, r *http.Request) {
	c := &Call{Method: r.Method, Path: r.URL.Path, Header: r.Header}
	m.add(c)
	w.Header().Set("Content-Type", "application/grpc")
	for {
		message, err := ReadFrame(r.Body)
		if err == io.EOF {
			break
		}
		if err != nil || !m.admit(w, r, message, true) {
			return
		}
		m.Recorder.mu.Lock()
		c.Frames = append(c.Frames, message)
		m.Recorder.mu.Unlock()
	}
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write(make([]byte, 5))
	w.Header().Set("Grpc-Status", "0")
}

// admit is true when a message is taken, in a good mood; else it has been answered.
func (m *Moody) admit(w http.ResponseWriter, r *http.Request, message []byte, rpc bool) bool {
	m.mu.Lock()
	mood, good := m.mood, m.good
	if mood != (Mood{}) {
		m.refused = append(m.refused, message)
	}
	m.mu.Unlock()
	switch {
	case mood == (Mood{}):
		return true
	case mood.Wait:
		select {
		case <-good:
			return true
		case <-r.Context().Done():
		}
	case mood.Break:
		_ = r.Context().Value(connKey{}).(net.Conn).Close()
	case rpc:
		w.Header().Set("Grpc-Status", strconv.Itoa(int(mood.Code)))
		w.Header().Set("Grpc-Message", "full")
		if mood.Hint {
			w.Header().Set("Grpc-Status-Details-Bin", hint(mood.Code))
		}
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "full", mood.Status)
	}
	return false
}

// hint is a google.rpc.Status as gRPC sends it.
func hint(code codes.Code) string {
	s, err := status.New(code, "full").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
	if err != nil {
		return ""
	}
	p, err := proto.Marshal(s.Proto())
	if err != nil {
		return ""
	}
	return base64.RawStdEncoding.EncodeToString(p)
}
