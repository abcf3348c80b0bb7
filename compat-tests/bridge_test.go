// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/go/go2skyclient"
	"github.com/spanbridge/spanbridge/compat-tests/go/jaegerclient"
	"github.com/spanbridge/spanbridge/compat-tests/go/otelgo"
	"github.com/spanbridge/spanbridge/compat-tests/go/zipkingo"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/python"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// clients are the real clients that report to the gateway, each by its own
// protocol. They tell what they made.
type client struct {
	name string
	run  func(*testing.T, *lab.Bridge) story.Story
}

// lightClients need nothing but Go and Python.
func lightClients() (all []client) {
	for _, o := range []zipkingo.Options{{}, {Shared: true}, {Shared: true, Bits128: true}, {Proto3: true}, {Proto3: true, Shared: true, Bits128: true}} {
		all = append(all, client{fmt.Sprintf("zipkin-go proto3=%v shared=%v 128=%v", o.Proto3, o.Shared, o.Bits128), func(t *testing.T, b *lab.Bridge) story.Story {
			return must(zipkingo.Run(t.Context(), b.Zipkin+zipkinPath, o))(t)
		}})
	}
	for _, bits128 := range []bool{false, true} {
		all = append(all,
			client{fmt.Sprintf("jaeger-client-go udp 128=%v", bits128), func(t *testing.T, b *lab.Bridge) story.Story {
				return must(jaegerclient.Run(t.Context(), jaegerclient.Options{UDP: b.JaegerCompact, Bits128: bits128}))(t)
			}},
			// The gateway's default is Jaeger's, 1 in 1000: the strategies file of the
			// test says always.
			client{fmt.Sprintf("jaeger-client-go http, remote sampler 128=%v", bits128), func(t *testing.T, b *lab.Bridge) story.Story {
				return must(jaegerclient.Run(t.Context(), jaegerclient.Options{
					HTTP: b.JaegerHTTP + "/api/traces", Sampling: b.JaegerSampling + "/sampling", Bits128: bits128,
				}))(t)
			}})
	}
	for name, o := range map[string]func(*lab.Bridge) otelgo.Options{
		"grpc":      func(b *lab.Bridge) otelgo.Options { return otelgo.Options{GRPC: b.OTLPGRPC} },
		"http gzip": func(b *lab.Bridge) otelgo.Options { return otelgo.Options{HTTP: b.OTLPHTTP, Gzip: true} },
	} {
		all = append(all, client{"opentelemetry-go " + name, func(t *testing.T, b *lab.Bridge) story.Story {
			return must(otelgo.Run(t.Context(), o(b)))(t)
		}})
	}
	all = append(all,
		client{"go2sky", func(t *testing.T, b *lab.Bridge) story.Story {
			s, stop, err := go2skyclient.Run(t.Context(), b.SkyWalkingGRPC)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			return s
		}},
		client{"aiozipkin", func(t *testing.T, b *lab.Bridge) story.Story { return python.Aiozipkin(t, b.Zipkin+zipkinPath) }},
		client{"apache-skywalking grpc", func(t *testing.T, b *lab.Bridge) story.Story {
			return python.SkyWalking(t, b.SkyWalkingGRPC, "grpc")
		}},
		client{"apache-skywalking http", func(t *testing.T, b *lab.Bridge) story.Story {
			return python.SkyWalking(t, b.SkyWalkingHTTP, "http")
		}},
		client{"sanic_zipkin", func(t *testing.T, b *lab.Bridge) story.Story {
			s, err := python.SanicZipkin(t, b.Zipkin+zipkinPath)
			if errors.Is(err, lab.ErrNoPython) {
				t.Log(err)
				return replaySanicZipkin(t, b.Zipkin+zipkinPath)
			}
			return must(s, err)(t)
		}},
	)
	return all
}

// must is for functions that play a story.
func must(s story.Story, err error) func(*testing.T) story.Story {
	return func(t *testing.T) story.Story {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// everything samples every trace.
const everything = `{"default_strategy": {"type": "probabilistic", "param": 1}}`

// startBridge starts a gateway whose remote sampling says always.
func startBridge(t *testing.T, more string) *lab.Bridge {
	t.Helper()
	file := t.TempDir() + "/strategies.json"
	if err := os.WriteFile(file, []byte(everything), 0o600); err != nil {
		t.Fatal(err)
	}
	return lab.StartBridge(t, fmt.Sprintf("sampling: {strategies_file: %q}\n%s", file, more))
}

// TestClientsThroughBridge has every light client report to a running gateway and
// finds in its view what the client made: services, spans, parents, kinds,
// errors, tags, events, remote ends.
func TestClientsThroughBridge(t *testing.T) {
	b := startBridge(t, "")
	for _, c := range lightClients() {
		t.Run(c.name, func(t *testing.T) {
			want := c.run(t, b)
			lab.Eventually(t, visible, want.Client+" in the view", func(ctx context.Context) error {
				got, err := b.Story(ctx, want.Traces()...)
				if err != nil {
					return err
				}
				return matches(atZipkin(want), got, viewOptions(want))
			})
		})
	}
}

// viewOptions are what Zipkin's JSON, which the view speaks, cannot say. Ids of
// SkyWalking are texts and become numbers; shared ids are split.
func viewOptions(story.Story) story.Options {
	return story.Options{FoldCase: true, IgnoreIDs: true, EventFields: true, NoLinks: true}
}

// atZipkin is a story as Zipkin's format says it: what follows from a span,
// without another parent, is its child there; a tag peer.service is the name of
// the remote end; an error that is a bool has no message but in its event.
func atZipkin(s story.Story) story.Story {
	out := s
	out.Spans = nil
	for _, sp := range s.Spans {
		if strings.HasPrefix(s.Client, "jaeger-client-go") {
			sp.Error = ""
			if sp.Parent == "" && len(sp.Links) > 0 {
				sp.Parent = sp.Links[0]
			}
		}
		if peer := sp.Tags["peer.service"]; peer != "" {
			sp.Tags = maps.Clone(sp.Tags)
			delete(sp.Tags, "peer.service")
			sp.Remote = &story.Endpoint{Service: peer}
		}
		out.Spans = append(out.Spans, sp)
	}
	return out
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
