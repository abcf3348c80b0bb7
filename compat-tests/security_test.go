// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/SkyAPM/go2sky"
	"github.com/SkyAPM/go2sky/reporter"
	rhttp "github.com/openzipkin/zipkin-go/reporter/http"
	"github.com/spanbridge/spanbridge/access/accesstest"
	"github.com/uber/jaeger-client-go/transport"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/credentials"

	"github.com/spanbridge/spanbridge/compat-tests/go/go2skyclient"
	"github.com/spanbridge/spanbridge/compat-tests/go/jaegerclient"
	"github.com/spanbridge/spanbridge/compat-tests/go/otelgo"
	"github.com/spanbridge/spanbridge/compat-tests/go/zipkingo"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/python"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

const (
	theToken    = "t0ken-of-the-fleet"
	theUser     = "zoe"
	thePassword = "pass of zoe"
)

// secrets are the settings that ask for the token or the user, and the file with
// the tokens.
func secrets(t *testing.T, token string) (yaml, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "tokens")
	writeTokens(t, file, token)
	return fmt.Sprintf("auth: {token_file: %q, username: %q, password: %q}", file, theUser, thePassword), file
}

func writeTokens(t *testing.T, file string, tokens ...string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Join(tokens, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func https(url string) string { return strings.Replace(url, "http://", "https://", 1) }

// authorized adds a user to each request.
type authorized struct{ base http.RoundTripper }

func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(theUser, thePassword)
	return a.base.RoundTrip(r)
}

// awaitStory finds in the view, as a user of it, what a client made.
func awaitStory(t *testing.T, view string, client *http.Client, want story.Story) {
	t.Helper()
	client = &http.Client{Transport: authorized{client.Transport}}
	lab.Eventually(t, visible, want.Client+" in the view", func(ctx context.Context) error {
		var got []story.Span
		for _, id := range want.Traces() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, view+"/api/v2/trace/"+id+"?ids=unique", http.NoBody)
			if err != nil {
				return err
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			var spans []lab.ZipkinSpan
			err = json.NewDecoder(resp.Body).Decode(&spans)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				return fmt.Errorf("%s, %w", resp.Status, err)
			}
			got = append(got, lab.ZipkinStory(spans)...)
		}
		return matches(atZipkin(want), got, viewOptions(want))
	})
}

