// SPDX-License-Identifier: Apache-2.0

// Command mixed-fleet is one request through seven services that seven tracers
// trace, each with headers of its own and each reporting by a protocol of its
// own to a running bridge, where all of it is one trace:
//
//	client → edge   aiozipkin, Python             gets B3
//	       → stock  SkyWalking's agent for Java   gets sw8
//	       → cart   package tracer, Go            gets sw8
//	       → price  jaeger-client-go, our adapter gets traceparent and baggage
//	       → rate   SkyWalking's agent for Python gets sw8
//	       → ship   go2sky, our adapter           gets sw8
//	       → Kafka
//	       → mail   aiozipkin, Python             gets b3 in the record's headers
//
// Start `bridge`, and then:
//
//	go run ./examples/mixed-fleet
//
// It needs Go, Python 3 with venv, a JDK and Maven, and fetches the rest into the
// user's cache. Without a JDK: --chain edge,cart,price,rate,ship,mail. README.md has
// more.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	args := os.Args[1:]
	if len(args) > 0 {
		if serve, ok := services[args[0]]; ok {
			exit(args[0], serve(ctx, args[1:]))
		}
	}
	exit("mixed-fleet", launcher(ctx, args, os.Stdout, os.Stderr))
}

// services are the services of the fleet that are written in Go. Each is a
// process of its own: this program with the name as its first argument.
var services = map[string]func(ctx context.Context, args []string) error{}

func exit(who string, err error) {
	switch {
	case err == nil:
		os.Exit(0)
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", who, err)
	os.Exit(1)
}

// settings are the arguments of the launcher.
type settings struct {
	call    call
	parts   parts
	to      collectors
	chain   string
	forget  bool
	cache   string
	logs    string
	ports   string
	serve   string
	json    bool
	prepare bool
}

func parse(args []string, errw io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("mixed-fleet", flag.ContinueOnError)
	flags.SetOutput(errw)
	flags.StringVar(&s.call.Enter, "enter", "", "the service that the client calls: "+strings.Join(chain, ", ")+" (default the first one)")
	flags.StringVar(&s.call.Format, "format", "none", "the headers of the client: "+strings.Join(callerFormats, ", "))
	flags.StringVar(&s.call.Sampling, "sampling", "accept", "the decision in the client's headers: "+strings.Join(decisions, ", "))
	flags.Func("baggage", "what the client sends along, as `KEY=VALUE`; may be repeated", s.call.addBaggage)
	flags.StringVar(&s.chain, "chain", strings.Join(chain, ","), "the services, in the order in which they call each other")
	flags.BoolVar(&s.forget, "forget", false, "let edge send past its proxy: B3 alone, and what came in any other header is forgotten")
	flags.StringVar(&s.serve, "serve", "", "keep running, and send a request into the fleet for each one to this `HOST:PORT`")
	flags.BoolVar(&s.json, "json", false, "print what the services tell as JSON, one line for each request")
	flags.StringVar(&s.to.Zipkin, "zipkin", "http://127.0.0.1:9411", "where bridge takes spans of Zipkin and shows its view")
	flags.StringVar(&s.to.Jaeger, "jaeger", "127.0.0.1:6831", "where bridge takes spans of Jaeger's clients (UDP)")
	flags.StringVar(&s.to.SkyWalking, "skywalking", "127.0.0.1:11800", "where bridge takes segments of SkyWalking (gRPC)")
	flags.StringVar(&s.parts.Bridge, "bridge", "", "a bridge program for the proxies (default: built from this repository)")
	flags.StringVar(&s.parts.Python, "python", "", "an interpreter with python/requirements.txt (default: an environment in the cache)")
	flags.StringVar(&s.parts.JavaAgent, "java-agent", "", "skywalking-agent.jar with the plugin of java/plugin (default: made in the cache)")
	flags.StringVar(&s.parts.JavaStock, "java-stock", "", "the folder with the class fleet.Stock (default: made in the cache)")
	flags.StringVar(&s.cache, "cache", "", "the folder for what is made (default: spanbridge-mixed-fleet in the user's cache)")
	flags.StringVar(&s.logs, "logs", "", "the folder for what the services print (default: a temporary one)")
	flags.StringVar(&s.ports, "ports", "", "ports to use, separated by commas (default: free ones)")
	flags.BoolVar(&s.prepare, "prepare", false, "make what the services need, and start nothing")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("argument %q, want flags alone", flags.Arg(0))
	}
	return s, nil
}

func (c *call) addBaggage(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return fmt.Errorf("%q, want KEY=VALUE", text)
	}
	c.Baggage = append(c.Baggage, [2]string{key, value})
	return nil
}

