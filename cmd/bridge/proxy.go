// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/proxy"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

type proxyCmd struct {
	Listen  []string `env:"BRIDGE_PROXY_LISTEN" placeholder:"ADDRESS" help:"Where requests to the service come in. With --to it may be given several times, for a service with several ports."`
	To      []string `env:"BRIDGE_PROXY_TO" placeholder:"URL" help:"The service, such as http://127.0.0.1:8080."`
	Forward string   `env:"BRIDGE_PROXY_FORWARD" placeholder:"ADDRESS" help:"Where requests of the service come in whose client uses HTTP_PROXY."`
	Route   []string `env:"BRIDGE_PROXY_ROUTE" placeholder:"ADDRESS=URL" help:"Where requests of the service come in whose client does not, and to whom they go. May be given several times."`

	Inward  string `env:"BRIDGE_PROXY_INWARD" default:"b3" placeholder:"FORMATS" help:"What the service understands: a list of b3, b3multi, sw8, w3c, uber, ot (${default})."`
	Outward string `env:"BRIDGE_PROXY_OUTWARD" default:"b3,sw8,w3c,uber" placeholder:"FORMATS" help:"What those understand that the service calls (${default})."`

	Service  string `env:"BRIDGE_PROXY_SERVICE" placeholder:"NAME" help:"The name of the service, which sw8 hands to those that it calls."`
	Instance string `env:"BRIDGE_PROXY_INSTANCE" placeholder:"NAME" help:"The name of this instance of it; the name of the host when not given."`
	Caller   string `env:"BRIDGE_PROXY_CALLER" default:"unknown" placeholder:"NAME" help:"The service that sw8 names as the caller to a SkyWalking agent behind this proxy, where the caller's own headers do not say it (${default})."`

	Remember    int           `env:"BRIDGE_PROXY_REMEMBER" default:"10000" placeholder:"TRACES" help:"Of how many traces is remembered what the service's own headers cannot carry (${default})."`
	RememberFor time.Duration `env:"BRIDGE_PROXY_REMEMBER_FOR" default:"10m" help:"And for how long after they were last seen (${default})."`

	DataField string `env:"BRIDGE_PROXY_DATA_FIELD" placeholder:"NAME" help:"The service has the headers in its data, under this name, as sanic_zipkin has them under zipkin_headers: in a member of a JSON body, or in the query of a request without a body."`
	DataLimit int64  `env:"BRIDGE_PROXY_DATA_LIMIT" default:"1048576" placeholder:"BYTES" help:"The longest body that is looked into; longer ones pass as they are (${default})."`

	Spans  string  `env:"BRIDGE_PROXY_SPANS" placeholder:"URL" help:"Make a span of every request, a server's inward and a client's outward, and send them there: Zipkin v2, such as http://127.0.0.1:9411 of a bridge."`
	Sample float64 `env:"BRIDGE_PROXY_SAMPLE" default:"1" placeholder:"RATE" help:"For --spans, the share of traces that are recorded of those that nobody has decided on (${default})."`

	Version       string `name:"http" env:"BRIDGE_PROXY_HTTP" enum:"same,http1,h2c" default:"same" help:"By which version of HTTP services are called (${enum}): same is the caller's. gRPC is always HTTP/2."`
	XForwardedFor string `env:"BRIDGE_PROXY_X_FORWARDED_FOR" enum:"append,pass,drop" default:"append" help:"On the way to the service: append the caller's address, pass what came, or drop it (${default}). On the way out it passes."`

	DialTimeout     time.Duration `env:"BRIDGE_PROXY_DIAL_TIMEOUT" default:"10s" help:"To connect (${default})."`
	ResponseTimeout time.Duration `env:"BRIDGE_PROXY_RESPONSE_TIMEOUT" default:"5m" help:"From the end of a request to the head of its answer; 0s: for ever. Not for gRPC (${default})."`
	IdleTimeout     time.Duration `env:"BRIDGE_PROXY_IDLE_TIMEOUT" default:"2m" help:"How long a caller's connection may stay without a request (${default})."`
	ServiceIdle     time.Duration `env:"BRIDGE_PROXY_SERVICE_IDLE" default:"4s" help:"How long a connection to a service is kept for the next request: less than the service keeps it (${default})."`
	MaxHeader       int           `env:"BRIDGE_PROXY_MAX_HEADER" default:"65536" placeholder:"BYTES" help:"The longest head of a request or an answer (${default})."`
	Drain           time.Duration `env:"BRIDGE_PROXY_DRAIN" default:"25s" help:"How long requests may go on after SIGTERM (${default})."`

	Admin          string `env:"BRIDGE_PROXY_ADMIN" default:"127.0.0.1:9420" placeholder:"ADDRESS" help:"Where /metrics, /healthz and /readyz are (${default}), or off."`
	AdminTokenFile string `env:"BRIDGE_PROXY_ADMIN_TOKEN_FILE" placeholder:"FILE" help:"Tokens, one in each line, of which whoever asks at --admin must send one as authorization: Bearer TOKEN; needed where other machines reach it. /healthz and /readyz stay open."`
	LogLevel       string `env:"BRIDGE_PROXY_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"${enum}."`
	LogFormat      string `env:"BRIDGE_PROXY_LOG_FORMAT" enum:"text,json" default:"text" help:"${enum}."`
}

