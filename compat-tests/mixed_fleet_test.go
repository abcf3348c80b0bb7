// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/mixed"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// TestMixedFleet is the mixed fleet without what needs a JVM: one trace with every
// parent right, whichever service starts it and in whatever headers.
func TestMixedFleet(t *testing.T) {
	python, err := lab.Python(t, mixed.Requirements(t), "3.11", "3")
	if err != nil {
		t.Fatal(err)
	}
	b := startBridge(t, "")
	f := mixed.Start(t, b, []string{"edge", "cart", "price", "rate", "ship", "mail"}, "--python", python)
	w := whole{b: b, f: f, at: []backend{{name: "the view", ask: b.Story}}}
	t.Run("starts", w.starts)
	t.Run("deny", w.deny)
	t.Run("debug", w.debug)
	t.Run("baggage", w.baggage)
}

// callerFormats are the headers with which a first caller may come.
var callerFormats = []string{"b3", "b3multi", "sw8", "uber", "w3c", "ot"}

// whole holds that what a fleet does is whole at some backends.
type whole struct {
	b  *lab.Bridge
	f  *mixed.Fleet
	at []backend
}

// A backend shows a trace.
type backend struct {
	name string
	ask  func(context.Context, ...string) ([]story.Span, error)
	// oap: it knows traces by SkyWalking's names.
	oap bool
	// check is more that must hold of a trace.
	check func(context.Context, *mixed.Journey, string) error
}

// starts has every service start the trace, by itself and in the headers of every
// format.
func (w whole) starts(t *testing.T) {
	var all []*mixed.Journey
	for _, service := range w.f.Chain {
		all = append(all, w.f.Request(t, mixed.Call{Enter: service, Format: "none"}))
		for _, format := range callerFormats {
			// The consumer knows B3 alone, and nothing that knows more stands between
			// it and its records.
			if service != "mail" || strings.HasPrefix(format, "b3") {
				all = append(all, w.f.Request(t, mixed.Call{Enter: service, Format: format}))
			}
		}
	}
	for _, j := range all {
		t.Run(j.Call.String(), func(t *testing.T) {
			w.continued(t, j)
			w.speaks(t, j)
			w.await(t, j, j.Call.Enter)
		})
	}
}

// continued holds that the first service is in the trace that the caller named.
func (whole) continued(t *testing.T, j *mixed.Journey) {
	t.Helper()
	first := j.Visits[0].Trace
	want := j.CallerTrace
	if strings.Contains(want, ".") && first != want {
		want = traceNumber(want)
	}
	if want != "" && strings.TrimLeft(first, "0") != strings.TrimLeft(want, "0") {
		t.Errorf("%s is in trace %q, want that of the caller, %q", j.Call.Enter, first, want)
	}
}

// spoken is what each service gets from the one before it, which is all that its
// tracer understands.
var spoken = map[string]string{"stock": "sw8", "cart": "sw8", "price": "w3c", "rate": "sw8", "ship": "sw8", "mail": "b3"}

// speaks holds that every hop uses a header format of its own.
func (w whole) speaks(t *testing.T, j *mixed.Journey) {
	t.Helper()
	for _, v := range j.Visits[1:] {
		if !slices.Contains(v.Formats, spoken[v.Service]) {
			t.Errorf("%s got %q, want %s", v.Service, v.Formats, spoken[v.Service])
		}
	}
}

// await waits until each backend shows the services from one on as one trace with
// the right parents, and nothing else in that trace.
func (w whole) await(t *testing.T, j *mixed.Journey, from string) {
	t.Helper()
	i := slices.Index(j.Chain, from) - slices.Index(j.Chain, j.Call.Enter)
	var names []string
	for _, v := range j.Visits[i:] {
		if !slices.Contains(names, v.Trace) {
			names = append(names, v.Trace)
		}
	}
	for _, at := range w.at {
		lab.Eventually(t, visible, j.Call.String()+" at "+at.name, func(ctx context.Context) error {
			ids := []string{oapName(j, from)}
			want := mixed.Spans(w.f.From(from)...)
			if at.oap {
				want = fleetAtOAP(want)
			} else {
				// However a service calls the trace, it is this one.
				known, err := canonical(ctx, w.b, names)
				if err != nil {
					return err
				}
				if ids = slices.Compact(known); len(ids) != 1 {
					return fmt.Errorf("%q are the traces %q, want one", names, ids)
				}
			}
			got, err := at.ask(ctx, ids...)
			if err != nil {
				return err
			}
			if err := mixed.Same(got, want); err != nil || at.check == nil {
				return err
			}
			return at.check(ctx, j, ids[0])
		})
	}
}

// oapName is the id by which OAP must know a trace: the name that an agent gave
// it, else 32 digits.
func oapName(j *mixed.Journey, from string) string {
	name := j.Visit(from).Trace
	if from == j.Call.Enter && j.CallerTrace != "" {
		name = j.CallerTrace
	}
	if strings.ContainsAny(name, ".-") {
		return name
	}
	return fmt.Sprintf("%032s", name)
}

// fleetAtOAP are the spans as OAP has them: aiozipkin does not say whom it calls,
// and a call to nobody is local work there.
func fleetAtOAP(spans []story.Span) []story.Span {
	for i := range spans {
		if spans[i].Service == "edge" && spans[i].Kind == story.Client {
			spans[i].Kind = story.Local
		}
	}
	return spans
}

// agents are the services that trace whatever a caller decided: they know no
// header that says no. go2sky has our adapter, which knows one.
var agents = []string{"stock", "rate"}

