// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go"
	"google.golang.org/grpc"
	common "skywalking.apache.org/repo/goapi/collect/common/v3"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	management "skywalking.apache.org/repo/goapi/collect/management/v3"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
)

// oap takes segments as SkyWalking's backend does.
type oap struct {
	agent.UnimplementedTraceSegmentReportServiceServer
	management.UnimplementedManagementServiceServer
	mu       sync.Mutex
	segments []*agent.SegmentObject
}

func (o *oap) Collect(stream agent.TraceSegmentReportService_CollectServer) error {
	for {
		s, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&common.Commands{})
		}
		if err != nil {
			return err
		}
		o.mu.Lock()
		o.segments = append(o.segments, s)
		o.mu.Unlock()
	}
}

func (o *oap) ReportInstanceProperties(context.Context, *management.InstanceProperties) (*common.Commands, error) {
	return &common.Commands{}, nil
}

func (o *oap) KeepAlive(context.Context, *management.InstancePingPkg) (*common.Commands, error) {
	return &common.Commands{}, nil
}

// In SkyWalking the spans of middleware are entries and exits with their layer
// and component, and each entry names its caller's exit by the same address: OAP
// draws one edge between two services from it.
func TestSegments(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := new(oap)
	server := grpc.NewServer()
	agent.RegisterTraceSegmentReportServiceServer(server, backend)
	management.RegisterManagementServiceServer(server, backend)
	go server.Serve(l)
	defer server.Stop()

	tracers := make(map[string]opentracing.Tracer)
	var all []*tracer.Tracer
	for _, s := range services {
		r, err := skywalking.New(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		tr := tracer.New(s, tracer.WithReporter(r), tracer.WithPropagator(propagation.New(propagation.Write(propagation.SW8))))
		tracers[s], all = tr, append(all, tr)
	}
	f := start(t, tracers)
	f.request(t)
	f.wait(t)
	for _, tr := range all {
		for end := time.Now().Add(time.Minute); tr.Counts().Finished < tr.Counts().Started && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := tr.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}

	type seen struct {
		kind, layer string
		component   int32
	}
	const method = "/grpc.testing.BenchmarkService/UnaryCall"
	want := map[string]seen{
		"web: checkout":             {"Local", "Unknown", 0},
		"web: POST":                 {"Exit", "Http", 5005},
		"orders: POST:/orders/{id}": {"Entry", "Http", 5017},
		"orders: " + method:         {"Exit", "RPCFramework", 23},
		"stock: " + method:          {"Entry", "RPCFramework", 23},
		"stock: send bills":         {"Exit", "MQ", 40},
		"billing: process bills":    {"Entry", "MQ", 41},
		"billing: SELECT":           {"Exit", "Database", 31},
	}
	traces := make(map[string]bool)
	peers := make(map[string]string) // of exits, by segment and number
	entries := 0
	backend.mu.Lock()
	defer backend.mu.Unlock()
	for _, s := range backend.segments {
		traces[s.GetTraceId()] = true
		for _, sp := range s.GetSpans() {
			if sp.GetSpanType() == agent.SpanType_Exit {
				peers[s.GetTraceSegmentId()] = sp.GetPeer()
				if sp.GetPeer() == "" {
					t.Errorf("%s: no peer", sp.GetOperationName())
				}
			}
			key := s.GetService() + ": " + sp.GetOperationName()
			got := seen{sp.GetSpanType().String(), sp.GetSpanLayer().String(), sp.GetComponentId()}
			if w, ok := want[key]; !ok || got != w {
				t.Errorf("%s: %+v, want %+v", key, got, w)
			}
			delete(want, key)
		}
	}
	for key := range want {
		t.Errorf("%s did not come", key)
	}
	if len(traces) != 1 {
		t.Errorf("%d traces", len(traces))
	}
	for _, s := range backend.segments {
		for _, sp := range s.GetSpans() {
			if sp.GetSpanType() != agent.SpanType_Entry {
				continue
			}
			entries++
			if len(sp.GetRefs()) != 1 {
				t.Errorf("%s: %d references", sp.GetOperationName(), len(sp.GetRefs()))
				continue
			}
			ref := sp.GetRefs()[0]
			peer, ok := peers[ref.GetParentTraceSegmentId()]
			if !ok || ref.GetNetworkAddressUsedAtPeer() != peer {
				t.Errorf("%s: called as %q, the caller's exit has %q", sp.GetOperationName(), ref.GetNetworkAddressUsedAtPeer(), peer)
			}
		}
	}
	if entries != 3 {
		t.Errorf("%d entries", entries)
	}
}
