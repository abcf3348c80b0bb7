// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/access/accesstest"
	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/translate"
)

var oneHour = time.Now().Add(time.Hour)

// secured opens all ports by TCP with TLS.
func secured(t *testing.T, server access.Server) *bench {
	t.Helper()
	return start(t, func(o *receivers.Options) { secure(o, server) })
}

func secure(o *receivers.Options, server access.Server) {
	for name, l := range o.Ports {
		if name != "udp" {
			l.TLS = server
			o.Ports[name] = l
		}
	}
}

func (b *bench) dialTLS(t *testing.T, port string, config *tls.Config) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+b.Address(port).String(), grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawgrpc.Codec{})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

const zipkinSpan = `[{"traceId":"a","id":"b","name":"n"}]`

// An HTTP client that offers HTTP/2 too, as Go's, OkHttp's and browsers do, and
// a gRPC client meet at one port with TLS, and each gets its own server.
func TestTLSForBothAtOnePort(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	pair := ca.Issue("server", oneHour)
	b := secured(t, access.Server{CertFile: pair.CertFile, KeyFile: pair.KeyFile})
	trust := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}
	for _, offer := range [][]string{nil, {"http/1.1"}, {"h2", "http/1.1"}} {
		config := trust.Clone()
		config.NextProtos = offer
		b.client.Transport = &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: len(offer) > 1}
		before := b.sink.got()
		code, _, text := b.post(t, "https://"+b.Address("zipkin").String()+"/api/v2/spans", strings.NewReader(zipkinSpan), "Content-Type: application/json")
		if code != http.StatusAccepted || b.sink.got() != before+1 {
			t.Errorf("%v offered: %d %s, %d spans", offer, code, text, b.sink.got()-before)
		}
		b.client.CloseIdleConnections()
	}
	before := b.sink.got()
	// A ListOfSpans with one span of proto3: trace id and id.
	body := []byte{0x0a, 20, 0x0a, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0x1a, 8, 0, 0, 0, 0, 0, 0, 0, 2}
	body[1] = byte(len(body) - 2)
	if _, err := call(b.dialTLS(t, "zipkin", trust), "/zipkin.proto3.SpanService/Report", body); err != nil || b.sink.got() != before+1 {
		t.Errorf("gRPC: %v, %d spans", err, b.sink.got()-before)
	}
	if _, err := call(b.dialTLS(t, "ids-grpc", trust), "/ids.Service/unary", list(3)); err != nil {
		t.Error(err)
	}
}

// Certificates of clients that are missing, of a stranger, or too old: a clear
// error at both ends, counted, and nobody else is held up. A client that says
// nothing or plain HTTP neither.
func TestHandshakesThatFail(t *testing.T) {
	ca, other := accesstest.NewAuthority(t, "ca"), accesstest.NewAuthority(t, "other")
	pair, good := ca.Issue("server", oneHour), ca.Issue("client", oneHour)
	expired, stranger := ca.Issue("expired", time.Now().Add(-time.Minute)), other.Issue("stranger", oneHour)
	b := secured(t, access.Server{CertFile: pair.CertFile, KeyFile: pair.KeyFile, ClientCAFile: ca.File})
	for _, port := range []string{"zipkin", "ids-grpc", "ids-http"} {
		silent, err := net.Dial("tcp", b.Address(port).String())
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	failed := func(port string) float64 { return testutil.ToFloat64(b.set.HandshakesFailed.WithLabelValues(port)) }
	config := func(as *accesstest.Pair) *tls.Config {
		c := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}
		if as != nil {
			cert := as.Load(t)
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		}
		return c
	}
	for want, as := range map[string]*accesstest.Pair{
		"certificate required": nil, "unknown certificate authority": &stranger, "expired certificate": &expired,
	} {
		before := failed("ids-http")
		b.client.Transport = &http.Transport{TLSClientConfig: config(as)}
		resp, err := b.client.Get("https://" + b.Address("ids-http").String() + "/ask?q=x")
		if err == nil {
			resp.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) && !closedFirst(err) {
			t.Errorf("HTTP: %v, want %q", err, want)
		}
		waitFor(t, "the count", func() bool { return failed("ids-http") == before+1 })
		if _, err := call(b.dialTLS(t, "ids-grpc", config(as)), "/ids.Service/unary", list(1)); status.Code(err) != codes.Unavailable {
			t.Errorf("gRPC: %v", err)
		}
	}
	if b.sink.got() != 0 {
		t.Error("a span was taken")
	}
	if _, err := call(b.dialTLS(t, "ids-grpc", config(&good)), "/ids.Service/unary", list(1)); err != nil {
		t.Error(err)
	}
	// The server's certificate is of another authority than the client knows.
	c := config(&good)
	c.RootCAs = other.Pool()
	b.client.Transport = &http.Transport{TLSClientConfig: c}
	if resp, err := b.client.Get("https://" + b.Address("zipkin").String() + "/"); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("%v, %v", resp, err)
	}
	b.client.Transport = &http.Transport{}
	resp, err := b.client.Get("http://" + b.Address("zipkin").String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if p, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(p), "https://") {
		t.Errorf("plain HTTP: %d %q", resp.StatusCode, p)
	}
}

