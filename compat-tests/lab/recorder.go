// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Recorder takes whatever tracing clients send over HTTP and gRPC, on one port,
// and answers as a backend with nothing to say would.
type Recorder struct {
	URL  string // http://127.0.0.1:PORT
	Addr string // 127.0.0.1:PORT, for gRPC

	mu    sync.Mutex
	calls []*Call
}

// Call is one request as it was received.
type Call struct {
	Method string
	Path   string // for gRPC /package.Service/method
	Query  string
	Header http.Header
	Body   []byte   // decompressed; empty for gRPC
	Frames [][]byte // messages of a gRPC call
}

// NewRecorder starts a recorder.
func NewRecorder(t testing.TB) *Recorder {
	t.Helper()
	r := &Recorder{}
	server := httptest.NewUnstartedServer(r)
	// gRPC without TLS is HTTP/2 with prior knowledge.
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	r.URL = server.URL
	r.Addr = strings.TrimPrefix(server.URL, "http://")
	return r
}

// ServeHTTP implements http.Handler.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	c := &Call{Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery, Header: req.Header}
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc") {
		r.serveGRPC(w, req, c)
		return
	}
	body, err := ReadBody(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.Body = body
	r.add(c)
	switch {
	case strings.HasPrefix(req.URL.Path, "/sampling"):
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1}}`)
	case strings.HasPrefix(req.URL.Path, "/v1/"): // OTLP
		w.Header().Set("Content-Type", req.Header.Get("Content-Type"))
	case strings.HasPrefix(req.URL.Path, "/v3/"): // SkyWalking
	case req.Method == http.MethodPost:
		w.WriteHeader(http.StatusAccepted)
	}
}

// serveGRPC answers any call with one empty message. Streams may stay open for
// ever, so each message counts when it has arrived.
func (r *Recorder) serveGRPC(w http.ResponseWriter, req *http.Request, c *Call) {
	r.add(c)
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	for {
		message, err := ReadFrame(req.Body)
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
		r.mu.Lock()
		c.Frames = append(c.Frames, message)
		r.mu.Unlock()
	}
	w.Write(make([]byte, 5))
	w.Header().Set("Grpc-Status", "0")
}

func (r *Recorder) add(c *Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

// Calls returns copies of the calls so far, in the order of their arrival, whose
// path begins with prefix.
func (r *Recorder) Calls(prefix string) []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var calls []Call
	for _, c := range r.calls {
		if strings.HasPrefix(c.Path, prefix) {
			calls = append(calls, *c)
		}
	}
	return calls
}

// Bodies returns what was posted to a path: bodies of HTTP requests and messages
// of gRPC calls.
func (r *Recorder) Bodies(path string) [][]byte {
	var bodies [][]byte
	for _, c := range r.Calls(path) {
		if len(c.Frames) > 0 {
			bodies = append(bodies, c.Frames...)
		} else if c.Method == http.MethodPost && !strings.HasPrefix(c.Header.Get("Content-Type"), "application/grpc") {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

// Await waits until check accepts the bodies posted to a path.
func (r *Recorder) Await(t testing.TB, path string, check func(bodies [][]byte) error) {
	t.Helper()
	Eventually(t, 2*time.Minute, "posts to "+path, func(context.Context) error {
		return check(r.Bodies(path))
	})
}

// ReadBody reads the body of a request, unpacked if it is gzipped.
func ReadBody(req *http.Request) ([]byte, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil || req.Header.Get("Content-Encoding") != "gzip" {
		return body, err
	}
	return gunzip(body)
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// ReadFrame reads a gRPC message with its prefix of flag and length. At the end of
// the stream it gives io.EOF.
func ReadFrame(r io.Reader) ([]byte, error) {
	var prefix [5]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint32(prefix[1:]))
	if _, err := io.ReadFull(r, message); err != nil {
		return nil, fmt.Errorf("message of %d bytes: %w", len(message), err)
	}
	if prefix[0] == 1 {
		return gunzip(message)
	}
	return message, nil
}

// Packets records what is sent to a UDP address.
type Packets struct {
	Addr string // 127.0.0.1:PORT

	mu  sync.Mutex
	all [][]byte
}

// NewPackets starts to record packets.
func NewPackets(t testing.TB) *Packets {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	p := &Packets{Addr: conn.LocalAddr().String()}
	done := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.all = append(p.all, bytes.Clone(buf[:n]))
			p.mu.Unlock()
		}
	}()
	return p
}

// All returns the packets so far.
func (p *Packets) All() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([][]byte(nil), p.all...)
}
