// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/spanbridge/spanbridge/exporters"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// example is one request through a service for each way in: each serves its
// caller and calls the next one.
type example struct {
	trace span.TraceID
	hops  []*hop
}

// hop is a service of the example.
type hop struct {
	service string
	name    string // of its server span
	way     string // how its spans are sent
	port    string // the receiver
	send    func(ctx context.Context, to destination, items []span.Item) error

	items  []span.Item
	want   []seen
	sent   bool
	result string
}

func newExample(now time.Time) *example {
	list := protocols(nil)
	by := func(kind string) func(context.Context, destination, []span.Item) error {
		t, _ := target(list, kind)
		return export(t)
	}
	x := &example{
		trace: span.TraceID{Hi: rand.Uint64() | 1<<63, Lo: rand.Uint64()},
		hops: []*hop{
			{service: "web", name: "get /checkout", way: "Zipkin v2 JSON by HTTP", port: "zipkin", send: by("zipkin")},
			{service: "cart", name: "get /cart/{id}", way: "Zipkin proto3 by HTTP", port: "zipkin", send: export(body{
				network: translate.HTTP, path: "/api/v2/spans", media: "application/x-protobuf", encode: zipkin.AppendProto3,
			}.target())},
			{service: "prices", name: "get /prices", way: "Zipkin proto3 by gRPC", port: "zipkin", send: export(body{
				network: translate.GRPC, method: "/zipkin.proto3.SpanService/Report", encode: zipkin.AppendProto3,
			}.target())},
			{service: "stock", name: "get /stock", way: "Jaeger Thrift compact by UDP", port: "jaeger-compact", send: datagram(true)},
			{service: "orders", name: "post /orders", way: "Jaeger Thrift binary by UDP", port: "jaeger-binary", send: datagram(false)},
			{service: "billing", name: "post /bills", way: "Jaeger Thrift by HTTP", port: "jaeger-http", send: export(body{
				network: translate.HTTP, path: "/api/traces", media: "application/x-thrift",
				encode: func(dst []byte, items []span.Item) []byte { return jaeger.AppendBatch(dst, items, false) },
			}.target())},
			{service: "ledger", name: "post /entries", way: "Jaeger by gRPC", port: "jaeger-grpc", send: by("jaeger")},
			{service: "shipping", name: "POST:/parcels", way: "SkyWalking by gRPC", port: "skywalking-grpc", send: by("skywalking")},
			{service: "search", name: "GET /find", way: "OTLP by gRPC", port: "otlp-grpc", send: by("otlp-grpc")},
			{service: "mail", name: "POST /mails", way: "OTLP by HTTP", port: "otlp-http", send: by("otlp-http")},
		},
	}
	x.tell(now)
	return x
}

