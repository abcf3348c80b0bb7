// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// running is a gateway in this process.
type running struct {
	t *testing.T
	*gateway
	file    string
	hup     chan os.Signal
	written *logged
	stop    func()
}

// logged is what a gateway has written into its log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start starts a gateway with every port at a free one.
func start(t *testing.T, text string) *running {
	t.Helper()
	return startOn(t, text, nil)
}

// startOn is start with the queue on a disk of the test. A port stands in the
// environment unless the settings name it.
func startOn(t *testing.T, text string, disk disk) *running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bridge.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sampling := &strategies{}
	from := source{file, []string{"BRIDGE_ADMIN_LISTEN=127.0.0.1:0"}, protocols(sampling.current)}
	for _, p := range known(from.list).Ports {
		if !strings.Contains(text, p.Name+": {listen") {
			name := strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_"))
			from.environ = append(from.environ, fmt.Sprintf("BRIDGE_RECEIVERS_%s_LISTEN=127.0.0.1:0", name))
		}
	}
	cfg, err := from.read()
	if err != nil {
		t.Fatal(err)
	}
	written := &logged{}
	log, level := newLogger(&world{err: written}, cfg.Log)
	g, err := newGateway(cfg, surroundings{from, sampling, log, level, disk})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.open(); err != nil {
		g.close()
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	hup := make(chan os.Signal)
	go func() {
		defer close(done)
		g.run(ctx, hup)
	}()
	var once sync.Once
	r := &running{t: t, gateway: g, file: file, hup: hup, written: written, stop: func() {
		once.Do(func() {
			cancel()
			<-done
			g.close()
		})
	}}
	t.Cleanup(r.stop)
	until(t, "the gateway is ready", func() bool { return g.admin.unready() == "" })
	return r
}

// write changes the settings, without a reload.
func (r *running) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// to changes the settings by a reload.
func (r *running) to(text string) []string {
	r.t.Helper()
	r.write(text)
	lines, err := r.reload()
	if err != nil {
		r.t.Fatal(err)
	}
	return lines
}

// hangUp is kill -HUP.
func (r *running) hangUp() { r.hup <- syscall.SIGHUP }
