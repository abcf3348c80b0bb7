// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/internal/rpc"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

// Java agent: collector.heartbeat_period, and after how many of them the
// properties are told again (collector.properties_report_period_factor): OAP may
// have been down.
const (
	beatEvery          = 30 * time.Second
	beatsPerProperties = 10
	// An OAP that did not answer is told again sooner.
	beatAgain = 3 * time.Second
)

// alive tells OAP that instances live: one for each tracer that has the reporter.
type alive struct {
	conn    *rpc.Conn
	log     *slog.Logger
	timeout time.Duration
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu      sync.Mutex
	known   map[*tracer.Process]bool
	stopped bool
}

func newAlive(conn *rpc.Conn, s *reporter.Settings) *alive {
	a := &alive{conn: conn, log: s.Logger, timeout: s.Timeout, known: make(map[*tracer.Process]bool)}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

// Start begins to tell of a process, once.
func (a *alive) Start(p *tracer.Process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.stopped && !a.known[p] {
		a.known[p] = true
		a.wg.Go(func() { a.run(properties(p), ping(p)) })
	}
}

// stop ends it. It does not start any more.
func (a *alive) stop() {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.cancel()
	a.wg.Wait()
}

func (a *alive) run(properties, ping []byte) {
	known := false // OAP answered
	warned := false
	for beat := 0; ; {
		err := error(nil)
		if beat%beatsPerProperties == 0 {
			err = a.tell(methodProperties, properties)
		}
		if err == nil {
			err = a.tell(methodKeepAlive, ping)
		}
		pause := beatEvery
		if err == nil {
			beat++
			known, warned = true, false
		} else {
			if !known {
				pause = beatAgain
			}
			if !warned && a.ctx.Err() == nil {
				a.log.Warn("skywalking: OAP was not told that the instance lives", "error", err)
				warned = true
			}
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-a.ctx.Done():
			t.Stop()
			return
		}
	}
}

func (a *alive) tell(method string, message []byte) error {
	ctx := a.ctx
	if a.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.timeout)
		defer cancel()
	}
	_, err := a.conn.Call(ctx, method, message)
	return err
}

// instance is the name of the instance, as segments have it.
func instance(p *tracer.Process) string {
	if p.Instance == "" && p.IP.IsValid() {
		return p.IP.String()
	}
	return p.Instance
}

func ping(p *tracer.Process) []byte { return skywalking.AppendPing(nil, p.Service, instance(p)) }

// properties have the keys of other agents for Go.
func properties(p *tracer.Process) []byte {
	pairs := [][2]string{{"language", "go"}, {"OS Name", runtime.GOOS}, {"Process No.", strconv.Itoa(os.Getpid())}}
	if host, err := os.Hostname(); err == nil {
		pairs = append(pairs, [2]string{"hostname", host})
	}
	for _, ip := range addresses(p) {
		pairs = append(pairs, [2]string{"ipv4", ip})
	}
	for _, t := range p.Tags {
		pairs = append(pairs, [2]string{t.Key, fmt.Sprint(t.Value)})
	}
	return skywalking.AppendProperties(nil, p.Service, instance(p), pairs...)
}

// addresses are the IPv4 addresses of the host, that of the process first.
func addresses(p *tracer.Process) (list []string) {
	if p.IP.Is4() {
		list = append(list, p.IP.String())
	}
	known, _ := net.InterfaceAddrs()
	for _, a := range known {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			if ip := n.IP.String(); len(list) == 0 || list[0] != ip {
				list = append(list, ip)
			}
		}
	}
	return list
}
