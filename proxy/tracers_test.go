// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/SkyAPM/go2sky"
	zipkin "github.com/openzipkin/zipkin-go"
	zipkinhttp "github.com/openzipkin/zipkin-go/middleware/http"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/reporter/recorder"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// segments is a reporter of go2sky that keeps what it gets.
type segments struct {
	mu    sync.Mutex
	spans []go2sky.ReportedSpan
}

func (s *segments) Boot(string, string, []go2sky.AgentConfigChangeWatcher) {}
func (s *segments) Close()                                                 {}
func (s *segments) Send(spans []go2sky.ReportedSpan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spans = append(s.spans, spans...)
}

// one is the span of that name, when it is there.
func (s *segments) one(t *testing.T, name string) (found go2sky.ReportedSpan) {
	t.Helper()
	eventually(t, "span "+name, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, x := range s.spans {
			if x.OperationName() == name {
				found = x
			}
		}
		return found != nil
	})
	return found
}

func newGo2sky(t *testing.T, service string) (*go2sky.Tracer, *segments) {
	t.Helper()
	s := &segments{}
	tracer, err := go2sky.NewTracer(service, go2sky.WithReporter(s), go2sky.WithInstance("one"))
	if err != nil {
		t.Fatal(err)
	}
	return tracer, s
}

// zipkinService is a service traced by zipkin-go, which knows nothing but B3 in
// many headers. It calls next by the client that is given.
func zipkinService(t *testing.T, client **http.Client, next *string) (http.HandlerFunc, *recorder.ReporterRecorder) {
	t.Helper()
	spans := recorder.NewReporter()
	endpoint, err := zipkin.NewEndpoint("middle", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tracer, err := zipkin.NewTracer(spans, zipkin.WithLocalEndpoint(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	h := zipkinhttp.NewServerMiddleware(tracer)(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		transport, err := zipkinhttp.NewTransport(tracer, zipkinhttp.RoundTripper((*client).Transport))
		if err != nil {
			t.Error(err)
			return
		}
		out := request(t, "GET", *next, nil) //nolint:contextcheck // it gets the context
		resp, err := transport.RoundTrip(out.WithContext(in.Context()))
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
	}))
	return h.ServeHTTP, spans
}

// TestZipkinBetweenAgents: an agent calls a service of zipkin-go, which calls
// go2sky, and nobody reads the other's headers: the trace keeps its name, every
// parent is right, and OAP learns who called.
func TestZipkinBetweenAgents(t *testing.T) {
	agent, reported := newGo2sky(t, "last")
	var traceID string
	last := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		s, ctx, err := agent.CreateEntrySpan(r.Context(), "GET:/stock", func(key string) (string, error) { return r.Header.Get(key), nil })
		if err != nil {
			t.Error(err)
			return
		}
		traceID = go2sky.TraceID(ctx)
		s.End()
	})
	next := last.URL + "/stock"
	var client *http.Client
	service, spans := zipkinService(t, &client, &next)
	r := start(t, serve(t, service).URL, func(o *Options) {
		o.Inward = []propagation.Format{propagation.B3Multi}
		o.Outward = []propagation.Format{propagation.SW8}
	})
	client = r.through()
	if resp, _ := answer(t, r.client, request(t, "POST", r.inbound+"/orders/42", nil, "sw8: "+sw8J)); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	refs := reported.one(t, "GET:/stock").Context()
	if traceID != traceJ || refs.TraceID != traceJ {
		t.Errorf("trace %q, want %q", traceID, traceJ)
	}
	var server, call model.SpanModel
	for _, s := range spans.Flush() {
		if s.Kind == model.Client {
			call = s
		} else {
			server = s
		}
	}
	if got := server.TraceID.String(); got != span.TraceOf(traceJ).String() || uint64(server.ID) != uint64(propagationSpan(t)) {
		t.Errorf("the server's span is %s %s, want %v %v", got, server.ID, span.TraceOf(traceJ), propagationSpan(t))
	}
	ref := reported.one(t, "GET:/stock").Refs()[0]
	if want := span.SegmentName(span.TraceOf(traceJ), span.ID(call.ID)); ref.ParentSegmentID != want || ref.ParentSpanID != 0 {
		t.Errorf("parent %s %d, want %s 0", ref.ParentSegmentID, ref.ParentSpanID, want)
	}
	if ref.ParentService != "middle" || ref.ParentEndpoint != "POST:/orders/{id}" || ref.ParentServiceInstance != "one@host" || ref.AddressUsedAtClient != strings.TrimPrefix(last.URL, "http://") {
		t.Errorf("reference %+v", ref)
	}
}

// TestAgentBetweenZipkins is the other way about.
func TestAgentBetweenZipkins(t *testing.T) {
	lastSpans := recorder.NewReporter()
	tracer, err := zipkin.NewTracer(lastSpans)
	if err != nil {
		t.Fatal(err)
	}
	last := serve(t, zipkinhttp.NewServerMiddleware(tracer)(http.HandlerFunc(echo)).ServeHTTP)
	agent, reported := newGo2sky(t, "middle")
	var client *http.Client
	service := serve(t, func(w http.ResponseWriter, in *http.Request) {
		entry, ctx, err := agent.CreateEntrySpan(in.Context(), "GET:/a", func(key string) (string, error) { return in.Header.Get(key), nil })
		if err != nil {
			t.Error(err)
			return
		}
		defer entry.End()
		out := request(t, "GET", last.URL, nil) //nolint:contextcheck // its own time
		exit, err := agent.CreateExitSpan(ctx, "call", strings.TrimPrefix(last.URL, "http://"), func(key, value string) error {
			out.Header.Set(key, value)
			return nil
		})
		if err != nil {
			t.Error(err)
			return
		}
		defer exit.End()
		_, body := answer(t, client, out)
		fmt.Fprint(w, body)
	})
	r := start(t, service.URL, func(o *Options) {
		o.Inward = []propagation.Format{propagation.SW8}
		o.Outward = []propagation.Format{propagation.B3Multi}
		o.Caller = "web"
	})
	client = r.through()
	answer(t, r.client, request(t, "GET", r.inbound, nil, written[propagation.B3Multi]...))
	ref := reported.one(t, "GET:/a").Refs()[0]
	if ref.TraceID != "463ac35c9f6413ad48485a3953bb6124" || ref.ParentService != "web" || ref.ParentSegmentID != span.SegmentName(span.TraceOf(ref.TraceID), 0x00f067aa0ba902b7) {
		t.Errorf("%+v", ref)
	}
	exit := reported.one(t, "call").Context()
	got := lastSpans.Flush()[0]
	trace := span.TraceOf(ref.TraceID)
	if got.TraceID.String() != ref.TraceID || span.ID(got.ID) != span.SpanOf(trace, exit.SegmentID, exit.SpanID) {
		t.Errorf("the last span is %s %s, want the call's, %v", got.TraceID, got.ID, span.SpanOf(trace, exit.SegmentID, exit.SpanID))
	}
}
