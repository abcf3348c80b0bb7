// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/exporters"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/pipeline"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/view"
)

// Types that meet only here.
var (
	_ receivers.Sink    = (*pipeline.Intake)(nil)
	_ pipeline.Consumer = (*exporters.Exporter)(nil)
	_ pipeline.Reviver  = (*exporters.Exporter)(nil)
	_ pipeline.Consumer = (*view.View)(nil)
)

type serveCmd struct {
	Config string `short:"c" env:"BRIDGE_CONFIG" placeholder:"FILE" help:"The configuration (YAML). Without one every receiver listens on loopback."`

	disk disk
}

// Run serves until a signal comes.
func (s *serveCmd) Run(w *world) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return s.serve(ctx, w)
}

func (s *serveCmd) serve(ctx context.Context, w *world) error {
	sampling := &strategies{}
	list := protocols(sampling.current)
	cfg, err := config.Read(s.Config, w.environ, known(list))
	if err != nil {
		return err
	}
	if faults := checkAccess(s.Config, cfg, known(list).Ports); len(faults) > 0 {
		return faults
	}
	log := newLogger(w, cfg.Log)
	if err := sampling.open(cfg.Sampling.StrategiesFile, log); err != nil {
		return err
	}
	g, err := newGateway(cfg, list, log, s.disk)
	if err != nil {
		return err
	}
	defer g.close()
	if err := g.open(); err != nil {
		return err
	}
	printPorts(w.out, cfg, g.receivers, list)
	g.run(ctx, sampling)
	return nil
}

func newLogger(w *world, c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // checked by config
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(newQuiet(slog.NewJSONHandler(w.err, opts)))
	}
	return slog.New(newQuiet(slog.NewTextHandler(w.err, opts)))
}

// gateway is the parts of a running bridge. cmd/bridge chooses and wires them;
// what moves is in package pipeline.
type gateway struct {
	cfg       *config.Config
	log       *slog.Logger
	queue     *queue.Log
	dead      *deadletter.Letters
	desk      *desk
	receivers *receivers.Server
	targets   []*pipeline.Target
	exporters []*exporters.Exporter
	forward   map[string]*exporters.Exporter // by the port whose other calls it serves
	view      *view.View
	admin     *admin
}

func newGateway(cfg *config.Config, list []translate.Protocol, log *slog.Logger, disk disk) (*gateway, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	set := metrics.New(reg)
	memory := memoryBudget(cfg.Limits)
	fit(cfg, memory, log)
	budget := receivers.NewBudget(memory)
	set.Memory(memory, budget.OnWay)
	g := &gateway{cfg: cfg, log: log, forward: make(map[string]*exporters.Exporter), admin: newAdmin(cfg.Admin, reg, log)}
	g.admin.ledger(reg)
	var err error
	if g.queue, err = openQueue(cfg.Queue, disk, set, log); err != nil {
		return nil, err
	}
	budget.Relieve(g.queue.Shed)
	set.Waiting(
		func() int { return g.queue.Waits().Now }, budget.Waiting,
		func() uint64 { return g.queue.Waits().Taken }, func() uint64 { return g.queue.Waits().Refused }, func() uint64 { return g.queue.Waits().Left },
	)
	if g.dead, err = openDead(cfg.Queue, disk, set, log); err != nil {
		g.close()
		return nil, err
	}
	g.desk = newDesk(g.dead, set, log)
	g.desk.serve(g.admin.router)
	rule := newRules(cfg)
	decode := ruledDecoder(rule, decoder(list))
	other := make(map[string]http.Handler)
	if cfg.View.Enabled {
		g.view = view.New(view.Options{
			Memory: int64(cfg.View.Memory), Strict: cfg.View.StrictTraceID, Set: set, Version: versionName(),
			Ports: func() []view.Port { return g.ports(list) },
		})
		other["zipkin"] = g.view.Handler()
		opts := viewOptions(cfg)
		opts.Dead = g.dead
		t, err := pipeline.NewTarget(g.queue, opts, decode, g.view, set, log)
		if err != nil {
			g.close()
			return nil, err
		}
		g.targets = append(g.targets, t)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Targets)) {
		if !cfg.Targets[name].Enabled {
			continue
		}
		if err := g.addTarget(name, cfg.Targets[name], list, decode, set); err != nil {
			g.close()
			return nil, fmt.Errorf("targets.%s: %w", name, err)
		}
	}
	if err := g.queue.Settle(); err != nil {
		g.close()
		return nil, fmt.Errorf("queue.dir: %w", err)
	}
	for _, t := range g.targets {
		g.desk.targets[t.Name()] = t
	}
	forward := make(map[string]receivers.Forwarder)
	for port, e := range g.forward {
		forward[port] = e
	}
	intake := pipeline.NewIntake(g.queue, set)
	if cfg.Tenant.Header != "" {
		intake.CountTenants(cfg.Tenant.Labels)
	}
	g.receivers = receivers.New(receivers.Options{
		Protocols: list, Ports: listens(cfg), Other: other, Forward: func(port string) receivers.Forwarder { return forward[port] }, Set: set, Log: log,
		Sink: ruled(rule, intake, set), TenantHeader: cfg.Tenant.Header,
		Limits: receiverLimits(cfg.Limits), Budget: budget,
	})
	return g, nil
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

// viewOptions: the view takes spans at once, and what it could ever lag behind
// is bounded by dropping rather than by stopping the clients.
func viewOptions(cfg *config.Config) pipeline.Options {
	return pipeline.Options{
		Name: "view", MaxSpans: 10_000, MaxBytes: 8 << 20, Workers: 1,
		Retry: pipeline.Retry{Initial: time.Second, Max: time.Second},
		Queue: queue.CursorOptions{MaxBytes: int64(cfg.View.Memory), WhenFull: queue.DropOldest},
	}
}