// parseChain reads the order of the services. The message must come from somebody
// and go to somebody.
func parseChain(text string) ([]string, error) {
	names := strings.Split(text, ",")
	for i, name := range names {
		if !slices.Contains(chain, name) || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("chain %q: %q, want each of %s at most once", text, name, strings.Join(chain, ", "))
		}
	}
	if n := len(names); n < 2 || names[n-2] != "ship" || names[n-1] != "mail" {
		return nil, fmt.Errorf("chain %q, want ship and mail at the end: the message goes from one to the other", text)
	}
	return names, nil
}

// launcher starts the fleet, sends what it is told to, and ends the fleet.
func launcher(ctx context.Context, args []string, out, errw io.Writer) (err error) {
	s, err := parse(args, errw)
	if err != nil {
		return err
	}
	f := &fleet{parts: s.parts, to: s.to, forget: s.forget}
	if f.chain, err = parseChain(s.chain); err != nil {
		return err
	}
	if s.call.Enter == "" {
		s.call.Enter = f.chain[0]
	}
	if err := s.call.check(f.chain); err != nil {
		return err
	}
	for p := range strings.SplitSeq(s.ports, ",") {
		if p == "" {
			continue
		}
		port, err := strconv.Atoi(p)
		if err != nil {
			return fmt.Errorf("port %q, want a number", p)
		}
		f.ports.given = append(f.ports.given, port)
	}
	say := func(format string, args ...any) { fmt.Fprintf(errw, format+"\n", args...) }
	if s.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("no cache directory, name one with --cache: %w", err)
		}
		s.cache = filepath.Join(dir, "spanbridge-mixed-fleet")
	}
	if err := (prepare{cache: s.cache, say: say}).all(ctx, &f.parts, slices.Contains(f.chain, "stock")); err != nil {
		return err
	}
	if s.prepare {
		return nil
	}
	if err := bridgeAnswers(ctx, s.to.Zipkin); err != nil {
		return err
	}
	if f.logs = s.logs; f.logs == "" {
		if f.logs, err = os.MkdirTemp("", "mixed-fleet-"); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				_ = os.RemoveAll(f.logs)
			} else {
				say("what the services printed is in %s", f.logs)
			}
		}()
	}
	say("starting %s", strings.Join(f.chain, ", "))
	if err := f.launch(ctx); err != nil {
		return err
	}
	// Ending the services makes them send what they still hold.
	defer func() { err = errors.Join(err, f.stop()) }()
	tell := func(j *journey) {
		if s.json {
			_ = json.NewEncoder(out).Encode(j)
			return
		}
		j.print(out)
	}
	if s.serve != "" {
		return f.serveCalls(ctx, s.serve, s.call, say, tell)
	}
	j, err := f.request(ctx, s.call)
	if err != nil {
		return err
	}
	tell(j)
	// The services are not ended before the view has their spans: an agent that
	// has just begun to send may lose what is on its way.
	tree := out
	if s.json {
		tree = io.Discard
	}
	return j.showSpans(ctx, s.to.Zipkin, tree)
}

// bridgeAnswers keeps a forgotten bridge from looking like a fleet that does not
// work.
func bridgeAnswers(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := answers(base + "/api/v2/services")(ctx); err != nil {
		return fmt.Errorf("no bridge at %s (start one with `bridge`, or name it with --zipkin, --jaeger and --skywalking): %w", base, err)
	}
	return nil
}

// serveCalls takes requests of the form /?enter=edge&format=b3&sampling=accept&
// baggage=k=v until the context ends; what is not named is as on the command line.
func (f *fleet) serveCalls(ctx context.Context, addr string, usual call, say func(string, ...any), tell func(*journey)) error {
	server := newServer(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
		case "/ready":
			return
		default:
			http.NotFound(w, r)
			return
		}
		j, err := f.answer(r, usual)
		if err != nil {
			say("%v", err)
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		tell(j)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(j)
	}))
	say("curl 'http://%s/?enter=%s&format=b3' sends a request into the fleet", addr, f.chain[0])
	return untilDone(ctx, server)
}

func (f *fleet) answer(r *http.Request, c call) (*journey, error) {
	query := r.URL.Query()
	for name, at := range map[string]*string{"enter": &c.Enter, "format": &c.Format, "sampling": &c.Sampling} {
		if query.Has(name) {
			*at = query.Get(name)
		}
	}
	if query.Has("baggage") {
		c.Baggage = nil
	}
	for _, kv := range query["baggage"] {
		if err := c.addBaggage(kv); err != nil {
			return nil, err
		}
	}
	return f.request(r.Context(), c)
}

// untilDone serves until the context ends, and then lets requests end.
func untilDone(ctx context.Context, server *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit/2)
	defer cancel()
	return server.Shutdown(late)
}
