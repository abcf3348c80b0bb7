// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/SkyAPM/go2sky"
	skyreporter "github.com/SkyAPM/go2sky/reporter"
	"github.com/openzipkin/zipkin-go"
	rhttp "github.com/openzipkin/zipkin-go/reporter/http"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/transport"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/codes"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/python"
)

// reportsTo is where a client reports to: a fake that may be full, or the gateway.
type reportsTo struct{ zipkin, jaeger, otlpHTTP, otlpGRPC, skyHTTP, skyGRPC string }

func portsOf(b *lab.Bridge) reportsTo {
	return reportsTo{b.Zipkin + zipkinPath, b.JaegerHTTP + "/api/traces", b.OTLPHTTP, b.OTLPGRPC, b.SkyWalkingHTTP, b.SkyWalkingGRPC}
}

func moody(m *lab.Moody) reportsTo {
	return reportsTo{m.URL + zipkinPath, m.URL + "/api/traces", m.URL, m.Addr, m.Addr, m.Addr}
}

// reporting is a running client: report makes a span with that name, end ends the
// client after it has sent what it still has.
type reporting struct {
	report func(name string)
	end    func()
}

// spanClient is a client that may meet a full gateway, in its default settings.
type spanClient struct {
	name   string
	rpc    bool   // by gRPC
	format string // of its messages, as the gateway's metrics name it
	start  func(*testing.T, reportsTo) reporting
}

func silent() *log.Logger { return log.New(io.Discard, "", 0) }

func goClientsOfSpans() []spanClient {
	return []spanClient{
		{"zipkin-go 0.4.3", false, "zipkin.v2.json", func(t *testing.T, c reportsTo) reporting {
			rep := rhttp.NewReporter(c.zipkin, rhttp.Logger(silent()))
			tracer := must2(zipkin.NewTracer(rep))(t)
			return reporting{func(name string) { tracer.StartSpan(name).Finish() }, func() { _ = rep.Close() }}
		}},
		{"jaeger-client-go 2.30.0 HTTP", false, "jaeger.thrift", func(_ *testing.T, c reportsTo) reporting {
			tracer, closer := jaeger.NewTracer("lines", jaeger.NewConstSampler(true), jaeger.NewRemoteReporter(transport.NewHTTPTransport(c.jaeger, transport.HTTPTimeout(time.Minute))))
			return reporting{func(name string) { tracer.StartSpan(name).Finish() }, func() { _ = closer.Close() }}
		}},
		{"OpenTelemetry Go 1.38.0 HTTP", false, "otlp.proto", func(t *testing.T, c reportsTo) reporting {
			return openTelemetry(must2(otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(c.otlpHTTP+"/v1/traces")))(t))
		}},
		// The ten seconds for all tries of an export are made a minute: the second try
		// comes after two and a half to seven and a half, on a machine that is idle.
		{"OpenTelemetry Go 1.38.0 gRPC", true, "otlp.proto", func(t *testing.T, c reportsTo) reporting {
			return openTelemetry(must2(otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(c.otlpGRPC), otlptracegrpc.WithInsecure(),
				otlptracegrpc.WithTimeout(time.Minute)))(t))
		}},
		{"go2sky 1.5.0", true, "skywalking.segments", func(t *testing.T, c reportsTo) reporting {
			rep := must2(skyreporter.NewGRPCReporter(c.skyGRPC, skyreporter.WithLogger(silent()), skyreporter.WithCheckInterval(time.Second)))(t)
			tracer := must2(go2sky.NewTracer("lines", go2sky.WithReporter(rep)))(t)
			return reporting{func(name string) {
				span, _, err := tracer.CreateLocalSpan(context.Background(), go2sky.WithOperationName(name))
				if err != nil {
					t.Error(err)
					return
				}
				span.End()
			}, rep.Close}
		}},
	}
}

func pythonClientsOfSpans() []spanClient {
	return []spanClient{
		{"aiozipkin 1.1.1", false, "zipkin.v2.json", func(t *testing.T, c reportsTo) reporting {
			line, end := python.AiozipkinLines(t, c.zipkin)
			return reporting{line, end}
		}},
		// Its five seconds are a minute here: a machine may be slower than that.
		{"apache-skywalking 1.2.0 gRPC", true, "skywalking.segments", func(t *testing.T, c reportsTo) reporting {
			return visited(python.Service(t, c.skyGRPC, "grpc", "lines"))(t)
		}},
		{"apache-skywalking 1.2.0 HTTP", false, "skywalking.segment.json", func(t *testing.T, c reportsTo) reporting {
			return visited(python.Service(t, c.skyHTTP, "http", "lines"))(t)
		}},
	}
}

func openTelemetry(exporter sdk.SpanExporter) reporting {
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter, sdk.WithExportTimeout(2*time.Minute), sdk.WithBatchTimeout(200*time.Millisecond)))
	tracer := provider.Tracer("lines")
	return reporting{
		func(name string) {
			_, span := tracer.Start(context.Background(), name)
			span.End()
		},
		func() { _ = provider.Shutdown(context.Background()) },
	}
}

// visited is a service under an agent: a request to it makes a segment, whose name
// is the path.
func visited(p *lab.Process, url string) func(*testing.T) reporting {
	return func(t *testing.T) reporting {
		return reporting{func(name string) {
			res, err := http.Get(url + "/" + name)
			if err != nil {
				t.Logf("%s: %v", name, err) // the service raises an exception after its answer
				return
			}
			res.Body.Close()
		}, func() { p.End(t) }}
	}
}

