// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spanbridge/spanbridge/config"
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
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // never comes on Windows
	defer signal.Stop(hup)
	sampling := &strategies{}
	from := source{s.Config, w.environ, protocols(sampling.current)}
	cfg, err := from.read()
	if err != nil {
		return err
	}
	log, level := newLogger(w, cfg.Log)
	g, err := newGateway(cfg, surroundings{from, sampling, log, level, s.disk})
	if err != nil {
		return err
	}
	defer g.close()
	if err := g.open(); err != nil {
		return err
	}
	printPorts(w.out, cfg, g.receivers, from.list)
	defer spareCollector(g.memory)()
	g.run(ctx, hup)
	return nil
}

// newLogger makes the log, with the level to change it by.
func newLogger(w *world, c config.Log) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	setLevel(level, c.Level)
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(newQuiet(slog.NewJSONHandler(w.err, opts))), level
	}
	return slog.New(newQuiet(slog.NewTextHandler(w.err, opts))), level
}

func setLevel(level *slog.LevelVar, text string) {
	var l slog.Level
	_ = l.UnmarshalText([]byte(text)) // checked by config
	level.Set(l)
}