// TestSecuredClients: real clients show a token or a password over TLS, each as
// it can, and what they report arrives whole.
func TestSecuredClients(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	pair := ca.Issue("bridge", time.Now().Add(time.Hour))
	auth, _ := secrets(t, theToken)
	b := startBridge(t, fmt.Sprintf("security: {tls: {cert_file: %q, key_file: %q}, %s}\n", pair.CertFile, pair.KeyFile, auth))
	trust := &tls.Config{RootCAs: ca.Pool()}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}}
	view := https(b.Zipkin)
	t.Run("zipkin-go, basic", func(t *testing.T) {
		s, err := zipkingo.Run(t.Context(), view+zipkinPath, zipkingo.Options{Reporter: []rhttp.ReporterOption{
			rhttp.Client(web), rhttp.RequestCallback(func(r *http.Request) { r.SetBasicAuth(theUser, thePassword) }),
		}})
		awaitStory(t, view, web, must(s, err)(t))
	})
	t.Run("jaeger-client, basic", func(t *testing.T) {
		s, err := jaegerclient.Run(t.Context(), jaegerclient.Options{HTTP: https(b.JaegerHTTP) + "/api/traces", Transport: []transport.HTTPOption{
			transport.HTTPRoundTripper(web.Transport), transport.HTTPBasicAuth(theUser, thePassword),
		}})
		awaitStory(t, view, web, must(s, err)(t))
	})
	t.Run("go2sky, token", func(t *testing.T) {
		s, stop, err := go2skyclient.Run(t.Context(), b.SkyWalkingGRPC,
			reporter.WithAuthentication(theToken), reporter.WithTransportCredentials(credentials.NewTLS(trust)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		awaitStory(t, view, web, s)
	})
	t.Run("opentelemetry-go, bearer", func(t *testing.T) {
		s, err := otelgo.Run(t.Context(), otelgo.Options{GRPC: b.OTLPGRPC, Secure: []otlptracegrpc.Option{
			otlptracegrpc.WithTLSCredentials(credentials.NewTLS(trust)),
			otlptracegrpc.WithHeaders(map[string]string{"authorization": "Bearer " + theToken}),
		}})
		awaitStory(t, view, web, must(s, err)(t))
	})
	t.Run("apache-skywalking, token", func(t *testing.T) {
		awaitStory(t, view, web, python.SkyWalkingWith(t, b.SkyWalkingGRPC, "grpc",
			"SW_AGENT_AUTHENTICATION="+theToken, "SW_AGENT_FORCE_TLS=true", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH="+ca.File))
	})
	if n, err := b.Metric(t.Context(), "bridge_tls_handshakes_failed_total"); err != nil || n != 0 {
		t.Errorf("%v handshakes failed, %v", n, err)
	}
	if n, err := b.Metric(t.Context(), "bridge_access_refused_total"); err != nil || n != 0 {
		t.Errorf("%v were refused, %v: all had what is asked for", n, err)
	}
	noSecretIn(t, b, theToken, thePassword)
}

// noSecretIn looks through what the gateway has printed.
func noSecretIn(t *testing.T, b *lab.Bridge, secrets ...string) {
	t.Helper()
	printed, err := os.ReadFile(b.Process.Log)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		if bytes.Contains(printed, []byte(s)) {
			t.Errorf("the gateway has printed a secret:\n%s", printed)
		}
	}
}

// TestMutualTLS: OpenTelemetry's exporter with a client certificate and a bearer
// token; without either, or with a certificate that is too old, it is told why.
func TestMutualTLS(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	later := time.Now().Add(time.Hour)
	server, client, expired := ca.Issue("bridge", later), ca.Issue("client", later), ca.Issue("client", time.Now().Add(-time.Minute))
	auth, _ := secrets(t, theToken)
	b := startBridge(t, fmt.Sprintf("security: {tls: {cert_file: %q, key_file: %q, client_ca_file: %q}, %s}\n", server.CertFile, server.KeyFile, ca.File, auth))
	as := func(p accesstest.Pair) *tls.Config {
		return &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{p.Load(t)}}
	}
	secure := func(config *tls.Config, token string) []otlptracegrpc.Option {
		return []otlptracegrpc.Option{
			otlptracegrpc.WithTLSCredentials(credentials.NewTLS(config)), otlptracegrpc.WithEndpoint(b.OTLPGRPC),
			otlptracegrpc.WithHeaders(map[string]string{"authorization": "Bearer " + token}),
			otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: false}), otlptracegrpc.WithTimeout(20 * time.Second),
		}
	}
	for what, c := range map[string]struct {
		options []otlptracegrpc.Option
		want    string
	}{
		"no token":            {secure(as(client), ""), "Unauthenticated"},
		"a wrong token":       {secure(as(client), "wrong"), "the token, or the user or password, is wrong"},
		"no certificate":      {secure(&tls.Config{RootCAs: ca.Pool()}, theToken), "certificate required"},
		"an old certificate":  {secure(as(expired), theToken), "expired certificate"},
		"a server not known":  {secure(&tls.Config{}, theToken), "unknown authority"},
		"another server name": {secure(&tls.Config{RootCAs: ca.Pool(), ServerName: "other.example"}, theToken), "other.example"},
	} {
		err := export(t, c.options)
		// By TLS 1.3 a client may write before the server has looked at its
		// certificate, and meet the closed connection before the alert.
		closed := err != nil && strings.Contains(what, "certificate") &&
			(strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "connection reset"))
		if err == nil || !strings.Contains(err.Error(), c.want) && !closed {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	if n, err := b.Metric(t.Context(), "bridge_spans_received_total"); err != nil || n != 0 {
		t.Errorf("%v spans were taken, %v", n, err)
	}
	s, err := otelgo.Run(t.Context(), otelgo.Options{GRPC: b.OTLPGRPC, Secure: secure(as(client), theToken)})
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: as(client)}}
	awaitStory(t, https(b.Zipkin), web, must(s, err)(t))
	noSecretIn(t, b, theToken, thePassword)
}

// export sends one span by OpenTelemetry's exporter.
func export(t *testing.T, options []otlptracegrpc.Option) error {
	t.Helper()
	e, err := otlptracegrpc.New(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Shutdown(context.Background()) }()
	return e.ExportSpans(t.Context(), aSpan())
}

