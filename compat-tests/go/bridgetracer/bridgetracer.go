// SPDX-License-Identifier: Apache-2.0

// Package bridgetracer runs package tracer through the opentracing-go API: a
// service that calls another over HTTP and sends it a message, both with real
// headers.
package bridgetracer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	otlog "github.com/opentracing/opentracing-go/log"
	"github.com/spanbridge/spanbridge/tracer"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Options say how to report.
type Options struct {
	// Reporter makes the reporter of a service.
	Reporter func() (tracer.Reporter, error)
	// Prefix stands before the names of the services.
	Prefix string
	Tracer []tracer.Option
}

// Client is the client of the stories.
const Client = "bridge tracer"

// Run plays the story and returns when all has been sent.
func Run(ctx context.Context, o Options) (story.Story, error) {
	p := play{shopName: o.Prefix + "-shop", stockName: o.Prefix + "-stock"}
	var err error
	if p.shop, err = New(p.shopName, o); err != nil {
		return story.Story{}, err
	}
	if p.stock, err = New(p.stockName, o); err != nil {
		return story.Story{}, errors.Join(err, p.shop.Shutdown(ctx))
	}
	// Closing sends what is left.
	if err := errors.Join(p.run(ctx), p.shop.Shutdown(ctx), p.stock.Shutdown(ctx)); err != nil {
		return story.Story{}, fmt.Errorf("%s: %w", Client, err)
	}
	return story.Story{Client: Client, Spans: p.spans}, nil
}

// New makes the tracer of a service.
func New(service string, o Options) (*tracer.Tracer, error) {
	r, err := o.Reporter()
	if err != nil {
		return nil, err
	}
	return tracer.New(service, append([]tracer.Option{
		tracer.WithReporter(r), tracer.WithInstance(service + "-1"), tracer.WithTags(tracer.Tag{Key: "env", Value: "lab"}),
	}, o.Tracer...)...), nil
}

type play struct {
	shop, stock         *tracer.Tracer
	shopName, stockName string

	mu    sync.Mutex
	spans []story.Span
}

const broker = "kafka:9092"

func (p *play) run(ctx context.Context) error {
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	defer server.Close()

	root := p.shop.StartSpan("GET /cart", ext.SpanKindRPCServer)
	root.SetBaggageItem("user-id", "ü 42")
	root.SetTag("component", "net/http").SetTag("http.method", "GET").SetTag("count", 42).SetTag("ratio", 0.25).SetTag("hit", false)
	root.LogFields(otlog.String("event", "cache miss"), otlog.Int("size", 12))
	p.add(root, story.Span{
		Key: "root", Service: p.shopName, Name: "GET /cart", Kind: story.Server, Events: []string{"cache miss"},
		Tags: map[string]string{"env": "lab", "component": "net/http", "http.method": "GET", "count": "42", "ratio": "0.25", "hit": "false"},
	})
	work := p.shop.StartSpan("price list λ", opentracing.ChildOf(root.Context()))
	p.add(work, story.Span{Key: "work", Parent: "root", Service: p.shopName, Name: "price list λ", Kind: story.Local})
	p.database(work)
	if err := p.call(ctx, server.URL, root); err != nil {
		return err
	}
	if err := p.send(work); err != nil {
		return err
	}
	work.Finish()
	root.Finish()
	return nil
}

func (p *play) database(parent opentracing.Span) {
	db := p.shop.StartSpan("select items", opentracing.ChildOf(parent.Context()), ext.SpanKindRPCClient)
	db.SetTag("db.type", "mysql").SetTag("db.statement", "select * from items").SetTag("peer.ipv4", "10.1.2.3").SetTag("peer.port", uint16(3306))
	p.add(db, story.Span{
		Key: "database", Parent: "work", Service: p.shopName, Name: "select items", Kind: story.Client,
		Tags: map[string]string{"db.type": "mysql"}, Remote: &story.Endpoint{IP: "10.1.2.3", Port: 3306},
	})
	db.Finish()
}

func (p *play) call(ctx context.Context, url string, parent opentracing.Span) error {
	host := strings.TrimPrefix(url, "http://")
	call := p.shop.StartSpan("GET /stock", opentracing.ChildOf(parent.Context()), ext.SpanKindRPCClient)
	call.SetTag("component", "net/http").SetTag("http.method", "GET").SetTag("http.url", url+"/stock").SetTag("peer.address", host)
	p.add(call, story.Span{
		Key: "call", Parent: "root", Service: p.shopName, Name: "GET /stock", Kind: story.Client,
		Tags: map[string]string{"http.method": "GET", "http.status_code": "500", "peer.address": host}, Remote: endpoint(host),
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/stock", nil)
	if err != nil {
		return err
	}
	if err := p.shop.Inject(call.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(req.Header)); err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	call.SetTag("http.status_code", res.StatusCode)
	call.Finish()
	return nil
}

// serve is the called service, which fails.
func (p *play) serve(w http.ResponseWriter, r *http.Request) {
	parent, err := p.stock.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(r.Header))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	entry := p.stock.StartSpan("GET /stock", ext.RPCServerOption(parent))
	defer entry.Finish()
	entry.SetTag("http.method", "GET").SetTag("user", entry.BaggageItem("user-id"))
	ext.Error.Set(entry, true)
	entry.LogKV("event", "error", "message", "sold out ünï", "stack", "line 1\nline 2")
	p.add(entry, story.Span{
		Key: "serve", Parent: "call", Service: p.stockName, Name: "GET /stock", Kind: story.Server,
		Tags: map[string]string{"user": "ü 42"}, Events: []string{"error"}, Failed: true, Error: "sold out ünï",
	})
	w.WriteHeader(http.StatusInternalServerError)
}

// send sends a message, which the other service takes later.
func (p *play) send(parent opentracing.Span) error {
	producer := p.shop.StartSpan("send orders", opentracing.ChildOf(parent.Context()), ext.SpanKindProducer)
	producer.SetTag("message_bus.destination", "orders").SetTag("messaging.system", "kafka").SetTag("peer.address", broker)
	message := opentracing.TextMapCarrier{}
	if err := p.shop.Inject(producer.Context(), opentracing.TextMap, message); err != nil {
		return err
	}
	producer.Finish()
	tags := map[string]string{"message_bus.destination": "orders"}
	p.add(producer, story.Span{Key: "send", Parent: "work", Service: p.shopName, Name: "send orders", Kind: story.Producer, Tags: tags})

	from, err := p.stock.Extract(opentracing.TextMap, message)
	if err != nil {
		return err
	}
	consumer := p.stock.StartSpan("take orders", opentracing.FollowsFrom(from), ext.SpanKindConsumer)
	consumer.SetTag("message_bus.destination", "orders").SetTag("messaging.system", "kafka").SetTag("peer.address", broker)
	consumer.Finish()
	p.add(consumer, story.Span{
		Key: "take", Parent: "send", Links: []string{"send"}, Service: p.stockName, Name: "take orders", Kind: story.Consumer, Tags: tags,
	})
	return nil
}

func (p *play) add(s opentracing.Span, as story.Span) {
	c := s.Context().(*tracer.SpanContext)
	as.Trace, as.ID = c.Trace.String(), c.Span.String()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spans = append(p.spans, as)
}

func endpoint(host string) *story.Endpoint {
	var e story.Endpoint
	_, _ = fmt.Sscanf(strings.Replace(host, ":", " ", 1), "%s %d", &e.IP, &e.Port)
	return &e
}
