// SPDX-License-Identifier: Apache-2.0

package sink

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // for gateways that compress
)

// Counts are what came so far.
type Counts struct {
	Spans, Requests, Bytes int64
	Checked                int64 // requests that were decoded as well
	Faults                 int64
	Fault                  string // the last one
}

// Sink is a running one.
type Sink struct {
	HTTP, GRPC string // addresses

	check                     int64
	spans, requests, received atomic.Int64
	checked, faults           atomic.Int64
	fault                     atomic.Value
	bodies                    sync.Pool
	web                       *http.Server
	rpc                       *grpc.Server
}

// Start listens at two free ports of loopback. Of so many requests one is
// decoded; 0: none.
func Start(check int64) (*Sink, error) {
	s := &Sink{check: check, bodies: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
	s.fault.Store("")
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	rpc, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		web.Close()
		return nil, err
	}
	s.HTTP, s.GRPC = web.Addr().String(), rpc.Addr().String()
	s.web = &http.Server{Handler: s.handler()}
	s.rpc = grpc.NewServer(grpc.ForceServerCodecV2(rawgrpc.Codec{}), grpc.UnknownServiceHandler(s.call), grpc.MaxRecvMsgSize(64<<20))
	go func() { _ = s.web.Serve(web) }()
	go func() { _ = s.rpc.Serve(rpc) }()
	return s, nil
}

// Close closes everything at once.
func (s *Sink) Close() {
	s.web.Close()
	s.rpc.Stop()
}

// Counts are what came so far.
func (s *Sink) Counts() Counts {
	return Counts{s.spans.Load(), s.requests.Load(), s.received.Load(), s.checked.Load(), s.faults.Load(), s.fault.Load().(string)}
}

func (s *Sink) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s.Counts()) })
	take := func(status int, of func(media string) form) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { s.post(w, r, status, of(r.Header.Get("Content-Type"))) }
	}
	always := func(f form) func(string) form { return func(string) form { return f } }
	mux.HandleFunc("POST /api/v2/spans", take(http.StatusAccepted, func(media string) form {
		if strings.HasPrefix(media, "application/x-protobuf") {
			return zipkinProto
		}
		return zipkinJSON
	}))
	mux.HandleFunc("POST /v1/traces", take(http.StatusOK, always(otlpProto)))
	mux.HandleFunc("POST /api/traces", take(http.StatusAccepted, always(jaegerThrift)))
	mux.HandleFunc("POST /datagrams", take(http.StatusAccepted, always(agentFrames)))
	return mux
}

func (s *Sink) post(w http.ResponseWriter, r *http.Request, status int, f form) {
	buffer := s.bodies.Get().(*bytes.Buffer)
	defer s.bodies.Put(buffer)
	buffer.Reset()
	if r.ContentLength > 0 {
		buffer.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzip
	}
	if _, err := buffer.ReadFrom(body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.take(f, buffer.Bytes())
	w.WriteHeader(status)
}

// methods are what is called by gRPC. What is not here has no spans.
var methods = map[string]form{
	"/jaeger.api_v2.CollectorService/PostSpans":                   jaegerProto,
	"/opentelemetry.proto.collector.trace.v1.TraceService/Export": otlpProto,
	"/skywalking.v3.TraceSegmentReportService/collect":            segment,
	"/skywalking.v3.TraceSegmentReportService/collectInSync":      segments,
	"/zipkin.proto3.SpanService/Report":                           zipkinProto,
}

// call takes messages until the client has no more. The answers of all methods
// may be empty.
func (s *Sink) call(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	f, ok := methods[method]
	if !ok {
		f = notice
	}
	for {
		var m rawgrpc.Message
		err := stream.RecvMsg(&m)
		if errors.Is(err, io.EOF) {
			return stream.SendMsg(rawgrpc.New(nil))
		}
		if err != nil {
			return err
		}
		s.take(f, m.Copy())
		m.Free()
	}
}

func (s *Sink) take(f form, body []byte) {
	n, err := f.count(body)
	if s.check > 0 && s.requests.Load()%s.check == 0 {
		s.checked.Add(1)
		if found, failed := f.decode(body); failed != nil || found != n {
			err = errors.Join(err, failed, fmt.Errorf("%d spans counted and %d decoded", n, found))
		}
	}
	if err != nil {
		s.faults.Add(1)
		s.fault.Store(err.Error())
	}
	s.received.Add(int64(len(body)))
	s.requests.Add(1)
	s.spans.Add(int64(n))
}
