// SPDX-License-Identifier: Apache-2.0

package env

import (
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opentracing/opentracing-go"
	"go.uber.org/goleak"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
)

// environment is a list of NAME=value.
func environment(list ...string) func(string) string {
	m := map[string]string{}
	for _, e := range list {
		k, v, _ := strings.Cut(e, "=")
		m[k] = v
	}
	return func(name string) string { return m[name] }
}

// usual is what an empty environment means.
func usual() *Settings {
	return &Settings{
		Sampler:  SamplerSettings{Type: "remote", Param: math.NaN()},
		Reporter: ReporterSettings{Agent: "localhost:6831", Resolve: reporter.DefaultResolve},
	}
}

func TestRead(t *testing.T) {
	f := func(change func(*Settings), list ...string) {
		t.Helper()
		got, err := read(environment(list...))
		if err != nil {
			t.Errorf("%v: %v", list, err)
			return
		}
		want := usual()
		change(want)
		if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
			t.Errorf("%v (-want +got):\n%s", list, d)
		}
	}
	f(func(*Settings) {})
	f(func(s *Settings) { s.Service = "shop" }, "JAEGER_SERVICE_NAME=shop")
	f(func(s *Settings) { s.Disabled = true }, "JAEGER_DISABLED=true")
	f(func(s *Settings) { s.Disabled = true }, "JAEGER_DISABLED= 1 ")
	f(func(s *Settings) { s.Short = true }, "JAEGER_TRACEID_128BIT=false")
	f(func(*Settings) {}, "JAEGER_TRACEID_128BIT=true", "JAEGER_RPC_METRICS=whatever")

	tags := func(tags ...tracer.Tag) func(*Settings) { return func(s *Settings) { s.Tags = tags } }
	f(tags(tracer.Tag{Key: "a", Value: "1"}, tracer.Tag{Key: "b", Value: "x=y"}), "JAEGER_TAGS=a=1, b = x=y ,,")
	f(tags(tracer.Tag{Key: "host", Value: "h1"}, tracer.Tag{Key: "zone", Value: "none"}, tracer.Tag{Key: "url", Value: "http://x:1"}, tracer.Tag{Key: "e", Value: ""}),
		"JAEGER_TAGS=host=${HOSTNAME:none},zone=${ZONE:none},url=${URL:http://x:1},e=${NOT_THERE}", "HOSTNAME=h1")

	sampler := func(change func(*SamplerSettings)) func(*Settings) {
		return func(s *Settings) { change(&s.Sampler) }
	}
	f(sampler(func(s *SamplerSettings) { s.Type, s.Param = "const", 1 }), "JAEGER_SAMPLER_TYPE=const", "JAEGER_SAMPLER_PARAM=1")
	f(sampler(func(s *SamplerSettings) { s.Type, s.Param = "probabilistic", 0.25 }), "JAEGER_SAMPLER_TYPE=Probabilistic", "JAEGER_SAMPLER_PARAM=0.25")
	f(sampler(func(s *SamplerSettings) { s.Type, s.Param = "ratelimiting", 7.5 }), "JAEGER_SAMPLER_TYPE=rateLimiting", "JAEGER_SAMPLER_PARAM=7.5")
	f(sampler(func(s *SamplerSettings) { s.Param, s.MaxOperations, s.Interval = 0.5, 10, 30*time.Second }),
		"JAEGER_SAMPLER_PARAM=0.5", "JAEGER_SAMPLER_MAX_OPERATIONS=10", "JAEGER_SAMPLER_REFRESH_INTERVAL=30s")
	f(sampler(func(s *SamplerSettings) { s.Interval = 1500 * time.Millisecond }), "JAEGER_SAMPLER_REFRESH_INTERVAL=1500")
	endpoint := func(url string) func(*Settings) {
		return sampler(func(s *SamplerSettings) { s.Endpoint = url })
	}
	f(endpoint("https://b/s"), "JAEGER_SAMPLING_ENDPOINT=https://b/s", "JAEGER_SAMPLER_MANAGER_HOST_PORT=a:1")
	f(endpoint("http://a:1/sampling"), "JAEGER_SAMPLER_MANAGER_HOST_PORT=a:1")
	f(endpoint("http://a:1/x"), "JAEGER_SAMPLER_MANAGER_HOST_PORT=http://a:1/x")
	f(func(s *Settings) {
		s.Sampler.Endpoint, s.Reporter.Agent = "http://[2001:db8::1]:5778/sampling", "[2001:db8::1]:6831"
	}, "JAEGER_AGENT_HOST=2001:db8::1")

	report := func(change func(*ReporterSettings)) func(*Settings) {
		return func(s *Settings) { change(&s.Reporter) }
	}
	f(report(func(s *ReporterSettings) { s.Agent = "localhost:7000" }), "JAEGER_AGENT_PORT=7000")
	f(report(func(s *ReporterSettings) { s.LogSpans, s.Queue, s.Interval = true, 5, time.Second }),
		"JAEGER_REPORTER_LOG_SPANS=true", "JAEGER_REPORTER_MAX_QUEUE_SIZE=5", "JAEGER_REPORTER_FLUSH_INTERVAL=1s")
	f(report(func(s *ReporterSettings) {
		s.Agent, s.Endpoint, s.User, s.Password = "", "http://c:14268/api/traces", "u", "p"
	}),
		"JAEGER_ENDPOINT=http://c:14268/api/traces", "JAEGER_USER=u", "JAEGER_PASSWORD=p", "JAEGER_AGENT_PORT=none of your business")
	f(report(func(s *ReporterSettings) { s.Resolve = time.Minute }), "JAEGER_REPORTER_ATTEMPT_RECONNECT_INTERVAL=1m")
	f(report(func(s *ReporterSettings) { s.Resolve = 0 }), "JAEGER_REPORTER_ATTEMPT_RECONNECTING_DISABLED=true", "JAEGER_REPORTER_ATTEMPT_RECONNECT_INTERVAL=1m")

	write := func(formats ...propagation.Format) func(*Settings) {
		return func(s *Settings) { s.Write = formats }
	}
	f(write(propagation.SW8, propagation.W3C), "BRIDGE_PROPAGATION=sw8, w3c", "JAEGER_PROPAGATION=b3", "OTEL_PROPAGATORS=b3")
	f(write(propagation.Uber, propagation.B3, propagation.W3C), "JAEGER_PROPAGATION=jaeger,b3,w3c", "OTEL_PROPAGATORS=b3")
	f(write(propagation.W3C, propagation.B3Multi), "OTEL_PROPAGATORS=tracecontext,baggage,xray,b3multi")
	f(func(*Settings) {}, "OTEL_PROPAGATORS=xray")
	f(func(s *Settings) { s.Write = []propagation.Format{} }, "BRIDGE_PROPAGATION=none", "OTEL_PROPAGATORS=b3")
}

