// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/go/go2skyclient"
	"github.com/spanbridge/spanbridge/compat-tests/go/jaegerclient"
	"github.com/spanbridge/spanbridge/compat-tests/go/otelgo"
	"github.com/spanbridge/spanbridge/compat-tests/go/zipkingo"
	"github.com/spanbridge/spanbridge/compat-tests/java"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/python"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// awaitAt waits until a backend shows the whole story and nothing else in its
// traces.
func awaitAt(t *testing.T, ask func(ctx context.Context, traces ...string) ([]story.Span, error), want story.Story, o story.Options) {
	t.Helper()
	lab.Eventually(t, visible, want.Client, func(ctx context.Context) error {
		got, err := ask(ctx, want.Traces()...)
		if err != nil {
			return err
		}
		return matches(want, got, o)
	})
}

func TestClientsAtZipkin(t *testing.T) {
	z := lab.StartZipkin(t)
	lower := story.Options{FoldCase: true}
	for _, o := range []zipkingo.Options{{Shared: true}, {Bits128: true}, {Proto3: true}, {Proto3: true, Shared: true, Bits128: true}} {
		t.Run(fmt.Sprintf("zipkin-go %+v", o), func(t *testing.T) {
			s, err := zipkingo.Run(t.Context(), z.URL+zipkinPath, o)
			if err != nil {
				t.Fatal(err)
			}
			awaitAt(t, z.Story, s, lower)
		})
	}
	t.Run("aiozipkin", func(t *testing.T) {
		awaitAt(t, z.Story, python.Aiozipkin(t, z.URL+zipkinPath), lower)
	})
	t.Run("sanic_zipkin", func(t *testing.T) {
		s, err := python.SanicZipkin(t, z.URL+zipkinPath)
		if errors.Is(err, lab.ErrNoPython) {
			t.Log(err)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		awaitAt(t, z.Story, s, lower)
	})
	for _, o := range []java.BraveOptions{{Shared: true}, {Proto3: true, Bits128: true}, {Proto3: true, Shared: true}} {
		t.Run(fmt.Sprintf("brave %+v", o), func(t *testing.T) {
			awaitAt(t, z.Story, java.Brave(t, z.URL+zipkinPath, o), lower)
		})
	}
}

func TestClientsAtJaeger(t *testing.T) {
	j := lab.StartJaeger(t)
	for name, o := range map[string]jaegerclient.Options{
		"udp 64":   {UDP: j.Compact},
		"udp 128":  {UDP: j.Compact, Bits128: true},
		"http 64":  {HTTP: j.ThriftHTTP},
		"http 128": {HTTP: j.ThriftHTTP, Bits128: true},
	} {
		t.Run("jaeger-client-go "+name, func(t *testing.T) {
			s, err := jaegerclient.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			awaitAt(t, j.Story, s, story.Options{})
		})
	}
	for name, o := range map[string]otelgo.Options{
		"grpc": {GRPC: j.OTLPGRPC}, "http": {HTTP: j.OTLPHTTP}, "grpc gzip": {GRPC: j.OTLPGRPC, Gzip: true}, "http gzip": {HTTP: j.OTLPHTTP, Gzip: true},
	} {
		t.Run("opentelemetry-go "+name, func(t *testing.T) {
			s, err := otelgo.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			awaitAt(t, j.Story, s, story.Options{})
		})
	}
}

func TestClientsAtOAP(t *testing.T) {
	o := lab.StartOAP(t)
	t.Run("go2sky", func(t *testing.T) {
		s, stop, err := go2skyclient.Run(t.Context(), o.GRPC)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		awaitAt(t, o.Story, s, story.Options{})
	})
	t.Run("python grpc", func(t *testing.T) {
		awaitAt(t, o.Story, python.SkyWalking(t, o.GRPC, "grpc"), story.Options{})
	})
	t.Run("python http", func(t *testing.T) {
		awaitAt(t, o.Story, python.SkyWalking(t, o.URL[len("http://"):], "http"), story.Options{})
	})
	t.Run("java", func(t *testing.T) {
		awaitAt(t, o.Story, java.SkyWalking(t, o.GRPC), story.Options{})
	})
	lab.Eventually(t, visible, "topology", func(ctx context.Context) error {
		topology, err := o.Topology(ctx)
		if err != nil {
			return err
		}
		lines := topology.Lines()
		for _, want := range []string{
			"sky-shop→sky-stock CLIENT+SERVER", "py-shop→py-stock CLIENT+SERVER", "java-a→java-b CLIENT+SERVER", "sky-shop→10.1.2.3:3306 CLIENT",
		} {
			if !slices.Contains(lines, want) {
				return fmt.Errorf("topology %q, want %q in it", lines, want)
			}
		}
		return nil
	})
}
