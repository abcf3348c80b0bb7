// SPDX-License-Identifier: Apache-2.0

package jaeger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/google/go-cmp/cmp"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"
	"github.com/opentracing/opentracing-go/log"
	"go.uber.org/goleak"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// agentServer is an agent's port: it reads datagrams as agents do, with
// Apache's Thrift.
type agentServer struct {
	conn    net.PacketConn
	mu      sync.Mutex
	batches []*thriftgen.Batch
	lengths []int
	err     error
}

func newAgent(t *testing.T) *agentServer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// Nothing is lost in these tests.
	if err := conn.(*net.UDPConn).SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	a := &agentServer{conn: conn}
	var wg sync.WaitGroup
	wg.Go(a.serve)
	t.Cleanup(func() {
		_ = conn.Close()
		wg.Wait()
		if a.err != nil {
			t.Error(a.err)
		}
	})
	return a
}

func (a *agentServer) serve() {
	packet := make([]byte, 1<<16)
	for {
		n, _, err := a.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		batch, err := readDatagram(packet[:n])
		a.mu.Lock()
		a.err = errors.Join(a.err, err)
		a.batches = append(a.batches, batch)
		a.lengths = append(a.lengths, n)
		a.mu.Unlock()
	}
}

func readDatagram(packet []byte) (*thriftgen.Batch, error) {
	buf := thrift.NewTMemoryBuffer()
	buf.Write(packet)
	p := thrift.NewTCompactProtocolConf(buf, nil)
	ctx := context.Background()
	name, kind, _, err := p.ReadMessageBegin(ctx)
	if err != nil || name != "emitBatch" || kind != thrift.ONEWAY {
		return nil, fmt.Errorf("%s of type %v: %w", name, kind, err)
	}
	args := agent.NewAgentEmitBatchArgs()
	if err := args.Read(ctx, p); err != nil {
		return nil, err
	}
	return args.Batch, p.ReadMessageEnd(ctx)
}

// spans waits for that many spans.
func (a *agentServer) spans(t *testing.T, n int) (list []*thriftgen.Span) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		a.mu.Lock()
		list = list[:0]
		for _, b := range a.batches {
			list = append(list, b.Spans...)
		}
		a.mu.Unlock()
		if len(list) >= n || time.Now().After(end) {
			break
		}
	}
	if len(list) != n {
		t.Fatalf("%d spans came, want %d", len(list), n)
	}
	return list
}

// show writes a span down.
func show(s *thriftgen.Span) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s flags %d, %d + %d\n", s.OperationName, s.Flags, s.StartTime, s.Duration)
	for _, r := range s.References {
		fmt.Fprintf(&out, "  %s %t\n", r.RefType, r.TraceIdLow == s.TraceIdLow && r.SpanId == s.ParentSpanId)
	}
	tags := func(indent string, list []*thriftgen.Tag) {
		for _, t := range list {
			fmt.Fprintf(&out, "%s%s %s ", indent, t.Key, t.VType)
			switch t.VType {
			case thriftgen.TagType_STRING:
				fmt.Fprintln(&out, t.GetVStr())
			case thriftgen.TagType_BOOL:
				fmt.Fprintln(&out, t.GetVBool())
			case thriftgen.TagType_LONG:
				fmt.Fprintln(&out, t.GetVLong())
			case thriftgen.TagType_DOUBLE:
				fmt.Fprintln(&out, t.GetVDouble())
			case thriftgen.TagType_BINARY:
				fmt.Fprintf(&out, "%v\n", t.GetVBinary())
			}
		}
	}
	tags("  ", s.Tags)
	for _, l := range s.Logs {
		fmt.Fprintf(&out, "  log %d\n", l.Timestamp)
		tags("    ", l.Fields)
	}
	return out.String()
}

const (
	wantCall = `pay flags 1, 1700000000000001 + 5000
  CHILD_OF true
  span.kind STRING client
  peer.service STRING bank
  peer.port LONG 8080
  count LONG 42
  ratio DOUBLE 0.25
  hit BOOL false
  raw BINARY [1 2]
  error BOOL true
  log 1700000000000002
    event STRING error
    message STRING sold out ünï
    code LONG 7
`
	wantIndex = `index flags 3, 1700000000000001 + 0
  FOLLOWS_FROM true
  sampling.priority LONG 1
`
)

