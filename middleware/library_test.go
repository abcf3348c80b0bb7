// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gorilla/mux"
	"github.com/opentracing/opentracing-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/grpc"
	_ "modernc.org/sqlite"

	"github.com/spanbridge/spanbridge/middleware/databasesql"
	"github.com/spanbridge/spanbridge/middleware/franzgo"
	"github.com/spanbridge/spanbridge/middleware/gorillamux"
	"github.com/spanbridge/spanbridge/middleware/grpcgo"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/tracer"
)

// The lines of docs/library.md and README.md; compat-tests/migration compares them.
func TestLibraryMiddleware(t *testing.T) {
	if err := install(tracer.New("shop")); err != nil {
		t.Error(err)
	}
}

func install(t opentracing.Tracer) error {
	router := mux.NewRouter()
	grpc.NewServer(grpc.ChainUnaryInterceptor(grpcgo.UnaryServer(t)), grpc.ChainStreamInterceptor(grpcgo.StreamServer(t)))
	grpc.WithChainUnaryInterceptor(grpcgo.UnaryClient(t))
	db, err := databasesql.Open(t, "sqlite", ":memory:")
	if err != nil {
		return err
	}
	defer db.Close()
	hooks := franzgo.New(t)
	client, err := kgo.NewClient(kgo.WithHooks(hooks), kgo.SeedBrokers("127.0.0.1:9092"))
	if err != nil {
		return err
	}
	client.Close()
	gorillamux.Instrument(t, router)
	handler := nethttp.Handler(t, router) // goes on with the trace of any caller
	httpClient := &http.Client{Transport: nethttp.NewTransport(t, nil)}
	if handler == nil || httpClient.Transport == nil {
		return errors.New("nothing to serve or to call with")
	}
	return db.Ping()
}