// deny has callers decide against sampling. The services report nothing until an
// agent of SkyWalking begins a trace of its own.
func (w whole) deny(t *testing.T) {
	var all []*mixed.Journey
	for _, service := range []string{"edge", "cart", "price", "ship", "mail"} {
		for _, format := range callerFormats {
			if service != "mail" || strings.HasPrefix(format, "b3") {
				all = append(all, w.f.Request(t, mixed.Call{Enter: service, Format: format, Sampling: "deny"}))
			}
		}
	}
	// What is sent after them is seen after them.
	w.await(t, w.f.Request(t, mixed.Call{Enter: w.f.Chain[0]}), w.f.Chain[0])
	for _, j := range all {
		t.Run(j.Call.String(), func(t *testing.T) {
			for _, v := range j.Visits {
				if slices.Contains(agents, v.Service) {
					w.await(t, j, v.Service)
					break
				}
				if v.Sampled {
					t.Errorf("%s samples, want the decision of the caller", v.Service)
				}
			}
			for _, at := range w.at {
				id := j.CallerTrace
				if strings.Contains(id, ".") && !at.oap {
					id = traceNumber(id)
				}
				if spans, err := at.ask(t.Context(), id); err == nil && len(spans) > 0 {
					t.Errorf("%s has %d spans in the trace of the caller, want none", at.name, len(spans))
				}
			}
		})
	}
}

// TestMixedFleetOff is the fleet without SkyWalking's agents, which would trace
// anyway. Nobody reports anything when the first caller decided against it,
// whatever its headers: go2sky neither, by our adapter, and the consumer neither.
func TestMixedFleetOff(t *testing.T) {
	python, err := lab.Python(t, mixed.Requirements(t), "3.11", "3")
	if err != nil {
		t.Fatal(err)
	}
	b := startBridge(t, "")
	f := mixed.Start(t, b, []string{"edge", "cart", "price", "ship", "mail"}, "--python", python)
	for _, service := range f.Chain {
		for _, format := range callerFormats {
			if service == "mail" && !strings.HasPrefix(format, "b3") {
				continue
			}
			j := f.Request(t, mixed.Call{Enter: service, Format: format, Sampling: "deny"})
			for _, v := range j.Visits {
				if v.Sampled {
					t.Errorf("%s: %s samples", j.Call, v.Service)
				}
			}
		}
	}
	// What is sent after them is seen after them.
	w := whole{b: b, f: f, at: []backend{{name: "the view", ask: b.Story}}}
	w.await(t, f.Request(t, mixed.Call{Format: "b3"}), f.Chain[0])
	got, err := b.Metric(t.Context(), "bridge_spans_received_total")
	if err != nil {
		t.Fatal(err)
	}
	if want := len(mixed.Spans(f.Chain...)); int(got) != want {
		t.Errorf("the gateway got %v spans, want the %d of the last request", got, want)
	}
}

// debug has callers ask for a trace that is kept whatever happens.
func (w whole) debug(t *testing.T) {
	var all []*mixed.Journey
	for _, service := range []string{"edge", "cart", "price"} {
		for _, format := range []string{"b3", "b3multi", "uber"} {
			all = append(all, w.f.Request(t, mixed.Call{Enter: service, Format: format, Sampling: "debug"}))
		}
	}
	for _, j := range all {
		t.Run(j.Call.String(), func(t *testing.T) {
			w.await(t, j, j.Call.Enter)
			spans, err := (&lab.Zipkin{URL: w.b.Zipkin}).Trace(t.Context(), url.PathEscape(j.Visits[0].Trace))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range spans {
				// SkyWalking's spans have no such flag, and edge got X-B3-Flags, which
				// aiozipkin does not find.
				if name := s.LocalEndpoint.ServiceName; (name == "cart" || name == "price" || name == "mail") && !s.Debug {
					t.Errorf("%s %s has no debug flag", name, s.Name)
				}
			}
		})
	}
}

// baggage has callers send baggage, which reaches every service but the consumer,
// since B3 has none. edge's tracer drops it, and its proxy remembers it by the
// trace; without a trace there is nothing to remember it by, and no sw8 to carry
// it to an agent.
func (w whole) baggage(t *testing.T) {
	for _, service := range []string{"edge", "cart", "price", "rate"} {
		for _, format := range append([]string{"none"}, callerFormats...) {
			if format == "none" && (service == "edge" || service == "rate") {
				continue
			}
			j := w.f.Request(t, mixed.Call{Enter: service, Format: format, Baggage: []string{"user=ann lee"}})
			t.Run(j.Call.String(), func(t *testing.T) {
				for _, v := range j.Visits[1 : len(j.Visits)-1] {
					if got := carried(v)["user"]; got != "ann lee" {
						t.Errorf("%s got user %q in %v and %v, want ann lee", v.Service, got, v.Headers, v.Baggage)
					}
				}
			})
		}
	}
}

// carried is the baggage that a service got, as its tracer says or, where that
// does not tell, as the headers do.
func carried(v mixed.Visit) map[string]string {
	if len(v.Baggage) > 0 {
		return v.Baggage
	}
	found := map[string]string{}
	for pair := range strings.SplitSeq(v.Headers["sw8-correlation"], ",") {
		key, value, _ := strings.Cut(pair, ":")
		k, _ := base64.StdEncoding.DecodeString(key)
		v, _ := base64.StdEncoding.DecodeString(value)
		found[string(k)] = string(v)
	}
	for member := range strings.SplitSeq(v.Headers["baggage"], ",") {
		key, value, _ := strings.Cut(member, "=")
		if plain, err := url.PathUnescape(value); err == nil && key != "" {
			found[key] = plain
		}
	}
	return found
}
