// SPDX-License-Identifier: Apache-2.0

// Package jaegerclient runs jaeger-client-go through the opentracing-go API: a
// service that calls another over HTTP with the library's own headers.
package jaegerclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	otlog "github.com/opentracing/opentracing-go/log"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/transport"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Options say where to report and how.
type Options struct {
	UDP  string // address for thrift compact over UDP, or else
	HTTP string // URL of POST /api/traces
	// Sampling is the URL of GET /sampling; "" samples everything without asking.
	// The library wants the kind of strategy by its name: it cannot read the
	// answer of Jaeger v2, which has a number.
	Sampling string
	Bits128  bool // trace ids of 128 bits, not 64
	// Transport has options of the library for HTTP, such as those that show a
	// password.
	Transport []transport.HTTPOption
}

const (
	shopName  = "jaeger-shop"
	stockName = "jaeger-stock"
	client    = "jaeger-client-go 2.30.0"
)

// Run plays the story and returns when all has been sent.
func Run(ctx context.Context, o Options) (story.Story, error) {
	shop, closeShop, err := tracer(shopName, o)
	if err != nil {
		return story.Story{}, err
	}
	stock, closeStock, err := tracer(stockName, o)
	if err != nil {
		return story.Story{}, errors.Join(err, closeShop.Close())
	}
	p := play{shop: shop, stock: stock}
	// Closing sends what is left.
	if err := errors.Join(p.run(ctx), closeShop.Close(), closeStock.Close()); err != nil {
		return story.Story{}, fmt.Errorf("%s: %w", client, err)
	}
	if p.unsampled {
		return story.Story{}, fmt.Errorf("%s: nothing is sampled after the answer of %s", client, o.Sampling)
	}
	return story.Story{Client: client, Spans: p.spans}, nil
}

func tracer(service string, o Options) (opentracing.Tracer, io.Closer, error) {
	var sender jaeger.Transport = transport.NewHTTPTransport(o.HTTP, o.Transport...)
	if o.UDP != "" {
		udp, err := jaeger.NewUDPTransport(o.UDP, 0)
		if err != nil {
			return nil, nil, fmt.Errorf("udp %s: %w", o.UDP, err)
		}
		sender = udp
	}
	var sampler jaeger.Sampler = jaeger.NewConstSampler(true)
	if o.Sampling != "" {
		remote := jaeger.NewRemotelyControlledSampler(service,
			jaeger.SamplerOptions.SamplingServerURL(o.Sampling),
			// Nothing is sampled unless the server's answer says so.
			jaeger.SamplerOptions.InitialSampler(jaeger.NewConstSampler(false)))
		remote.UpdateSampler()
		sampler = remote
	}
	t, closer := jaeger.NewTracer(service, sampler, jaeger.NewRemoteReporter(sender),
		jaeger.TracerOptions.Gen128Bit(o.Bits128), jaeger.TracerOptions.Tag("env", "lab"))
	return t, closer, nil
}

type play struct {
	shop, stock opentracing.Tracer

	mu        sync.Mutex
	spans     []story.Span
	unsampled bool
}

func (p *play) run(ctx context.Context) error {
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	defer server.Close()

	root := p.shop.StartSpan("GET /cart λ", ext.SpanKindRPCServer)
	root.SetBaggageItem("user-id", "ü 42")
	root.SetTag("count", 42).SetTag("ratio", 0.25).SetTag("hit", false)
	root.LogFields(otlog.String("event", "cache miss"), otlog.Int("size", 12))
	p.add(story.Span{
		Key: "root", Service: shopName, Name: "GET /cart λ", Kind: story.Server,
		Tags:   map[string]string{"env": "lab", "count": "42", "ratio": "0.25", "hit": "false"},
		Events: []string{"baggage", "cache miss"},
	}, root)

	call := p.shop.StartSpan("call stock", opentracing.ChildOf(root.Context()), ext.SpanKindRPCClient)
	ext.PeerService.Set(call, stockName)
	p.add(story.Span{
		Key: "call", Parent: "root", Service: shopName, Name: "call stock", Kind: story.Client,
		Tags: map[string]string{"peer.service": stockName},
	}, call)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
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
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d of the called service, want 200", res.StatusCode)
	}
	call.Finish()

	later := p.shop.StartSpan("index", opentracing.FollowsFrom(root.Context()), ext.SpanKindConsumer)
	later.SetTag("message_bus.destination", "orders")
	later.Finish()
	p.add(story.Span{
		Key: "later", Service: shopName, Name: "index", Kind: story.Consumer, Links: []string{"root"},
		Tags: map[string]string{"message_bus.destination": "orders"},
	}, later)
	root.Finish()
	return nil
}

func (p *play) serve(w http.ResponseWriter, r *http.Request) {
	parent, err := p.stock.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(r.Header))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	span := p.stock.StartSpan("reserve", ext.RPCServerOption(parent))
	defer span.Finish()
	span.SetTag("user", span.BaggageItem("user-id"))
	ext.Error.Set(span, true)
	span.LogKV("event", "error", "message", "sold out ünï", "stack", "line 1\nline 2")
	p.add(story.Span{
		Key: "serve", Parent: "call", Service: stockName, Name: "reserve", Kind: story.Server,
		Tags: map[string]string{"user": "ü 42"}, Events: []string{"error"}, Failed: true, Error: "sold out ünï",
	}, span)
}

func (p *play) add(s story.Span, span opentracing.Span) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sc := span.Context().(jaeger.SpanContext)
	p.unsampled = p.unsampled || !sc.IsSampled()
	s.Trace, s.ID = sc.TraceID().String(), sc.SpanID().String()
	p.spans = append(p.spans, s)
}
