// SPDX-License-Identifier: Apache-2.0

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

// callerFormats are the headers with which a first caller may come.
var callerFormats = []string{"b3", "b3multi", "sw8", "uber", "w3c", "ot"}

// starts are calls into every service with headers of every format. The consumer
// knows B3 alone: nothing stands between it and its records that could know more.
func starts(f *mixed.Fleet) (calls []mixed.Call) {
	for _, service := range f.Chain {
		calls = append(calls, mixed.Call{Enter: service, Format: "none"})
		for _, format := range callerFormats {
			if service != "mail" || strings.HasPrefix(format, "b3") {
				calls = append(calls, mixed.Call{Enter: service, Format: format})
			}
		}
	}
	return calls
}

// TestMixedFleet is the mixed fleet without what needs a JVM: one trace with every
// parent right, whichever service starts it and in whatever headers.
func TestMixedFleet(t *testing.T) {
	python, err := lab.Python(t, mixed.Requirements(t), "3.11", "3")
	if err != nil {
		t.Fatal(err)
	}
	b := startBridge(t, "")
	f := mixed.Start(t, b, []string{"edge", "cart", "price", "rate", "ship", "mail"}, "--python", python)
	view := backend{name: "the view", ask: b.Story}
	var all []*mixed.Journey
	for _, c := range starts(f) {
		all = append(all, f.Request(t, c))
	}
	for _, j := range all {
		t.Run(j.Call.String(), func(t *testing.T) {
			continued(t, j)
			wholeAt(t, b, j, mixed.Tree(f.From(j.Call.Enter)...), view)
		})
	}
}

// A backend shows a journey.
type backend struct {
	name string
	ask  func(context.Context, ...string) ([]story.Span, error)
	oap  bool
}

// continued holds that the services are in the trace that the caller named.
func continued(t *testing.T, j *mixed.Journey) {
	t.Helper()
	if j.CallerTrace != "" && !slices.Contains(j.Traces, j.CallerTrace) && j.Call.Format != "sw8" && j.Call.Format != "ot" {
		t.Errorf("the services know the trace as %q, want the caller's %q", j.Traces, j.CallerTrace)
	}
}

// wholeAt waits until the backends show the journey as one trace that looks like
// the tree, and that trace alone.
func wholeAt(t *testing.T, b *lab.Bridge, j *mixed.Journey, tree []string, backends ...backend) {
	t.Helper()
	for _, at := range backends {
		want := tree
		ids := []string{oapName(j)}
		if at.oap {
			want = atOAPTree(tree)
		}
		lab.Eventually(t, visible, j.Call.String()+" at "+at.name, func(ctx context.Context) error {
			if !at.oap {
				// However a service calls the trace, it is this one.
				known, err := canonical(ctx, b, j.Traces)
				if err != nil {
					return err
				}
				if ids = slices.Compact(known); len(ids) != 1 {
					return fmt.Errorf("%q are the traces %q, want one", j.Traces, ids)
				}
			}
			got, err := at.ask(ctx, ids...)
			if err != nil {
				return err
			}
			return mixed.Same(mixed.Draw(got), want)
		})
	}
}

// oapName is the id by which OAP must know the trace of a journey: SkyWalking's
// name, where an agent gave one, else 32 digits.
func oapName(j *mixed.Journey) string {
	name := j.CallerTrace
	if name == "" {
		name = j.Visits[0].Trace
	}
	if strings.ContainsAny(name, ".-") {
		return name
	}
	return fmt.Sprintf("%032s", name)
}

// atOAPTree is the tree as OAP has it: aiozipkin does not say whom it calls, and
// a call to nobody is local work there.
func atOAPTree(tree []string) []string {
	out := slices.Clone(tree)
	for i, line := range out {
		out[i] = strings.Replace(line, "edge CLIENT", "edge local", 1)
	}
	return out
}