// Every fault names the variable, what was found and what was wanted, and all
// come at once.
func TestFaults(t *testing.T) {
	f := func(want string, list ...string) {
		t.Helper()
		s, err := read(environment(list...))
		if err == nil || err.Error() != want {
			t.Errorf("%v: %+v, %v, want %q", list, s, err, want)
		}
	}
	f(`JAEGER_DISABLED: "perhaps", want true or false`, "JAEGER_DISABLED=perhaps")
	f(`JAEGER_TAGS: "b", want key=value`, "JAEGER_TAGS=a=1,b")
	f(`JAEGER_TAGS: "=b", want key=value`, "JAEGER_TAGS==b")
	f(`JAEGER_TRACEID_128BIT: "64", want true or false`, "JAEGER_TRACEID_128BIT=64")
	f(`JAEGER_SAMPLER_TYPE: "adaptive", want const, probabilistic, ratelimiting or remote`, "JAEGER_SAMPLER_TYPE=adaptive")
	f(`JAEGER_SAMPLER_PARAM: nothing, want 0 or 1`, "JAEGER_SAMPLER_TYPE=const")
	f(`JAEGER_SAMPLER_PARAM: "1.5", want a rate from 0 to 1`, "JAEGER_SAMPLER_TYPE=probabilistic", "JAEGER_SAMPLER_PARAM=1.5")
	f(`JAEGER_SAMPLER_PARAM: "half", want a rate from 0 to 1`, "JAEGER_SAMPLER_PARAM=half")
	f(`JAEGER_SAMPLER_PARAM: "NaN", want traces a second, 0 or more`, "JAEGER_SAMPLER_TYPE=ratelimiting", "JAEGER_SAMPLER_PARAM=NaN")
	f(`JAEGER_SAMPLING_ENDPOINT: "a", want a URL, or host:port`, "JAEGER_SAMPLING_ENDPOINT=a")
	f(`JAEGER_SAMPLER_REFRESH_INTERVAL: "-9223372036855", want a time such as 10s, or milliseconds`, "JAEGER_SAMPLER_REFRESH_INTERVAL=-9223372036855")
	f(`JAEGER_SAMPLER_REFRESH_INTERVAL: "-1s", want a time such as 10s, or milliseconds`, "JAEGER_SAMPLER_REFRESH_INTERVAL=-1s")
	f(`JAEGER_SAMPLER_MAX_OPERATIONS: "0", want a number of 1 or more`, "JAEGER_SAMPLER_MAX_OPERATIONS=0")
	f(`JAEGER_AGENT_PORT: "udp", want a port from 1 to 65535`, "JAEGER_AGENT_PORT=udp")
	f(`JAEGER_ENDPOINT: "collector:14268", want a URL such as http://collector:14268/api/traces`, "JAEGER_ENDPOINT=collector:14268")
	f(`JAEGER_PASSWORD: nothing, want the password of JAEGER_USER`, "JAEGER_ENDPOINT=http://c", "JAEGER_USER=u")
	f(`JAEGER_USER: nothing, want the user that JAEGER_PASSWORD belongs to`, "JAEGER_ENDPOINT=http://c", "JAEGER_PASSWORD=secret")
	f(`BRIDGE_PROPAGATION: "b4", want none, or a list of b3, b3multi, sw8, w3c, uber, ot`, "BRIDGE_PROPAGATION=b4")
	f("JAEGER_REPORTER_MAX_QUEUE_SIZE: \"x\", want a number of 1 or more\nJAEGER_REPORTER_FLUSH_INTERVAL: \"y\", want a time such as 10s, or milliseconds",
		"JAEGER_REPORTER_MAX_QUEUE_SIZE=x", "JAEGER_REPORTER_FLUSH_INTERVAL=y")
}

