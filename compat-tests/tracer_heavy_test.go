// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/SkyAPM/go2sky"
	skyhttp "github.com/SkyAPM/go2sky/plugins/http"
	skyreporter "github.com/SkyAPM/go2sky/reporter"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlp"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlpgrpc"
	"github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"

	"github.com/spanbridge/spanbridge/compat-tests/go/bridgetracer"
	"github.com/spanbridge/spanbridge/compat-tests/java"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/python"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Our tracer reports straight to Zipkin, which shows the same trace, the same
// ids and what services call each other.
func TestTracerAtZipkin(t *testing.T) {
	z := lab.StartZipkin(t)
	s := must(bridgetracer.Run(t.Context(), bridgetracer.Options{Reporter: to(z.URL, zipkin.New), Prefix: "z"}))(t)
	awaitAt(t, z.Story, inView(s, "zipkin"), story.Options{FoldCase: true, EventFields: true, NoLinks: true})
}

// Jaeger v2 shows what our tracer reports by UDP, by HTTP and by OTLP, with
// references.
func TestTracerAtJaeger(t *testing.T) {
	j := lab.StartJaeger(t)
	for name, r := range map[string]func() (tracer.Reporter, error){
		"udp":       to(j.Compact, jaeger.NewUDP),
		"http":      to(j.ThriftHTTP, jaeger.NewHTTP),
		"otlp-grpc": to(j.OTLPGRPC, otlpgrpc.New),
		"otlp-http": to(j.OTLPHTTP, otlp.New, reporter.WithGzip()),
	} {
		t.Run(name, func(t *testing.T) {
			s := must(bridgetracer.Run(t.Context(), bridgetracer.Options{Reporter: r, Prefix: name}))(t)
			protocol := "otlp"
			if !strings.HasPrefix(name, "otlp") {
				protocol = "jaeger"
				s = atJaeger(s)
			}
			s = change(s, func(sp *story.Span) {
				if len(sp.Links) > 0 {
					sp.Parent = "" // FOLLOWS_FROM alone, also where a link of OTLP says so
				}
			})
			awaitAt(t, j.Story, inView(s, protocol), story.Options{NoRemote: true})
		})
	}
}

// OAP shows what our tracer reports as it shows an agent's: the whole trace, and
// the topology of both services, the database and the broker.
func TestTracerAtOAP(t *testing.T) {
	o := lab.StartOAP(t)
	s := must(bridgetracer.Run(t.Context(), bridgetracer.Options{Reporter: to(o.GRPC, skywalking.New), Prefix: "w"}))(t)
	want := change(inView(s, "skywalking"), func(sp *story.Span) {
		if sp.Kind == story.Consumer || sp.Kind == story.Producer {
			sp.Remote = &story.Endpoint{Service: "kafka", Port: 9092}
		}
	})
	awaitAt(t, o.Story, want, story.Options{IgnoreIDs: true, NoLinks: true})
	for _, trace := range s.Traces() {
		spans, err := o.Trace(t.Context(), trace)
		if err != nil {
			t.Fatal(err)
		}
		if lines, roots := oapTree(spans); roots != 1 || len(boosterFaults(trace, spans)) > 0 {
			t.Errorf("%d roots, %v:\n%s", roots, boosterFaults(trace, spans), strings.Join(lines, "\n"))
		}
	}
	awaitTopology(t, o, []string{"10.1.2.3:3306", "User", "kafka:9092"},
		"User→w-shop SERVER", "kafka:9092→w-stock SERVER", "w-shop→10.1.2.3:3306 CLIENT", "w-shop→kafka:9092 CLIENT", "w-shop→w-stock CLIENT+SERVER")
	lab.Eventually(t, visible, "instances", func(ctx context.Context) error {
		services, err := o.Services(ctx)
		if err != nil {
			return err
		}
		var names []string
		for _, s := range services {
			if s.Normal {
				names = append(names, s.Name+" "+strings.Join(s.Layers, "+"))
			}
		}
		if slices.Sort(names); !slices.Equal(names, []string{"w-shop GENERAL", "w-stock GENERAL"}) {
			return fmt.Errorf("services %q", names)
		}
		return nil
	})
}

// awaitTopology waits for calls between services of which the others are
// virtual.
func awaitTopology(t *testing.T, o *lab.OAP, virtual []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	lab.Eventually(t, visible, "topology", func(ctx context.Context) error {
		topology, err := o.Topology(ctx)
		if err != nil {
			return err
		}
		if lines := topology.Lines(); !slices.Equal(lines, want) {
			return fmt.Errorf("topology %q, want %q", lines, want)
		}
		for _, n := range topology.Nodes {
			if n.IsReal == slices.Contains(virtual, n.Name) {
				return fmt.Errorf("node %+v", n)
			}
		}
		return nil
	})
}

// hop is a service of our tracer that calls another one, if there is one.
func hop(t *testing.T, tr *tracer.Tracer, next string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		options := []opentracing.StartSpanOption{ext.SpanKindRPCServer}
		if caller, err := tr.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(r.Header)); err == nil {
			options = append(options, opentracing.ChildOf(caller))
		}
		entry := tr.StartSpan("GET "+r.URL.Path, options...)
		defer entry.Finish()
		entry.SetTag("http.method", "GET").SetTag("component", "net/http")
		if next != "" {
			if err := call(r.Context(), tr, entry, next); err != nil {
				t.Error(err)
			}
		}
		_, _ = io.WriteString(w, "[{}]")
	}))
	t.Cleanup(s.Close)
	return s
}