// aSpan is a span under ids of its own.
func aSpan() []sdk.ReadOnlySpan {
	var id trace.SpanContextConfig
	id.TraceID[0], id.SpanID[0] = 1, 1
	return tracetest.SpanStubs{{Name: "one", SpanContext: trace.NewSpanContext(id), EndTime: time.Now()}}.Snapshots()
}

// TestW9CertificatesAreExchanged: the certificate of the gateway is renewed, also by
// another authority, while a client reports: its connection stays, and whoever
// comes sees the new one.
func TestW9CertificatesAreExchanged(t *testing.T) {
	ca, next := accesstest.NewAuthority(t, "ca"), accesstest.NewAuthority(t, "next")
	later := time.Now().Add(time.Hour)
	server := ca.Issue("first", later)
	b := startBridge(t, fmt.Sprintf("security: {tls: {cert_file: %q, key_file: %q}}\n", server.CertFile, server.KeyFile))
	e, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithTLSCredentials(credentials.NewTLS(&tls.Config{RootCAs: ca.Pool()})),
		otlptracegrpc.WithEndpoint(b.OTLPGRPC), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: false}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Shutdown(context.Background()) }()
	sent := 0
	report := func() error {
		sent++
		return e.ExportSpans(t.Context(), aSpan())
	}
	if err := report(); err != nil {
		t.Fatal(err)
	}
	next.Renew(server, "second", later)
	addresses := []string{b.OTLPGRPC, strings.TrimPrefix(b.Zipkin, "http://"), b.SkyWalkingHTTP}
	for _, address := range addresses {
		lab.Eventually(t, time.Minute, "the new certificate at "+address, func(context.Context) error {
			if err := report(); err != nil {
				t.Fatalf("the open connection: %v", err)
			}
			c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: next.Pool(), NextProtos: []string{"h2", "http/1.1"}})
			if err != nil {
				return err
			}
			return c.Close()
		})
	}
	if n, err := b.Metric(t.Context(), "bridge_spans_received_total"); err != nil || int(n) != sent {
		t.Errorf("%v spans received, %v; %d were sent", n, err, sent)
	}
}

