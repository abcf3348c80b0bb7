// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/bench/limit"
	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

// gateway is a running candidate.
type gateway struct {
	*process
	address string // where traffic goes
	admin   string // URL of a bridge's
	asked   int    // how often it was asked for its metrics
}

// candidate is what is measured in a pair.
type candidate struct {
	name string
	// limit is what others are held against; reference is a limit that is only
	// shown, such as one below the protocol.
	limit, reference bool
	rival            bool // another gateway that people run
	optional         bool // measured only where its program is given
	start            func(ctx context.Context, s *stage) (*gateway, error)
}

// startLimit is how long a gateway may take to start.
const startLimit = time.Minute

// passThrough is a limit.
func passThrough(name, kind string, durable bool) candidate {
	return candidate{name: name, limit: kind != limit.TCP, reference: kind == limit.TCP, start: func(_ context.Context, s *stage) (*gateway, error) {
		plan := limit.Plan{Kind: kind, To: s.sink.HTTP}
		if kind == limit.GRPC || kind == limit.TCP && s.byGRPC {
			plan.To = s.sink.GRPC
		}
		if durable {
			plan.Journal = filepath.Join(s.dir, "journal")
		}
		var at addresses
		p, err := s.starter.startRole(gatewayCore, filepath.Join(s.dir, "limit.log"), roleLimit, plan, &at)
		if err != nil {
			return nil, err
		}
		return &gateway{process: p.process, address: at.HTTP}, nil
	}}
}

// The processors, by their place in the list of those that may be used.
const (
	gatewayCore = 0
	loadCore    = 1
)

// tries are how often a program is started that ends at once.
const tries = 3

// serve starts a program that listens at ports that are free now. Another process
// may take one before it does: then it is started once more with others.
func serve(ctx context.Context, s *stage, program string, prepare func(listen, admin string) (arguments []string, err error), ready func(listen, admin string) func() error) (*gateway, error) {
	var errs []error
	for range tries {
		listen, err := freeAddress()
		if err != nil {
			return nil, err
		}
		admin, err := freeAddress()
		if err != nil {
			return nil, err
		}
		arguments, err := prepare(listen, admin)
		if err != nil {
			return nil, err
		}
		p, err := s.starter.start(gatewayCore, filepath.Join(s.dir, "gateway.log"), nil, gatewayEnvironment(), program, arguments...)
		if err != nil {
			return nil, err
		}
		err = p.await(ctx, startLimit, "ready", ready(listen, admin))
		if err == nil {
			return &gateway{process: p, address: listen}, nil
		}
		p.kill()
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// gatewayEnvironment is that of gateways: one processor, and none of the settings
// that a bridge would take for its own.
func gatewayEnvironment() (list []string) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "BRIDGE_") && !strings.HasPrefix(v, "GOGC=") && !strings.HasPrefix(v, "GOMEMLIMIT=") {
			list = append(list, v)
		}
	}
	return append(list, "GOMAXPROCS=1")
}

// freeAddress is one of loopback that is free for TCP and UDP, below the range
// that outgoing connections take theirs from.
func freeAddress() (string, error) {
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		tcp.Close()
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		udp.Close()
		return address, nil
	}
	return "", errors.New("no free port in 1000 tries")
}

// answers is true when a page is there.
func answers(url string) func() error {
	return func() error {
		answer, err := http.Get(url)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, answer.Status)
		}
		return nil
	}
}

// accepts is true when a TCP port is open.
func accepts(address string) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// receivers are the ports of a bridge, by what they take.
var receivers = map[string]string{
	traffic.ZipkinJSON: "zipkin", traffic.JaegerHTTP: "jaeger-http", traffic.JaegerGRPC: "jaeger-grpc",
	traffic.JaegerUDP: "jaeger-compact", traffic.SkyWalking: "skywalking-grpc", traffic.OTLP: "otlp-grpc",
}
