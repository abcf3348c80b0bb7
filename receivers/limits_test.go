// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/access/accesstest"
	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/receivers"
)

// eventually waits for a condition.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// closed is true when the other side closes a connection, whatever it says before.
func closed(t *testing.T, c net.Conn) bool {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	_, err := io.Copy(io.Discard, c)
	var late net.Error
	return !errors.As(err, &late) || !late.Timeout()
}

func (b *bench) connect(t *testing.T, port string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.Address(port).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConnectionsAreBounded(t *testing.T) {
	b := start(t, func(o *receivers.Options) { o.Limits.Connections, o.Limits.ConnectionsTotal = 3, 5 })
	open := func(port string, want float64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%v connections at %s", want, port), func() bool {
			return testutil.ToFloat64(b.set.Limits.Connections.WithLabelValues(port)) == want
		})
	}
	var http, rpc []net.Conn
	for range 3 {
		http = append(http, b.connect(t, "ids-http"))
	}
	open("ids-http", 3)
	if c := b.connect(t, "ids-http"); !closed(t, c) {
		t.Error("the fourth connection of a port stays open")
	}
	for range 2 {
		rpc = append(rpc, b.connect(t, "ids-grpc"))
	}
	open("ids-grpc", 2)
	for _, port := range []string{"ids-grpc", "zipkin"} {
		if c := b.connect(t, port); !closed(t, c) {
			t.Error("the sixth connection of all stays open")
		}
	}
	for port, want := range map[string]float64{"ids-http": 1, "ids-grpc": 1, "zipkin": 1} {
		if n := testutil.ToFloat64(b.set.Limits.ConnectionsRefused.WithLabelValues(port)); n != want {
			t.Errorf("%s: %v refused, want %v", port, n, want)
		}
	}
	http[0].Close()
	rpc[0].Close()
	open("ids-http", 2)
	open("ids-grpc", 1)
	if status, _, text := b.post(t, b.url("ids-http", "/ids"), bytes.NewReader(list(1)), "Content-Type: application/ids"); status != 200 {
		t.Errorf("when there is room again: %d %s", status, text)
	}
}

func TestCallsAreBounded(t *testing.T) {
	b := start(t, func(o *receivers.Options) { o.Limits.StreamsTotal = 2 })
	conn := b.dial(t, "ids-grpc")
	var held []grpc.ClientStream
	for i := range 2 {
		s := open(t, b.dial(t, "ids-grpc"), "/ids.Service/stream")
		if err := s.SendMsg(rawgrpc.New(id(i + 1))); err != nil {
			t.Fatal(err)
		}
		b.sink.wait(t, i+1) // it is being served
		held = append(held, s)
	}
	_, err := call(conn, "/ids.Service/unary", list(1))
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "limits.streams_total") {
		t.Errorf("the third call: %v", err)
	}
	third := open(t, conn, "/ids.Service/stream")
	if _, err := answer(third); status.Code(err) != codes.Aborted {
		t.Errorf("the third call, of a method that answers ABORTED when busy: %v", err)
	}
	if _, err := call(conn, "/ids.Service/ask", nil); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("the third call, of a method without spans: %v", err)
	}
	for _, s := range held {
		_ = s.CloseSend()
		_, _ = answer(s)
	}
	eventually(t, "calls are served again", func() bool {
		_, err := call(conn, "/ids.Service/unary", list(1))
		return err == nil
	})
}

// When the memory is taken clients are told to come again, in the words of their
// protocol, and everything is given back.
func TestMemoryIsTaken(t *testing.T) {
	taken := make([]byte, 16<<20)
	runtime.GC() // what it leaves is known as the live heap
	defer runtime.KeepAlive(taken)
	budget := receivers.NewBudget(12 << 20)
	b := start(t, func(o *receivers.Options) { o.Budget = budget })
	media := "Content-Type: application/ids"
	code, header, text := b.post(t, b.url("ids-http", "/ids"), bytes.NewReader(list(10)), media)
	if code != 503 || header.Get("Retry-After") == "" || !strings.Contains(text, "limits.memory") {
		t.Errorf("HTTP: %d, Retry-After %q, %q", code, header.Get("Retry-After"), text)
	}
	if code, _, _ := b.post(t, b.url("ids-http", "/ids"), bytes.NewReader(zip(list(10))), media, "Content-Encoding: gzip"); code != 503 {
		t.Errorf("HTTP with gzip: %d", code)
	}
	conn := b.dial(t, "ids-grpc")
	if _, err := call(conn, "/ids.Service/unary", list(10)); status.Code(err) != codes.Unavailable {
		t.Errorf("gRPC: %v", err)
	}
	if n := testutil.ToFloat64(b.set.Messages.WithLabelValues("ids", "ids.list", "http", "busy")); n != 2 {
		t.Errorf("%v messages counted as busy", n)
	}
	if b.sink.got() != 0 || budget.OnWay() != 0 {
		t.Errorf("%d spans taken, %d bytes on their way", b.sink.got(), budget.OnWay())
	}
}

