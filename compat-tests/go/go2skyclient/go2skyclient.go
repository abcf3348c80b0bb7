// SPDX-License-Identifier: Apache-2.0

// Package go2skyclient runs go2sky: a service that calls another over HTTP with
// the library's own middleware, so that sw8 headers join them.
package go2skyclient

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/SkyAPM/go2sky"
	skyhttp "github.com/SkyAPM/go2sky/plugins/http"
	"github.com/SkyAPM/go2sky/reporter"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

const (
	shopName  = "sky-shop"
	stockName = "sky-stock"
	client    = "go2sky 1.5.0"

	mysqlComponent = 5
)

// Run plays the story against a collector, a gRPC address. The library reports
// on a stream that it never ends by itself: until stop is called it stays open,
// and nothing tells when the segments have arrived. More are options of the
// library, such as those that show a token.
func Run(ctx context.Context, collector string, more ...reporter.GRPCReporterOption) (s story.Story, stop func(), err error) {
	shop, closeShop, err := tracer(shopName, collector, more...)
	if err != nil {
		return story.Story{}, nil, err
	}
	stock, closeStock, err := tracer(stockName, collector, more...)
	if err != nil {
		closeShop()
		return story.Story{}, nil, err
	}
	stop = func() {
		closeShop()
		closeStock()
	}
	p := play{shop: shop, stock: stock}
	if err := p.run(ctx); err != nil {
		stop()
		return story.Story{}, nil, fmt.Errorf("%s: %w", client, err)
	}
	return story.Story{Client: client, Spans: p.spans}, stop, nil
}

func tracer(service, collector string, more ...reporter.GRPCReporterOption) (*go2sky.Tracer, func(), error) {
	r, err := reporter.NewGRPCReporter(collector, append([]reporter.GRPCReporterOption{
		reporter.WithCheckInterval(time.Second), reporter.WithLogger(log.New(io.Discard, "", 0)),
	}, more...)...)
	if err != nil {
		return nil, nil, err
	}
	t, err := go2sky.NewTracer(service, go2sky.WithReporter(r), go2sky.WithInstance(service+"-1"), go2sky.WithCorrelation(3, 128))
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	return t, r.Close, nil
}

type play struct {
	shop, stock *go2sky.Tracer

	mu    sync.Mutex
	spans []story.Span
	errs  []error
}

func (p *play) run(ctx context.Context) error {
	wrap, err := skyhttp.NewServerMiddleware(p.stock)
	if err != nil {
		return err
	}
	server := httptest.NewServer(wrap(http.HandlerFunc(p.serve)))
	defer server.Close()
	caller, err := skyhttp.NewClient(p.shop)
	if err != nil {
		return err
	}

	entry, ctx, err := p.shop.CreateEntrySpan(ctx, "/GET/cart", func(string) (string, error) { return "", nil })
	if err != nil {
		return err
	}
	entry.SetSpanLayer(agent.SpanLayer_Http)
	entry.SetComponent(5004)
	entry.Tag(go2sky.TagHTTPMethod, "GET")
	entry.Tag("unicode", "世界 🚀")
	entry.Log(time.Now(), "event", "cache miss")
	go2sky.PutCorrelation(ctx, "user", "bob")
	p.add(ctx, story.Span{
		Key: "root", Service: shopName, Name: "/GET/cart", Kind: story.Server,
		Tags: map[string]string{"http.method": "GET", "unicode": "世界 🚀"}, Events: []string{"cache miss"},
	})
	if err := p.database(ctx); err != nil {
		return err
	}
	for _, path := range []string{"/stock", "/broken"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
		if err != nil {
			return err
		}
		res, err := caller.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
	}
	entry.End()
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.errs...)
}

// database leaves the process without anybody to answer for the other side.
func (p *play) database(ctx context.Context) error {
	exit, ctx, err := p.shop.CreateExitSpanWithContext(ctx, "Mysql/select", "10.1.2.3:3306", func(string, string) error { return nil })
	if err != nil {
		return err
	}
	exit.SetSpanLayer(agent.SpanLayer_Database)
	exit.SetComponent(mysqlComponent)
	exit.Tag(go2sky.TagDBType, "sql")
	exit.Tag(go2sky.TagDBStatement, "select * from items")
	p.add(ctx, story.Span{
		Key: "database", Parent: "root", Service: shopName, Name: "Mysql/select", Kind: story.Client,
		Tags: map[string]string{"db.type": "sql"}, Remote: &story.Endpoint{IP: "10.1.2.3", Port: 3306},
	})
	exit.End()
	return nil
}

// serve is the called service. The exit span that called it is told from the
// header: the library does not show it.
func (p *play) serve(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	path := r.URL.Path
	trace, id, err := parent(r.Header.Get("sw8"))
	if err != nil {
		p.mu.Lock()
		p.errs = append(p.errs, err)
		p.mu.Unlock()
		return
	}
	exit := story.Span{
		Key: "exit " + path, Parent: "root", Trace: trace, ID: id, Service: shopName, Name: "/GET" + path, Kind: story.Client,
		Tags: map[string]string{"http.method": "GET", "status_code": "200"}, Remote: endpoint(r.Host),
	}
	entry := story.Span{
		Key: "entry " + path, Parent: exit.Key, Service: stockName, Name: "/GET" + path, Kind: story.Server,
		Tags: map[string]string{"http.method": "GET", "status_code": "200", "user": "bob"},
	}
	go2sky.ActiveSpan(ctx).Tag("user", go2sky.GetCorrelation(ctx, "user"))
	local, inside, err := p.stock.CreateLocalSpan(ctx, go2sky.WithOperationName("count"))
	if err != nil {
		p.mu.Lock()
		p.errs = append(p.errs, err)
		p.mu.Unlock()
		return
	}
	work := story.Span{Key: "local " + path, Parent: entry.Key, Service: stockName, Name: "count", Kind: story.Local}
	if path == "/broken" {
		local.Error(time.Now(), "event", "error", "message", "sold out ünï")
		work.Failed, work.Error, work.Events = true, "sold out ünï", []string{"error"}
		w.WriteHeader(http.StatusInternalServerError)
		exit.Failed, exit.Tags["status_code"] = true, "500"
		entry.Failed, entry.Tags["status_code"] = true, "500"
	}
	local.End()
	p.mu.Lock()
	p.spans = append(p.spans, exit)
	p.mu.Unlock()
	p.add(ctx, entry)
	p.add(inside, work)
}

func (p *play) add(ctx context.Context, s story.Span) {
	s.Trace = go2sky.TraceID(ctx)
	s.ID = fmt.Sprintf("%s:%d", go2sky.TraceSegmentID(ctx), go2sky.SpanID(ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spans = append(p.spans, s)
}

// parent reads the trace, segment and span number of a sw8 header.
func parent(header string) (trace, id string, err error) {
	fields := strings.Split(header, "-")
	if len(fields) != 8 {
		return "", "", fmt.Errorf("sw8 %q has %d fields, want 8", header, len(fields))
	}
	t, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return "", "", fmt.Errorf("sw8 %q: trace id: %w", header, err)
	}
	segment, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return "", "", fmt.Errorf("sw8 %q: segment id: %w", header, err)
	}
	return string(t), string(segment) + ":" + fields[3], nil
}

func endpoint(address string) *story.Endpoint {
	host, port, _ := strings.Cut(address, ":")
	n, _ := strconv.Atoi(port)
	return &story.Endpoint{IP: host, Port: n}
}
