// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// chain is the way of a request.
var chain = []string{"edge", "stock", "cart", "price", "rate", "ship", "mail"}

const topic = "orders"

// collectors are the ports of the bridge to which the services report.
type collectors struct {
	Zipkin     string // URL of the server: posts, and the view
	Jaeger     string // HOST:PORT, UDP
	SkyWalking string // HOST:PORT, gRPC
}

// fleet is the services that run, with what is beside them.
type fleet struct {
	parts parts
	to    collectors
	logs  string
	ports ports
	chain []string
	// forget: edge sends past its proxy.
	forget bool

	kafka     *kfake.Cluster
	processes []*process
	addr      map[string]string // of each service
	door      map[string]string // of a proxy in front of a service, for callers from outside
}

// launch starts the services of the chain and returns when all are ready.
func (f *fleet) launch(ctx context.Context) (err error) {
	f.addr, f.door = map[string]string{}, map[string]string{}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.stop())
		}
	}()
	for _, name := range f.chain {
		if f.addr[name], err = f.address(); err != nil {
			return err
		}
	}
	for _, name := range []string{"edge", "stock", "rate"} {
		if f.door[name], err = f.address(); err != nil {
			return err
		}
	}
	if err := f.startKafka(); err != nil {
		return err
	}
	// All at once, and then wait: the interpreters and the JVM take their time.
	var ready []func(context.Context) error
	for _, name := range f.chain {
		check, err := f.startService(ctx, name)
		if err != nil {
			return err
		}
		p := f.processes[len(f.processes)-1]
		ready = append(ready, func(ctx context.Context) error { return p.await(ctx, check) })
	}
	errs := make([]error, len(ready))
	var wg sync.WaitGroup
	for i, wait := range ready {
		wg.Go(func() { errs[i] = wait(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (f *fleet) address() (string, error) {
	port, err := f.ports.next()
	return fmt.Sprintf("127.0.0.1:%d", port), err
}

// startKafka starts a broker in this process.
func (f *fleet) startKafka() error {
	port, err := f.ports.next()
	if err != nil {
		return err
	}
	f.kafka, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(1, topic))
	return err
}

// url is where a service takes requests of the one before it: at its proxy, where
// it does not understand what that one sends.
func (f *fleet) url(name string) string {
	if name == "edge" {
		return "http://" + f.door[name] + "/" + name
	}
	return "http://" + f.addr[name] + "/" + name
}

// next is the URL of the service after this one.
func (f *fleet) next(name string) string {
	return f.url(f.chain[slices.Index(f.chain, name)+1])
}

// startProxy starts `bridge proxy` in front of a service: it reads any header and
// writes those that the service understands. With outward formats it is also the
// forward proxy for what the service sends, and writes those beside the service's
// own.
func (f *fleet) startProxy(ctx context.Context, name, inward, outward string) (forward string, err error) {
	args := []string{
		"proxy", "--service", name, "--listen", f.door[name], "--to", "http://" + f.addr[name], "--inward", inward,
		"--instance", name + "-1", "--caller", "browser", "--admin", "off",
	}
	ready := []string{f.door[name]}
	if outward != "" {
		if forward, err = f.address(); err != nil {
			return "", err
		}
		args = append(args, "--forward", forward, "--outward", outward)
		ready = append(ready, forward)
	}
	if err := f.start(name+"-proxy", exec.Command(f.parts.Bridge, args...)); err != nil {
		return "", err
	}
	p := f.processes[len(f.processes)-1]
	for _, addr := range ready {
		if err := p.await(ctx, listens(addr)); err != nil {
			return "", err
		}
	}
	return forward, nil
}

// startService starts a service, and the proxy that it needs, and returns the
// check that tells that it is ready.
func (f *fleet) startService(ctx context.Context, name string) (check func(context.Context) error, err error) {
	addr := f.addr[name]
	spans := f.to.Zipkin + "/api/v2/spans"
	var cmd *exec.Cmd
	switch name {
	case "edge":
		args := []string{"--listen", addr, "--next", f.next(name), "--zipkin", spans}
		outward := "b3multi,sw8"
		if f.forget {
			outward = ""
		}
		forward, err := f.startProxy(ctx, name, "b3multi", outward)
		if err != nil {
			return nil, err
		}
		if forward != "" {
			args = append(args, "--proxy", "http://"+forward)
		}
		cmd = f.python("edge.py", args...)
	case "stock":
		if _, err := f.startProxy(ctx, name, "sw8", ""); err != nil {
			return nil, err
		}
		cmd, check = f.java(addr), answers("http://"+addr+"/ready")
	case "rate":
		if _, err := f.startProxy(ctx, name, "sw8", ""); err != nil {
			return nil, err
		}
		cmd = f.python("rate.py", "--listen", addr, "--next", f.next(name), "--skywalking", f.to.SkyWalking)
	case "mail":
		cmd = f.python("mail.py", "--listen", addr, "--kafka", f.kafka.ListenAddrs()[0], "--topic", topic, "--zipkin", spans)
	case "ship":
		cmd = self(name, "--listen", addr, "--kafka", f.kafka.ListenAddrs()[0], "--topic", topic, "--skywalking", f.to.SkyWalking)
	case "cart":
		write := "sw8"
		if f.chain[slices.Index(f.chain, name)+1] == "price" {
			write = "w3c"
		}
		cmd = self(name, "--listen", addr, "--next", f.next(name), "--zipkin", spans, "--write", write)
	case "price":
		cmd = self(name, "--listen", addr, "--next", f.next(name), "--jaeger", f.to.Jaeger)
	}
	if check == nil {
		check = listens(addr)
	}
	return check, f.start(name, cmd)
}

func (f *fleet) start(name string, cmd *exec.Cmd) error {
	p, err := start(f.logs, name, cmd)
	if err == nil {
		f.processes = append(f.processes, p)
	}
	return err
}

// self is a service that is part of this program.
func self(args ...string) *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return exec.Command(path, args...)
}

func (f *fleet) python(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(f.parts.Python, append([]string{filepath.Join(f.parts.pythonCode, program)}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1")
	return cmd
}

func (f *fleet) java(addr string) *exec.Cmd {
	_, port, _ := splitAddr(addr)
	return exec.Command("java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-javaagent:"+f.parts.JavaAgent,
		"-Dskywalking.agent.service_name=stock",
		"-Dskywalking.agent.instance_name=stock-1",
		"-Dskywalking.collector.backend_service="+f.to.SkyWalking,
		"-Dskywalking.logging.output=CONSOLE",
		"-cp", f.parts.JavaStock, "fleet.Stock", strconv.Itoa(port), f.next("stock"))
}

// stop ends everything.
func (f *fleet) stop() error {
	err := stopAll(f.processes)
	if f.kafka != nil {
		f.kafka.Close()
	}
	return err
}

// alive is an error that names the services that have ended by themselves.
func (f *fleet) alive() error {
	var errs []error
	for _, p := range f.processes {
		select {
		case <-p.exited:
			errs = append(errs, fmt.Errorf("%s has ended: %w\n%s", p.name, p.err, p.tail()))
		default:
		}
	}
	return errors.Join(errs...)
}

// answerLimit is for a request and the message that follows from it.
const answerLimit = 90 * time.Second

// request plays the first caller: one request into the fleet.
func (f *fleet) request(ctx context.Context, c call) (*journey, error) {
	if err := c.check(f.chain); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	j := &journey{call: c, Order: randomHex(6), Broker: f.kafka.ListenAddrs()[0]}
	var headers http.Header
	headers, j.CallerTrace = c.headers()
	j.Sent = tracing(headers)

	if c.Enter == "mail" {
		if err := f.sendMessage(ctx, j.Order, j.Sent); err != nil {
			return nil, err
		}
	} else {
		base := f.addr[c.Enter]
		if door, ok := f.door[c.Enter]; ok {
			base = door
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+base+"/"+c.Enter+"?order="+url.QueryEscape(j.Order), nil)
		if err != nil {
			return nil, err
		}
		req.Header = headers
		if j.Visits, err = visits(http.DefaultClient, req); err != nil {
			return nil, errors.Join(err, f.alive())
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url("mail")+"?order="+url.QueryEscape(j.Order), nil)
	if err != nil {
		return nil, err
	}
	last, err := visits(http.DefaultClient, req)
	if err != nil {
		return nil, errors.Join(err, f.alive())
	}
	j.Visits = append(j.Visits, last...)
	j.finish(f.to.Zipkin)
	return j, nil
}
