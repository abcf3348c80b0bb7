// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"
	commonv3 "skywalking.apache.org/repo/goapi/collect/common/v3"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/skywalking"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// startAll is a server of all the ports that agents know.
func startAll(t *testing.T) *bench {
	return start(t, func(o *receivers.Options) {
		o.Protocols = []translate.Protocol{zipkin.Protocol, jaeger.New(nil), skywalking.Protocol}
		o.Ports = make(map[string]receivers.Listen)
		for _, p := range o.Protocols {
			for _, port := range p.Ports {
				o.Ports[port.Name] = receivers.Listen{Address: "127.0.0.1:0"}
			}
		}
	})
}

// The statuses of whole bodies.
func TestRow14Statuses(t *testing.T) {
	b := start(t, nil)
	f := func(body string, want, spans int) {
		t.Helper()
		before := b.sink.got()
		status, _, text := b.post(t, b.url("zipkin", "/api/v2/spans"), strings.NewReader(body))
		if got := b.sink.got() - before; status != want || got != spans || (text == "") != (status == 202) {
			t.Errorf("%q: %d %q and %d spans, want %d and %d", body, status, text, got, want, spans)
		}
	}
	f(``, 202, 0)
	f(`[]`, 202, 0)
	f(`[ ]`, 202, 0)
	f(`{}`, 400, 0)
	f(" ["+oneSpan+"]", 400, 0)
	f("\ufeff["+oneSpan+"]", 400, 0)
	f("["+oneSpan+"] and more", 202, 1)
	f("["+oneSpan+",]", 400, 1) // what stands before the fault is taken
}

// A body of the other version is told so, in words of the server's.
func TestRow18WrongPath(t *testing.T) {
	b := start(t, nil)
	f := func(path, body, want string) {
		t.Helper()
		status, header, text := b.post(t, b.url("zipkin", path), strings.NewReader(body))
		if status != 400 || !strings.Contains(text, want) || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %q %q, want 400 with %q", path, status, header.Get("Content-Type"), text, want)
		}
	}
	f("/api/v2/spans", `[{"traceId":"1","id":"2","binaryAnnotations":[]}]`, "JSON_V1, want a JSON_V2 encoded list")
	f("/api/v1/spans", `[{"traceId":"1","id":"2","localEndpoint":{}}]`, "JSON_V2, want a JSON_V1 encoded list")
	if b.sink.got() != 0 {
		t.Errorf("%d spans", b.sink.got())
	}
}

// datagram is a call of emitBatch or emitZipkinBatch with one span.
func datagram(compact bool, method string, kind thrift.TMessageType, tag string) []byte {
	m := thrift.NewTMemoryBuffer()
	var p thrift.TProtocol = thrift.NewTBinaryProtocolConf(m, nil)
	if compact {
		p = thrift.NewTCompactProtocolConf(m, nil)
	}
	ctx := context.Background()
	var args thrift.TStruct = &agent.AgentEmitZipkinBatchArgs{Spans: []*zipkincore.Span{{TraceID: 1, ID: 2, Name: tag}}}
	if method == "emitBatch" {
		args = &agent.AgentEmitBatchArgs{Batch: &thriftgen.Batch{
			Process: &thriftgen.Process{ServiceName: "s"},
			Spans:   []*thriftgen.Span{{TraceIdLow: 1, SpanId: 2, OperationName: "n", Tags: []*thriftgen.Tag{{Key: "k", VStr: &tag}}}},
		}}
	}
	if err := errors.Join(p.WriteMessageBegin(ctx, method, kind, 1), args.Write(ctx, p), p.WriteMessageEnd(ctx), p.Flush(ctx)); err != nil {
		panic(err)
	}
	return m.Bytes()
}

var udpNames = []string{"jaeger-compact", "jaeger-binary", "jaeger-zipkin-compact"}

