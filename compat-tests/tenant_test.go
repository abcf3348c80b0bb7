// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/openzipkin/zipkin-go"
	rhttp "github.com/openzipkin/zipkin-go/reporter/http"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// TestTenants has zipkin-go and OpenTelemetry's exporters report for different
// tenants, and one for none. The targets that ask for it learn with every request
// whose spans it brings.
func TestTenants(t *testing.T) {
	const header = "X-Scope-OrgID"
	tempo, store := lab.NewRecorder(t), lab.NewRecorder(t)
	b := startBridge(t, fmt.Sprintf(`
tenant: {header: %[1]s, labels: 2}
targets:
  tempo: {kind: otlp-grpc, endpoint: %[2]q, tenant_header: %[1]s, batch: {linger: 1s}}
  tempo-http: {kind: otlp-http, endpoint: %[3]q, tenant_header: X-Tenant, headers: {X-Tenant: nobody}}
  store: {kind: zipkin, endpoint: %[4]q}
`, header, tempo.Addr, tempo.URL, store.URL))
	byZipkin := func(tenant string) reporting {
		rep := rhttp.NewReporter(b.Zipkin+zipkinPath, rhttp.Logger(silent()), rhttp.RequestCallback(func(r *http.Request) {
			if tenant != "" {
				r.Header.Set(header, tenant)
			}
		}))
		tracer := must2(zipkin.NewTracer(rep))(t)
		return reporting{func(name string) { tracer.StartSpan(name).Finish() }, func() { _ = rep.Close() }}
	}
	headers := func(tenant string) map[string]string { return map[string]string{header: tenant} }
	want := map[string]string{"by-zipkin": "red", "by-nobody": "", "by-http": "blue", "by-grpc": "green"}
	for name, r := range map[string]reporting{
		"by-zipkin": byZipkin("red"),
		"by-nobody": byZipkin(""),
		"by-http": openTelemetry(must2(otlptracehttp.New(t.Context(),
			otlptracehttp.WithEndpointURL(b.OTLPHTTP+"/v1/traces"), otlptracehttp.WithHeaders(headers("blue"))))(t)),
		"by-grpc": openTelemetry(must2(otlptracegrpc.New(t.Context(),
			otlptracegrpc.WithEndpoint(b.OTLPGRPC), otlptracegrpc.WithInsecure(), otlptracegrpc.WithHeaders(headers("green"))))(t)),
	} {
		for range 20 {
			r.report(name)
		}
		r.end()
	}
	lab.Eventually(t, visible, "every span arrives for its tenant", func(context.Context) error {
		got := make(map[string]bool)
		for _, c := range tempo.Calls("") {
			tenant, byDefault := c.Header.Get(header), ""
			if c.Path == "/v1/traces" {
				tenant, byDefault = c.Header.Get("X-Tenant"), "nobody"
			}
			for _, body := range append(c.Frames, c.Body) {
				for name, owner := range want {
					if owner == "" {
						owner = byDefault
					}
					if !strings.Contains(string(body), name) {
						continue
					}
					if owner != tenant {
						t.Fatalf("%s came to %s for %q, want %q", name, c.Path, tenant, owner)
					}
					got[c.Path+name] = true
				}
			}
		}
		if len(got) != 2*len(want) {
			return fmt.Errorf("arrived: %v", got)
		}
		return nil
	})
	lab.Eventually(t, visible, "the target that does not ask gets them without", func(context.Context) error {
		all := ""
		for _, c := range store.Calls(zipkinPath) {
			if v := c.Header.Get(header); v != "" {
				t.Fatalf("it is told of the tenant %q", v)
			}
			all += string(c.Body)
		}
		for name := range want {
			if !strings.Contains(all, name) {
				return fmt.Errorf("no %s", name)
			}
		}
		return nil
	})
	// Two of the three tenants have a label, whichever came first.
	lab.Eventually(t, visible, "the spans are counted by tenant", func(ctx context.Context) error {
		for label, n := range map[string]float64{`tenant=""`: 20, `tenant="all others"`: 20, "": 80} {
			if got, err := b.Metric(ctx, "bridge_tenant_spans_total", label); err != nil || got != n {
				return fmt.Errorf("%v for %s, want %v, %v", got, label, n, err)
			}
		}
		return nil
	})
	// What is no name is refused, in words.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Zipkin+zipkinPath, strings.NewReader("[]"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(header, "two words")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("a name with a space: %s", res.Status)
	}
}