// closedFirst is true when a client met the closed connection before the alert
// that says why: by TLS 1.3 it may write before the server has looked at its
// certificate.
func closedFirst(err error) bool {
	return strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "connection reset")
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after a minute", what)
		}
	}
}

// A token is asked for by every route and call of a port, before a body is
// read; health checks are open.
func TestGuardedPorts(t *testing.T) {
	b := start(t, func(o *receivers.Options) {
		for name, l := range o.Ports {
			if name != "udp" {
				l.Auth = access.Credentials{Token: "s3cr3t", Username: "zoe", Password: "pass"}
				o.Ports[name] = l
			}
		}
		o.Other = map[string]http.Handler{"zipkin": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the page") })}
	})
	get := func(path string, headers ...string) (int, http.Header) {
		req, err := http.NewRequest(http.MethodGet, b.url("zipkin", path), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range headers {
			k, v, _ := strings.Cut(h, ": ")
			req.Header.Set(k, v)
		}
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.Header
	}
	code, head := get("/")
	if code != http.StatusUnauthorized || !strings.Contains(strings.Join(head.Values("WWW-Authenticate"), " "), "Basic") {
		t.Errorf("the page without a password: %d %v", code, head)
	}
	for _, h := range []string{"Authorization: Bearer s3cr3t", "Authorization: Basic em9lOnBhc3M=", "Authentication: s3cr3t"} {
		if code, _ := get("/", h); code != http.StatusOK {
			t.Errorf("%s: %d", h, code)
		}
		if code, _, _ := b.post(t, b.url("ids-http", "/ids"), strings.NewReader(string(list(1))), "Content-Type: application/ids", h); code != http.StatusOK {
			t.Errorf("%s: %d", h, code)
		}
	}
	got := b.sink.got()
	for _, h := range []string{"X: y", "Authorization: Bearer wrong", "Authentication: wrong"} {
		code, _, text := b.post(t, b.url("ids-http", "/ids"), strings.NewReader(string(list(1))), "Content-Type: application/ids", h)
		if code != http.StatusUnauthorized || strings.Contains(text, "s3cr3t") {
			t.Errorf("%s: %d %s", h, code, text)
		}
		if code, _, _ := b.post(t, b.url("ids-http", "/nowhere"), nil, h); code != http.StatusUnauthorized {
			t.Errorf("what is not there, with %s: %d", h, code)
		}
	}
	conn := b.dial(t, "ids-grpc")
	with := func(method string, md ...string) codes.Code {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), md...), time.Minute)
		defer cancel()
		var answer rawgrpc.Message
		err := conn.Invoke(ctx, method, rawgrpc.New(list(1)), &answer)
		if err == nil {
			answer.Free()
		}
		return status.Code(err)
	}
	for _, m := range []string{"/ids.Service/unary", "/ids.Service/stream", "/ids.Service/ask", "/not.There/at"} {
		if c := with(m); c != codes.Unauthenticated {
			t.Errorf("%s: %v", m, c)
		}
		if c := with(m, "authorization", "Bearer wrong"); c != codes.Unauthenticated {
			t.Errorf("%s: %v", m, c)
		}
	}
	if b.sink.got() != got {
		t.Errorf("%d spans of strangers were taken", b.sink.got()-got)
	}
	for _, md := range [][]string{{"authorization", "Bearer s3cr3t"}, {"authentication", "s3cr3t"}} {
		if c := with("/ids.Service/unary", md...); c != codes.OK {
			t.Errorf("%v: %v", md, c)
		}
	}
	if _, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	for reason, want := range map[string]float64{"missing": 2, "wrong": 4} {
		if n := testutil.ToFloat64(b.set.AccessRefused.WithLabelValues("ids-http", reason)); n != want {
			t.Errorf("%v counted as %s, want %v", n, reason, want)
		}
	}
}