// Help is the rest of bridge proxy --help.
func (*proxyCmd) Help() string {
	return `A sidecar: callers use --listen in place of the service, and the service calls
others by way of --forward (set HTTP_PROXY to it) or of a --route. Requests pass
as they are, but for their tracing headers.

	bridge proxy --service billing --listen 127.0.0.1:8081 --to http://127.0.0.1:8080 \
	    --forward 127.0.0.1:8082 --inward b3multi --outward b3multi,sw8

Every option is also a variable of the environment: BRIDGE_PROXY_LISTEN and so on,
lists separated by commas. docs/proxy.md tells the rest.`
}

// Validate finds what is wrong with the flags before anything is opened.
func (c *proxyCmd) Validate() error {
	o, err := c.options()
	if err == nil {
		err = o.Check()
	}
	return err
}

// Run passes requests until a signal comes.
func (c *proxyCmd) Run(w *world) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log, _ := newLogger(w, config.Log{Level: c.LogLevel, Format: c.LogFormat})
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	options, err := c.options()
	if err != nil {
		return err
	}
	options.Metrics, options.Log = metrics.NewProxy(reg), log
	report, err := c.report(&options)
	if err != nil {
		return err
	}
	p, err := proxy.New(options)
	if err != nil {
		return err
	}
	if c.Admin != "off" && c.AdminTokenFile == "" && !config.Loopback(c.Admin) {
		return fmt.Errorf("--admin %s is an address that other machines reach: metrics and profiles are for operators; want one such as 127.0.0.1:9420, or --admin-token-file FILE", c.Admin)
	}
	admin := newAdmin(config.Admin{Enabled: c.Admin != "off", Listen: c.Admin, Auth: config.Auth{TokenFile: c.AdminTokenFile}}, reg, log)
	admin.setting, admin.off = "--admin", "to off"
	if err := admin.open(); err != nil {
		return err
	}
	defer admin.close()
	if err := p.Open(); err != nil {
		return err
	}
	c.print(w.out, p, admin)
	for _, at := range p.Ports() {
		if at.To == "" && !proxy.IsLoopback(at.Address) {
			log.Warn("whoever reaches the forward port can call everything that this machine reaches", "address", at.Address)
		}
	}
	p.Serve()
	admin.ready()
	<-ctx.Done()
	log.Info("stopping: no new connections are taken, requests come to their end", "at most", c.Drain)
	admin.notReady()
	drain, cancel := context.WithTimeout(context.Background(), c.Drain)
	defer cancel()
	p.Shutdown(drain)
	if report != nil {
		// Whatever the requests have left of the time, the spans get some.
		last, cancel := context.WithTimeout(context.Background(), max(time.Until(deadline(drain)), 5*time.Second))
		defer cancel()
		if err := report.Close(last); err != nil {
			log.Warn("not all spans were sent", "err", err)
		}
	}
	return nil
}

func deadline(ctx context.Context) time.Time {
	at, _ := ctx.Deadline()
	return at
}

// report makes the reporter of the proxy's own spans; nil without --spans.
func (c *proxyCmd) report(o *proxy.Options) (*reporter.Reporter, error) {
	if c.Spans == "" {
		return nil, nil
	}
	to, err := url.Parse(c.Spans)
	if err != nil {
		return nil, fmt.Errorf("--spans: %w", err)
	}
	r, err := zipkin.New(c.Spans, reporter.WithLogger(o.Log))
	if err != nil {
		return nil, fmt.Errorf("--spans: %w", err)
	}
	if o.Sampler, err = tracer.NewProbabilisticSampler(c.Sample); err != nil {
		return nil, fmt.Errorf("--sample: %w", err)
	}
	o.Spans, o.SpansHost = r, to.Host
	o.Metrics.Spans(func() map[string]int64 {
		n := r.Counts()
		return map[string]int64{"sent": n.Sent, "queue": n.QueueFull, "refused": n.Refused + n.TooLarge, "failed": n.Failed, "closed": n.Closed}
	})
	return r, nil
}

