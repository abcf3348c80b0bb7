// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
)

// Other settings take the place of those in use: what is on its way comes to its
// end at the former target, whose connections are closed then.
func TestPrepare(t *testing.T) {
	var mu sync.Mutex
	got := make(map[string]int)
	release := make(chan struct{})
	came, closed := make(chan struct{}), make(chan struct{})
	serve := func(name string) *httptest.Server {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			mu.Lock()
			got[name+r.Header.Get("X-Name")]++
			mu.Unlock()
			if name == "former" {
				close(came)
				<-release
			}
		}))
		srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed && name == "former" {
				close(closed)
			}
		}
		srv.Start()
		t.Cleanup(srv.Close)
		return srv
	}
	former, next := serve("former"), serve("next")
	e := open(t, httpTarget(), Settings{Endpoint: former.URL})
	done := make(chan error)
	go func() {
		_, err := e.Consume(t.Context(), parcel(1))
		done <- err
	}()
	<-came
	if _, _, err := e.Prepare(Settings{Endpoint: "no url"}); err == nil {
		t.Error("bad settings are taken")
	}
	_, discard, err := e.Prepare(Settings{Endpoint: "http://127.0.0.1:1", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	discard()
	change, _, err := e.Prepare(Settings{Endpoint: next.URL, Headers: map[string]string{"X-Name": "a"}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	change()
	if _, err := e.Consume(t.Context(), parcel(2)); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-closed
	mu.Lock()
	defer mu.Unlock()
	if got["former"] != 1 || got["nexta"] != 1 || len(got) != 2 {
		t.Errorf("requests: %v", got)
	}
}

// A forwarded call that stays open ends as if the backend had gone.
func TestForwardEndsWithItsSettings(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open1 := make(chan struct{})
	srv := grpc.NewServer(grpc.ForceServerCodecV2(rawgrpc.Codec{}), grpc.UnknownServiceHandler(func(_ any, ss grpc.ServerStream) error {
		close(open1)
		<-ss.Context().Done()
		return ss.Context().Err()
	}))
	go func() { _ = srv.Serve(l) }()
	defer srv.Stop()
	e := open(t, grpcTarget("/t.S/stream"), Settings{Endpoint: l.Addr().String()})
	stream, err := e.Forward(t.Context(), "/t.S/logs")
	if err != nil {
		t.Fatal(err)
	}
	<-open1
	change, _, err := e.Prepare(Settings{Endpoint: l.Addr().String(), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	change()
	var m rawgrpc.Message
	if err := stream.RecvMsg(&m); status.Code(err) != codes.Unavailable {
		t.Errorf("%v, want it to be unavailable", err)
	}
}
