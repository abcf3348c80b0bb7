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
	everywhere := []backend{
		{name: "the view", ask: b.Story},
		{name: "zipkin", ask: zipkin.Story},
		{name: "jaeger", ask: jaeger.Story},
		{name: "oap", ask: oap.Story, oap: true},
	}
	f := mixed.Start(t, b, mixed.Chain, "--cache", mixed.Cache(t))

	t.Run("starts", func(t *testing.T) { fleetStarts(t, b, f, oap, everywhere) })
	t.Run("topology", func(t *testing.T) { fleetTopology(t, f, oap) })
}

// fleetStarts has every service start the trace, by itself and in the headers of
// every format.
func fleetStarts(t *testing.T, b *lab.Bridge, f *mixed.Fleet, oap *lab.OAP, everywhere []backend) {
	var all []*mixed.Journey
	for _, c := range starts(f) {
		all = append(all, f.Request(t, c))
	}
	for _, j := range all {
		t.Run(j.Call.String(), func(t *testing.T) {
			continued(t, j)
			wholeAt(t, b, j, mixed.Tree(f.From(j.Call.Enter)...), everywhere...)
			spans, err := oap.Trace(t.Context(), oapName(j))
			if err != nil {
				t.Fatal(err)
			}
			for fault, n := range boosterFaults(oapName(j), spans) {
				// The caller itself reports nothing.
				if fault != "vnode" || n > 1 || j.Call.Format != "sw8" {
					t.Errorf("SkyWalking's page draws %d × %s", n, fault)
				}
			}
		})
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