func play(tr *tracer.Tracer) {
	start := time.UnixMicro(1_700_000_000_000_001)
	root := tr.StartSpan("GET /cart", opentracing.StartTime(start), ext.SpanKindRPCServer)
	call := tr.StartSpan("pay", opentracing.StartTime(start), opentracing.ChildOf(root.Context()), ext.SpanKindRPCClient)
	call.SetTag("peer.service", "bank").SetTag("peer.port", uint16(8080)).SetTag("count", 42).SetTag("ratio", 0.25)
	call.SetTag("hit", false).SetTag("raw", []byte{1, 2}).SetTag("error", true)
	call.FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(5 * time.Millisecond), LogRecords: []opentracing.LogRecord{
		{Timestamp: start.Add(time.Microsecond), Fields: []log.Field{log.String("event", "error"), log.String("message", "sold out ünï"), log.Int("code", 7)}},
	}})
	index := tr.StartSpan("index", opentracing.StartTime(start), opentracing.FollowsFrom(root.Context()))
	ext.SamplingPriority.Set(index, 1)
	index.FinishWithOptions(opentracing.FinishOptions{FinishTime: start})
	root.FinishWithOptions(opentracing.FinishOptions{FinishTime: start.Add(time.Second)})
}

func options() []tracer.Option {
	return []tracer.Option{
		tracer.WithInstance("shop-1"), tracer.WithIP(netip.MustParseAddr("10.0.0.1")),
		tracer.WithTags(tracer.Tag{Key: "env", Value: "lab"}, tracer.Tag{Key: "replica", Value: 7}),
	}
}

func check(t *testing.T, p *thriftgen.Process, spans []*thriftgen.Span) {
	t.Helper()
	got := []string{}
	for _, s := range spans {
		got = append(got, show(s))
		if s.TraceIdHigh == 0 || s.TraceIdHigh != spans[0].TraceIdHigh || s.TraceIdLow != spans[0].TraceIdLow {
			t.Errorf("trace %x%x", s.TraceIdHigh, s.TraceIdLow)
		}
	}
	if spans[0].ParentSpanId != spans[2].SpanId || spans[1].ParentSpanId != spans[2].SpanId {
		t.Error("the parent is another one")
	}
	if d := cmp.Diff([]string{wantCall, wantIndex, "GET /cart flags 1, 1700000000000001 + 1000000\n  span.kind STRING server\n"}, got); d != "" {
		t.Error(d)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s := &thriftgen.Span{Tags: p.Tags}
	if want := " flags 0, 0 + 0\n  hostname STRING " + host + "\n  ip STRING 10.0.0.1\n  service.instance.id STRING shop-1\n" +
		"  telemetry.sdk.language STRING go\n  env STRING lab\n  replica LONG 7\n"; p.ServiceName != "shop" || show(s) != want {
		t.Errorf("process %s\n%s\nwant %s", p.ServiceName, show(s), want)
	}
}

func TestUDP(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	r, err := jaeger.NewUDP(a.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", append(options(), tracer.WithReporter(r))...)
	play(tr)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, a.batches[0].Process, a.spans(t, 3))
	if n := r.Counts(); n.Sent != 3 || n.Requests != 1 {
		t.Errorf("%+v", n)
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	var batch *thriftgen.Batch
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		buf := &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(body)}
		batch = thriftgen.NewBatch()
		err := batch.Read(r.Context(), thrift.NewTBinaryProtocolConf(buf, nil))
		user, password, _ := r.BasicAuth()
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/api/traces" || r.Header.Get("Content-Type") != "application/x-thrift" ||
			user != "me" || password != "secret" {
			t.Errorf("%v: %s %s %v", err, r.Method, r.URL, r.Header)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	r, err := jaeger.NewHTTP(strings.Replace(s.URL, "http://", "http://me:secret@", 1))
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", append(options(), tracer.WithReporter(r))...)
	play(tr)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, batch.Process, batch.Spans)
}

// A collector takes messages of any length: a span that is longer than a message
// should be goes alone.
func TestLongSpanByHTTP(t *testing.T) {
	t.Parallel()
	var spans atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		batch := thriftgen.NewBatch()
		if err := batch.Read(r.Context(), thrift.NewTBinaryProtocolConf(&thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(body)}, nil)); err != nil {
			t.Error(err)
		}
		spans.Add(int64(len(batch.Spans)))
	}))
	defer s.Close()
	r, err := jaeger.NewHTTP(s.URL, reporter.WithBatch(1000, 10_000))
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r))
	for i := range 9 {
		tr.StartSpan("a", opentracing.Tag{Key: "long", Value: strings.Repeat("x", 4000*(i%5))}).Finish()
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
	if n := r.Counts(); n.Sent != 9 || spans.Load() != 9 || n.Requests < 5 {
		t.Errorf("%d spans came of %+v", spans.Load(), n)
	}
}

