// SPDX-License-Identifier: Apache-2.0

package otlpgrpc_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/opentracing/opentracing-go"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // the server's
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlpgrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type backend struct {
	address string
	mu      sync.Mutex
	answers []error // in turn; then all is taken
	tenant  []string
	taken   map[string]int
}

func newBackend(t *testing.T, answers ...error) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{address: l.Addr().String(), answers: answers, taken: make(map[string]int)}
	s := grpc.NewServer(grpc.MaxRecvMsgSize(100_000))
	s.RegisterService(&service, b)
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		s.Stop()
		wg.Wait()
	})
	return b
}

// service is OpenTelemetry's. An ExportTraceServiceRequest has the field of
// TracesData, and the answer to one that is taken as a whole is empty.
var service = grpc.ServiceDesc{
	ServiceName: "opentelemetry.proto.collector.trace.v1.TraceService",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Export",
		Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			q := new(trace.TracesData)
			if err := decode(q); err != nil {
				return nil, err
			}
			return srv.(*backend).export(ctx, q)
		},
	}},
}

func (b *backend) export(ctx context.Context, q *trace.TracesData) (*emptypb.Empty, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.answers) > 0 {
		err := b.answers[0]
		b.answers = b.answers[1:]
		return nil, err
	}
	md, _ := metadata.FromIncomingContext(ctx)
	b.tenant = md.Get("x-tenant")
	for _, r := range q.ResourceSpans {
		for _, c := range r.ScopeSpans {
			for _, s := range c.Spans {
				b.taken[string(s.SpanId)]++
			}
		}
	}
	return &emptypb.Empty{}, nil
}

func report(t *testing.T, b *backend, spans, bytes int, options ...reporter.Option) (reporter.Counts, error) {
	t.Helper()
	r, err := otlpgrpc.New(b.address, append(options, reporter.WithHeader("X-Tenant", "7"))...)
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r))
	for range spans {
		tr.StartSpan("a", opentracing.Tag{Key: "long", Value: strings.Repeat("x", bytes)}).Finish()
	}
	err = tr.Close()
	return r.Counts(), err
}

// A backend that is away for a while gets each span once.
func TestRetry(t *testing.T) {
	t.Parallel()
	b := newBackend(t, status.Error(codes.Unavailable, "later"), status.Error(codes.ResourceExhausted, "later"))
	n, err := report(t, b, 20, 10, reporter.WithGzip())
	if err != nil || n.Sent != 20 || n.FailedRequests != 2 || len(b.taken) != 20 || len(b.tenant) != 1 || b.tenant[0] != "7" {
		t.Errorf("%v: %+v, %d spans, tenant %q", err, n, len(b.taken), b.tenant)
	}
}

// What is refused is not tried again.
func TestRefused(t *testing.T) {
	t.Parallel()
	b := newBackend(t, status.Error(codes.InvalidArgument, "no"))
	n, err := report(t, b, 20, 10)
	if err == nil || n.Refused != 20 || n.Requests != 1 {
		t.Errorf("%v: %+v", err, n)
	}
}

// A message that is too large for the backend goes in halves.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	n, err := report(t, b, 100, 10_000)
	if err != nil || n.Sent != 100 || len(b.taken) != 100 {
		t.Errorf("%v: %+v, %d spans", err, n, len(b.taken))
	}
	for id, times := range b.taken {
		if times != 1 {
			t.Errorf("%x came %d times", id, times)
		}
	}
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "collector", "http://collector:4317/v1/traces"} {
		if _, err := otlpgrpc.New(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}