// Bodies that are being read share what there is for them: those that do not fit
// are told to come again, and the others are taken.
func TestBodiesShareTheMemory(t *testing.T) {
	runtime.GC() // what other tests have left does not count
	budget := receivers.NewBudget(120 << 20)
	b := start(t, func(o *receivers.Options) {
		o.Budget = budget
		o.Limits.Body, o.Limits.Inflated, o.Limits.Message = 60<<20, 60<<20, 60<<20
	})
	conn := b.connect(t, "ids-http")
	// The body that is there takes about half of the 40 MiB while it is read.
	fmt.Fprintf(conn, "POST /ids HTTP/1.1\r\nHost: x\r\nContent-Type: application/ids\r\nContent-Length: %d\r\n\r\n", 12<<20)
	part := make([]byte, 1<<20)
	for range 11 {
		if _, err := conn.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the body is held", func() bool { return budget.OnWay() > 10<<20 })
	code, _, _ := b.post(t, b.url("ids-http", "/ids"), bytes.NewReader(make([]byte, 25<<20)), "Content-Type: application/ids")
	if code != 503 && code != 0 {
		t.Errorf("a second long body: %d", code)
	}
	rpc := b.dial(t, "ids-grpc")
	// 25 MiB of it are 25 kB on the way.
	for _, coding := range []string{gzip.Name, "zstd"} {
		_, err := call(rpc, "/ids.Service/unary", make([]byte, 25<<20), grpc.UseCompressor(coding))
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "limits.memory") {
			t.Errorf("a bomb by gRPC in %s: %v", coding, err)
		}
	}
	// The heap of this test, its own bodies too, must have been collected first.
	eventually(t, "a short body is taken", func() bool {
		code, _, _ := b.post(t, b.url("ids-http", "/ids"), bytes.NewReader(list(3)), "Content-Type: application/ids")
		return code == 200
	})
	conn.Close()
	eventually(t, "everything is given back", func() bool { return budget.OnWay() == 0 })
}

// rawCall opens a call by frames, so that it need not go on as gRPC wants it.
type rawCall struct {
	net.Conn
	*http2.Framer
}

func rawOver(t *testing.T, c net.Conn) *rawCall {
	t.Helper()
	r := &rawCall{c, http2.NewFramer(c, c)}
	fmt.Fprint(c, http2.ClientPreface)
	if err := r.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, c) }() // the server's frames, so that it never waits
	return r
}

func callHead(path string) []byte {
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "x"}, {"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: true})
	}
	return head.Bytes()
}

// transports are how a bench may be reached: the frames of HTTP/2 are the same with
// TLS and without.
var transports = map[string]func(*testing.T, func(*receivers.Options)) *reached{
	"plain": func(t *testing.T, change func(*receivers.Options)) *reached {
		b := start(t, change)
		return &reached{b, b.connect, b.dial}
	},
	"TLS": func(t *testing.T, change func(*receivers.Options)) *reached {
		ca := accesstest.NewAuthority(t, "ca")
		pair := ca.Issue("server", oneHour)
		b := start(t, func(o *receivers.Options) {
			secure(o, access.Server{CertFile: pair.CertFile, KeyFile: pair.KeyFile})
			change(o)
		})
		config := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", NextProtos: []string{"h2"}}
		return &reached{b, func(t *testing.T, port string) net.Conn {
			t.Helper()
			c := tls.Client(b.connect(t, port), config)
			t.Cleanup(func() { c.Close() })
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			return c
		}, func(t *testing.T, port string) *grpc.ClientConn { return b.dialTLS(t, port, config) }}
	},
}