// Datagrams have at most 65,000 bytes; a span that needs more is dropped, and
// the others are not.
func TestPackets(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	r, err := jaeger.NewUDP(a.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r), tracer.WithMaxTagValueLength(1<<20))
	for i := range 100 {
		tr.StartSpan("a", opentracing.Tag{Key: "long", Value: strings.Repeat("x", 1000*(i%20))}).Finish()
		if i%10 == 0 {
			tr.StartSpan("too long", opentracing.Tag{Key: "long", Value: strings.Repeat("x", 65_000)}).Finish()
		}
	}
	tr.StartSpan("fits", opentracing.Tag{Key: "long", Value: strings.Repeat("x", 64_500)}).Finish()
	if err := tr.Close(); err == nil || !strings.Contains(err.Error(), "10 spans") || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
	for _, s := range a.spans(t, 101) {
		if s.OperationName == "too long" {
			t.Error("a span that does not fit has come")
		}
	}
	for _, n := range a.lengths {
		if n > jaeger.MaxPacket {
			t.Errorf("a datagram of %d bytes", n)
		}
	}
	if n := r.Counts(); n.TooLarge != 10 || n.Sent != 101 || n.Waiting != 0 || len(a.lengths) < 10 {
		t.Errorf("%+v in %d datagrams", n, len(a.lengths))
	}
}

// Two tracers that share a reporter have a process each.
func TestProcesses(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	r, err := jaeger.NewUDP(a.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	one, two := tracer.New("one", tracer.WithReporter(r)), tracer.New("two", tracer.WithReporter(r))
	for range 3 {
		one.StartSpan("one").Finish()
		two.StartSpan("two").Finish()
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.spans(t, 6)
	for _, b := range a.batches {
		for _, s := range b.Spans {
			if s.OperationName != b.Process.ServiceName {
				t.Errorf("a span of %s in the batch of %s", s.OperationName, b.Process.ServiceName)
			}
		}
	}
}

// An agent that starts later gets what is reported from then on; nothing hangs
// while nobody listens.
func TestAgentAway(t *testing.T) {
	t.Parallel()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.LocalAddr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := jaeger.NewUDP(address, reporter.WithRetry(0))
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r))
	// The refusal of a datagram comes with the next one.
	for r.Counts().FailedRequests == 0 {
		tr.StartSpan("lost").Finish()
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	l, err = net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan error, 1)
	go func() {
		packet := make([]byte, 1<<16)
		n, _, err := l.ReadFrom(packet)
		if err == nil {
			_, err = readDatagram(packet[:n])
		}
		got <- err
	}()
	for {
		tr.StartSpan("comes").Finish()
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-got:
			if err != nil {
				t.Error(err)
			}
			_ = tr.Close()
			if n := r.Counts(); n.Reported != n.Sent+n.Failed || n.Failed == 0 {
				t.Errorf("%+v", n)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "agent", "agent:", ":"} {
		if _, err := jaeger.NewUDP(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	// A name that is not known is a matter of time.
	r, err := jaeger.NewUDP("agent.invalid:6831", reporter.WithRetry(0))
	if err != nil {
		t.Fatal(err)
	}
	tr := tracer.New("shop", tracer.WithReporter(r))
	tr.StartSpan("a").Finish()
	if err := tr.Close(); err == nil {
		t.Error("no error")
	}
	if n := r.Counts(); n.Failed != 1 {
		t.Errorf("%+v", n)
	}
}
