// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlp"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlpgrpc"
	"github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"

	"github.com/spanbridge/spanbridge/compat-tests/go/bridgetracer"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// to is a reporter to an address.
func to(address string, open func(string, ...reporter.Option) (*reporter.Reporter, error), options ...reporter.Option) func() (tracer.Reporter, error) {
	return func() (tracer.Reporter, error) { return open(address, options...) }
}

// TestTracerThroughBridge has our tracer report to a running gateway by each of
// its reporters and finds in the view what it made, under its own ids.
func TestTracerThroughBridge(t *testing.T) {
	b := startBridge(t, "")
	for name, o := range map[string]bridgetracer.Options{
		"zipkin":      {Reporter: to(b.Zipkin, zipkin.New)},
		"zipkin-64":   {Reporter: to(b.Zipkin, zipkin.New, reporter.WithGzip()), Tracer: []tracer.Option{tracer.With64BitTraceIDs()}},
		"jaeger-udp":  {Reporter: to(b.JaegerCompact, jaeger.NewUDP)},
		"jaeger-http": {Reporter: to(b.JaegerHTTP, jaeger.NewHTTP)},
		"skywalking":  {Reporter: to(b.SkyWalkingGRPC, skywalking.New)},
		"otlp-grpc":   {Reporter: to(b.OTLPGRPC, otlpgrpc.New)},
		"otlp-http":   {Reporter: to(b.OTLPHTTP, otlp.New, reporter.WithGzip())},
	} {
		t.Run(name, func(t *testing.T) {
			o.Prefix = name
			s := must(bridgetracer.Run(t.Context(), o))(t)
			protocol, _, _ := strings.Cut(name, "-")
			want := inView(s, protocol)
			lab.Eventually(t, visible, name+" in the view", func(ctx context.Context) error {
				got, err := b.Story(ctx, want.Traces()...)
				if err != nil {
					return err
				}
				if err := matches(want, got, story.Options{FoldCase: true, EventFields: true, NoLinks: true}); err != nil {
					return err
				}
				for _, s := range got {
					if x, ok := s.Tags["bridge.x"]; ok {
						t.Fatalf("%s has a residue: %s", s.Name, x)
					}
				}
				return nil
			})
		})
	}
}

// inView is a story of our tracer as the view shows it, when it came by a
// protocol: Jaeger has no message for an error but in its event, OTLP's name
// for the event is another, and so are SkyWalking's for some tags and for the
// entries by HTTP.
func inView(s story.Story, protocol string) story.Story {
	out := s
	out.Spans = nil
	for _, sp := range s.Spans {
		sp.Tags = maps.Clone(sp.Tags)
		switch protocol {
		case "jaeger":
			sp.Error = ""
			if sp.Tags["peer.address"] != "" {
				sp.Remote = nil // peer.address is no more than a tag there
			}
		case "otlp":
			for i, e := range sp.Events {
				if e == "error" {
					sp.Events = append(sp.Events[:i:i], "exception")
				}
			}
		case "skywalking":
			if sp.Kind == story.Server {
				sp.Name = strings.Replace(sp.Name, " ", ":", 1)
			}
			if topic, ok := sp.Tags["message_bus.destination"]; ok {
				delete(sp.Tags, "message_bus.destination")
				sp.Tags["mq.topic"] = topic
			}
		}
		out.Spans = append(out.Spans, sp)
	}
	return out
}