// reached is a bench with the way to it.
type reached struct {
	*bench
	conn   func(*testing.T, string) net.Conn
	client func(*testing.T, string) *grpc.ClientConn
}

func byTransport(t *testing.T, change func(*receivers.Options), f func(*testing.T, *reached)) {
	for name, reach := range transports {
		t.Run(name, func(t *testing.T) { f(t, reach(t, change)) })
	}
}

// Messages that have come in part are counted, whatever the frames look like,
// and given back however the call ends.
func TestHalfMessagesAreCounted(t *testing.T) {
	var budget *receivers.Budget
	byTransport(t, func(o *receivers.Options) {
		budget = receivers.NewBudget(8 << 30)
		o.Budget = budget
	}, func(t *testing.T, b *reached) { halfMessagesAreCounted(t, b, budget) })
}

func halfMessagesAreCounted(t *testing.T, b *reached, budget *receivers.Budget) {
	r := rawOver(t, b.conn(t, "ids-grpc"))
	head := callHead("/ids.Service/stream")
	begin := func(stream uint32) {
		t.Helper()
		if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head, EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
	}
	held := func(want int64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d bytes are held, not %d", want, budget.OnWay()), func() bool { return budget.OnWay() == want })
	}
	begin(1)
	_ = r.WriteData(1, false, []byte{0, 0, 0})
	_ = r.WriteData(1, false, append([]byte{0, 100}, make([]byte, 49)...))
	held(49)
	begin(3)
	_ = r.WriteDataPadded(3, false, append([]byte{0, 0, 0, 1, 0}, make([]byte, 6)...), make([]byte, 200))
	held(55)
	_ = r.WriteDataPadded(3, false, make([]byte, 4), make([]byte, 7))
	held(59)
	_ = r.WriteRSTStream(3, http2.ErrCodeCancel)
	held(49)
	begin(5)
	_ = r.WriteData(5, true, append([]byte{0, 0, 0, 1, 0}, make([]byte, 50)...))
	held(49)
	// The rest of the first message, and a whole one.
	_ = r.WriteData(1, false, append(append(make([]byte, 51), 0, 0, 0, 0, 8), id(1)...))
	b.sink.wait(t, 1)
	held(0)
	begin(7)
	_ = r.WriteData(7, false, append([]byte{0, 0, 0, 1, 0}, make([]byte, 50)...))
	held(50)
	r.Close()
	held(0)
}

// The connection that keeps the most of messages in part is closed when there is
// no memory for them, and others are served.
func TestHalfMessagesAreBounded(t *testing.T) {
	var budget *receivers.Budget
	byTransport(t, func(o *receivers.Options) {
		budget = receivers.NewBudget(480 << 20) // 160 MiB for what is on its way
		o.Budget, o.Limits.Message = budget, 100<<20
	}, func(t *testing.T, b *reached) { halfMessagesAreBounded(t, b, budget) })
}

func halfMessagesAreBounded(t *testing.T, b *reached, budget *receivers.Budget) {
	flood := func(r *rawCall, calls int) error {
		head := callHead("/ids.Service/stream")
		block := make([]byte, 16<<10)
		for i := range calls {
			stream := uint32(2*i + 1)
			if err := r.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head, EndHeaders: true}); err != nil {
				return err
			}
			_ = r.WriteData(stream, false, []byte{0, 4, 0, 0, 0}) // 64 MiB
			for range 15 {                                        // less than the window
				if err := r.WriteData(stream, false, block); err != nil {
					return err
				}
			}
		}
		return nil
	}
	modest := rawOver(t, b.conn(t, "ids-grpc"))
	if err := flood(modest, 10); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the modest one is held", func() bool { return budget.OnWay() == 10*15*16<<10 })
	if err := flood(rawOver(t, b.conn(t, "ids-grpc")), 1000); err == nil {
		t.Error("a connection that has sent 200 MiB in part is not closed")
	}
	eventually(t, "the greedy one's is given back", func() bool { return budget.OnWay() == 10*15*16<<10 })
	if _, err := call(b.client(t, "ids-grpc"), "/ids.Service/unary", list(2)); err != nil {
		t.Error(err)
	}
}

