// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/exporters"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/pipeline"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/view"
)

// Types that meet only here.
var (
	_ receivers.Sink    = (*pipeline.Intake)(nil)
	_ pipeline.Consumer = (*exporters.Exporter)(nil)
	_ pipeline.Reviver  = (*exporters.Exporter)(nil)
	_ pipeline.Consumer = (*view.View)(nil)
)

// gateway is the parts of a running bridge. cmd/bridge chooses and wires them;
// what moves is in package pipeline.
type gateway struct {
	surroundings
	set    *metrics.Set
	memory int64 // that the process may take

	queue     *queue.Log
	dead      *deadletter.Letters
	desk      *desk
	rules     *rulebook
	decode    pipeline.Decoder
	receivers *receivers.Server
	backends  atomic.Pointer[map[string]*exporters.Exporter] // by the port whose other calls they serve
	copied    atomic.Pointer[string]                         // the form of body that every target copies; "": none
	view      *view.View                                     // nil: there is none
	admin     *admin

	turn    sync.Mutex // one changes what follows at a time
	cfg     *config.Config
	outlets map[string]*outlet
	serving context.Context // of run; nil before and after
	work    context.Context // of the targets
}

// surroundings are what a gateway needs besides its configuration.
type surroundings struct {
	from     source
	sampling *strategies
	log      *slog.Logger
	level    *slog.LevelVar
	disk     disk
}

func newGateway(cfg *config.Config, s surroundings) (g *gateway, err error) {
	log := s.log
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	g = &gateway{surroundings: s, set: metrics.New(reg), memory: memoryBudget(cfg.Limits), cfg: cfg, outlets: make(map[string]*outlet)}
	fit(cfg, g.memory, log)
	budget := receivers.NewBudget(g.memory)
	g.set.Memory(g.memory, budget.OnWay)
	g.admin = newAdmin(cfg.Admin, reg, log)
	g.admin.ledger(reg)
	g.admin.router.Path(reloadPath).Methods(http.MethodPost).HandlerFunc(g.reloadPage)
	s.sampling.log = log
	use, err := s.sampling.prepare(cfg.Sampling.StrategiesFile)
	if err != nil {
		return nil, err
	}
	use()
	if g.queue, err = openQueue(cfg.Queue, s.disk, g.set, log); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	g.admin.fault = g.fault
	budget.Relieve(g.queue.Shed)
	g.set.Waiting(
		func() int { return g.queue.Waits().Now }, budget.Waiting,
		func() uint64 { return g.queue.Waits().Taken }, func() uint64 { return g.queue.Waits().Refused }, func() uint64 { return g.queue.Waits().Left },
	)
	if g.dead, err = openDead(cfg.Queue, s.disk, g.set, log); err != nil {
		return nil, err
	}
	g.desk = newDesk(g.dead, g.set, log)
	g.desk.serve(g.admin.router)
	g.rules = newRulebook(newRules(cfg))
	whole := decoder(s.from.list)
	g.decode = g.rules.decode(whole)
	other := make(map[string]http.Handler)
	if cfg.View.Enabled {
		if err := g.addView(reg); err != nil {
			return nil, err
		}
		other["zipkin"] = g.view.Handler()
	}
	for name, t := range enabled(cfg) {
		if g.outlets[name], err = g.newOutlet(name, t); err != nil {
			return nil, fmt.Errorf("targets.%s: %w", name, err)
		}
	}
	if err := g.queue.Settle(); err != nil {
		return nil, fmt.Errorf("queue.dir: %w", err)
	}
	g.arrange()
	intake := pipeline.NewIntake(g.queue, g.set)
	if cfg.Tenant.Header != "" {
		intake.CountTenants(cfg.Tenant.Labels)
	}
	g.receivers = receivers.New(receivers.Options{
		Protocols: s.from.list, Ports: listens(cfg), Other: other, Forward: g.backend, Set: g.set, Log: log,
		Sink: &ruledSink{g.rules, whole, intake, g.set}, TenantHeader: cfg.Tenant.Header, Outline: g.outlines,
		Limits: receiverLimits(cfg.Limits), Budget: budget,
	})
	return g, nil
}

// fault is why the gateway is not ready though it runs.
func (g *gateway) fault() error {
	if err := g.queue.Fault(); err != nil {
		return fmt.Errorf("the queue on disk takes nothing, clients are told to come again: %w", err)
	}
	return nil
}

func receiverLimits(c config.Limits) receivers.Limits {
	return receivers.Limits{
		Body: int64(c.Body), Inflated: int64(c.Inflated), Message: int(c.Message),
		Spans: c.Spans, Tags: c.Tags, Text: int(c.Text),
		Connections: c.Connections, ConnectionsTotal: c.ConnectionsTotal, Streams: c.Streams, StreamsTotal: c.StreamsTotal,
		Refuse: c.WhenFull == "refuse", Wait: c.Wait,
		Header: c.HeaderTimeout, Read: c.ReadTimeout, Idle: c.IdleTimeout,
	}
}

