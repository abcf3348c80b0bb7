// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/propagation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = time.Minute

// rig is a running proxy.
type rig struct {
	*Proxy
	t       testing.TB
	reg     *prometheus.Registry
	inbound string // URLs
	forward string
	routes  []string
	client  *http.Client // HTTP/1.1, direct
}

// start runs a proxy in front of a service; to is empty for none. It forwards as
// well.
func start(t testing.TB, to string, change ...func(*Options)) *rig {
	t.Helper()
	reg := prometheus.NewRegistry()
	o := Options{
		Forward: "127.0.0.1:0", Service: "middle", Instance: "one@host", Caller: "unknown",
		Inward: []propagation.Format{propagation.B3}, Outward: []propagation.Format{propagation.B3, propagation.SW8},
		Timeouts: DefaultTimeouts, Metrics: metrics.NewProxy(reg), Log: slog.New(slog.DiscardHandler),
	}
	if to != "" {
		o.Inbound = []Route{{"127.0.0.1:0", parseURL(t, to)}}
	}
	for _, f := range change {
		f(&o)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	r := &rig{Proxy: p, t: t, reg: reg}
	for _, at := range p.Ports() {
		u := "http://" + at.Address
		switch {
		case at.Direction == inward:
			r.inbound = u
		case at.To == "":
			r.forward = u
		default:
			r.routes = append(r.routes, u)
		}
	}
	p.Serve()
	r.client = &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		p.Shutdown(ctx)
	})
	return r
}

// through is a client that uses the forward proxy.
func (r *rig) through() *http.Client {
	u := parseURL(r.t, r.forward)
	c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(u), DisableCompression: true}}
	r.t.Cleanup(c.CloseIdleConnections)
	return c
}

// h2c is a client that speaks HTTP/2 from the first byte on.
func h2c(t testing.TB) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	c := &http.Client{Transport: tr}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// serve runs a service that takes HTTP/1.1 and h2c.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.DisableGeneralOptionsHandler = true
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func parseURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := ParseTarget(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// request makes a request; headers are "Name: value".
func request(t testing.TB, method, url string, body io.Reader, headers ...string) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Add(k, v)
	}
	return r
}

// answer sends a request and gives the answer and its whole body.
func answer(t testing.TB, c *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not in %v: %s", patience, what)
}

// metric is the sum of a metric over the label values that are given as
// name=value.
func (r *rig) metric(name string, labels ...string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	next:
		for _, m := range f.GetMetric() {
			for _, want := range labels {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetName()+"="+l.GetValue() == want
				}
				if !found {
					continue next
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// dial opens a raw connection to the address of a URL.
func dial(t testing.TB, url string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// echo answers with the tracing headers that came, one in a line.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Host", r.Host)
	for _, f := range []propagation.Format{propagation.B3, propagation.B3Multi, propagation.SW8, propagation.W3C, propagation.Uber, propagation.OT, propagation.LightStep} {
		for k, vs := range r.Header {
			if propagation.IsHeader(k, f) {
				for _, v := range vs {
					fmt.Fprintf(w, "%s: %s\n", strings.ToLower(k), v)
				}
			}
		}
	}
}
