// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// contender is a proxy that is measured.
type contender struct {
	name   string
	header string // that the service must get
	args   func(b *bench, listen string) (program string, args []string)
}

var contenders = []contender{
	{"httputil.ReverseProxy", "X-B3-Traceid", func(b *bench, listen string) (string, []string) {
		return b.self, []string{"-plain", b.service.url, "-listen", listen}
	}},
	{"bridge proxy, B3 to B3", "X-B3-Traceid", func(b *bench, listen string) (string, []string) {
		return b.bridge, b.proxy(listen, "--inward", "b3multi")
	}},
	{"bridge proxy, B3 to sw8", "Sw8", func(b *bench, listen string) (string, []string) {
		return b.bridge, b.proxy(listen, "--inward", "sw8")
	}},
	{"… and remembered", "Sw8", func(b *bench, listen string) (string, []string) {
		return b.bridge, b.proxy(listen, "--inward", "sw8", "--forward", "127.0.0.1:0")
	}},
	{"… and a span of each", "Sw8", func(b *bench, listen string) (string, []string) {
		return b.bridge, b.proxy(listen, "--inward", "sw8", "--forward", "127.0.0.1:0", "--spans", b.sink)
	}},
}

// bench is one run.
type bench struct {
	bridge, self          string
	requests, connections int
	service               *service
	sink                  string // takes spans
	sinkServer            *http.Server
}

func newBench(bridge, self string, requests, connections int) (*bench, error) {
	s, err := newService()
	if err != nil {
		return nil, err
	}
	b := &bench{bridge: bridge, self: self, requests: requests, connections: connections, service: s}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.sink = "http://" + l.Addr().String()
	b.sinkServer = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	})}
	go func() { _ = b.sinkServer.Serve(l) }()
	return b, nil
}

func (b *bench) close() {
	_ = b.service.server.Close()
	_ = b.sinkServer.Close()
}

func (b *bench) proxy(listen string, more ...string) []string {
	return append([]string{"proxy", "--service", "bench", "--admin", "off", "--listen", listen, "--to", b.service.url, "--log-level", "error"}, more...)
}

// turn runs a proxy for some requests and gives the processor time that it took.
func (b *bench) turn(c *contender, t *traffic, requests int) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // to find a free port
	if err != nil {
		return 0, err
	}
	listen := l.Addr().String()
	_ = l.Close()
	b.service.header.Store(c.header)
	b.service.seen.Store(0)
	program, args := c.args(b, listen)
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if err := await(listen); err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	if err := t.send("http://"+listen, requests, b.connections); err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	if n := b.service.seen.Load(); n != int64(requests) {
		return 0, fmt.Errorf("%s: %d of %d requests came with %s", c.name, n, requests, c.header)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

func await(address string) error {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("nothing listens at %s", address)
}

// run measures and prints.
func (b *bench) run(rounds int, out io.Writer) error {
	fmt.Fprintf(out, "%d rounds of %d requests, %d at a time; CPU-seconds per million requests of the proxy's process\n", rounds, b.requests, b.connections)
	for i := range traffics {
		t := &traffics[i]
		cost := make([][]float64, len(contenders)) // by round
		for range rounds {
			for j := range contenders {
				idle, err := b.turn(&contenders[j], t, 0)
				if err != nil {
					return err
				}
				took, err := b.turn(&contenders[j], t, b.requests)
				if err != nil {
					return err
				}
				cost[j] = append(cost[j], (took-idle).Seconds()*1e6/float64(b.requests))
			}
		}
		w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		fmt.Fprintf(w, "\n%s\tmedian\tlowest–highest\tto the plain one\tlowest–highest\n", t.name)
		for j := range contenders {
			ratio := make([]float64, rounds)
			for n := range ratio {
				ratio[n] = cost[j][n] / cost[0][n]
			}
			low, mid, high := spread(cost[j])
			rlow, rmid, rhigh := spread(ratio)
			fmt.Fprintf(w, "%s\t%.1f\t%.1f–%.1f\t%.2f\t%.2f–%.2f\n", contenders[j].name, mid, low, high, rmid, rlow, rhigh)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func spread(v []float64) (low, median, high float64) {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return s[0], (s[(n-1)/2] + s[n/2]) / 2, s[n-1]
}
