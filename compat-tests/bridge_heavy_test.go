// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/java"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// heavyClients need a JVM.
func heavyClients() (all []client) {
	for _, o := range []java.BraveOptions{{Shared: true}, {Bits128: true}, {Proto3: true, Shared: true, Bits128: true}, {Proto3: true}} {
		all = append(all, client{fmt.Sprintf("brave proto3=%v shared=%v 128=%v", o.Proto3, o.Shared, o.Bits128), func(t *testing.T, b *lab.Bridge) story.Story {
			return java.Brave(t, b.Zipkin+zipkinPath, o)
		}})
	}
	return append(all, client{"skywalking-java", func(t *testing.T, b *lab.Bridge) story.Story {
		return java.SkyWalking(t, b.SkyWalkingGRPC)
	}})
}

// TestEveryClientAtEveryBackend has every client report to one gateway that
// forwards to a Zipkin server, to Jaeger by two ways and to SkyWalking's OAP. Each
// backend's own query API then shows the whole story: services, spans, parents,
// kinds, errors, tags.
func TestEveryClientAtEveryBackend(t *testing.T) {
	zipkin, jaeger, oap := lab.StartZipkin(t), lab.StartJaeger(t), lab.StartOAP(t)
	byGRPC, byHTTP := lab.StartJaeger(t), lab.StartJaeger(t)
	b := startBridge(t, fmt.Sprintf(`
targets:
  zipkin: {kind: zipkin, endpoint: %q, gzip: true}
  jaeger: {kind: jaeger, endpoint: %q}
  oap: {kind: skywalking, endpoint: %q}
  otlp-grpc: {kind: otlp-grpc, endpoint: %q, gzip: true}
  otlp-http: {kind: otlp-http, endpoint: %q}
`, zipkin.URL, jaeger.GRPC, oap.GRPC, byGRPC.OTLPGRPC, byHTTP.OTLPHTTP))
	var services []string

	for _, c := range append(lightClients(), heavyClients()...) {
		t.Run(c.name, func(t *testing.T) {
			want := c.run(t, b)
			services = append(services, want.Services()...)
			at := func(backend string, want story.Story, o story.Options, ask func(context.Context, ...string) ([]story.Span, error)) {
				t.Helper()
				lab.Eventually(t, visible, want.Client+" at "+backend, func(ctx context.Context) error {
					ids, err := canonical(ctx, b, want.Traces())
					if err != nil {
						return err
					}
					if backend == "oap" {
						ids = atOAPIDs(want.Traces(), ids)
					}
					got, err := ask(ctx, ids...)
					if err != nil {
						return err
					}
					return matches(want, got, o)
				})
			}
			at("the view", atZipkin(want), viewOptions(want), b.Story)
			at("zipkin", atZipkin(want), viewOptions(want), zipkin.Story)
			at("jaeger", atJaeger(want), jaegerOptions(), jaeger.Story)
			at("jaeger by OTLP/gRPC", want, jaegerOptions(), byGRPC.Story)
			at("jaeger by OTLP/HTTP", want, jaegerOptions(), byHTTP.Story)
			at("oap", atOAP(want), oapOptions(), oap.Story)
		})
	}
	t.Run("services", func(t *testing.T) { servicesEverywhere(t, services, zipkin, jaeger, oap) })
}

// servicesEverywhere looks for every service in the lists of the backends; at
// OAP as normal ones with an instance, also those that only converted spans name.
func servicesEverywhere(t *testing.T, want []string, zipkin *lab.Zipkin, jaeger *lab.Jaeger, oap *lab.OAP) {
	lab.Eventually(t, visible, "services", func(ctx context.Context) error {
		atZipkin, err := zipkin.Services(ctx)
		if err != nil {
			return err
		}
		atJaeger, err := jaeger.Services(ctx)
		if err != nil {
			return err
		}
		list, err := oap.Services(ctx)
		if err != nil {
			return err
		}
		atOAP := map[string]bool{}
		for _, s := range list {
			atOAP[s.Name] = s.Normal
		}
		for _, name := range want {
			switch {
			case !slices.Contains(atZipkin, strings.ToLower(name)):
				return fmt.Errorf("%s is not at Zipkin: %q", name, atZipkin)
			case !slices.Contains(atJaeger, name):
				return fmt.Errorf("%s is not at Jaeger: %q", name, atJaeger)
			case !atOAP[name]:
				return fmt.Errorf("%s is not a normal service at OAP: %v", name, atOAP)
			}
			if instances, err := oap.Instances(ctx, name); err != nil || len(instances) == 0 {
				return fmt.Errorf("%s has no instance at OAP, %v", name, err)
			}
		}
		return nil
	})
}

// atOAPIDs gives the ids that OAP knows: a SkyWalking trace keeps its name, any
// other is called by 32 digits.
func atOAPIDs(names, ids []string) (out []string) {
	for i, name := range names {
		if len(name) <= 32 && !strings.ContainsAny(name, ".-") {
			name = fmt.Sprintf("%032s", ids[i])
		}
		out = append(out, name)
	}
	return out
}
