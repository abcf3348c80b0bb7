// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/spanbridge/spanbridge/exporters"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// soakWay is a way to send numbered spans.
type soakWay struct {
	name   string
	port   string           // the receiver
	target translate.Target // not for ways by UDP
	silent bool             // by UDP: nobody says whether it came
}

func soakWays() []soakWay {
	list := protocols(nil)
	kind := func(name string) translate.Target {
		t, _ := target(list, name)
		return t
	}
	post := func(path, media string, encode func([]byte, []span.Item) []byte) translate.Target {
		return body{network: translate.HTTP, path: path, media: media, encode: encode}.target()
	}
	return []soakWay{
		{name: "Zipkin v2 JSON by HTTP", port: "zipkin", target: kind("zipkin")},
		{name: "Zipkin proto3 by HTTP", port: "zipkin", target: post("/api/v2/spans", "application/x-protobuf", zipkin.AppendProto3)},
		{name: "Zipkin Thrift by HTTP", port: "zipkin", target: post("/api/v1/spans", "application/x-thrift", appendZipkinThrift)},
		{name: "Zipkin proto3 by gRPC", port: "zipkin", target: body{
			network: translate.GRPC, method: "/zipkin.proto3.SpanService/Report", encode: zipkin.AppendProto3,
		}.target()},
		{name: "Jaeger Thrift by HTTP", port: "jaeger-http", target: post("/api/traces", "application/x-thrift", func(dst []byte, items []span.Item) []byte {
			return jaeger.AppendBatch(dst, items, false)
		})},
		{name: "Jaeger by gRPC", port: "jaeger-grpc", target: kind("jaeger")},
		{name: "SkyWalking by gRPC", port: "skywalking-grpc", target: kind("skywalking")},
		{name: "SkyWalking by HTTP", port: "skywalking-http", target: post("/v3/segments", "application/json", encoded(kind("skywalking"), segmentsJSON))},
		{name: "OTLP by gRPC", port: "otlp-grpc", target: kind("otlp-grpc")},
		{name: "OTLP by HTTP", port: "otlp-http", target: kind("otlp-http")},
		{name: "OTLP JSON by HTTP", port: "otlp-http", target: post("/v1/traces", "application/json", encoded(kind("otlp-http"), transcoded(otlp.AppendJSON)))},
		{name: "Jaeger Thrift compact by UDP", port: "jaeger-compact", silent: true},
	}
}

// soakOptions: what the encoders of a client write. Each span is sent once.
var soakOptions = translate.EncoderOptions{Residue: translate.None, Own: true}

// encoded makes one body of the messages of a target's encoder.
func encoded(t translate.Target, join func([]translate.Message) ([]byte, error)) func([]byte, []span.Item) []byte {
	return func(dst []byte, items []span.Item) []byte {
		e := t.New(soakOptions)
		e.Reset()
		e.Add(items)
		out, err := join(e.Messages())
		if err != nil {
			panic(err) // of our own spans
		}
		return append(dst, out...)
	}
}

// appendZipkinThrift writes a list of Zipkin's v1 spans in Thrift binary
// (zipkinCore.thrift). The gateway has no target that does.
func appendZipkinThrift(dst []byte, items []span.Item) []byte {
	const stop, i64, text, structure, list = 0, 10, 11, 12, 15
	field := func(typ byte, id uint16) { dst = binary.BigEndian.AppendUint16(append(dst, typ), id) }
	str := func(id uint16, s string) {
		field(text, id)
		dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
	}
	long := func(id uint16, v uint64) {
		field(i64, id)
		dst = binary.BigEndian.AppendUint64(dst, v)
	}
	elements := func(id uint16, n int) {
		field(list, id)
		dst = binary.BigEndian.AppendUint32(append(dst, structure), uint32(n))
	}
	endpoint := func(id uint16, service string) {
		field(structure, id)
		str(3, service)
		dst = append(dst, stop)
	}
	dst = binary.BigEndian.AppendUint32(append(dst, structure), uint32(len(items)))
	for _, item := range items {
		s := &item.Batch.Spans()[item.Index]
		long(1, s.Trace.Lo)
		str(3, item.Batch.Str(s.Name))
		long(4, uint64(s.ID))
		service := item.Batch.Str(s.Local.Service)
		elements(6, 2)
		for i, value := range []string{"sr", "ss"} {
			long(1, uint64(s.Start/1000+int64(i)*(s.Duration/1000)))
			str(2, value)
			endpoint(3, service)
			dst = append(dst, stop)
		}
		attrs := item.Batch.Attrs(s.Attrs)
		elements(8, len(attrs))
		for i := range attrs {
			str(1, item.Batch.Str(attrs[i].Key))
			str(2, string(item.Batch.AppendText(nil, &attrs[i])))
			field(8, 3) // i32
			dst = binary.BigEndian.AppendUint32(dst, 6)
			endpoint(4, service)
			dst = append(dst, stop)
		}
		long(10, uint64(s.Start/1000))
		long(11, uint64(s.Duration/1000))
		long(12, s.Trace.Hi)
		dst = append(dst, stop)
	}
	return dst
}

