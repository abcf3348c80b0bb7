// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/fleet"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// TestFleet sends small fleets, of clients of every protocol, through gateways in
// every order of arrival. Most of the time goes by waiting: all are under way at
// once.
func TestFleet(t *testing.T) {
	var flights []*flight
	for _, a := range []arrival{
		{name: "flush 1s", interval: time.Second, share: 0.999},
		{name: "flush 1s, unflagged joins", interval: time.Second, unflagged: 0.3, share: 0.96},
		{name: "flush 1s, 4 nodes", interval: time.Second, share: 0.998, nodes: 4},
		{name: "span by span", spread: 2 * time.Second, share: 0.999},
		{name: "flush 5s", interval: 5 * time.Second, share: 0.999},
	} {
		a.spans, a.length = 20_000, 8*time.Second
		flights = append(flights, a.start(t))
	}
	for _, f := range flights {
		t.Run(f.name, f.land)
	}
}

// arrival is a way in which spans reach the gateway, and what must come out.
type arrival struct {
	name      string
	spans     int
	length    time.Duration
	interval  time.Duration // of reports; 0: every span by itself, within spread
	spread    time.Duration
	unflagged float64
	nodes     int     // 1 when not set; each request goes to any of them
	scale     float64 // seconds that a second of the fleet takes, 1 when not set

	// At least so many parents must be right, of the spans whose parents came
	// within the hold: on a machine that keeps up with the fleet, all of them but
	// where reports are further apart.
	share float64
}

const (
	fleetSeed = 20
	fleetLoss = 0.002
)

// The gateway's default: how long a span waits for its parent.
const hold = 2 * time.Second

// flight is a fleet on its way through gateways of its own.
type flight struct {
	arrival
	fleet   *fleet.Fleet
	made    time.Duration
	backend *fleet.Backend
	bridges []*lab.Bridge

	sent     chan struct{}
	arrivals *fleet.Arrivals // once all is sent
	err      error
}

// start has a fleet report to gateways of its own.
func (a arrival) start(t *testing.T) *flight {
	t.Helper()
	if a.scale == 0 {
		a.scale = 1
	}
	o := fleet.Options{
		Seed: fleetSeed, Spans: a.spans, Instances: 3, Length: a.length, Interval: a.interval, Spread: a.spread,
		Unflagged: a.unflagged, Proxies: 0.01, Loss: fleetLoss,
	}
	if a.nodes > 1 {
		// What is behind a proxy can be known only where the proxy's own report
		// went: elsewhere it is taken for what the client called. That one call in a
		// hundred goes through such a proxy is a lot.
		o.Proxies = 0.002
		// Where the caller's segment is known to another node, its header tells.
		o.Tagged = true
	}
	f := &flight{arrival: a, bridges: make([]*lab.Bridge, max(a.nodes, 1)), sent: make(chan struct{})}
	nodes := make([]fleet.Node, len(f.bridges))
	o.Begin = time.Now()
	f.fleet = fleet.New(o)
	f.made = time.Since(o.Begin)
	var err error
	if f.backend, err = fleet.NewBackend(f.fleet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.backend.Close)
	for i := range f.bridges {
		b := lab.StartBridge(t, a.config(f.backend))
		f.bridges[i] = b
		nodes[i] = fleet.Node{
			Zipkin: b.Zipkin, JaegerHTTP: b.JaegerHTTP, JaegerUDP: b.JaegerCompact,
			SkyWalking: b.SkyWalkingGRPC, OTLPGRPC: b.OTLPGRPC, OTLPHTTP: b.OTLPHTTP,
		}
	}
	go func() {
		defer close(f.sent)
		f.arrivals, f.err = f.fleet.Send(t.Context(), o, a.scale, nodes)
	}()
	t.Cleanup(func() { <-f.sent })
	return f
}

// land waits until all has come out and compares it with what is true.
func (f *flight) land(t *testing.T) {
	t.Helper()
	<-f.sent
	if f.err != nil {
		t.Fatal(f.err)
	}
	a := f.arrivals
	received := f.await(t)
	lost := f.fleet.LoseDatagrams(f.backend)
	if lost != a.Spans-received {
		t.Errorf("%d spans received of %d, and %d of those that came by UDP are nowhere", received, a.Spans, lost)
	}
	var report, why strings.Builder
	fmt.Fprintf(&report, "%s: %d spans in %d traces (made in %v), %d of %d joins unflagged; %d requests to %d nodes in %v, at most %v late; %d spans lost by UDP\n%s",
		f.name, len(f.fleet.Spans), len(f.fleet.Traces), f.made.Round(time.Millisecond), f.fleet.Unflagged, f.fleet.Joins,
		a.Requests, len(f.bridges), a.Took.Round(time.Millisecond), a.Lag.Round(time.Millisecond), lost, fleet.Header)
	for _, out := range fleet.Outputs {
		again := f.retried(t, out)
		r := f.fleet.Judge(f.backend, out, a, time.Duration(float64(hold)*f.scale))
		report.WriteString(r.String())
		why.WriteString(r.Why())
		if again > 0 {
			fmt.Fprintf(&why, "  %s: %d requests were sent again\n", out, again)
		}
		f.check(t, r, again > 0)
	}
	t.Log(report.String() + why.String())
}

