// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/opentracing/opentracing-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	_ "modernc.org/sqlite"

	"github.com/spanbridge/spanbridge/middleware/databasesql"
	"github.com/spanbridge/spanbridge/middleware/franzgo"
	"github.com/spanbridge/spanbridge/middleware/gorillamux"
	"github.com/spanbridge/spanbridge/middleware/grpcgo"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
)

// The services of a fleet, each with a tracer of its own. A request goes from
// the web shop by HTTP to orders, by gRPC to stock, by Kafka to billing, which
// looks into a database.
var services = []string{"web", "orders", "stock", "billing"}

// steps are the spans of a request, each the child of the one before.
var steps = []struct{ service, operation string }{
	{"web", "checkout"},
	{"web", "POST"},
	{"orders", "POST /orders/{id}"},
	{"orders", "/grpc.testing.BenchmarkService/UnaryCall"},
	{"stock", "/grpc.testing.BenchmarkService/UnaryCall"},
	{"stock", "send bills"},
	{"billing", "process bills"},
	{"billing", "SELECT"},
}

type fleet struct {
	tracers map[string]opentracing.Tracer
	client  *http.Client
	url     string
	user    chan string // baggage that arrived at the end
	wait    func(t *testing.T)
}

type stock struct {
	pb.UnimplementedBenchmarkServiceServer
	queue *kgo.Client
}

func (s stock) UnaryCall(ctx context.Context, _ *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return &pb.SimpleResponse{}, s.queue.ProduceSync(ctx, &kgo.Record{Topic: "bills", Value: []byte("1 tea")}).FirstErr()
}

// start starts the fleet. All real: HTTP, gRPC, a broker that speaks Kafka's
// protocol, a database.
func start(t *testing.T, tracers map[string]opentracing.Tracer) *fleet {
	t.Helper()
	f := &fleet{tracers: tracers, user: make(chan string, 1)}
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "bills"))
	fatal(err)
	t.Cleanup(cluster.Close)

	// billing
	hooks := franzgo.New(tracers["billing"])
	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("bills"), kgo.WithHooks(hooks))
	fatal(err)
	db, err := databasesql.Open(tracers["billing"], "sqlite", ":memory:")
	fatal(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			consumer.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				err := hooks.Process(ctx, r, func(ctx context.Context, _ *kgo.Record) error { return f.bill(ctx, db) })
				if err != nil {
					t.Error(err)
				}
			})
		}
	}()
	f.wait = func(t *testing.T) {
		t.Helper()
		cancel()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("billing does not end")
		}
		consumer.Close()
		db.Close()
	}

	// stock
	producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.WithHooks(franzgo.New(tracers["stock"])))
	fatal(err)
	t.Cleanup(producer.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(err)
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(grpcgo.UnaryServer(tracers["stock"])))
	pb.RegisterBenchmarkServiceServer(server, stock{queue: producer})
	go server.Serve(l)
	t.Cleanup(server.Stop)

	// orders
	cc, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(grpcgo.UnaryClient(tracers["orders"])))
	fatal(err)
	t.Cleanup(func() { cc.Close() })
	router := mux.NewRouter()
	gorillamux.Instrument(tracers["orders"], router)
	router.HandleFunc("/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := pb.NewBenchmarkServiceClient(cc).UnaryCall(r.Context(), &pb.SimpleRequest{}); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	orders := httptest.NewServer(router)
	t.Cleanup(orders.Close)

	// web
	f.url = orders.URL + "/orders/17"
	f.client = &http.Client{Transport: nethttp.NewTransport(tracers["web"], &http.Transport{})}
	t.Cleanup(f.client.CloseIdleConnections)
	return f
}

func (f *fleet) bill(ctx context.Context, db *sql.DB) error {
	var one int
	err := db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	user := ""
	if s := opentracing.SpanFromContext(ctx); s != nil {
		user = s.BaggageItem("user")
	}
	f.user <- user
	return err
}

// request sends a request through the fleet and gives the baggage at its end.
func (f *fleet) request(t *testing.T, options ...opentracing.StartSpanOption) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	span := f.tracers["web"].StartSpan("checkout", options...)
	span.SetBaggageItem("user", "ann")
	r, err := http.NewRequestWithContext(opentracing.ContextWithSpan(ctx, span), http.MethodPost, f.url, strings.NewReader("tea"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := f.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	span.Finish()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(fmt.Sprint(resp.StatusCode, " ", string(body)))
	}
	select {
	case user := <-f.user:
		return user
	case <-ctx.Done():
		t.Fatal("the message did not arrive")
		return ""
	}
}
