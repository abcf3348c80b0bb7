// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"fmt"
	"net/url"
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
	otlp := lab.StartJaeger(t)
	b := startBridge(t, fmt.Sprintf(`
targets:
  zipkin: {kind: zipkin, endpoint: %q, gzip: true}
  jaeger: {kind: jaeger, endpoint: %q}
  oap: {kind: skywalking, endpoint: %q}
  otlp-grpc: {kind: otlp-grpc, endpoint: %q, gzip: true}
`, zipkin.URL, jaeger.GRPC, oap.GRPC, otlp.OTLPGRPC))

	for _, c := range append(lightClients(), heavyClients()...) {
		t.Run(c.name, func(t *testing.T) {
			want := c.run(t, b)
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
			at("jaeger", atJaeger(want), jaegerOptions(want), jaeger.Story)
			at("jaeger by OTLP", want, jaegerOptions(want), otlp.Story)
			at("oap", atOAP(want), oapOptions(want), oap.Story)
		})
	}
}

// canonical gives the trace ids as numbers in hex, which is how every backend
// but OAP knows them: the view finds a trace by the id in any form.
func canonical(ctx context.Context, b *lab.Bridge, traces []string) (ids []string, err error) {
	for _, id := range traces {
		spans, err := (&lab.Zipkin{URL: b.Zipkin}).Trace(ctx, url.PathEscape(id))
		if err != nil {
			return nil, err
		}
		if len(spans) == 0 {
			return nil, fmt.Errorf("trace %s is empty in the view", id)
		}
		ids = append(ids, spans[0].TraceID)
	}
	return ids, nil
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
