// SPDX-License-Identifier: Apache-2.0

package zipkin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"
	"github.com/openzipkin/zipkin-go/model"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

// server keeps what is posted to it.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	spans []model.SpanModel
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/api/v2/spans" || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "not a report", http.StatusBadRequest)
		return
	}
	var list []model.SpanModel
	if err := json.Unmarshal(body, &list); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.spans = append(s.spans, list...)
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// A span says in Zipkin's words what the application said in OpenTracing's.
func TestSpan(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r, err := zipkin.New(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r), tracer.WithInstance("shop-1"), tracer.WithIP(netip.MustParseAddr("10.0.0.1")),
		tracer.WithTags(tracer.Tag{Key: "env", Value: "lab"}))
	start := time.UnixMicro(1_700_000_000_000_001)
	root := tr.StartSpan("GET /cart λ", opentracing.StartTime(start), ext.SpanKindRPCServer)
	call := tr.StartSpan("pay", opentracing.StartTime(start), opentracing.ChildOf(root.Context()), ext.SpanKindRPCClient, opentracing.Tags{
		"peer.service": "bank", "peer.ipv4": "10.0.0.2", "peer.port": uint16(8080), "peer.hostname": "bank-7",
		"count": 42, "ratio": 0.25, "hit": false, "big": uint64(1 << 63), "raw": []byte{1, 2},
	})
	ext.Error.Set(call, true)
	call.FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(5 * time.Millisecond), LogRecords: []opentracing.LogRecord{
		{Timestamp: start.Add(time.Millisecond), Fields: []log.Field{log.String("event", "cache miss")}},
		{Timestamp: start.Add(2 * time.Millisecond), Fields: []log.Field{
			log.String("event", "error"), log.String("message", "sold out ünï"), log.Int("code", 7),
		}},
	}})
	other := tr.StartSpan("index", opentracing.StartTime(start), opentracing.FollowsFrom(root.Context()))
	ext.Error.Set(other, false)
	other.FinishWithOptions(opentracing.FinishOptions{FinishTime: start})
	root.FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(time.Second)})
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}

	if len(s.spans) != 3 {
		t.Fatalf("%d spans, want 3", len(s.spans))
	}
	pay, index, cart := s.spans[0], s.spans[1], s.spans[2]
	local := &model.Endpoint{ServiceName: "shop", IPv4: []byte{10, 0, 0, 1}}
	common := func(tags map[string]string) map[string]string {
		tags["env"], tags["service.instance.id"] = "lab", "shop-1"
		return tags
	}
	f := func(got model.SpanModel, want model.SpanModel) {
		t.Helper()
		want.TraceID, want.ID, want.LocalEndpoint = cart.TraceID, got.ID, local
		got.Timestamp, want.Timestamp = got.Timestamp.UTC(), start.UTC()
		for i := range got.Annotations {
			got.Annotations[i].Timestamp = got.Annotations[i].Timestamp.UTC()
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", want.Name, d)
		}
	}
	f(cart, model.SpanModel{Name: "GET /cart λ", Kind: model.Server, Duration: time.Second, Tags: common(map[string]string{})})
	f(pay, model.SpanModel{
		SpanContext: model.SpanContext{ParentID: &cart.ID}, Name: "pay", Kind: model.Client, Duration: 5 * time.Millisecond,
		RemoteEndpoint: &model.Endpoint{ServiceName: "bank", IPv4: []byte{10, 0, 0, 2}, Port: 8080},
		Tags: common(map[string]string{
			"peer.hostname": "bank-7", "error": "sold out ünï",
			"count": "42", "ratio": "0.25", "hit": "false", "big": "9223372036854775808", "raw": "AQI=",
		}),
		Annotations: []model.Annotation{
			{Timestamp: start.Add(time.Millisecond).UTC(), Value: "cache miss"},
			{Timestamp: start.Add(2 * time.Millisecond).UTC(), Value: `error|{"message":"sold out ünï","code":7}|0`},
		},
	})
	f(index, model.SpanModel{
		SpanContext: model.SpanContext{ParentID: &cart.ID}, Name: "index", Duration: time.Microsecond,
		Tags: common(map[string]string{"otlp.link.0": cart.TraceID.String() + "|" + cart.ID.String() + `||{"opentracing.ref_type":"follows_from"}|0`}),
	})
	if n := r.Counts(); n.Reported != 3 || n.Sent != 3 || n.Dropped() != 0 || n.Waiting != 0 || n.Requests != 1 {
		t.Errorf("%+v", n)
	}
}

// A server's span that shares the client's id says so.
func TestShared(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r, err := zipkin.New(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r), tracer.WithSharedSpans())
	client := tr.StartSpan("call", ext.SpanKindRPCClient)
	h := http.Header{}
	if err := tr.Inject(client.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h)); err != nil {
		t.Fatal(err)
	}
	parent, err := tr.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(h))
	if err != nil {
		t.Fatal(err)
	}
	tr.StartSpan("serve", ext.RPCServerOption(parent)).Finish()
	client.Finish()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if len(s.spans) != 2 || s.spans[0].ID != s.spans[1].ID || !s.spans[0].Shared || s.spans[1].Shared {
		t.Errorf("%+v", s.spans)
	}
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "localhost:9411", "ftp://a", "http://", "http://a:b:c"} {
		if _, err := zipkin.New(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}

// Headers, authentication and compression are as asked for.
func TestRequest(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got <- r
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	r, err := zipkin.New(s.URL+"/elsewhere?a=b", reporter.WithGzip(), reporter.WithHeader("X-Tenant", "7"),
		reporter.WithHeader("Host", "zipkin.example"), reporter.WithBasicAuth("me", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	tracer.New("shop", tracer.WithReporter(r)).StartSpan("a").Finish()
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	q := <-got
	user, password, _ := q.BasicAuth()
	if q.URL.String() != "/elsewhere?a=b" || q.Header.Get("Content-Encoding") != "gzip" || q.Header.Get("X-Tenant") != "7" ||
		q.Host != "zipkin.example" || user != "me" || password != "secret" {
		t.Errorf("%s %s %v", q.Host, q.URL, q.Header)
	}
}

// What nobody takes is dropped when the reporter is closed, and said.
func TestCloseWithoutServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Close()
	r, err := zipkin.New(s.URL, reporter.WithRetry(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r))
	for range 10 {
		tr.StartSpan("a").Finish()
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		for r.Counts().FailedRequests == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel(errors.New("enough"))
	}()
	err = tr.Shutdown(ctx)
	if n := r.Counts(); err == nil || n.Closed != 10 || n.Waiting != 0 || n.Sent != 0 {
		t.Errorf("%v, %+v", err, n)
	}
	tr.StartSpan("late").Finish()
	if n := r.Counts(); n.Closed != 11 || n.Reported != 11 {
		t.Errorf("%+v", n)
	}
}
