// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"iter"
	"maps"
	"reflect"
	"slices"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/exporters"
	"github.com/spanbridge/spanbridge/pipeline"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/translate"
)

// outlet is a target with what sends for it.
type outlet struct {
	*pipeline.Target
	cfg      *config.Target
	kind     translate.Target
	exporter *exporters.Exporter // nil: the view
	cancel   context.CancelFunc  // nil: it has not been started
	done     chan struct{}
}

// enabled are the targets to send to, by name.
func enabled(cfg *config.Config) iter.Seq2[string, *config.Target] {
	return func(yield func(string, *config.Target) bool) {
		for _, name := range slices.Sorted(maps.Keys(cfg.Targets)) {
			if t := cfg.Targets[name]; t.Enabled && !yield(name, t) {
				return
			}
		}
	}
}

// newExporter makes what sends to a target.
func (g *gateway) newExporter(name string, c *config.Target) (*exporters.Exporter, translate.Target, error) {
	kind, _ := target(g.from.list, c.Kind) // checked by config
	e, err := exporters.New(kind, g.settings(name, c))
	return e, kind, err
}

func (g *gateway) settings(name string, c *config.Target) exporters.Settings {
	s := exporterSettings(c)
	s.Metrics, s.Log = g.set, g.log.With("target", name)
	return s
}

func (g *gateway) newOutlet(name string, c *config.Target) (*outlet, error) {
	e, kind, err := g.newExporter(name, c)
	if err != nil {
		return nil, err
	}
	t, err := pipeline.NewTarget(g.queue, g.targetOptions(name, kind, c), g.decode, e, g.set, g.log)
	if err != nil {
		e.Close()
		return nil, err
	}
	return &outlet{Target: t, cfg: c, kind: kind, exporter: e}, nil
}

// start runs the target.
func (o *outlet) start(work context.Context) {
	ctx, cancel := context.WithCancel(work)
	o.cancel, o.done = cancel, make(chan struct{})
	go func() {
		defer close(o.done)
		o.Run(ctx)
	}()
}

// leave ends the target when what it has read is gone, or the context ends.
func (o *outlet) leave(within context.Context) {
	o.Leave()
	select {
	case <-o.done:
	case <-within.Done():
	}
	o.wait()
}

// wait ends the target.
func (o *outlet) wait() {
	if o.cancel != nil {
		o.cancel()
		<-o.done
	}
}

func (o *outlet) close() {
	o.wait()
	if o.exporter != nil {
		o.exporter.Close()
	}
}

// isLike is true if the target can go on as it is with the settings: the encoder,
// the window and how spans are put together remain, whatever else changes.
func (o *outlet) isLike(c *config.Target) bool {
	return o.cfg.Kind == c.Kind && o.cfg.Residue == c.Residue && o.cfg.UnknownCaller == c.UnknownCaller && o.cfg.WrapExits == c.WrapExits &&
		o.cfg.TenantHeader == c.TenantHeader
}

// sendsLike is true if requests are sent in the same way with the settings.
func (o *outlet) sendsLike(c *config.Target) bool {
	bare := func(t config.Target) config.Target {
		t.Batch, t.Retry, t.Queue, t.Window = config.Batch{}, config.Retry{}, config.TargetQueue{}, config.Window{}
		return t
	}
	return reflect.DeepEqual(bare(*o.cfg), bare(*c))
}

func (g *gateway) targetOptions(name string, kind translate.Target, c *config.Target) pipeline.Options {
	return pipeline.Options{
		Name: name, Window: windowOptions(kind, c), Dead: g.dead, ByTenant: c.TenantHeader != "", Copies: copies(kind, c),
		MaxSpans: c.Batch.Spans, MaxBytes: int(c.Batch.Bytes), Linger: c.Batch.Linger, Workers: c.Connections,
		Retry: pipeline.Retry{Initial: c.Retry.Initial, Max: c.Retry.Max, GiveUpAfter: c.Retry.GiveUpAfter},
		Queue: queue.CursorOptions{MaxBytes: int64(c.Queue.MaxBytes), WhenFull: queue.WhenFull(c.Queue.WhenFull), Wait: c.Queue.Wait},
	}
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

func exporterSettings(c *config.Target) exporters.Settings {
	return exporters.Settings{
		Endpoint: c.Endpoint, Headers: c.Headers, TenantHeader: c.TenantHeader, Gzip: c.Gzip, Zstd: c.Zstd, Timeout: c.Timeout, Connections: c.Connections,
		TLS: clientTLS(c.TLS), Auth: credentials(c.Auth),
		UserAgent: "bridge/" + versionName(),
		Options:   encoderOptions(c),
	}
}

func encoderOptions(c *config.Target) translate.EncoderOptions {
	return translate.EncoderOptions{Residue: residues[c.Residue], WrapExits: c.WrapExits, UnknownCaller: c.UnknownCaller}
}

// copies is the form of body that a target copies.
func copies(kind translate.Target, c *config.Target) string {
	if kind.Copies == nil {
		return ""
	}
	return kind.Copies(encoderOptions(c))
}

// residues are the modes by the words of the setting, which config has checked.
var residues = map[string]translate.Residue{"exact": translate.Exact, "plain": translate.Plain, "otel": translate.OTel}

// arrange tells those who look for a target of the ones that there are.
func (g *gateway) arrange() {
	targets := make(map[string]*pipeline.Target)
	backends := make(map[string]*exporters.Exporter)
	forms := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(g.outlets)) {
		o := g.outlets[name]
		targets[name] = o.Target
		forms[o.copies()] = true
		if _, taken := backends[o.kind.Serves]; o.kind.Serves != "" && !taken {
			backends[o.kind.Serves] = o.exporter
		}
	}
	g.desk.serves(targets)
	g.backends.Store(&backends)
	copied := ""
	if len(forms) == 1 {
		for copied = range forms {
		}
	}
	g.copied.Store(&copied)
}

// copies is the form of body that the target copies; the view copies none.
func (o *outlet) copies() string {
	if o.exporter == nil {
		return ""
	}
	return copies(o.kind, o.cfg)
}

// outlines is true for a form of body of which nobody looks into spans that can be
// copied. It is a hint: a target that needs more of a batch that was decoded before
// decodes it again.
func (g *gateway) outlines(format string) bool {
	return format != "" && *g.copied.Load() == format && !g.rules.renames()
}

// backend takes the calls of a port that carry no spans.
func (g *gateway) backend(port string) receivers.Forwarder {
	if e := (*g.backends.Load())[port]; e != nil {
		return e
	}
	return nil
}