func call(ctx context.Context, tr *tracer.Tracer, parent opentracing.Span, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	exit := tr.StartSpan("GET "+req.URL.Path, opentracing.ChildOf(parent.Context()), ext.SpanKindRPCClient)
	defer exit.Finish()
	exit.SetTag("http.method", "GET").SetTag("http.url", url).SetTag("component", "net/http")
	if err := tr.Inject(exit.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(req.Header)); err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	return nil
}

// A request goes through our tracer, the Java agent, our tracer, the Python
// agent, go2sky and our tracer again, each with its own headers: in OAP it is
// one trace in which all segments are joined, whoever starts it, and every call
// is an edge of the topology between two real services.
func TestTracerAmongAgents(t *testing.T) {
	o := lab.StartOAP(t)
	ours := func(service string) *tracer.Tracer {
		tr, err := bridgetracer.New(service, bridgetracer.Options{Reporter: to(o.GRPC, skywalking.New)})
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	first, middle, last := ours("first"), ours("middle"), ours("last")
	end := hop(t, last, "")
	sky := go2skyHop(t, o.GRPC, end.URL+"/last")
	py, pyURL := python.Service(t, o.GRPC, "grpc", "py", sky.URL)
	mid := hop(t, middle, pyURL+"/order")
	jvm, javaURL := java.Service(t, o.GRPC, "java", mid.URL)
	front := hop(t, first, javaURL+"/order")

	for _, url := range []string{front.URL + "/first", javaURL + "/order"} {
		if err := lab.Answers(url)(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, tr := range []*tracer.Tracer{first, middle, last} {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
	jvm.End(t)
	py.End(t)

	host := func(url string) string { url, _, _ = strings.Cut(strings.TrimPrefix(url, "http://"), "/"); return url }
	chain := []string{
		"first Entry GET:/first ->net/http", "first Exit GET /order ->" + host(javaURL),
		"java Entry GET:/order", "java Exit /stock ->" + host(mid.URL),
		"middle Entry GET:/stock", "middle Exit GET /order ->" + host(pyURL),
		"py Entry /order", "py Exit /stock ->" + host(sky.URL),
		"sky Entry /GET/stock", "sky Exit /GET/last ->" + host(end.URL),
		"last Entry GET:/last",
	}
	for starts, from := range map[string]int{"first": 0, "java": 2} {
		lab.Eventually(t, visible, "a trace that begins in "+starts, func(ctx context.Context) error {
			segments, err := o.SegmentsBy(ctx, starts)
			if err != nil {
				return err
			}
			for _, id := range tracesIn(segments) {
				spans, err := o.Trace(ctx, id)
				if err != nil {
					return err
				}
				lines, roots := oapTree(spans)
				if roots != 1 || len(lines) == 0 || !strings.HasPrefix(lines[0], starts+" ") {
					continue
				}
				if faults := boosterFaults(id, spans); len(lines) != len(chain)-from || len(faults) > 0 {
					return fmt.Errorf("%v in\n%s", faults, strings.Join(lines, "\n"))
				}
				for depth, line := range lines {
					want, _, _ := strings.Cut(chain[from+depth], " ->net/http")
					if !strings.HasPrefix(line, strings.Repeat(". ", depth)+want) {
						return fmt.Errorf("%q, want %q in\n%s", line, want, strings.Join(lines, "\n"))
					}
				}
				return nil
			}
			return fmt.Errorf("no trace begins in %s among %q", starts, tracesIn(segments))
		})
	}
	awaitTopology(t, o, []string{"User"},
		"User→first SERVER", "User→java SERVER", "first→java CLIENT+SERVER", "java→middle CLIENT+SERVER", "middle→py CLIENT+SERVER",
		"py→sky CLIENT+SERVER", "sky→last CLIENT+SERVER")
}

// tracesIn are the traces of segments.
func tracesIn(segments []lab.OAPSegment) (ids []string) {
	for _, s := range segments {
		ids = append(ids, s.TraceIDs...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// go2skyHop is a service under go2sky that calls another one.
func go2skyHop(t *testing.T, collector, next string) *httptest.Server {
	t.Helper()
	r, err := skyreporter.NewGRPCReporter(collector, skyreporter.WithCheckInterval(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	tr, err := go2sky.NewTracer("sky", go2sky.WithReporter(r), go2sky.WithInstance("sky-1"))
	if err != nil {
		t.Fatal(err)
	}
	wrap, err := skyhttp.NewServerMiddleware(tr)
	if err != nil {
		t.Fatal(err)
	}
	client, err := skyhttp.NewClient(tr)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(wrap(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		req, err := http.NewRequestWithContext(q.Context(), http.MethodGet, next, nil)
		if err != nil {
			t.Error(err)
			return
		}
		res, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		_, _ = io.Copy(w, res.Body)
	})))
	t.Cleanup(s.Close)
	return s
}
