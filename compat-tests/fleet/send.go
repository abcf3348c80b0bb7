// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
)

// Node is where a gateway takes spans: URLs for HTTP, host:port else.
type Node struct {
	Zipkin     string
	JaegerHTTP string
	JaegerUDP  string
	SkyWalking string
	OTLPGRPC   string
	OTLPHTTP   string
}

// Arrivals is when and where each span was reported. Times count from the
// beginning of Send.
type Arrivals struct {
	// A span arrived no sooner than Sent and no later than Taken.
	Sent, Taken []time.Duration
	Node        []uint8

	Spans, Datagrams int // spans sent, and those of them by UDP
	Requests         int
	Took             time.Duration
	Lag              time.Duration // the most that a report was late
}

// Send reports all spans to the nodes, each report to any of them. One second
// of the fleet takes scale seconds, or longer: its time stands still while a
// report is under way that was due some time ago, so that a machine which is too
// slow for the fleet does not change the order in which spans arrive.
func (f *Fleet) Send(ctx context.Context, o Options, scale float64, nodes []Node) (*Arrivals, error) {
	a := &Arrivals{
		Sent: make([]time.Duration, len(f.Spans)), Taken: make([]time.Duration, len(f.Spans)), Node: make([]uint8, len(f.Spans)),
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var senders sync.WaitGroup
	var lag, requests, spans, datagrams atomic.Int64
	schedule := f.schedule(o)
	begin := time.Now()
	now := newClock(schedule, scale)
	defer now.stop()
	for i, reports := range schedule {
		s := newSender(f, int32(i), nodes)
		rng := rand.New(rand.NewPCG(o.Seed, uint64(i)))
		senders.Go(func() {
			defer s.close()
			defer now.done(i)
			for _, r := range reports {
				late := now.await(i, r.at)
				if ctx.Err() != nil {
					return
				}
				node := rng.IntN(len(nodes))
				body, all, err := s.encode(ctx, r.units)
				sent := time.Since(begin)
				if err == nil {
					err = s.send(ctx, node, body)
				}
				if err != nil {
					cancel(fmt.Errorf("fleet: %s to node %d: %w", f.Instances[i].Name, node, err))
					return
				}
				taken := time.Since(begin)
				for _, n := range all {
					a.Sent[n], a.Taken[n], a.Node[n] = sent, taken, uint8(node)
				}
				requests.Add(1)
				spans.Add(int64(len(all)))
				if f.service(int32(i)).Protocol == JaegerUDP {
					datagrams.Add(int64(len(all)))
				}
				for most := lag.Load(); late > most && !lag.CompareAndSwap(most, late); most = lag.Load() {
				}
			}
		})
	}
	senders.Wait()
	a.Took, a.Lag = time.Since(begin), time.Duration(lag.Load())
	a.Requests, a.Spans, a.Datagrams = int(requests.Load()), int(spans.Load()), int(datagrams.Load())
	return a, context.Cause(ctx)
}

// sender is the reporter of one instance.
type sender struct {
	fleet    *Fleet
	instance int32
	nodes    []Node
	http     *http.Client
	ways     []way
}

// way is a connection to a node, made when it is needed.
type way struct {
	grpc *grpc.ClientConn
	udp  net.Conn
}

// newSender makes a reporter with a connection of its own to each node, as each
// process has.
func newSender(f *Fleet, instance int32, nodes []Node) *sender {
	return &sender{
		fleet: f, instance: instance, nodes: nodes, ways: make([]way, len(nodes)),
		http: &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}},
	}
}

func (s *sender) close() {
	s.http.CloseIdleConnections()
	for _, w := range s.ways {
		if w.grpc != nil {
			w.grpc.Close()
		}
		if w.udp != nil {
			w.udp.Close()
		}
	}
}

// payload is a report in its wire form; segments go one by one on a stream.
type payload struct {
	body     []byte
	request  *collector.ExportTraceServiceRequest
	segments []*agentv3.SegmentObject
}

// encode makes a report of units and says which spans are in it.
func (s *sender) encode(ctx context.Context, units []int32) (p payload, spans []int32, err error) {
	f, i := s.fleet, s.instance
	switch f.service(i).Protocol {
	case ZipkinJSON:
		p.body, err = f.zipkinJSON(i, units)
	case ZipkinProto:
		p.body, err = f.zipkinProto(i, units)
	case ZipkinThrift:
		p.body, err = f.zipkinThrift(ctx, i, units)
	case JaegerHTTP:
		p.body, err = f.jaegerThrift(ctx, i, units)
	case JaegerUDP:
		p.body, err = f.jaegerPacket(ctx, i, units)
	case OTLPHTTP:
		p.body, err = proto.Marshal(f.otlp(i, units))
	case OTLPGRPC:
		p.request = f.otlp(i, units)
	case SkyWalking:
		for _, n := range units {
			p.segments = append(p.segments, f.segmentObject(n))
			spans = append(spans, f.Segments[n].Spans...)
		}
		return p, spans, nil
	}
	return p, units, err
}

func (s *sender) send(ctx context.Context, node int, p payload) error {
	to := s.nodes[node]
	switch s.fleet.service(s.instance).Protocol {
	case ZipkinJSON:
		return s.post(ctx, to.Zipkin+"/api/v2/spans", "application/json", p.body)
	case ZipkinProto:
		return s.post(ctx, to.Zipkin+"/api/v2/spans", "application/x-protobuf", p.body)
	case ZipkinThrift:
		return s.post(ctx, to.Zipkin+"/api/v1/spans", "application/x-thrift", p.body)
	case JaegerHTTP:
		return s.post(ctx, to.JaegerHTTP+"/api/traces?format=jaeger.thrift", "application/x-thrift", p.body)
	case OTLPHTTP:
		return s.post(ctx, to.OTLPHTTP+"/v1/traces", "application/x-protobuf", p.body)
	case JaegerUDP:
		w := &s.ways[node]
		if w.udp == nil {
			conn, err := (&net.Dialer{}).DialContext(ctx, "udp", to.JaegerUDP)
			if err != nil {
				return err
			}
			w.udp = conn
		}
		_, err := w.udp.Write(p.body)
		return err
	case OTLPGRPC:
		conn, err := s.dial(node, to.OTLPGRPC)
		if err != nil {
			return err
		}
		_, err = collector.NewTraceServiceClient(conn).Export(ctx, p.request)
		return err
	default:
		conn, err := s.dial(node, to.SkyWalking)
		if err != nil {
			return err
		}
		stream, err := agentv3.NewTraceSegmentReportServiceClient(conn).Collect(ctx)
		if err != nil {
			return err
		}
		for _, g := range p.segments {
			if err := stream.Send(g); err != nil {
				return err
			}
		}
		_, err = stream.CloseAndRecv()
		return err
	}
}

func (s *sender) dial(node int, addr string) (*grpc.ClientConn, error) {
	w := &s.ways[node]
	if w.grpc == nil {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		w.grpc = conn
	}
	return w.grpc, nil
}

func (s *sender) post(ctx context.Context, url, media string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", media)
	res, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s: status %d: %.200s", url, res.StatusCode, text)
	}
	return nil
}