func must2[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// answer is a column of the table in docs/when-full.md.
type answer struct {
	name string
	rpc  lab.Mood
	http lab.Mood
}

var answers = []answer{
	{"wait", lab.Mood{Wait: true}, lab.Mood{Wait: true}},
	{"429", lab.Mood{}, lab.Mood{Status: 429}},
	{"503", lab.Mood{}, lab.Mood{Status: 503}},
	{"broken", lab.Mood{Break: true}, lab.Mood{Break: true}},
	{"RESOURCE_EXHAUSTED", lab.Mood{Code: codes.ResourceExhausted}, lab.Mood{}},
	{"RESOURCE_EXHAUSTED, hint", lab.Mood{Code: codes.ResourceExhausted, Hint: true}, lab.Mood{}},
	{"UNAVAILABLE", lab.Mood{Code: codes.Unavailable}, lab.Mood{}},
	{"ABORTED", lab.Mood{Code: codes.Aborted}, lab.Mood{}},
}

// fate has a client meet a full gateway that comes back at once after it has
// refused a span, and says what becomes of the span and of the next one.
func fate(t *testing.T, r spanClient, mood lab.Mood) string {
	t.Helper()
	m := lab.NewMoody(t)
	c := r.start(t, moody(m))
	until := func(what string, f func() bool) {
		t.Helper()
		lab.Eventually(t, 3*time.Minute, what, func(context.Context) error {
			if !f() {
				return fmt.Errorf("not yet")
			}
			return nil
		})
	}
	c.report("before")
	until("the client reports", func() bool { return m.Got("before") })
	m.Be(mood)
	c.report("during")
	until("a span is refused", func() bool { return m.Refused("during") })
	m.Be(lab.Mood{})
	// One after the other, until one arrives: then all is decided that was before.
	n := 0
	next := time.Time{}
	until("the client reports again", func() bool {
		if time.Now().After(next) {
			n++
			c.report(fmt.Sprintf("after%d", n))
			next = time.Now().Add(5 * time.Second)
		}
		return m.Got("after")
	})
	c.end()
	if m.Got("during") {
		return "kept"
	}
	return "lost"
}

// fates: what docs/when-full.md says of a client is so.
func fates(t *testing.T, c spanClient) {
	row := documented(t, c.name)
	for _, a := range answers {
		mood := a.http
		if c.rpc {
			mood = a.rpc
		}
		if mood == (lab.Mood{}) {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			if got := fate(t, c, mood); got != row[a.name] {
				t.Errorf("the span is %s, docs/when-full.md says %q", got, row[a.name])
			}
		})
	}
}

// documented is the row of a client in the tables of docs/when-full.md, by the heads
// of the columns.
func documented(t *testing.T, client string) map[string]string {
	t.Helper()
	page, err := os.ReadFile(lab.Repository("docs/when-full.md"))
	if err != nil {
		t.Fatal(err)
	}
	var heads []string
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch cells[0] {
		case "client":
			heads = cells
		case client:
			row := make(map[string]string)
			for i, head := range heads {
				row[head] = cells[i]
			}
			return row
		}
	}
	t.Fatalf("docs/when-full.md has no row for %s", client)
	return nil
}

// fullGateway is a gateway whose queue is full, since its target takes nothing until
// it is told to.
func fullGateway(t *testing.T, wait string) (*lab.Bridge, *lab.Moody) {
	t.Helper()
	target := lab.NewMoody(t)
	b := startBridge(t, fmt.Sprintf(`
targets:
  back: {kind: zipkin, endpoint: %q, queue: {max_bytes: 1MiB, wait: %s}, retry: {initial: 50ms, max: 100ms}}
`, target.URL, wait))
	target.Be(lab.Mood{Status: http.StatusServiceUnavailable})
	body := fmt.Sprintf(`[{"traceId":"f","id":"1","tags":{"long":%q}}]`, strings.Repeat("x", 1<<20))
	if status, text := send(t.Context(), b.Zipkin+zipkinPath, strings.NewReader(body), ""); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	return b, target
}

// TestFullGateway has a client meet a gateway whose queue is full. When there is room
// while it waits it loses nothing; when there is none in time, it gets the answer of
// the last column of docs/when-full.md, and what it loses is no more than that column
// says.
func TestFullGateway(t *testing.T) {
	for _, c := range goClientsOfSpans() {
		t.Run(c.name, func(t *testing.T) { meets(t, c) })
	}
}

func meets(t *testing.T, c spanClient) {
	for name, wait := range map[string]string{"in time": "1m", "too late": "1ms"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, target := fullGateway(t, wait)
			r := c.start(t, portsOf(b))
			metric, label := "bridge_waiting", `for="queue"`
			if name == "too late" {
				metric, label = "bridge_messages_total", `verdict="busy"`
			}
			want := "kept"
			if name == "too late" {
				row := documented(t, c.name)
				want = row[row["gets"]]
			}
			r.report("during")
			lab.Eventually(t, visible, "the client meets it", func(ctx context.Context) error {
				n, err := b.Metric(ctx, metric, label, c.label(name))
				if err == nil && n == 0 {
					return errors.New("not yet")
				}
				return err
			})
			target.Be(lab.Mood{})
			n, next := 0, time.Time{}
			lab.Eventually(t, 3*time.Minute, "the client reports again", func(context.Context) error {
				if time.Now().After(next) {
					n++
					r.report(fmt.Sprintf("after%d", n))
					next = time.Now().Add(5 * time.Second)
				}
				if !target.Got("after") {
					return errors.New("not yet")
				}
				return nil
			})
			r.end()
			if want == "kept" {
				lab.Eventually(t, visible, "the span arrives", func(context.Context) error {
					if !target.Got("during") {
						return errors.New("it is lost")
					}
					return nil
				})
			}
		})
	}
}

// label tells the messages of a client from heartbeats.
func (c spanClient) label(name string) string {
	if name == "in time" {
		return ""
	}
	return fmt.Sprintf("format=%q", c.format)
}
