// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// Output is a protocol that the gateway sends by.
type Output uint8

// Outputs.
const (
	ToZipkin Output = iota
	ToJaeger
	ToOTLP
	ToSkyWalking
	outputs
)

var outputNames = [outputs]string{"zipkin", "jaeger", "otlp", "skywalking"}

func (o Output) String() string { return outputNames[o] }

// Outputs are all of them.
var Outputs = []Output{ToZipkin, ToJaeger, ToOTLP, ToSkyWalking}

// Backend takes what gateways send, in all four protocols at one port. It keeps
// of each span who its parent is, and nothing else.
type Backend struct {
	URL  string // http://127.0.0.1:PORT
	Addr string // 127.0.0.1:PORT, for gRPC

	server *http.Server
	ended  chan struct{}
	got    [outputs]seen
}

// seen is what came by one protocol.
type seen struct {
	sync.Mutex
	spans    []emitted         // by fleet.id
	others   map[uint64]uint64 // spans without it, and their parents
	segments map[uint64]int    // how often each came
	faults   []string
}

// emitted is a span as it came out. Ids of SkyWalking are hashes of segment and
// number; trace is one of the name that the trace has there.
type emitted struct {
	id, parent uint64
	trace      TraceID
	name       uint64
	times      uint8
	shared     bool
}

// NewBackend listens for the spans of a fleet.
func NewBackend(f *Fleet) (*Backend, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Backend{Addr: l.Addr().String(), ended: make(chan struct{})}
	b.URL = "http://" + b.Addr
	for o := range b.got {
		b.got[o].spans = make([]emitted, len(f.Spans))
		b.got[o].others = make(map[uint64]uint64)
		b.got[o].segments = make(map[uint64]int)
	}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: time.Minute, Protocols: new(http.Protocols)}
	b.server.Protocols.SetHTTP1(true)
	// gRPC without TLS is HTTP/2 with prior knowledge.
	b.server.Protocols.SetUnencryptedHTTP2(true)
	go func() {
		defer close(b.ended)
		_ = b.server.Serve(l) // it ends by Close
	}()
	return b, nil
}

// Close ends it.
func (b *Backend) Close() {
	b.server.Close()
	<-b.ended
}

// Spans is how many spans came by a protocol, repeats included.
func (b *Backend) Spans(o Output) (n int) {
	s := &b.got[o]
	s.Lock()
	defer s.Unlock()
	for i := range s.spans {
		n += int(s.spans[i].times)
	}
	return n
}

// ServeHTTP implements http.Handler.
func (b *Backend) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc") {
		b.serveGRPC(w, req)
		return
	}
	body, err := lab.ReadBody(req)
	if err == nil && req.URL.Path == "/api/v2/spans" {
		err = b.got[ToZipkin].zipkin(body)
	}
	if err != nil {
		b.got[ToZipkin].fault(err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// serveGRPC answers every call with one empty message.
func (b *Backend) serveGRPC(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	for {
		message, err := lab.ReadFrame(req.Body)
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
		to, take := ToSkyWalking, (*seen).skywalking
		switch req.URL.Path {
		case "/jaeger.api_v2.CollectorService/PostSpans":
			to, take = ToJaeger, (*seen).jaeger
		case "/opentelemetry.proto.collector.trace.v1.TraceService/Export":
			to, take = ToOTLP, (*seen).otlp
		case "/skywalking.v3.TraceSegmentReportService/collect":
		case "/skywalking.v3.TraceSegmentReportService/collectInSync":
			take = (*seen).skywalkingTogether
		default: // about instances
			continue
		}
		if err := take(&b.got[to], message); err != nil {
			b.got[to].fault(err)
		}
	}
	w.Write(make([]byte, 5))
	w.Header().Set("Grpc-Status", "0")
}

func (s *seen) fault(err error) {
	s.Lock()
	defer s.Unlock()
	s.faults = append(s.faults, err.Error())
}

// add notes a span. fleet is the text of its tag, "" for a span that the
// gateway made up.
func (s *seen) add(fleet string, e emitted) error {
	if fleet == "" {
		s.others[e.id] = e.parent
		return nil
	}
	n := 0
	for _, c := range []byte(fleet) {
		if c < '0' || c > '9' || n > len(s.spans) {
			return fmt.Errorf("%s %q, want the number of a span", idTag, fleet)
		}
		n = 10*n + int(c-'0')
	}
	if n >= len(s.spans) {
		return fmt.Errorf("%s %q, want below %d", idTag, fleet, len(s.spans))
	}
	e.times = min(s.spans[n].times, 254) + 1
	if e.times > 1 {
		// The first one counts.
		times := e.times
		e = s.spans[n]
		e.times = times
	}
	s.spans[n] = e
	return nil
}

var hashSeed = maphash.MakeSeed()

func hashOf(text string, n int32) uint64 {
	return maphash.Comparable(hashSeed, struct {
		text string
		n    int32
	}{text, n}) | 1 // 0 is none
}
