// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/mixed"
)

// TestMixedFleetEverywhere is the whole mixed fleet, the SkyWalking agent for Java
// too, at every backend. The launcher makes what it needs by itself, as it does
// for everybody else.
func TestMixedFleetEverywhere(t *testing.T) {
	zipkin, jaeger, oap := lab.StartZipkin(t), lab.StartJaeger(t), lab.StartOAP(t)
	b := startBridge(t, fmt.Sprintf(`
targets:
  zipkin: {kind: zipkin, endpoint: %q}
  jaeger: {kind: jaeger, endpoint: %q}
  oap: {kind: skywalking, endpoint: %q}
`, zipkin.URL, jaeger.GRPC, oap.GRPC))
	w := whole{b: b, f: mixed.Start(t, b, mixed.Chain, "--cache", mixed.Cache(t)), at: []backend{
		{name: "the view", ask: b.Story},
		{name: "zipkin", ask: zipkin.Story},
		{name: "jaeger", ask: jaeger.Story},
		{name: "oap", ask: oap.Story, oap: true, check: noVirtualNodes(oap)},
	}}
	t.Run("starts", w.starts)
	t.Run("deny", w.deny)
	t.Run("debug", w.debug)
	t.Run("baggage", w.baggage)
	t.Run("topology", func(t *testing.T) { fleetTopology(t, w.f, oap) })
}

// noVirtualNodes holds that SkyWalking's page draws a trace without red nodes. One
// stands by right for a caller that reports nothing: where its headers became a
// reference, which they do for SkyWalking's own agents, and from sw8.
func noVirtualNodes(oap *lab.OAP) func(context.Context, *mixed.Journey, string) error {
	return func(ctx context.Context, j *mixed.Journey, trace string) error {
		spans, err := oap.Trace(ctx, trace)
		if err != nil {
			return err
		}
		faults := boosterFaults(trace, spans)
		native := slices.Contains([]string{"stock", "rate", "ship"}, j.Call.Enter)
		if called := j.CallerTrace != ""; called && (native || j.Call.Format == "sw8") && faults["vnode"] == 1 {
			delete(faults, "vnode")
		}
		if len(faults) > 0 {
			return fmt.Errorf("SkyWalking's page draws %v", faults)
		}
		return nil
	}
}

// fleetTopology looks at OAP's map of services: an edge from each to the next, and
// nothing that is no service but the broker and who calls from outside.
func fleetTopology(t *testing.T, f *mixed.Fleet, oap *lab.OAP) {
	lab.Eventually(t, visible, "topology", func(ctx context.Context) error {
		topology, err := oap.Topology(ctx)
		if err != nil {
			return err
		}
		lines := topology.Lines()
		edge := func(from, to string) bool {
			return slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, from+"→"+to+" ") })
		}
		for i, name := range f.Chain[:len(f.Chain)-2] {
			if !edge(name, f.Chain[i+1]) {
				return fmt.Errorf("no edge %s→%s in %q", name, f.Chain[i+1], lines)
			}
		}
		if !edge("ship", f.Broker) || !edge(f.Broker, "mail") {
			return fmt.Errorf("no way of the message over %s in %q", f.Broker, lines)
		}
		for _, n := range topology.Nodes {
			service := slices.Contains(f.Chain, n.Name)
			if !service && !slices.Contains([]string{"User", f.Broker, "browser"}, n.Name) {
				return fmt.Errorf("node %q is no service, in %q", n.Name, lines)
			}
			if service && !n.IsReal {
				return fmt.Errorf("node %+v is not real", n)
			}
		}
		return nil
	})
}