// TestRefusedClients: what real clients do when their token is refused, and that
// those which go on reporting are let in, without a restart of anything, when
// the token stands in the file.
func TestRefusedClients(t *testing.T) {
	auth, file := secrets(t, "another-token")
	b := startBridge(t, "security: {"+auth+"}\n")
	refused := func(ctx context.Context, port string, more ...string) error {
		n, err := b.Metric(ctx, "bridge_access_refused_total", append(more, fmt.Sprintf("port=%q", port))...)
		if err == nil && n == 0 {
			err = errors.New("nobody was refused")
		}
		return err
	}

	// zipkin-go writes a line and throws the batch away.
	said := &saying{}
	s, err := zipkingo.Run(t.Context(), b.Zipkin+zipkinPath, zipkingo.Options{Reporter: []rhttp.ReporterOption{rhttp.Logger(log.New(said, "", 0))}})
	must(s, err)(t)
	lab.Eventually(t, time.Minute, "the refusal of zipkin-go", func(ctx context.Context) error { return refused(ctx, "zipkin", `reason="missing"`) })
	if !strings.Contains(said.String(), "401") {
		t.Errorf("zipkin-go said %q", said)
	}
	// jaeger-client drops too.
	j, err := jaegerclient.Run(t.Context(), jaegerclient.Options{HTTP: b.JaegerHTTP + "/api/traces", Transport: []transport.HTTPOption{transport.HTTPBasicAuth(theUser, "wrong")}})
	must(j, err)(t)
	lab.Eventually(t, time.Minute, "the refusal of jaeger-client", func(ctx context.Context) error { return refused(ctx, "jaeger-http", `reason="wrong"`) })

	// go2sky and the Python agent go on.
	r, err := reporter.NewGRPCReporter(b.SkyWalkingGRPC, reporter.WithAuthentication(theToken), reporter.WithCheckInterval(time.Second), reporter.WithLogger(log.New(&saying{}, "", 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tracer, err := go2sky.NewTracer("refused-go", go2sky.WithReporter(r))
	if err != nil {
		t.Fatal(err)
	}
	goSpan := func() {
		span, _, err := tracer.CreateLocalSpan(context.Background(), go2sky.WithOperationName("again"))
		if err != nil {
			t.Fatal(err)
		}
		span.End()
	}
	t.Setenv("SW_AGENT_AUTHENTICATION", theToken)
	_, service := python.Service(t, b.SkyWalkingGRPC, "grpc", "refused-python")
	pythonSpan := func(ctx context.Context) error { return lab.Answers(service + "/stock")(ctx) }
	lab.Eventually(t, time.Minute, "the refusal of go2sky", func(ctx context.Context) error {
		goSpan()
		return errors.Join(pythonSpan(ctx), refused(ctx, "skywalking-grpc", `reason="wrong"`))
	})
	if n, err := b.Metric(t.Context(), "bridge_spans_received_total"); err != nil || n != 0 {
		t.Errorf("%v spans were taken, %v", n, err)
	}

	writeTokens(t, file, "another-token", theToken)
	lab.Eventually(t, 3*time.Minute, "go2sky and the Python agent let in", func(ctx context.Context) error {
		goSpan()
		if err := pythonSpan(ctx); err != nil {
			return err
		}
		for _, name := range []string{"refused-go", "refused-python"} {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Zipkin+"/api/v2/traces?limit=1&serviceName="+name, http.NoBody)
			if err != nil {
				return err
			}
			resp, err := authorized{http.DefaultTransport}.RoundTrip(req)
			if err != nil {
				return err
			}
			var traces [][]lab.ZipkinSpan
			err = json.NewDecoder(resp.Body).Decode(&traces)
			resp.Body.Close()
			if err != nil || len(traces) == 0 {
				return fmt.Errorf("%s has no spans, %w", name, err)
			}
		}
		return nil
	})
	noSecretIn(t, b, theToken, thePassword, "another-token")
}

// saying keeps what is logged.
type saying struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// TestW8TokensOnTheWayOut: what comes to a gateway without a word goes on to one
// that asks for a token over TLS, in SkyWalking's way and as a bearer token, as
// to a hosted service; while that one refuses, spans wait.
func TestW8TokensOnTheWayOut(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	pair := ca.Issue("bridge", time.Now().Add(time.Hour))
	auth, file := secrets(t, "not-yet")
	hosted := startBridge(t, fmt.Sprintf("security: {tls: {cert_file: %q, key_file: %q}, %s}\n", pair.CertFile, pair.KeyFile, auth))
	own := filepath.Join(t.TempDir(), "token")
	writeTokens(t, own, theToken)
	var targets strings.Builder
	for name, endpoint := range map[string]string{
		"skywalking": "https://" + hosted.SkyWalkingGRPC, "jaeger": "https://" + hosted.JaegerGRPC,
		"otlp-grpc": "https://" + hosted.OTLPGRPC, "otlp-http": https(hosted.OTLPHTTP), "zipkin": https(hosted.Zipkin),
	} {
		fmt.Fprintf(&targets, "  %s: {kind: %s, endpoint: %q, auth: {token_file: %q}, tls: {ca_file: %q}, retry: {initial: 100ms, max: 1s}}\n", name, name, endpoint, own, ca.File)
	}
	b := startBridge(t, "targets:\n"+targets.String())
	s, err := zipkingo.Run(t.Context(), b.Zipkin+zipkinPath, zipkingo.Options{})
	n := float64(len(must(s, err)(t).Spans))
	lab.Eventually(t, time.Minute, "refusals at every port", func(ctx context.Context) error {
		for _, port := range []string{"skywalking-grpc", "jaeger-grpc", "otlp-grpc", "otlp-http", "zipkin"} {
			if got, err := hosted.Metric(ctx, "bridge_access_refused_total", fmt.Sprintf("port=%q", port), `reason="wrong"`); err != nil || got == 0 {
				return fmt.Errorf("port %s: %v, %w", port, got, err)
			}
		}
		return nil
	})
	writeTokens(t, file, theToken)
	for _, target := range []string{"skywalking", "jaeger", "otlp-grpc", "otlp-http", "zipkin"} {
		lab.Eventually(t, 2*time.Minute, "delivery to "+target, func(ctx context.Context) error {
			got, err := b.Metric(ctx, "bridge_export_spans_total", fmt.Sprintf("target=%q", target), `outcome="delivered"`)
			if err == nil && got != n {
				err = fmt.Errorf("%v of %v spans were delivered", got, n)
			}
			return err
		})
	}
	noSecretIn(t, hosted, theToken, thePassword)
	noSecretIn(t, b, theToken)
}