// TestNewTracer makes tracers of a real environment and looks at what they do.
func TestNewTracer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	agent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	_, port, _ := net.SplitHostPort(agent.LocalAddr().String())
	t.Setenv("JAEGER_AGENT_HOST", "127.0.0.1")
	t.Setenv("JAEGER_AGENT_PORT", port)
	t.Setenv("JAEGER_SAMPLER_TYPE", "const")
	t.Setenv("JAEGER_SAMPLER_PARAM", "1")
	t.Setenv("JAEGER_TRACEID_128BIT", "false")
	t.Setenv("JAEGER_TAGS", "crew=3")
	t.Setenv("JAEGER_REPORTER_FLUSH_INTERVAL", "10")
	t.Setenv("JAEGER_REPORTER_LOG_SPANS", "true")
	t.Setenv("BRIDGE_PROPAGATION", "uber")
	tr, closer, err := NewTracer("planet-express", tracer.WithInstance("ship-1"))
	if err != nil {
		t.Fatal(err)
	}
	s := tr.StartSpan("deliver")
	h := http.Header{}
	if err := tr.Inject(s.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil || len(h) != 1 || h.Get("Uber-Trace-Id") == "" {
		t.Errorf("headers %v, %v, want uber-trace-id alone", h, err)
	}
	if c := s.Context().(*tracer.SpanContext); c.Trace.Hi != 0 || !c.IsSampled() {
		t.Errorf("context %v, want a sampled one of 64 bits", c)
	}
	s.Finish()
	if err := closer.Close(); err != nil {
		t.Error(err)
	}
	packet := make([]byte, 65_000)
	_ = agent.SetReadDeadline(time.Now().Add(30 * time.Second))
	n, _, err := agent.ReadFrom(packet)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"planet-express", "deliver", "crew", "emitBatch"} {
		if !strings.Contains(string(packet[:n]), word) {
			t.Errorf("the datagram is without %q", word)
		}
	}
}

// The service of the environment counts more than that of the code, and the
// remote sampler asks for it.
func TestRemote(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	asked := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.URL.String():
		default:
		}
		_, _ = w.Write([]byte(`{"probabilisticSampling":{"samplingRate":0}}`))
	}))
	defer server.Close()
	t.Setenv("JAEGER_SERVICE_NAME", "nimbus")
	t.Setenv("JAEGER_SAMPLING_ENDPOINT", server.URL+"/sampling")
	t.Setenv("JAEGER_SAMPLER_PARAM", "1")
	s, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	sampler, err := s.NewSampler()
	if err != nil {
		t.Fatal(err)
	}
	if url := <-asked; url != "/sampling?service=nimbus" {
		t.Errorf("asked %s", url)
	}
	for end := time.Now().Add(30 * time.Second); sampler.Sample(span.TraceID{Lo: 1}, "op").Sampled; {
		if time.Now().After(end) {
			t.Fatal("the answer was not taken over")
		}
	}
	if err := sampler.(*tracer.RemoteSampler).Close(); err != nil {
		t.Error(err)
	}
	tr, closer, err := NewTracer("other")
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if name := tr.(*tracer.Tracer).Process().Service; name != "nimbus" {
		t.Errorf("service %q, want that of the environment", name)
	}
}

func TestNoTracer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if _, _, err := NewTracer(""); err == nil || !strings.HasPrefix(err.Error(), "JAEGER_SERVICE_NAME: nothing") {
		t.Errorf("error %v, want one about the service", err)
	}
	t.Setenv("JAEGER_DISABLED", "true")
	tr, closer, err := NewTracer("")
	if _, ok := tr.(opentracing.NoopTracer); !ok || err != nil || closer.Close() != nil {
		t.Errorf("%T, %v, want the tracer that does nothing", tr, err)
	}
	t.Setenv("JAEGER_DISABLED", "x")
	if _, _, err := NewTracer("x"); err == nil {
		t.Error("no error")
	}
	for _, bad := range []*Settings{
		{Service: "x", Sampler: SamplerSettings{Type: "y"}},
		{Service: "x", Sampler: SamplerSettings{Type: "probabilistic", Param: 2}},
		{Service: "x", Sampler: SamplerSettings{Type: "remote", Param: 2}},
		{Service: "x", Sampler: SamplerSettings{Type: "remote", Endpoint: "?"}},
		{Service: "x", Sampler: SamplerSettings{Type: "remote"}, Reporter: ReporterSettings{Agent: "?"}},
		{Service: "x", Sampler: SamplerSettings{Type: "const"}, Reporter: ReporterSettings{Endpoint: "?"}},
	} {
		if _, _, err := bad.NewTracer(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}