func (g *gateway) addTarget(name string, c *config.Target, list []translate.Protocol, decode pipeline.Decoder, set *metrics.Set) error {
	kind, _ := target(list, c.Kind) // checked by config
	settings := exporterSettings(c)
	settings.Metrics, settings.Log = set, g.log.With("target", name)
	e, err := exporters.New(kind, settings)
	if err != nil {
		return err
	}
	g.exporters = append(g.exporters, e)
	if _, taken := g.forward[kind.Serves]; kind.Serves != "" && !taken {
		g.forward[kind.Serves] = e
	}
	t, err := pipeline.NewTarget(g.queue, pipeline.Options{
		Name: name, Window: windowOptions(kind, c), Dead: g.dead, ByTenant: c.TenantHeader != "",
		MaxSpans: c.Batch.Spans, MaxBytes: int(c.Batch.Bytes), Linger: c.Batch.Linger, Workers: c.Connections,
		Retry: pipeline.Retry{Initial: c.Retry.Initial, Max: c.Retry.Max, GiveUpAfter: c.Retry.GiveUpAfter},
		Queue: queue.CursorOptions{MaxBytes: int64(c.Queue.MaxBytes), WhenFull: queue.WhenFull(c.Queue.WhenFull), Wait: c.Queue.Wait},
	}, decode, e, set, g.log)
	if err != nil {
		return err
	}
	g.targets = append(g.targets, t)
	return nil
}

// windowOptions is nil for kinds that take spans under the ids they came with.
func windowOptions(kind translate.Target, c *config.Target) *assemble.Options {
	if !kind.UniqueIDs {
		return nil
	}
	w := c.Window
	return &assemble.Options{
		Hold: w.Hold, Remember: w.Remember, MaxRemembered: w.MaxRemembered, MaxSpans: w.MaxSpans, MaxBytes: int64(w.MaxBytes),
		Together: kind.Together, Settle: w.Settle, Longest: w.Longest, GroupSpans: groupSpans,
	}
}

// groupSpans is the most spans that are collected of a trace and service: the
// most that a SkyWalking agent puts into a segment (agent.span_limit_per_segment).
const groupSpans = 300

// ports says where spans may be sent, for the page.
func (g *gateway) ports(list []translate.Protocol) (ports []view.Port) {
	for _, p := range list {
		for _, port := range p.Ports {
			if a := g.receivers.Address(port.Name); a != nil {
				ports = append(ports, view.Port{Protocol: p.Name, Network: string(port.Network), Address: a.String(), About: port.About})
			}
		}
	}
	return ports
}

func exporterSettings(c *config.Target) exporters.Settings {
	return exporters.Settings{
		Endpoint: c.Endpoint, Headers: c.Headers, TenantHeader: c.TenantHeader, Gzip: c.Gzip, Timeout: c.Timeout, Connections: c.Connections,
		TLS: clientTLS(c.TLS), Auth: credentials(c.Auth),
		UserAgent: "bridge/" + versionName(),
		Options:   translate.EncoderOptions{Residue: residues[c.Residue], WrapExits: c.WrapExits, UnknownCaller: c.UnknownCaller},
	}
}

// residues are the modes by the words of the setting, which config has checked.
var residues = map[string]translate.Residue{"exact": translate.Exact, "plain": translate.Plain, "otel": translate.OTel}

// open opens all ports, or none.
func (g *gateway) open() error {
	err := g.admin.open()
	if err2 := g.receivers.Open(); err2 != nil || err != nil {
		return errors.Join(err, err2)
	}
	return nil
}

// run serves until the context ends, then stops in order: not ready any more,
// nothing new taken, what is in the queue delivered as far as time allows.
func (g *gateway) run(ctx context.Context, sampling *strategies) {
	work, stop := context.WithCancel(context.Background())
	defer stop()
	var moving sync.WaitGroup
	for _, t := range g.targets {
		moving.Go(func() { t.Run(work) })
	}
	moving.Go(func() { sampling.watch(work) })
	moving.Go(func() { tidyDead(work, g.dead) })
	g.desk.open(work)
	moving.Go(func() { g.desk.again(work) })
	g.receivers.Serve()
	g.admin.ready()
	<-ctx.Done()

	g.log.Info("stopping: nothing new is taken, the targets get what is left", "at most", g.cfg.Shutdown.Drain)
	g.admin.notReady()
	drain, cancel := context.WithTimeout(context.Background(), g.cfg.Shutdown.Drain)
	defer cancel()
	// A client that does not come to its end must not take the targets' time.
	receive, cancel := context.WithTimeout(drain, g.cfg.Shutdown.Drain/2)
	defer cancel()
	g.receivers.Shutdown(receive)
	g.drain(drain)
	stop()
	g.desk.close()
	moving.Wait()
	for _, t := range g.targets {
		switch n := t.Held(); {
		case n > 0 && g.cfg.Queue.Dir != "":
			g.log.Info("spans stay in the queue on disk: the target did not take them in time", "target", t.Name(), "spans", n)
		case n > 0:
			g.log.Warn("spans are lost with the queue in memory: the target did not take them in time", "target", t.Name(), "spans", n)
		}
	}
}

// drain waits until the targets have everything.
func (g *gateway) drain(ctx context.Context) {
	for _, t := range g.targets {
		t.Drain()
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		held := int64(0)
		for _, t := range g.targets {
			held += t.Held()
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
	for _, e := range g.exporters {
		e.Close()
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
