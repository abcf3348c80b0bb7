// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/samples"
)

const sampleFolder = "../translate/testdata/samples"

func loadSamples(t *testing.T) []samples.Request {
	t.Helper()
	all, err := samples.Load(sampleFolder)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// receiver is where the gateway takes a request, as host:port.
func receiver(b *lab.Bridge, r *samples.Request) string {
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	switch {
	case r.Method == "":
		return map[int]string{6831: b.JaegerCompact, 6832: b.JaegerBinary, 5775: b.JaegerZipkin}[r.Port]
	case strings.HasPrefix(r.Path, "/sampling"):
		return host(b.JaegerSampling)
	case strings.HasPrefix(r.Path, "/api/traces"):
		return host(b.JaegerHTTP)
	case strings.HasPrefix(r.Path, "/jaeger.api_v2."):
		return b.JaegerGRPC
	case strings.HasPrefix(r.Path, "/opentelemetry."):
		return b.OTLPGRPC
	case strings.HasPrefix(r.Path, "/v1/"):
		return host(b.OTLPHTTP)
	case strings.HasPrefix(r.Path, "/skywalking."), strings.HasPrefix(r.Path, "/TraceSegmentReportService"):
		return b.SkyWalkingGRPC
	case strings.HasPrefix(r.Path, "/v3/"):
		return b.SkyWalkingHTTP
	}
	return host(b.Zipkin)
}

// TestSamples replays every captured request. Each gets the answer that its
// client waits for, and no span of it is refused.
func TestSamples(t *testing.T) {
	b := startBridge(t, "")
	datagrams := 0
	for _, r := range loadSamples(t) {
		if r.Method == "" {
			datagrams++
			if err := r.SendDatagram(t.Context(), receiver(b, &r)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		a, err := r.Send(t.Context(), receiver(b, &r))
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		want := samples.Answer{Status: 202}
		switch {
		case r.IsGRPC():
			want = samples.Answer{Status: 200, GRPC: "0", Body: a.Body}
		case strings.HasPrefix(r.Path, "/sampling"), strings.HasPrefix(r.Path, "/v1/"), strings.HasPrefix(r.Path, "/v3/"):
			want = samples.Answer{Status: 200, Body: a.Body}
		}
		if a != want {
			t.Errorf("%s: %v, want %v", r.Name, a, want)
		}
	}
	lab.Eventually(t, visible, "datagrams", func(ctx context.Context) error {
		taken, err := b.Metric(ctx, "bridge_messages_total", `transport="udp"`, `verdict="taken"`)
		if err == nil && int(taken) != datagrams {
			err = fmt.Errorf("%v datagrams taken, want %d", taken, datagrams)
		}
		return err
	})
	if refused, err := b.Metric(t.Context(), "bridge_spans_rejected_total"); err != nil || refused != 0 {
		t.Errorf("%v spans refused, %v", refused, err)
	}
	if spans, err := b.Metric(t.Context(), "bridge_spans_received_total"); err != nil || spans < 400 {
		t.Errorf("%v spans received, %v", spans, err)
	}
}
