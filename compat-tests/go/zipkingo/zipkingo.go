// SPDX-License-Identifier: Apache-2.0

// Package zipkingo runs zipkin-go: a service that calls another over HTTP with
// the library's own middleware, and sends a message to it through a queue.
package zipkingo

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/openzipkin/zipkin-go"
	zhttp "github.com/openzipkin/zipkin-go/middleware/http"
	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"github.com/openzipkin/zipkin-go/reporter"
	rhttp "github.com/openzipkin/zipkin-go/reporter/http"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Options choose among the forms that the library can write.
type Options struct {
	Proto3  bool // protobuf, not JSON
	Shared  bool // a server span reuses the id of the client span
	Bits128 bool // trace ids of 128 bits, not 64
	// Reporter has more options of the library, such as those that show a
	// password.
	Reporter []rhttp.ReporterOption
}

const (
	shopName  = "go-shop"
	stockName = "go-stock"
	client    = "zipkin-go 0.4.3"
)

// Run plays the story against a collector, the URL of POST /api/v2/spans, and
// returns when all has been sent.
func Run(ctx context.Context, collector string, o Options) (story.Story, error) {
	opts := []rhttp.ReporterOption{rhttp.Logger(log.New(io.Discard, "", 0))}
	if o.Proto3 {
		opts = append(opts, rhttp.Serializer(zipkin_proto3.SpanSerializer{}))
	}
	rep := rhttp.NewReporter(collector, append(opts, o.Reporter...)...)
	defer rep.Close()
	shop, err := tracer(rep, shopName, "127.0.0.1:8080", o)
	if err != nil {
		return story.Story{}, err
	}
	stock, err := tracer(rep, stockName, "[2001:db8::3]:9090", o)
	if err != nil {
		return story.Story{}, err
	}
	p := play{shared: o.Shared, shop: shop, stock: stock}
	if err := p.run(ctx); err != nil {
		return story.Story{}, fmt.Errorf("%s: %w", client, err)
	}
	return story.Story{Client: client, Spans: p.spans}, nil
}

func tracer(rep reporter.Reporter, name, address string, o Options) (*zipkin.Tracer, error) {
	endpoint, err := zipkin.NewEndpoint(name, address)
	if err != nil {
		return nil, err
	}
	return zipkin.NewTracer(rep, zipkin.WithLocalEndpoint(endpoint), zipkin.WithTraceID128Bit(o.Bits128),
		zipkin.WithSharedSpans(o.Shared), zipkin.WithTags(map[string]string{"env": "lab"}))
}

type play struct {
	shared      bool
	shop, stock *zipkin.Tracer

	mu    sync.Mutex
	spans []story.Span
}

func (p *play) run(ctx context.Context) error {
	server := httptest.NewServer(zhttp.NewServerMiddleware(p.stock)(http.HandlerFunc(p.serve)))
	defer server.Close()
	caller, err := zhttp.NewClient(p.shop)
	if err != nil {
		return err
	}

	root := p.shop.StartSpan("checkout λ")
	p.add(story.Span{Key: "root", Service: shopName, Name: "checkout λ", Tags: map[string]string{"env": "lab"}}, root.Context())
	for _, path := range []string{"/reserve", "/broken"} {
		req, err := http.NewRequestWithContext(zipkin.NewContext(ctx, root), http.MethodGet, server.URL+path, nil)
		if err != nil {
			return err
		}
		res, err := caller.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
	}
	if err := p.message(root); err != nil {
		return err
	}
	root.Finish()
	return nil
}

// serve is the called service. The client span that called it is told from what
// arrived: the middleware does not show it.
func (p *play) serve(w http.ResponseWriter, r *http.Request) {
	span := zipkin.SpanFromContext(r.Context())
	span.Annotate(time.Now(), "work ✓")
	span.Tag("unicode", "世界 🚀")
	key := r.URL.Path
	server := story.Span{
		Key: "server " + key, Parent: "client " + key, Service: stockName, Name: "GET", Kind: story.Server, Shared: p.shared,
		Tags: map[string]string{"http.path": key, "unicode": "世界 🚀"}, Events: []string{"work ✓"},
		Remote: &story.Endpoint{IP: "127.0.0.1"},
	}
	caller := story.Span{
		Key: "client " + key, Parent: "root", Service: shopName, Name: "http/GET", Kind: story.Client,
		Tags: map[string]string{"http.path": key},
	}
	if key == "/broken" {
		w.WriteHeader(http.StatusInternalServerError)
		server.Failed, server.Error = true, "500"
		caller.Failed, caller.Error = true, "500"
	}
	sc := span.Context()
	p.add(server, sc)
	if !p.shared {
		sc.ID = *sc.ParentID
	}
	p.add(caller, sc)
}

func (p *play) message(root zipkin.Span) error {
	queue, err := zipkin.NewEndpoint("kafka", "10.0.0.9:9092")
	if err != nil {
		return err
	}
	remote := &story.Endpoint{Service: "kafka", IP: "10.0.0.9", Port: 9092}

	send := p.shop.StartSpan("send", zipkin.Kind(model.Producer), zipkin.Parent(root.Context()), zipkin.RemoteEndpoint(queue))
	send.Finish()
	p.add(story.Span{Key: "send", Parent: "root", Service: shopName, Name: "send", Kind: story.Producer, Remote: remote}, send.Context())

	poll := p.stock.StartSpan("poll", zipkin.Kind(model.Consumer), zipkin.Parent(send.Context()), zipkin.RemoteEndpoint(queue))
	zipkin.TagError.Set(poll, "poison é")
	poll.Finish()
	p.add(story.Span{
		Key: "poll", Parent: "send", Service: stockName, Name: "poll", Kind: story.Consumer, Remote: remote,
		Failed: true, Error: "poison é",
	}, poll.Context())
	return nil
}

func (p *play) add(s story.Span, sc model.SpanContext) {
	s.Trace, s.ID = sc.TraceID.String(), sc.ID.String()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spans = append(p.spans, s)
}
