// SPDX-License-Identifier: Apache-2.0

// Package mixed drives examples/mixed-fleet: seven services that seven tracers
// trace. It starts the fleet once, sends requests into it, and says what each of
// them must look like at a backend: the spans that the services made, with their
// parents.
package mixed

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// Chain is the way of a request through the whole fleet.
var Chain = []string{"edge", "stock", "cart", "price", "rate", "ship", "mail"}

// The launcher may have to fetch and compile, and starts two interpreters and a
// JVM at once.
const startLimit = 10 * time.Minute

// Fleet is a fleet that runs.
type Fleet struct {
	URL     string // takes requests
	Chain   []string
	Process *lab.Process
}

// Start starts a fleet against a gateway. The chain names the services in the
// order in which they call each other, from Chain; more are further arguments of
// the launcher.
func Start(t testing.TB, b *lab.Bridge, chain []string, more ...string) *Fleet {
	t.Helper()
	f := &Fleet{Chain: chain}
	// One for each service, for Kafka, and for the proxies beside services.
	var ports []string
	for range len(Chain) + 10 {
		ports = append(ports, fmt.Sprint(lab.Port(t)))
	}
	addr := lab.Addr(t)
	f.URL = "http://" + addr
	args := append([]string{
		"--serve", addr, "--ports", strings.Join(ports, ","), "--logs", t.ArtifactDir(),
		"--zipkin", b.Zipkin, "--jaeger", b.JaegerCompact, "--skywalking", b.SkyWalkingGRPC,
		"--bridge", lab.BridgeCommand(t).Path, "--chain", strings.Join(chain, ","),
	}, more...)
	cmd := exec.Command(lab.Program(t, "examples/mixed-fleet"), args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BRIDGE_") })
	f.Process = lab.Start(t, "mixed-fleet", cmd)
	f.Process.Await(t, startLimit, "ready", lab.Answers(f.URL+"/ready"))
	return f
}

// Requirements is the text of the requirements of the fleet's Python services.
func Requirements(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(lab.Repository("examples/mixed-fleet/python/requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Cache is where the launcher keeps what it made by itself.
func Cache(t testing.TB) string {
	t.Helper()
	dir, err := lab.Dir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "mixed-fleet")
}

// Call is what the first caller does. Zero values are those of the launcher: no
// headers, into the first service.
type Call struct {
	Enter, Format, Sampling string
	Baggage                 []string // KEY=VALUE
}

func (c Call) String() string {
	words := []string{"into " + c.Enter, c.Format, c.Sampling}
	return strings.Join(strings.Fields(strings.Join(append(words, c.Baggage...), " ")), " ")
}

// Visit is what a service tells about the request that it got.
type Visit struct {
	Service string            `json:"service"`
	Trace   string            `json:"trace"` // as its tracer knows it
	Sampled bool              `json:"sampled"`
	Headers map[string]string `json:"headers"`
	Formats []string          `json:"formats"`
	Baggage map[string]string `json:"baggage"`
}

// Journey is what came of one request.
type Journey struct {
	Call        Call     `json:"-"`
	Chain       []string `json:"-"`
	Order       string   `json:"order"`
	CallerTrace string   `json:"caller_trace"`
	Visits      []Visit  `json:"visits"`
	Traces      []string `json:"traces"`
	Broker      string   `json:"broker"` // address of Kafka
}

// Visit returns the visit of a service.
func (j *Journey) Visit(service string) Visit {
	for _, v := range j.Visits {
		if v.Service == service {
			return v
		}
	}
	return Visit{}
}

// Request sends one request into the fleet. Every service from the first one on
// must have got it.
func (f *Fleet) Request(t testing.TB, c Call) *Journey {
	t.Helper()
	if c.Enter == "" {
		c.Enter = f.Chain[0]
	}
	query := url.Values{"enter": {c.Enter}, "baggage": c.Baggage}
	if c.Format != "" {
		query.Set("format", c.Format)
	}
	if c.Sampling != "" {
		query.Set("sampling", c.Sampling)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", c, res.StatusCode, err, body)
	}
	j := &Journey{Call: c, Chain: f.Chain}
	if err := json.Unmarshal(body, j); err != nil {
		t.Fatalf("%s: %v in %s", c, err, body)
	}
	var visited []string
	for _, v := range j.Visits {
		visited = append(visited, v.Service)
	}
	if want := f.From(c.Enter); !slices.Equal(visited, want) {
		t.Fatalf("%s: visited %q, want %q", c, visited, want)
	}
	return j
}

// From is the part of the chain from a service on.
func (f *Fleet) From(service string) []string {
	return f.Chain[slices.Index(f.Chain, service):]
}
