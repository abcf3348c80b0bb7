// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	common "skywalking.apache.org/repo/goapi/collect/common/v3"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	management "skywalking.apache.org/repo/goapi/collect/management/v3"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// udp listens where an agent would, and gives the address.
func udp(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

// collector counts the spans that are posted to it.
type collector struct {
	*httptest.Server
	mu sync.Mutex
	n  int
}

func (c *collector) spans() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func zipkinServer(t *testing.T) *collector {
	t.Helper()
	c := new(collector)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var list []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil || r.URL.Path != "/api/v2/spans" {
			t.Errorf("%s: %v", r.URL, err)
		}
		c.mu.Lock()
		c.n += len(list)
		c.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(c.Close)
	return c
}

// oap keeps segments.
type oap struct {
	agent.UnimplementedTraceSegmentReportServiceServer
	management.UnimplementedManagementServiceServer
	address  string
	mu       sync.Mutex
	segments []*agent.SegmentObject
}

func newOAP(t *testing.T) *oap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	o := &oap{address: l.Addr().String()}
	s := grpc.NewServer()
	agent.RegisterTraceSegmentReportServiceServer(s, o)
	management.RegisterManagementServiceServer(s, o)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return o
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

// wait waits for n segments.
func (o *oap) wait(t *testing.T, n int) []*agent.SegmentObject {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		o.mu.Lock()
		list := append([]*agent.SegmentObject(nil), o.segments...)
		o.mu.Unlock()
		if len(list) >= n {
			return list
		}
	}
	t.Fatalf("less than %d segments", n)
	return nil
}