func TestACallWithoutAMessageEnds(t *testing.T) {
	b := start(t, func(o *receivers.Options) { o.Limits.Read = 200 * time.Millisecond })
	s := open(t, b.dial(t, "ids-grpc"), "/ids.Service/unary")
	if _, err := answer(s); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v", err)
	}
}

func TestSilentConnectionsEnd(t *testing.T) {
	b := start(t, func(o *receivers.Options) {
		o.Limits.Header, o.Limits.Read, o.Limits.Idle = 200*time.Millisecond, 400*time.Millisecond, 300*time.Millisecond
	})
	for _, port := range []string{"ids-http", "ids-grpc", "zipkin"} {
		for name, first := range map[string]string{
			"nothing": "", "part of a head": "POST /ids HTTP/1.1\r\nHost:", "part of a preface": http2.ClientPreface[:10], "a preface": http2.ClientPreface,
			"part of a body":  "POST /ids HTTP/1.1\r\nHost: x\r\nContent-Type: application/ids\r\nContent-Length: 100\r\n\r\nabc",
			"a whole request": "GET /ask HTTP/1.1\r\nHost: x\r\n\r\n",
			"settings":        http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		} {
			t.Run(port+", "+name, func(t *testing.T) {
				t.Parallel()
				c := b.connect(t, port)
				fmt.Fprint(c, first)
				if !closed(t, c) {
					t.Error("it stays open")
				}
			})
		}
	}
}

// What is beyond the limits of spans, tags and texts is refused whole, with the
// setting's name.
func TestLimitsOfAMessage(t *testing.T) {
	b := start(t, func(o *receivers.Options) { o.Limits.Spans, o.Limits.Tags, o.Limits.Text = 3, 4, 100 })
	type annotation struct {
		Timestamp int    `json:"timestamp"`
		Value     string `json:"value"`
	}
	type zipkinSpan struct {
		TraceID     string            `json:"traceId"`
		ID          string            `json:"id"`
		Name        string            `json:"name"`
		Tags        map[string]string `json:"tags,omitempty"`
		Annotations []annotation      `json:"annotations,omitempty"`
	}
	good := zipkinSpan{TraceID: "1", ID: "2", Name: "a"}
	with := func(change func(*zipkinSpan)) []zipkinSpan {
		s := good
		change(&s)
		return []zipkinSpan{good, s}
	}
	long := strings.Repeat("x", 101)
	for name, c := range map[string]struct {
		spans []zipkinSpan
		words string
	}{
		"good":       {with(func(s *zipkinSpan) { s.Tags = map[string]string{"a": "1", "b": "2"}; s.Name = long[:100] }), ""},
		"spans":      {[]zipkinSpan{good, good, good, good}, "limits.spans"},
		"tags":       {with(func(s *zipkinSpan) { s.Tags = map[string]string{"a": "", "b": "", "c": "", "d": "", "e": ""} }), "limits.tags"},
		"events":     {with(func(s *zipkinSpan) { s.Annotations = []annotation{{1, "a"}, {2, "a"}, {3, "a"}, {4, "a"}, {5, "a"}} }), "limits.tags"},
		"a name":     {with(func(s *zipkinSpan) { s.Name = long }), "limits.text"},
		"a value":    {with(func(s *zipkinSpan) { s.Tags = map[string]string{"a": long} }), "limits.text"},
		"a key":      {with(func(s *zipkinSpan) { s.Tags = map[string]string{long: "a"} }), "limits.text"},
		"annotation": {with(func(s *zipkinSpan) { s.Annotations = []annotation{{1, long}} }), "limits.text"},
	} {
		body, err := json.Marshal(c.spans)
		if err != nil {
			t.Fatal(err)
		}
		before := b.sink.got()
		code, _, text := b.post(t, b.url("zipkin", "/api/v2/spans"), bytes.NewReader(body))
		want, spans := 413, 0
		if c.words == "" {
			want, spans = 202, len(c.spans)
		}
		if got := b.sink.got() - before; code != want || !strings.Contains(text, c.words) || got != spans {
			t.Errorf("%s: %d %q and %d spans, want %d with %q and %d", name, code, text, got, want, c.words, spans)
		}
	}
}