// tell makes the spans: a server and, but for the last service, a client span
// in each. As Zipkin's libraries do, cart joins the client span of web.
func (x *example) tell(now time.Time) {
	const step = 2 * time.Millisecond
	start := now.Add(-time.Second)
	whole := time.Duration(4*len(x.hops)) * step
	var caller span.ID
	for i, h := range x.hops {
		w := span.NewBuilder(nil, span.Origin{Format: "bridge.example", Received: now.UnixNano()})
		early := time.Duration(2*i) * step
		local := span.Endpoint{Service: w.Copy(h.service)}
		local.SetIP4([4]byte{127, 0, 0, byte(10 + i)})

		server := span.Span{
			Trace: x.trace, ID: span.ID(rand.Uint64() | 1), Parent: caller, Name: w.Copy(h.name), Kind: span.KindServer,
			Start: start.Add(early).UnixNano(), Duration: int64(whole - 2*early), Has: span.HasStart | span.HasDuration, Local: local,
		}
		if h.service == "cart" {
			server.Wire = span.Wire{ID: caller, Parent: x.hops[0].items[0].ID}
			server.ID = span.ServerHalf(caller, h.service, local.IP())
			server.Has |= span.HasWire | span.Shared
		}
		mark := w.AttrMark()
		w.Attr(span.StringAttr(w.Copy("http.method"), w.Copy("GET")))
		w.Attr(span.StringAttr(w.Copy("sent.by"), w.Copy(h.way)))
		server.Attrs = w.AttrsFrom(mark)
		mark = w.EventMark()
		w.Event(span.Event{Time: server.Start + int64(step), Name: w.Copy("began")})
		server.Events = w.EventsFrom(mark)
		if h.service == "mail" {
			server.Status, server.StatusMessage = span.StatusError, w.Copy("no such mailbox")
		}
		w.Span(server)
		h.expect(&server)

		if i+1 < len(x.hops) {
			next := x.hops[i+1]
			client := span.Span{
				Trace: x.trace, ID: span.ID(rand.Uint64() | 1), Parent: server.ID, Name: w.Copy(next.name), Kind: span.KindClient,
				Start: server.Start + int64(step), Duration: server.Duration - int64(2*step), Has: span.HasStart | span.HasDuration, Local: local,
			}
			if server.Has&span.Shared != 0 {
				// On the wire its parent is the id that both halves share.
				client.Wire = span.Wire{ID: client.ID, Parent: server.Wire.ID}
				client.Has |= span.HasWire
			}
			client.Remote.Service = w.Copy(next.service)
			client.Remote.SetIP4([4]byte{127, 0, 0, byte(11 + i)})
			client.Remote.Port = 8080
			w.Span(client)
			h.expect(&client)
			caller = client.ID
		}
		b := w.Batch()
		for k := range b.Spans() {
			s := &b.Spans()[k]
			h.items = append(h.items, span.Item{Batch: b, Index: k, Identity: span.Identity{ID: s.ID, Parent: s.Parent}})
		}
	}
}

func (h *hop) expect(s *span.Span) {
	want := seen{ID: s.ID.String()}
	if s.Parent != 0 {
		want.ParentID = s.Parent.String()
	}
	h.want = append(h.want, want)
}

// export sends by an exporter, as a target of the gateway would.
func export(t translate.Target) func(context.Context, destination, []span.Item) error {
	return func(ctx context.Context, to destination, items []span.Item) error {
		settings := exporters.Settings{
			Endpoint: to.endpoint(t.Network), TLS: to.trust(), Auth: to.auth, Timeout: 10 * time.Second, UserAgent: "bridge-send/" + versionName(),
		}
		e, err := exporters.New(t, settings)
		if err != nil {
			return err
		}
		defer e.Close()
		left, err := e.Consume(ctx, span.Parcel{Items: items})
		if err == nil && left.Bad() > 0 {
			err = fmt.Errorf("%d of %d spans were not taken: %s", left.Bad(), len(items), left.Why)
		}
		return err
	}
}

// datagram sends by UDP, of which nobody says whether it came.
func datagram(compact bool) func(context.Context, destination, []span.Item) error {
	return func(ctx context.Context, to destination, items []span.Item) error {
		var d net.Dialer
		c, err := d.DialContext(ctx, "udp", to.address)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write(jaeger.AppendAgentBatch(nil, items, compact))
		return err
	}
}

// body is a way to send spans as one body that no kind of target has.
type body struct {
	network translate.Network
	path    string
	media   string
	method  string
	encode  func([]byte, []span.Item) []byte
}

func (b body) target() translate.Target {
	return translate.Target{
		Kind: "example", Network: b.network, Path: b.path, Media: b.media, Methods: map[string]bool{b.method: false},
		New: func(translate.EncoderOptions) translate.Encoder { return &bodyEncoder{way: b} },
	}
}

// bodyEncoder makes an Encoder of an append function.
type bodyEncoder struct {
	way   body
	buf   []byte
	spans int
}

func (e *bodyEncoder) Fork() translate.Encoder { return &bodyEncoder{way: e.way} }

func (e *bodyEncoder) Losses() *translate.Losses { return &translate.Losses{} }
func (e *bodyEncoder) Reset()                    { e.buf, e.spans = e.buf[:0], 0 }
func (e *bodyEncoder) Notices(*span.Batch)       {}

func (e *bodyEncoder) Add(items []span.Item) int {
	e.buf = e.way.encode(e.buf, items)
	e.spans += len(items)
	return 0
}

func (e *bodyEncoder) Messages() []translate.Message {
	return []translate.Message{{Method: e.way.method, Body: e.buf, Spans: e.spans}}
}