// What agents send to show who they are does not reach the backend; calls that
// agents make without their token are answered here.
func TestGuardBeforeABackend(t *testing.T) {
	back := startBehind(t)
	b := start(t, func(o *receivers.Options) {
		o.Forward = only("ids-grpc", back)
		l := o.Ports["ids-grpc"]
		l.Auth = access.Credentials{Token: "s3cr3t"}
		o.Ports["ids-grpc"] = l
		p := ids
		p.Ports = []translate.Port{{Name: "ids-grpc", Network: translate.GRPC, Denied: translate.PermissionDenied}}
		p.GRPC = append([]translate.GRPCRoute{{Port: "ids-grpc", Method: "/ids.Service/settings", Tokenless: true}}, p.GRPC...)
		p.HTTP = nil
		o.Protocols = []translate.Protocol{p}
	})
	conn := b.dial(t, "ids-grpc")
	ask := func(method string, md ...string) (string, codes.Code) {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), md...), time.Minute)
		defer cancel()
		s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
		if err != nil {
			return "", status.Code(err)
		}
		if err := s.SendMsg(rawgrpc.New([]byte("hello"))); err != nil && !errors.Is(err, io.EOF) {
			return "", status.Code(err)
		}
		_ = s.CloseSend()
		text, err := answer(s)
		return text, status.Code(err)
	}
	if text, code := ask("/new.Service/log", "authentication", "s3cr3t"); code != codes.OK || text != " /new.Service/log hello" {
		t.Errorf("%q %v", text, code)
	}
	if text, code := ask("/ids.Service/settings", "authentication", "s3cr3t"); code != codes.OK || text != " /ids.Service/settings hello" {
		t.Errorf("%q %v", text, code)
	}
	if text, code := ask("/ids.Service/settings"); code != codes.OK || text != "" {
		t.Errorf("%q %v, want an empty answer of the gateway itself", text, code)
	}
	for _, m := range []string{"/new.Service/log", "/ids.Service/settings"} {
		if text, code := ask(m, "authentication", "wrong"); code != codes.PermissionDenied {
			t.Errorf("%s: %q %v", m, text, code)
		}
	}
}

// A stop does not wait for handshakes that never come to their end.
func TestStopInAHandshake(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	pair := ca.Issue("server", oneHour)
	b := secured(t, access.Server{CertFile: pair.CertFile, KeyFile: pair.KeyFile})
	for _, port := range []string{"zipkin", "ids-grpc", "ids-http"} {
		c, err := net.Dial("tcp", b.Address(port).String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte{22, 3, 1}); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	b.Shutdown(t.Context())
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the stop took %v, as long as a handshake may", took)
	}
}
