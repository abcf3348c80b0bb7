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
	"github.com/spanbridge/spanbridge/compat-tests/story"
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
	// First, while OAP's map of services shows nothing else.
	t.Run("topology", func(t *testing.T) { fleetTopology(t, w, oap) })
	t.Run("starts", w.starts)
	t.Run("deny", w.deny)
	t.Run("debug", w.debug)
	t.Run("baggage", w.baggage)
	t.Run("the name of the trace is lost", func(t *testing.T) { nameLost(t, w, oap) })
}

// nameLost has the agent for Java start a trace that then goes through a service
// by B3 alone, past its proxy, which would have remembered SkyWalking's name of
// the trace. By the ids it is one trace everywhere; at OAP, which knows traces by
// name, it is two: up to the next agent, which was told a name made of the id, and
// from there on. What is no agent's goes with the name that an agent gave.
func nameLost(t *testing.T, w whole, oap *lab.OAP) {
	chain := []string{"stock", "edge", "cart", "price", "rate", "ship", "mail"}
	w.f = mixed.Start(t, w.b, chain, "--cache", mixed.Cache(t), "--forget")
	w.at = slices.DeleteFunc(slices.Clone(w.at), func(b backend) bool { return b.oap })
	// The first report of an agent that has just begun takes longest; it has to be
	// there before those of the services behind it go to OAP.
	w.await(t, w.f.Request(t, mixed.Call{Format: "none"}), chain[0])
	j := w.f.Request(t, mixed.Call{Format: "none"})
	w.await(t, j, chain[0])

	name, number := j.Visit("stock").Trace, j.Visit("edge").Trace
	if want := traceNumber(name); number != want {
		t.Errorf("edge knows the trace as %q, want %q, made of %q", number, want, name)
	}
	for trace, want := range map[string][]story.Span{
		name:   append(mixed.Spans("mail"), mixed.Spans("stock", "edge", "cart", "price")...),
		number: mixed.Spans("rate", "ship"),
	} {
		lab.Eventually(t, visible, "trace "+trace+" at OAP", func(ctx context.Context) error {
			got, err := oap.Story(ctx, trace)
			if err != nil {
				return err
			}
			if err := mixed.Same(got, fleetAtOAP(want)); err != nil {
				return err
			}
			spans, err := oap.Trace(ctx, trace)
			if err != nil {
				return err
			}
			// rate's caller, and mail's, are in the other trace.
			if faults := boosterFaults(trace, spans); len(faults) != 1 || faults["vnode"] != 1 {
				return fmt.Errorf("SkyWalking's page draws %v, want one virtual node", faults)
			}
			return nil
		})
	}
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

// fleetTopology sends one request and looks at OAP's map of services: an edge from
// each service to the next, and no node that is none but the broker and the user.
func fleetTopology(t *testing.T, w whole, oap *lab.OAP) {
	j := w.f.Request(t, mixed.Call{Format: "none"})
	w.await(t, j, j.Call.Enter)
	lab.Eventually(t, visible, "topology", func(ctx context.Context) error {
		topology, err := oap.Topology(ctx)
		if err != nil {
			return err
		}
		// aiozipkin does not say whom it calls: the callee alone tells.
		want := []string{
			"User→edge SERVER", "edge→stock SERVER", "stock→cart CLIENT+SERVER", "cart→price CLIENT+SERVER",
			"price→rate CLIENT+SERVER", "rate→ship CLIENT+SERVER", "ship→" + j.Broker + " CLIENT", j.Broker + "→mail SERVER",
		}
		slices.Sort(want)
		if lines := topology.Lines(); !slices.Equal(lines, want) {
			return fmt.Errorf("topology\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
		for _, n := range topology.Nodes {
			if service := slices.Contains(w.f.Chain, n.Name); n.IsReal != service {
				return fmt.Errorf("node %+v", n)
			}
		}
		return nil
	})
}
