// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// bridgeOptions are how a bridge differs from one with its defaults.
type bridgeOptions struct {
	disk    bool
	view    bool
	targets int    // how many of the same kind; 0: one
	none    bool   // no target
	more    string // settings of each target, in YAML
}

// otherPorts are those that are closed; a bridge opens all that it is not told to
// leave closed.
var otherPorts = []string{
	"zipkin", "jaeger-compact", "jaeger-binary", "jaeger-zipkin-compact", "jaeger-http", "jaeger-grpc", "jaeger-sampling",
	"skywalking-grpc", "skywalking-http", "otlp-grpc", "otlp-http",
}

func bridge(name string, o bridgeOptions) candidate {
	return candidate{name: name, start: func(ctx context.Context, s *stage) (*gateway, error) {
		var admin string
		prepare := func(listen, adminAddress string) ([]string, error) {
			admin = "http://" + adminAddress
			path := filepath.Join(s.dir, "bridge.yaml")
			return []string{"--config", path}, os.WriteFile(path, []byte(bridgeYAML(s, o, listen, adminAddress)), 0o600)
		}
		g, err := serve(ctx, s, s.programs.bridge, prepare, func(_, admin string) func() error { return answers("http://" + admin + "/readyz") })
		if err != nil {
			return nil, err
		}
		g.admin = admin
		return g, nil
	}}
}

func bridgeYAML(s *stage, o bridgeOptions, listen, admin string) string {
	var y strings.Builder
	own := receivers[s.encoding]
	fmt.Fprintf(&y, "log: {level: warn}\nadmin: {listen: %q}\nview: {enabled: %v}\nreceivers:\n  %s: {listen: %q}\n", admin, o.view, own, listen)
	for _, port := range otherPorts {
		if port != own {
			fmt.Fprintf(&y, "  %s: {enabled: false}\n", port)
		}
	}
	if o.disk {
		fmt.Fprintf(&y, "queue: {dir: %q}\n", filepath.Join(s.dir, "queue"))
	}
	if o.none {
		return y.String()
	}
	endpoint := s.sink.GRPC
	if s.target == targetZipkin {
		endpoint = "http://" + s.sink.HTTP
	}
	y.WriteString("targets:\n")
	for n := range max(1, o.targets) {
		fmt.Fprintf(&y, "  sink%d:\n    kind: %s\n    endpoint: %q\n%s", n+1, s.target, endpoint, o.more)
	}
	return y.String()
}

// buildBridge builds the program of this tree; $BRIDGE_BINARY is one that is there.
func buildBridge(ctx context.Context, dir string) (string, error) {
	if path := os.Getenv("BRIDGE_BINARY"); path != "" {
		return path, nil
	}
	path := filepath.Join(dir, "bridge")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "./cmd/bridge")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building bridge (run this in compat-tests/bench): %w: %s", err, out)
	}
	return path, nil
}

// metrics are sums over the labels of those that are asked for, of a bridge.
func (g *gateway) metrics(ctx context.Context, names ...string) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.admin+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	sums := make(map[string]float64)
	g.asked++
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, _, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		if !slices.Contains(names, name) {
			continue
		}
		v, err := strconv.ParseFloat(lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:], 64)
		if err != nil {
			return nil, err
		}
		sums[name] += v
	}
	return sums, lines.Err()
}

// counter is how many objects a bridge had made on its heap, and how many it makes
// to answer for one page of metrics.
type counter struct {
	mallocs, page float64
	asked         int
}

func (g *gateway) allocations(ctx context.Context) (c counter, err error) {
	first, err := g.metrics(ctx, metricMallocs)
	if err != nil {
		return c, err
	}
	second, err := g.metrics(ctx, metricMallocs)
	return counter{second[metricMallocs], second[metricMallocs] - first[metricMallocs], g.asked}, err
}

// since is how many were made for spans.
func (c counter) since(ctx context.Context, g *gateway) (float64, error) {
	m, err := g.metrics(ctx, metricMallocs)
	return max(0, m[metricMallocs]-c.mallocs-c.page*float64(g.asked-c.asked)), err
}

// Metrics of a bridge.
const (
	metricHeld    = "bridge_spans_held"
	metricWaiting = "bridge_window_waiting"
	metricMallocs = "go_memstats_mallocs_total"
	metricExports = "bridge_export_spans_total"
)
