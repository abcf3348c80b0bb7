// SPDX-License-Identifier: Apache-2.0

// Package otelgo runs the OpenTelemetry SDK for Go: a service that calls another
// over HTTP with the headers of W3C trace context, and a message with a link.
package otelgo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Options say where to report and how.
type Options struct {
	GRPC string // address of OTLP over gRPC, or else
	HTTP string // URL of OTLP over HTTP, without a path
	Gzip bool
	// Secure has options of the library for gRPC with TLS; none: without TLS.
	Secure []otlptracegrpc.Option
}

const (
	shopName  = "otel-shop"
	stockName = "otel-stock"
	client    = "opentelemetry-go 1.38.0"
)

// Run plays the story and returns when all has been sent.
func Run(ctx context.Context, o Options) (story.Story, error) {
	shop, err := provider(ctx, shopName, o)
	if err != nil {
		return story.Story{}, err
	}
	stock, err := provider(ctx, stockName, o)
	if err != nil {
		return story.Story{}, errors.Join(err, shop.Shutdown(ctx))
	}
	p := play{shop: shop.Tracer("lab/shop", trace.WithInstrumentationVersion("1.2.3")), stock: stock.Tracer("lab/stock")}
	// Shutting down sends what is left.
	if err := errors.Join(p.run(ctx), shop.Shutdown(ctx), stock.Shutdown(ctx)); err != nil {
		return story.Story{}, fmt.Errorf("%s: %w", client, err)
	}
	return story.Story{Client: client, Spans: p.spans}, nil
}

func provider(ctx context.Context, service string, o Options) (*sdk.TracerProvider, error) {
	exporter, err := newExporter(ctx, o)
	if err != nil {
		return nil, err
	}
	return sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(resource.NewSchemaless(
		attribute.String("service.name", service), attribute.String("service.instance.id", service+"-1"),
		attribute.String("host.name", "hôst"), attribute.StringSlice("process.command_args", []string{"run", "--fast"}),
	))), nil
}

func newExporter(ctx context.Context, o Options) (sdk.SpanExporter, error) {
	if o.GRPC != "" {
		opts := append([]otlptracegrpc.Option{otlptracegrpc.WithEndpoint(o.GRPC)}, o.Secure...)
		if len(o.Secure) == 0 {
			opts = append(opts, otlptracegrpc.WithInsecure())
		}
		if o.Gzip {
			opts = append(opts, otlptracegrpc.WithCompressor("gzip"))
		}
		return otlptracegrpc.New(ctx, opts...)
	}
	opts := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(o.HTTP + "/v1/traces")}
	if o.Gzip {
		opts = append(opts, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	return otlptracehttp.New(ctx, opts...)
}

type play struct {
	shop, stock trace.Tracer

	mu    sync.Mutex
	spans []story.Span
}

func (p *play) run(ctx context.Context) error {
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	defer server.Close()

	ctx, root := p.shop.Start(ctx, "GET /cart λ", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.Bool("hit", false), attribute.Int("count", -42), attribute.Float64("ratio", 0.25),
		attribute.StringSlice("list", []string{"a", "世界"}), attribute.String("http.request.method", "GET")))
	root.AddEvent("cache miss", trace.WithAttributes(attribute.Int("size", 12)))
	p.add(story.Span{
		Key: "root", Service: shopName, Name: "GET /cart λ", Kind: story.Server,
		Tags:   map[string]string{"hit": "false", "count": "-42", "ratio": "0.25", "http.request.method": "GET", "service.instance.id": shopName + "-1", "host.name": "hôst"},
		Events: []string{"cache miss"},
	}, root)
	if err := p.call(ctx, server.URL); err != nil {
		return err
	}
	_, work := p.shop.Start(ctx, "sum up")
	work.End()
	p.add(story.Span{Key: "work", Parent: "root", Service: shopName, Name: "sum up", Kind: story.Local}, work)
	p.message(ctx)
	root.End()
	return nil
}

func (p *play) call(ctx context.Context, url string) error {
	ctx, span := p.shop.Start(ctx, "GET stock", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("peer.service", stockName), attribute.String("server.address", "127.0.0.1")))
	defer span.End()
	p.add(story.Span{
		Key: "call", Parent: "root", Service: shopName, Name: "GET stock", Kind: story.Client,
		Tags: map[string]string{"peer.service": stockName},
	}, span)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func (p *play) serve(_ http.ResponseWriter, r *http.Request) {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	_, span := p.stock.Start(ctx, "GET /stock", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	span.RecordError(errors.New("no such item é"))
	span.SetStatus(codes.Error, "sold out")
	p.add(story.Span{
		Key: "serve", Parent: "call", Service: stockName, Name: "GET /stock", Kind: story.Server,
		Events: []string{"exception"}, Failed: true, Error: "sold out",
	}, span)
}

// message has a consumer that begins a trace of its own and links the producer.
func (p *play) message(ctx context.Context) {
	_, send := p.shop.Start(ctx, "orders publish", trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attribute.String("messaging.system", "kafka")))
	send.End()
	p.add(story.Span{
		Key: "send", Parent: "root", Service: shopName, Name: "orders publish", Kind: story.Producer,
		Tags: map[string]string{"messaging.system": "kafka"},
	}, send)

	_, take := p.stock.Start(context.Background(), "orders process", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(trace.Link{SpanContext: send.SpanContext(), Attributes: []attribute.KeyValue{attribute.Int("position", 7)}}))
	take.SetStatus(codes.Ok, "")
	take.End()
	p.add(story.Span{
		Key: "take", Service: stockName, Name: "orders process", Kind: story.Consumer, Links: []string{"send"},
	}, take)
}

func (p *play) add(s story.Span, span trace.Span) {
	sc := span.SpanContext()
	s.Trace, s.ID = sc.TraceID().String(), sc.SpanID().String()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spans = append(p.spans, s)
}