// Both calls in both forms, as call and as one-way call, at each of the three
// ports of the agent.
func TestRow25EveryPort(t *testing.T) {
	b := startAll(t)
	sent := 0
	for _, port := range udpNames {
		c, err := net.Dial("udp", b.Address(port).String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, compact := range []bool{true, false} {
			for _, method := range []string{"emitBatch", "emitZipkinBatch"} {
				for _, kind := range []thrift.TMessageType{thrift.CALL, thrift.ONEWAY} {
					if _, err := c.Write(datagram(compact, method, kind, "x")); err != nil {
						t.Fatal(err)
					}
					sent++
					b.sink.wait(t, sent)
				}
			}
		}
	}
	for _, format := range []string{"jaeger.agent", "zipkin.v1.agent"} {
		protocol, _, _ := strings.Cut(format, ".")
		if n := testutil.ToFloat64(b.set.Messages.WithLabelValues(protocol, format, "udp", "taken")); n != 12 {
			t.Errorf("%s: %v taken, want 12", format, n)
		}
	}
	if n := testutil.CollectAndCount(b.set.Panics); n != 0 {
		t.Errorf("%d panics", n)
	}
}

func TestRow26Datagrams(t *testing.T) {
	b := startAll(t)
	var c net.Conn
	send := func(p []byte) {
		t.Helper()
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, port := range udpNames {
		var err error
		if c, err = net.Dial("udp", b.Address(port).String()); err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		malformed := func() float64 {
			n := 0.0
			for _, of := range []string{"jaeger jaeger", "jaeger jaeger.agent", "zipkin zipkin.v1.agent"} {
				protocol, format, _ := strings.Cut(of, " ")
				n += testutil.ToFloat64(b.set.Messages.WithLabelValues(protocol, format, "udp", "malformed"))
			}
			return n
		}
		// bad waits until as many more are counted.
		bad := func(what string, more float64, packets ...[]byte) {
			t.Helper()
			want := malformed() + more
			for _, p := range packets {
				send(p)
			}
			deadline := time.Now().Add(time.Minute)
			for malformed() < want {
				if time.Now().After(deadline) {
					t.Fatalf("%s at %s: %v malformed, want %v", what, port, malformed(), want)
				}
				time.Sleep(time.Millisecond)
			}
			if n := malformed(); n != want {
				t.Errorf("%s at %s: %v malformed, want %v", what, port, n, want)
			}
		}
		for _, size := range []int{65000, 65507} {
			spans := b.sink.got()
			head := len(datagram(true, "emitBatch", thrift.ONEWAY, strings.Repeat("x", 60000)))
			p := datagram(true, "emitBatch", thrift.ONEWAY, strings.Repeat("x", 60000+size-head))
			if len(p) != size {
				t.Fatal(len(p))
			}
			send(p)
			b.sink.wait(t, spans+1)
		}
		for _, method := range []string{"emitBatch", "emitZipkinBatch"} {
			for _, compact := range []bool{true, false} {
				p := datagram(compact, method, thrift.ONEWAY, "text")
				bad("a cut "+method, 1, p[:len(p)-8])
			}
		}
		huge := append([]byte{0x80, 0x01, 0, 4, 0, 0, 0, 15}, "emitZipkinBatch\x00\x00\x00\x01\x0f\x00\x01\x0c\x7f\xff\xff\xff"...)
		bad("a list of 2^31-1", 1, huge)
		for range 50 {
			noise := make([]byte, 1+rng.IntN(400))
			for i := range noise {
				noise[i] = byte(rng.Uint32())
			}
			if rng.IntN(2) == 0 {
				noise = append(huge[:len(huge)-4:len(huge)-4], noise...)
				noise[len(huge)-4] |= 0x40 // more elements than there are bytes
			}
			bad("noise", 1, noise)
		}
		spans := b.sink.got()
		send(datagram(true, "emitBatch", thrift.CALL, "after all that"))
		b.sink.wait(t, spans+1)
	}
	if n := testutil.CollectAndCount(b.set.Panics); n != 0 {
		t.Errorf("%d panics", n)
	}
}

// The collector's HTTP port.
func TestRow27HTTP(t *testing.T) {
	b := startAll(t)
	m := thrift.NewTMemoryBuffer()
	batch := &thriftgen.Batch{Process: &thriftgen.Process{ServiceName: "s"}, Spans: []*thriftgen.Span{{TraceIdLow: 1, SpanId: 2}}}
	if err := batch.Write(t.Context(), thrift.NewTBinaryProtocolConf(m, nil)); err != nil {
		t.Fatal(err)
	}
	good := m.Bytes()
	f := func(body []byte, media string, want, spans int) {
		t.Helper()
		before := b.sink.got()
		var headers []string
		if media != "" {
			headers = append(headers, "Content-Type: "+media)
		}
		status, _, text := b.post(t, b.url("jaeger-http", "/api/traces?format=jaeger.thrift"), bytes.NewReader(body), headers...)
		if got := b.sink.got() - before; status != want || got != spans || (text == "") != (status == 202) {
			t.Errorf("%s: %d %q and %d spans, want %d and %d", media, status, text, got, want, spans)
		}
	}
	for _, media := range []string{"application/x-thrift", "application/vnd.apache.thrift.binary"} {
		f(good, media, 202, 1)
		f(good, media+"; charset=utf-8", 202, 1)
		f(good, strings.ToUpper(media)+`;p="q"`, 202, 1)
		f([]byte("rubbish"), media, 400, 0)
		f(good[:len(good)-3], media, 400, 0)
		f(nil, media, 400, 0)
	}
	f(good, "application/json", 400, 0)
	f(good, "application/vnd.apache.thrift.compact", 400, 0)
	f(good, "", 400, 0)
}

// agentSegment is a segment of one span.
func agentSegment(t *testing.T, name string) []byte {
	t.Helper()
	p, err := proto.Marshal(&agentv3.SegmentObject{
		TraceId: "t", TraceSegmentId: name, Service: "a", ServiceInstance: "i",
		Spans: []*agentv3.SpanObject{{ParentSpanId: -1, StartTime: 1700000000000, EndTime: 1700000000001, OperationName: name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Reports come with the package of the protocol and, from older agents, without.
func TestW2WithoutPackage(t *testing.T) {
	b := startAll(t)
	conn := b.dial(t, "skywalking-grpc")
	for n, method := range []string{"/skywalking.v3.TraceSegmentReportService/collect", "/TraceSegmentReportService/collect"} {
		s := open(t, conn, method)
		for i := range 3 {
			if err := s.SendMsg(rawgrpc.New(agentSegment(t, fmt.Sprint(n, i)))); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if got, err := answer(s); got != "" || err != nil {
			t.Errorf("%s: %q, %v, want empty commands", method, got, err)
		}
		if got := b.sink.got(); got != 3*(n+1) {
			t.Errorf("%s: %d spans, want %d", method, got, 3*(n+1))
		}
	}
}

// An empty segment beside a good one costs only itself, and the agent nothing.
func TestW3InSync(t *testing.T) {
	b := startAll(t)
	conn := b.dial(t, "skywalking-grpc")
	empty, err := proto.Marshal(&agentv3.SegmentObject{TraceId: "t", TraceSegmentId: "empty", Service: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for n, method := range []string{"/skywalking.v3.TraceSegmentReportService/collectInSync", "/TraceSegmentReportService/collectInSync"} {
		var body []byte
		for _, g := range [][]byte{agentSegment(t, "good"), empty} {
			body = append(append(body, 0x0a, byte(len(g))), g...)
		}
		if got, err := call(conn, method, body); got != "" || err != nil {
			t.Errorf("%s: %q, %v, want empty commands", method, got, err)
		}
		if got, bad := b.sink.got(), testutil.ToFloat64(b.set.SpansRejected.WithLabelValues("skywalking", "malformed")); got != n+1 || bad != float64(n+1) {
			t.Errorf("%s: %d spans and %v rejected, want %d of each", method, got, bad, n+1)
		}
	}
}

// Every method is answered without a backend: none is unknown, and the answer is
// one of the type that the agent reads.
func TestW4WithoutBackend(t *testing.T) {
	b := startAll(t)
	conn := b.dial(t, "skywalking-grpc")
	for _, r := range skywalking.Protocol.GRPC {
		var got string
		var err error
		if r.Stream {
			s := open(t, conn, r.Method)
			if err := s.CloseSend(); err != nil {
				t.Fatal(err)
			}
			got, err = answer(s)
		} else {
			got, err = call(conn, r.Method, nil)
		}
		if err != nil {
			t.Errorf("%s: %v", r.Method, err)
		}
		if err := proto.Unmarshal([]byte(got), &commonv3.Commands{}); err != nil {
			t.Errorf("%s: %q: %v", r.Method, got, err)
		}
	}
	if n := testutil.CollectAndCount(b.set.UnknownCalls); n != 0 {
		t.Errorf("%d ports count unknown calls", n)
	}
}

// The JSON of the Python agent and of browsers, by HTTP.
func TestW10HTTP(t *testing.T) {
	b := startAll(t)
	segment := func(name string) string {
		return `{"traceId":"t","traceSegmentId":"` + name + `","service":"py","serviceInstance":"i","spans":[` +
			`{"spanId":1,"parentSpanId":0,"startTime":"1700000000000","endTime":"1700000000001","operationName":"/b","peer":null,"spanType":"Exit","spanLayer":"Http","refs":[]},` +
			`{"spanId":0,"parentSpanId":-1,"startTime":1700000000000,"endTime":1700000000002,"operationName":"/a","spanType":"Entry","spanLayer":"Http",` +
			`"refs":[{"refType":0,"traceId":"t","parentTraceSegmentId":"p","parentSpanId":1,"parentService":"x"}]}]}`
	}
	f := func(path, body string, want, spans int, words string, headers ...string) {
		t.Helper()
		before := b.sink.got()
		status, header, text := b.post(t, b.url("skywalking-http", path), strings.NewReader(body), append(headers, "Content-Type: application/json")...)
		if got := b.sink.got() - before; status != want || got != spans || !strings.Contains(text, words) {
			t.Errorf("%s: %d %q and %d spans, want %d with %q and %d", path, status, text, got, want, words, spans)
		}
		if status == http.StatusOK && (text != "{}" || !strings.HasPrefix(header.Get("Content-Type"), "application/json")) {
			t.Errorf("%s: %q %q", path, header.Get("Content-Type"), text)
		}
	}
	f("/v3/segment", segment("a"), 200, 2, "{}")
	f("/v3/segment", string(zip([]byte(segment("b")))), 200, 2, "{}", "Content-Encoding: gzip")
	f("/v3/segments", "["+segment("c")+","+segment("d")+"]", 200, 4, "{}")
	f("/v3/segments", string(zip([]byte("["+segment("e")+"]"))), 200, 2, "{}", "Content-Encoding: gzip")
	f("/v3/segments", "["+segment("f")+`,{"traceId":5,"spans":[{"startTime":1}]},`+segment("g")+"]", 400, 4, "segment 2")
	f("/v3/segments", segment("h"), 400, 0, "want an array")
	f("/v3/segment", "not gzip", 400, 0, "", "Content-Encoding: gzip")
}
