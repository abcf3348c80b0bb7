// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/access/accesstest"
	"github.com/spanbridge/spanbridge/translate"
)

// A target moves to another authority, for its own certificate and for those of
// its clients: the exporter follows its files, by HTTP and by gRPC.
func TestAuthoritiesAreExchanged(t *testing.T) {
	later := time.Now().Add(time.Hour)
	for _, network := range []translate.Network{translate.HTTP, translate.GRPC} {
		t.Run(string(network), func(t *testing.T) {
			first, second := accesstest.NewAuthority(t, "first"), accesstest.NewAuthority(t, "second")
			var now atomic.Pointer[tls.Config]
			config := func(a *accesstest.Authority) *tls.Config {
				return &tls.Config{
					Certificates: []tls.Certificate{a.Issue("target", later).Load(t)},
					ClientCAs:    a.Pool(), ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2", "http/1.1"},
				}
			}
			now.Store(config(first))
			server := &tls.Config{NextProtos: []string{"h2", "http/1.1"}, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return now.Load(), nil }}
			s := Settings{}
			target := grpcTarget("/t.S/unary")
			cut := func() {}
			if network == translate.HTTP {
				target = httpTarget()
				web := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					if r.ProtoMajor != 2 {
						t.Errorf("%s, want HTTP/2", r.Proto)
					}
				}))
				web.EnableHTTP2 = true
				web.TLS = server
				web.StartTLS()
				t.Cleanup(web.Close)
				s.Endpoint, cut = web.URL, web.CloseClientConnections
			} else {
				s.Endpoint = (&grpcServer{}).start(t, grpc.Creds(credentials.NewTLS(server)))
			}
			client := first.Issue("bridge", later)
			s.TLS = TLS{CAFile: first.File, CertFile: client.CertFile, KeyFile: client.KeyFile}
			e := open(t, target, s)
			if _, err := e.Consume(t.Context(), parcel(1)); err != nil {
				t.Fatal(err)
			}
			now.Store(config(second))
			cut()
			fresh := open(t, target, s)
			if _, err := fresh.Consume(t.Context(), parcel(1)); err == nil {
				t.Fatal("a target of another authority is trusted")
			}
			authority, err := os.ReadFile(second.File)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(first.File, authority, 0o600); err != nil {
				t.Fatal(err)
			}
			second.Renew(client, "bridge", later)
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
				_, err := e.Consume(t.Context(), parcel(1))
				_, err2 := fresh.Consume(t.Context(), parcel(1))
				if err == nil && err2 == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal(err, err2)
				}
			}
		})
	}
}

// A token is sent as the kind of target wants it; the next request has the one
// that the file has then, and what is wrong with a file is an error without it.
func TestBadges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1000)
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("Authorization") }))
	t.Cleanup(web.Close)
	e := open(t, httpTarget(), Settings{Endpoint: web.URL, Auth: access.Credentials{TokenFile: file}})
	send := func() string {
		t.Helper()
		if _, err := e.Consume(t.Context(), parcel(1)); err != nil {
			t.Fatal(err)
		}
		return <-got
	}
	if a := send(); a != "Bearer one" {
		t.Errorf("%q", a)
	}
	if err := os.WriteFile(file, []byte("two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); send() != "Bearer two"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the new token is not sent")
		}
	}
	for bare, key := range map[bool]string{false: "authorization", true: "authentication"} {
		s := &grpcServer{}
		target := grpcTarget("/t.S/unary")
		target.BareToken = bare
		e := open(t, target, Settings{Endpoint: s.start(t), Auth: access.Credentials{Token: "three"}})
		if _, err := e.Consume(t.Context(), parcel(1)); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		if v := s.md.Get(key); len(v) != 1 || v[0] != map[bool]string{false: "Bearer three", true: "three"}[bare] {
			t.Errorf("%s: %v", key, s.md)
		}
		s.mu.Unlock()
	}
	if _, err := New(httpTarget(), Settings{Endpoint: web.URL, Auth: access.Credentials{TokenFile: file + ".none"}}); err == nil {
		t.Error("no error for a file that is not there")
	}
}