// options are the flags as the package wants them.
func (c *proxyCmd) options() (proxy.Options, error) {
	o := proxy.Options{
		Forward: c.Forward, Service: c.Service, Instance: c.Instance, Caller: c.Caller,
		DataField: c.DataField, DataLimit: c.DataLimit,
		Remember: c.Remember, RememberFor: c.RememberFor,
		Version: proxy.Version(c.Version), Forwarded: proxy.Forwarded(c.XForwardedFor), MaxHeader: c.MaxHeader,
		Timeouts: proxy.Timeouts{
			Dial: c.DialTimeout, Response: c.ResponseTimeout, Header: proxy.DefaultTimeouts.Header,
			Idle: c.IdleTimeout, ServiceIdle: c.ServiceIdle,
		},
	}
	if len(c.Listen) != len(c.To) {
		return o, fmt.Errorf("%d times --listen and %d times --to, want one --to for each --listen", len(c.Listen), len(c.To))
	}
	for i, address := range c.Listen {
		to, err := proxy.ParseTarget(c.To[i])
		if err != nil {
			return o, fmt.Errorf("--to %w", err)
		}
		o.Inbound = append(o.Inbound, proxy.Route{Address: address, To: to})
	}
	for _, s := range c.Route {
		r, err := proxy.ParseRoute(s)
		if err != nil {
			return o, fmt.Errorf("--route: %w", err)
		}
		o.Outbound = append(o.Outbound, r)
	}
	var err error
	if o.Inward, err = propagation.ParseFormats(c.Inward); err != nil {
		return o, fmt.Errorf("--inward: %w", err)
	}
	if o.Outward, err = propagation.ParseFormats(c.Outward); err != nil {
		return o, fmt.Errorf("--outward: %w", err)
	}
	if o.Instance == "" {
		if o.Instance, err = os.Hostname(); err != nil {
			return o, fmt.Errorf("no name of the host for --instance: %w", err)
		}
	}
	if c.Spans != "" && o.Service == "" {
		return o, errors.New("--spans needs --service NAME, under which they are reported")
	}
	if err := c.checkBounds(); err != nil {
		return o, err
	}
	if !(c.Sample >= 0 && c.Sample <= 1) {
		return o, fmt.Errorf("--sample %v, want a share from 0 to 1", c.Sample)
	}
	out := o.Forward != "" || len(o.Outbound) > 0
	for _, f := range o.Outward {
		if f == propagation.SW8 && out && o.Service == "" {
			return o, errors.New("--outward has sw8, which names the service that calls: want --service NAME")
		}
	}
	return o, nil
}

// checkBounds refuses what the package would take for a bound that was not given.
func (c *proxyCmd) checkBounds() error {
	for _, n := range []struct {
		flag  string
		value int64
	}{{"--remember", int64(c.Remember)}, {"--data-limit", c.DataLimit}, {"--max-header", int64(c.MaxHeader)}} {
		if n.value < 1 {
			return fmt.Errorf("%s %d, want 1 at least", n.flag, n.value)
		}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{{"--remember-for", c.RememberFor}, {"--dial-timeout", c.DialTimeout}, {"--idle-timeout", c.IdleTimeout}, {"--service-idle", c.ServiceIdle}} {
		if d.value <= 0 {
			return fmt.Errorf("%s %v, want more than 0s", d.flag, d.value)
		}
	}
	if c.ResponseTimeout < 0 || c.Drain < 0 {
		return errors.New("--response-timeout and --drain: want 0s or more")
	}
	return nil
}

// print says what listens where.
func (c *proxyCmd) print(out io.Writer, p *proxy.Proxy, a *admin) {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "LISTENING\tFOR\tGOES TO\tHEADERS WRITTEN")
	for _, at := range p.Ports() {
		what, to := "requests to the service", at.To
		if at.Direction != "inward" {
			what = "requests of the service"
		}
		if to == "" {
			to = "wherever they ask (HTTP_PROXY)"
		}
		names := make([]string, len(at.Formats))
		for i, f := range at.Formats {
			names[i] = f.String()
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", at.Address, what, to, strings.Join(names, ","))
	}
	if a.cfg.Enabled {
		fmt.Fprintf(t, "%s\tmetrics, health, profiles\t\t\n", a.cfg.Listen)
	}
	_ = t.Flush()
}