// retried is how many requests to a target had no answer in time and were sent
// again. What the backend did take of them came twice: delivery is at least
// once.
func (f *flight) retried(t *testing.T, out fleet.Output) (n int) {
	t.Helper()
	for _, b := range f.bridges {
		v, err := b.Metric(t.Context(), "bridge_export_requests_total", fmt.Sprintf("target=%q", out), `outcome="retried"`)
		if err != nil {
			t.Fatal(err)
		}
		n += int(v)
	}
	return n
}

// config are the targets: all that the gateway can send to, at one backend.
func (a arrival) config(b *fleet.Backend) string {
	window := ""
	if a.scale != 1 {
		scaled := func(d time.Duration) time.Duration { return time.Duration(float64(d) * a.scale) }
		window = fmt.Sprintf(", window: {hold: %v, settle: %v, longest: %v}", scaled(hold), scaled(time.Second), scaled(5*time.Second))
	}
	callers := ""
	if a.nodes > 1 {
		// A reference of SkyWalking tells the service of the caller, which may have
		// reported to another node.
		callers = ", unknown_caller: elsewhere"
	}
	return fmt.Sprintf(`view: {enabled: false}
targets:
  zipkin: {kind: zipkin, endpoint: %q}
  jaeger: {kind: jaeger, endpoint: %q%s}
  otlp: {kind: otlp-grpc, endpoint: %q%s}
  skywalking: {kind: skywalking, endpoint: %q%s%s}
`, b.URL, b.Addr, window, b.Addr, window, b.Addr, window, callers)
}

// await waits until the gateways have sent on what they received, and
// returns how many spans that is. Datagrams may be lost on the way; what has not
// come when all else has gone through will not come.
func (f *flight) await(t *testing.T) int {
	t.Helper()
	a := f.arrivals
	sum := func(ctx context.Context, metric string) (sum int, err error) {
		for _, b := range f.bridges {
			v, err := b.Metric(ctx, metric)
			if err != nil {
				return 0, err
			}
			sum += int(v)
		}
		return sum, nil
	}
	received, before := 0, -1
	lab.Eventually(t, 3*time.Minute, "all spans to go through", func(ctx context.Context) (err error) {
		before = received
		if received, err = sum(ctx, "bridge_spans_received_total"); err != nil {
			return err
		}
		if received < a.Spans-a.Datagrams || received != before {
			return fmt.Errorf("%d spans received, %d before, of %d", received, before, a.Spans)
		}
		exported := 0
		for _, name := range []string{"bridge_export_spans_total", "bridge_spans_repeated_total", "bridge_spans_merged_total"} {
			n, err := sum(ctx, name)
			if err != nil {
				return err
			}
			exported += n
		}
		held, err := sum(ctx, "bridge_spans_held")
		if err != nil || held > 0 || exported != received*len(fleet.Outputs) {
			return fmt.Errorf("%d spans held, %d of %d exported: %v", held, exported, received*len(fleet.Outputs), err)
		}
		return nil
	})
	return received
}

// check holds a result against what is wanted.
func (a arrival) check(t *testing.T, r *fleet.Result, again bool) {
	t.Helper()
	failed := false
	errorf := func(format string, args ...any) {
		t.Helper()
		failed = true
		t.Errorf(format, args...)
	}
	if share := r.ShareInTime(); share < a.share {
		errorf("%s: %.3f %% right parents, want %.1f %%", r.Output, 100*share, 100*a.share)
	}
	if r.Output == fleet.ToZipkin && r.Wrong > 0 {
		errorf("zipkin: %d spans with another identity than they came with", r.Wrong)
	}
	for _, n := range []struct {
		what  string
		n     int
		holds bool
	}{
		{"duplicate ids", r.Duplicates, true},
		// The place of a span in a segment of SkyWalking is known to one node.
		{"parents that are nowhere", r.Dangling, a.nodes <= 1 || r.Output != fleet.ToSkyWalking},
		// Which half a child means is a guess where nobody says that there are two.
		{"parents that are not above their children", r.Strangers, a.unflagged == 0},
		{"spans lost", r.Lost, true},
		{"spans doubled", r.Doubled, !again},
		{"spans in another trace", r.OtherTrace, true},
		{"segments sent twice", r.Repeated, !again},
		{"spans that nobody reported", r.Synthetic, true},
		{"messages that cannot be read", len(r.Faults), true},
	} {
		if n.n > 0 && n.holds {
			errorf("%s: %d %s", r.Output, n.n, n.what)
		}
	}
	if failed {
		t.Logf("%s: some of it:\n%s\n%s", r.Output, strings.Join(r.Sample, "\n"), strings.Join(r.Faults[:min(len(r.Faults), 5)], "\n"))
	}
}