// addView makes the view, which is a target too.
func (g *gateway) addView(reg prometheus.Gatherer) error {
	g.view = view.New(view.Options{
		Memory: int64(g.cfg.View.Memory), Strict: g.cfg.View.StrictTraceID, Set: g.set, Version: versionName(),
		Ports: g.ports, Account: ledgerPage(reg, func() bool { return g.admin.unready() == "" }),
	})
	t, err := pipeline.NewTarget(g.queue, g.viewOptions(g.cfg), g.decode, g.view, g.set, g.log)
	if err == nil {
		g.outlets["view"] = &outlet{Target: t}
	}
	return err
}

// viewOptions: the view takes spans at once, and what it could ever lag behind
// is bounded by dropping rather than by stopping the clients.
func (g *gateway) viewOptions(cfg *config.Config) pipeline.Options {
	return pipeline.Options{
		Name: "view", MaxSpans: 10_000, MaxBytes: 8 << 20, Workers: 1, Dead: g.dead,
		Retry: pipeline.Retry{Initial: time.Second, Max: time.Second},
		Queue: queue.CursorOptions{MaxBytes: int64(cfg.View.Memory), WhenFull: queue.DropOldest},
	}
}

// ports says where spans may be sent, for the page.
func (g *gateway) ports() (ports []view.Port) {
	for _, p := range g.from.list {
		for _, port := range p.Ports {
			if a := g.receivers.Address(port.Name); a != nil {
				ports = append(ports, view.Port{Protocol: p.Name, Network: string(port.Network), Address: a.String(), About: port.About})
			}
		}
	}
	return ports
}

// open opens all ports, or none.
func (g *gateway) open() error {
	err := g.admin.open()
	if err2 := g.receivers.Open(); err2 != nil || err != nil {
		return errors.Join(err, err2)
	}
	return nil
}

// run serves until the context ends, then stops in order: not ready any more,
// nothing new taken, what is in the queue delivered as far as time allows. hup
// asks for a reload.
func (g *gateway) run(ctx context.Context, hup <-chan os.Signal) { //nolint:contextcheck // the work outlives ctx: what is in the queue is delivered after it
	work, stop := context.WithCancel(context.Background())
	defer stop()
	g.begin(ctx, work)
	var moving sync.WaitGroup
	moving.Go(func() { g.sampling.watch(work) })
	moving.Go(func() { tidyDead(work, g.dead) })
	g.desk.open(work) //nolint:contextcheck // as above
	moving.Go(func() { g.desk.again(work) })
	moving.Go(func() { g.reloads(ctx, hup) })
	g.receivers.Serve()
	g.admin.ready()
	<-ctx.Done()

	g.admin.notReady()
	g.end()
	atMost := g.cfg.Shutdown.Drain
	g.log.Info("stopping: nothing new is taken, the targets get what is left", "at most", atMost)
	drain, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	// A client that does not come to its end must not take the targets' time.
	receive, cancel := context.WithTimeout(drain, atMost/2)
	defer cancel()
	g.receivers.Shutdown(receive) //nolint:contextcheck // as above
	g.drain(drain)                //nolint:contextcheck // as above
	stop()
	g.desk.close()
	moving.Wait()
	for _, o := range g.outlets {
		o.wait()
		switch n := o.Held(); {
		case n > 0 && g.cfg.Queue.Dir != "":
			g.log.Info("spans stay in the queue on disk: the target did not take them in time", "target", o.Name(), "spans", n)
		case n > 0:
			g.log.Warn("spans are lost with the queue in memory: the target did not take them in time", "target", o.Name(), "spans", n)
		}
	}
}

// begin starts the targets.
func (g *gateway) begin(serving, work context.Context) {
	g.turn.Lock()
	defer g.turn.Unlock()
	g.serving, g.work = serving, work
	for _, o := range g.outlets {
		o.start(work)
	}
}

// end says that nothing is changed any more.
func (g *gateway) end() {
	g.turn.Lock()
	defer g.turn.Unlock()
	g.serving = nil
}

// drain waits until the targets have everything.
func (g *gateway) drain(ctx context.Context) {
	for _, o := range g.outlets {
		o.Drain()
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		held := int64(0)
		for _, o := range g.outlets {
			held += o.Held()
		}
		if held == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (g *gateway) close() {
	if g.receivers != nil {
		g.receivers.Shutdown(context.Background())
	}
	for _, o := range g.outlets {
		o.close()
	}
	if g.view != nil {
		g.view.Close()
	}
	if err := g.queue.Close(); err != nil {
		g.log.Error("the queue was not closed in order", "err", err)
	}
	if g.dead != nil {
		if err := g.dead.Close(); err != nil {
			g.log.Error("the dead letters were not closed in order", "err", err)
		}
	}
	g.admin.close()
}
