// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/spanbridge/spanbridge/span"
)

// Connections are used again, whatever was answered. net/http may dial another one for a
// request while one becomes free.
func TestHTTPConnectionsAreKept(t *testing.T) {
	t.Parallel()
	var opened, asked atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader([]int{200, 202, 400, 503}[asked.Add(1)%4])
		fmt.Fprint(w, "a text that says more")
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	const atOnce = 3
	for _, s := range []Settings{{}, {Gzip: true}, {Zstd: true}} {
		opened.Store(0)
		s.Endpoint, s.Connections = srv.URL, atOnce
		e := open(t, httpTarget(), s)
		var all sync.WaitGroup
		for worker := range atOnce {
			all.Go(func() {
				for i := range 40 {
					_, _ = e.Consume(t.Context(), parcel(span.ID(worker*100+i+1)))
				}
			})
		}
		all.Wait()
		if n := opened.Load(); n > 3*atOnce {
			t.Errorf("gzip %v, zstd %v: %d connections for %d requests, %d at once", s.Gzip, s.Zstd, n, 40*atOnce, atOnce)
		}
	}
}

// connections counts those that are opened to a server.
type connections struct {
	stats.Handler
	n atomic.Int64
}

func (c *connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	c.n.Add(1)
	return ctx
}
func (*connections) HandleConn(context.Context, stats.ConnStats) {}
func (*connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	return ctx
}
func (*connections) HandleRPC(context.Context, stats.RPCStats) {}

// Calls share one connection.
func TestGRPCConnectionIsKept(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"/t.S/unary", "/t.S/stream"} {
		opened := &connections{}
		e := open(t, grpcTarget(method), Settings{Endpoint: (&grpcServer{}).start(t, grpc.StatsHandler(opened)), Connections: 3})
		var all sync.WaitGroup
		for worker := range 3 {
			all.Go(func() {
				for i := range 40 {
					if _, err := e.Consume(t.Context(), parcel(span.ID(worker*100+i+1))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if n := opened.n.Load(); n != 1 {
			t.Errorf("%s: %d connections", method, n)
		}
	}
}