// numberedSpans are n server spans, each a trace of its own, so that SkyWalking has
// a segment for each.
func numberedSpans(first, n int, service string, now time.Time) (items []span.Item) {
	w := span.NewBuilder(nil, span.Origin{Format: "bridge.soak", Received: now.UnixNano()})
	name := w.Copy(service)
	for i := range n {
		check := checkOf(first + i)
		s := span.Span{
			Trace: span.TraceID{Hi: check | 1<<63, Lo: uint64(first + i)}, ID: span.ID(check | 1), Name: w.Copy(numberedName(first + i)),
			Kind: span.KindServer, Start: now.UnixNano(), Duration: int64(time.Millisecond), Has: span.HasStart | span.HasDuration,
			Local: span.Endpoint{Service: name},
		}
		mark := w.AttrMark()
		w.Attr(span.StringAttr(w.Copy(checkKey), w.Copy(checkText(first+i))))
		s.Attrs = w.AttrsFrom(mark)
		w.Span(s)
	}
	b := w.Batch()
	for i := range b.Spans() {
		s := &b.Spans()[i]
		items = append(items, span.Item{Batch: b, Index: i, Identity: span.Identity{ID: s.ID}})
	}
	return items
}

// soakClient sends spans by one way, a batch after the other.
type soakClient struct {
	way     int
	w       soakWay
	address string
	rate    float64 // spans a second
	rng     *rand.Rand
	book    *soakBook
}

// mostAtOnce bounds a batch.
const mostAtOnce = 20

// run sends until the context ends. What was not acknowledged is not sent again:
// it may have come.
func (c *soakClient) run(ctx context.Context) error {
	send := c.datagrams()
	if !c.w.silent {
		address := c.address
		if c.w.target.Network == translate.HTTP {
			address = "http://" + address
		}
		e, err := exporters.New(c.w.target, exporters.Settings{
			Endpoint: address, Timeout: 10 * time.Second, UserAgent: "bridge-soak/" + versionName(), Options: soakOptions,
		})
		if err != nil {
			return err
		}
		defer e.Close()
		send = func(ctx context.Context, items []span.Item) bool {
			left, err := e.Consume(ctx, span.Parcel{Items: items})
			return err == nil && left.Bad() == 0
		}
	}
	next := time.Now()
	for {
		n := 1 + c.rng.IntN(mostAtOnce)
		next = next.Add(time.Duration(float64(n) / c.rate * float64(time.Second)))
		if late := time.Since(next); late > time.Second {
			next = next.Add(late) // what was not sent in time is not made up for
		}
		if !sleep(ctx, time.Until(next)) {
			return nil
		}
		first := c.book.draw(c.way, n)
		// A request that is on its way when the time is over is waited for.
		if send(context.WithoutCancel(ctx), numberedSpans(first, n, "soak-"+c.w.port, time.Now())) {
			c.book.acknowledge(first, n)
		} else if !sleep(ctx, 50*time.Millisecond) {
			return nil
		}
	}
}

func (c *soakClient) datagrams() func(context.Context, []span.Item) bool {
	write := datagram(true)
	return func(ctx context.Context, items []span.Item) bool {
		return write(ctx, destination{address: c.address}, items) == nil
	}
}

// sleep waits; it is false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
