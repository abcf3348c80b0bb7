// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"

	"github.com/spanbridge/spanbridge/propagation"
)

// throughH2C is a client that speaks HTTP/2 with the forward port, whomever it
// asks.
func (r *rig) throughH2C() *http.Client {
	c := h2c(r.t)
	var d net.Dialer
	c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, strings.TrimPrefix(r.forward, "http://"))
	}
	return c
}

// TestForwardHTTP2: in HTTP/2 a request says by :authority whom it is for. Clients
// that can be given a dialer need no tunnel then, those of gRPC among them.
func TestForwardHTTP2(t *testing.T) {
	callee := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s host=%s\n", r.Proto, r.RequestURI, r.Host)
		echo(w, r)
	})
	r := start(t, "", func(o *Options) { o.Outward = []propagation.Format{propagation.W3C} })
	_, body := answer(t, r.throughH2C(), request(t, "POST", callee.URL+"/a%2fb?x=|", strings.NewReader("tea"), written[propagation.B3Multi]...))
	if want := "HTTP/2.0 /a%2fb?x=| host=" + strings.TrimPrefix(callee.URL, "http://") + "\n"; !strings.HasPrefix(body, want) {
		t.Errorf("%s, want %s", body, want)
	}
	if got := header(body, "traceparent"); got != "00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-01" {
		t.Errorf("traceparent %q in\n%s", got, body)
	}

	target, _ := serveGRPC(t)
	cc, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(target, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", strings.TrimPrefix(r.forward, "http://"))
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	var trail metadata.MD
	if _, err := testpb.NewTestServiceClient(cc).UnaryCall(asking(t, "uber-trace-id", "1:2:0:1"), &testpb.SimpleRequest{}, grpc.Trailer(&trail)); err != nil {
		t.Fatal(err)
	}
	if got := trail.Get("saw-authority")[0]; got != strings.TrimPrefix(target, "http://") {
		t.Errorf("the callee is called %q, want %s", got, target)
	}
}

// TestLoops: what would come back for ever is refused, by the name where it tells
// and else by the connection.
func TestLoops(t *testing.T) {
	r := start(t, "")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(r.forward, "http://"))
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST", "0.0.0.0", "[::ffff:127.0.0.1]"} {
		for name, client := range map[string]*http.Client{"http1": r.through(), "h2c": r.throughH2C()} {
			resp, err := client.Do(request(t, "GET", "http://"+host+":"+port+"/", nil))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusLoopDetected || !strings.HasPrefix(string(body), "bridge proxy: "+host+":"+port) {
				t.Errorf("%s by %s: %d %s", host, name, resp.StatusCode, body)
			}
		}
	}
	callee := serve(t, echo)
	for to, want := range map[string]bool{r.forward: true, callee.URL: false} {
		c := dial(t, to)
		if got := r.loops(c, "orders:8080"); got != want {
			t.Errorf("a connection to %s leads back: %v, want %v", to, got, want)
		}
	}
	r.transports.h2c.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errLoop }
	resp, body := answer(t, r.throughH2C(), request(t, "GET", "http://orders:8080/", nil))
	if resp.StatusCode != http.StatusLoopDetected || body != "bridge proxy: orders:8080: it leads back to this proxy\n" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if n := r.metric("bridge_proxy_errors_total", "reason=refused"); n != 11 {
		t.Errorf("%v are counted, want 11", n)
	}
}

func TestRoutesToThemselves(t *testing.T) {
	for _, c := range []struct {
		address, to string
		loops       bool
	}{
		{"127.0.0.1:8081", "http://127.0.0.1:8081", true},
		{"127.0.0.1:8081", "http://localhost:8081/base", true},
		{"localhost:8081", "http://127.0.0.1:8081", true},
		{":8081", "http://127.0.0.1:8081", true},
		{"0.0.0.0:8081", "http://[::1]:8081", true},
		{"[::]:80", "http://localhost", true},
		{":443", "https://localhost", true},
		{"orders:8081", "http://Orders:8081", true},
		{"127.0.0.1:8081", "http://127.0.0.1:8080", false},
		{"127.0.0.1:8081", "http://127.0.0.2:8081", false},
		{"127.0.0.1:8081", "http://orders:8081", false},
		{":8081", "http://orders:8081", false},
		{"192.0.2.1:8081", "http://127.0.0.1:8081", false},
		{"127.0.0.1:0", "http://127.0.0.1:0", false},
	} {
		o := Options{Inbound: []Route{{c.address, parseURL(t, c.to)}}, Inward: []propagation.Format{propagation.B3}}
		err := o.Check()
		if loops := err != nil && strings.Contains(err.Error(), "would send its requests to itself"); loops != c.loops {
			t.Errorf("%s to %s: %v", c.address, c.to, err)
		}
	}
}

func TestAddressesToListenAt(t *testing.T) {
	for _, address := range []string{"8081", "localhost", "http://127.0.0.1:8081", "::1:8081"} {
		o := Options{Forward: address, Outward: []propagation.Format{propagation.B3}}
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), "want host:port") {
			t.Errorf("%s: %v", address, err)
		}
	}
	o := Options{Outbound: []Route{{"127.0.0.1:8090", parseURL(t, "http://orders")}}, Forward: "127.0.0.1:8090", Outward: []propagation.Format{propagation.B3}}
	if err := o.Check(); err == nil || !strings.Contains(err.Error(), "is given twice") {
		t.Error(err)
	}
}
