// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/config"
)

// admin is the port for operators: metrics, health and profiles.
type admin struct {
	cfg config.Admin
	// setting moves the port, off turns it off.
	setting, off string
	handler      http.Handler
	server       *http.Server
	router       *mux.Router
	log          *slog.Logger
	isReady      atomic.Bool
	gate         atomic.Pointer[access.Gate] // nil: everybody is let in
	fault        func() error                // why the process is not ready though it runs; nil: never
	get          func(path string, h http.Handler)
	pages        string // for the list of pages: those of one command alone
}

// ledger adds the pages of the ledger.
func (a *admin) ledger(from prometheus.Gatherer) {
	ledgerPages(a.get, from, func() bool { return a.unready() == "" })
	a.pages += " " + statusPath + " " + statusJSONPath
}

func newAdmin(cfg config.Admin, reg *prometheus.Registry, log *slog.Logger) *admin {
	a := &admin{cfg: cfg, log: log, setting: "admin.listen", off: "admin.enabled to false"}
	r := mux.NewRouter()
	get := func(path string, h http.Handler) { r.Path(path).Methods(http.MethodGet, http.MethodHead).Handler(h) }
	a.get = get
	get("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	get("/healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }))
	get("/readyz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if why := a.unready(); why != "" {
			http.Error(w, "not ready: "+why, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	}))
	get("/debug/pprof/cmdline", http.HandlerFunc(pprof.Cmdline))
	get("/debug/pprof/profile", http.HandlerFunc(pprof.Profile))
	get("/debug/pprof/symbol", http.HandlerFunc(pprof.Symbol))
	get("/debug/pprof/trace", http.HandlerFunc(pprof.Trace))
	r.PathPrefix("/debug/pprof/").Methods(http.MethodGet).HandlerFunc(pprof.Index)
	get("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "bridge "+versionName()+":"+a.pages+" /metrics /healthz /readyz /debug/pprof/")
	}))
	a.router, a.handler = r, r
	a.server = &http.Server{ReadHeaderTimeout: 10 * time.Second}
	return a
}

func (a *admin) open() error {
	if !a.cfg.Enabled {
		return nil
	}
	secure, gate, err := open(a.cfg.TLS, a.cfg.Auth, a.log)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	a.gate.Store(gate)
	a.server.Handler = gated(&a.gate, a.handler)
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", a.cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %s (metrics and health) is in use by another program; set %s to another address, or %s", a.cfg.Listen, a.setting, a.off)
	}
	if err != nil {
		return fmt.Errorf("cannot listen at %s (metrics and health), set by %s: %w", a.cfg.Listen, a.setting, err)
	}
	a.cfg.Listen = l.Addr().String()
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	go func() {
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the admin port stopped", "err", err)
		}
	}()
	return nil
}

// unready says why the process is not ready, "" when it is.
func (a *admin) unready() string {
	if !a.isReady.Load() {
		return "it is starting or stopping"
	}
	if a.fault != nil {
		if err := a.fault(); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (a *admin) ready()    { a.isReady.Store(true) }
func (a *admin) notReady() { a.isReady.Store(false) }

func (a *admin) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if a.server.Shutdown(ctx) != nil {
		_ = a.server.Close()
	}
}
