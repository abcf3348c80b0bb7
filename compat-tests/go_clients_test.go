// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/go/go2skyclient"
	"github.com/spanbridge/spanbridge/compat-tests/go/jaegerclient"
	"github.com/spanbridge/spanbridge/compat-tests/go/otelgo"
	"github.com/spanbridge/spanbridge/compat-tests/go/zipkingo"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

func TestZipkinGo(t *testing.T) {
	for _, o := range []zipkingo.Options{
		{}, {Shared: true}, {Bits128: true, Shared: true}, {Proto3: true}, {Proto3: true, Shared: true, Bits128: true},
	} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			r := lab.NewRecorder(t)
			s, err := zipkingo.Run(t.Context(), r.URL+zipkinPath, o)
			if err != nil {
				t.Fatal(err)
			}
			awaitZipkin(t, r, s)
		})
	}
}

func TestJaegerClientGo(t *testing.T) {
	for _, bits128 := range []bool{false, true} {
		t.Run(fmt.Sprintf("udp 128=%v", bits128), func(t *testing.T) {
			p := lab.NewPackets(t)
			s, err := jaegerclient.Run(t.Context(), jaegerclient.Options{UDP: p.Addr, Bits128: bits128})
			if err != nil {
				t.Fatal(err)
			}
			lab.Eventually(t, time.Minute, "packets", func(context.Context) error { return namesIn(s, p.All()) })
		})
		t.Run(fmt.Sprintf("http 128=%v", bits128), func(t *testing.T) {
			r := lab.NewRecorder(t)
			s, err := jaegerclient.Run(t.Context(), jaegerclient.Options{
				HTTP: r.URL + "/api/traces", Sampling: r.URL + "/sampling", Bits128: bits128,
			})
			if err != nil {
				t.Fatal(err)
			}
			r.Await(t, "/api/traces", func(bodies [][]byte) error { return namesIn(s, bodies) })
			if asked := r.Calls("/sampling"); len(asked) < 2 || asked[0].Query != "service=jaeger-shop" {
				t.Errorf("sampling was asked %d times, first %+v, want once for each service", len(asked), asked)
			}
		})
	}
}

func TestGo2sky(t *testing.T) {
	r := lab.NewRecorder(t)
	s, stop, err := go2skyclient.Run(t.Context(), r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	awaitSegments(t, r, segmentPath, s)
	r.Await(t, "/skywalking.v3.ManagementService/keepAlive", func(bodies [][]byte) error {
		if len(bodies) < 2 {
			return fmt.Errorf("%d heartbeats, want one of each service", len(bodies))
		}
		return nil
	})
}

func TestOpenTelemetryGo(t *testing.T) {
	for _, gzip := range []bool{false, true} {
		t.Run(fmt.Sprintf("grpc gzip=%v", gzip), func(t *testing.T) {
			r := lab.NewRecorder(t)
			s, err := otelgo.Run(t.Context(), otelgo.Options{GRPC: r.Addr, Gzip: gzip})
			if err != nil {
				t.Fatal(err)
			}
			r.Await(t, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", func(b [][]byte) error { return namesIn(s, b) })
		})
		t.Run(fmt.Sprintf("http gzip=%v", gzip), func(t *testing.T) {
			r := lab.NewRecorder(t)
			s, err := otelgo.Run(t.Context(), otelgo.Options{HTTP: r.URL, Gzip: gzip})
			if err != nil {
				t.Fatal(err)
			}
			r.Await(t, "/v1/traces", func(b [][]byte) error { return namesIn(s, b) })
		})
	}
}
