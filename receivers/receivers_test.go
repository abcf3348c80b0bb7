// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink keeps what it is given; err, when set, is its answer.
type sink struct {
	mu      sync.Mutex
	batches []*span.Batch
	spans   int
	err     error
}

func (s *sink) Put(_ context.Context, b *span.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.batches = append(s.batches, b)
	s.spans += b.Len()
	return nil
}

func (s *sink) answer(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sink) last() *span.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.batches[len(s.batches)-1]
}

func (s *sink) got() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spans
}

// wait waits until the sink has n spans.
func (s *sink) wait(t *testing.T, n int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for s.got() < n {
		if time.Now().After(deadline) {
			t.Fatalf("%d spans after a minute, want %d", s.got(), n)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ids is a protocol for tests: a body is a repeated field 1 of span ids, each
// eight bytes. A body of another length is malformed.
var ids = translate.Protocol{
	Name: "ids",
	Formats: []translate.Format{
		{Name: "ids.list", Decode: decodeIDs},
		{Name: "ids.panic", Decode: func([]byte, span.Origin) (*span.Batch, error) { panic("a bug") }},
	},
	Ports: []translate.Port{
		{Name: "ids-grpc", Network: translate.GRPC, About: "ids"},
		{Name: "ids-http", Network: translate.HTTP, About: "ids"},
	},
	HTTP: []translate.HTTPRoute{
		{Port: "ids-http", Method: http.MethodPost, Path: "/ids", Format: strictMedia("ids.list"), Answer: plainAnswer},
		{Port: "ids-http", Method: http.MethodPost, Path: "/patient", Format: strictMedia("ids.list"), Answer: plainAnswer, Wait: 2 * time.Minute},
		{Port: "ids-http", Method: http.MethodPost, Path: "/panic", Format: strictMedia("ids.panic"), Answer: plainAnswer},
		{Port: "ids-http", Method: http.MethodGet, Path: "/ask", Respond: func(r translate.Request) translate.Reply {
			return translate.Reply{Status: http.StatusOK, Media: "text/plain", Body: []byte(r.Query.Get("q"))}
		}},
	},
	GRPC: []translate.GRPCRoute{
		{Port: "ids-grpc", Method: "/ids.Service/stream", Stream: true, Format: "ids.list", Wrap: 1, Answer: abortBusy},
		{Port: "ids-grpc", Method: "/ids.Service/unary", Format: "ids.list"},
		{Port: "ids-grpc", Method: "/ids.Service/patient", Format: "ids.list", Wait: 2 * time.Minute},
		{Port: "ids-grpc", Method: "/ids.Service/patients", Stream: true, Format: "ids.list", Wrap: 1, Answer: abortBusy, Wait: 2 * time.Minute},
		{Port: "ids-grpc", Method: "/ids.Service/panic", Format: "ids.panic"},
		{Port: "ids-grpc", Method: "/ids.Service/aside", Stream: true},
		{Port: "ids-grpc", Method: "/ids.Service/ask", Respond: func(p []byte) translate.GRPCReply {
			return translate.GRPCReply{Body: append([]byte("you said "), p...)}
		}},
	},
}

func strictMedia(format string) func(string) string {
	return func(media string) string {
		if media == "application/ids" {
			return format
		}
		return ""
	}
}

func plainAnswer(o translate.Outcome) translate.Reply {
	status := [...]int{200, 400, 413, 415, 503}[o.Verdict]
	text := "ok"
	if o.Err != nil {
		text = o.Err.Error()
	}
	return translate.Reply{Status: status, Body: []byte(text)}
}

func abortBusy(o translate.Outcome) translate.GRPCReply {
	if o.Verdict == translate.Busy {
		return translate.GRPCReply{Code: translate.Aborted, Message: o.Err.Error()}
	}
	return translate.GRPCReply{Body: fmt.Appendf(nil, "%d", o.Taken)}
}

func decodeIDs(body []byte, origin span.Origin) (*span.Batch, error) {
	w := span.NewBuilder(body, origin)
	bad := &translate.Malformed{Format: "ids"}
	for p := body; len(p) > 0; {
		if len(p) < 2 || p[0] != 0x0a || int(p[1]) > len(p)-2 {
			bad.Stop(translate.Fault{Found: "not a list"})
			break
		}
		id := p[2 : 2+p[1]]
		p = p[2+len(id):]
		if len(id) != 8 {
			bad.Refuse(translate.Fault{Found: fmt.Sprintf("%d bytes", len(id)), Want: "8"})
			continue
		}
		w.Span(span.Span{Trace: span.TraceID{Lo: 1}, ID: span.ID(binary.BigEndian.Uint64(id))})
	}
	return w.Batch(), bad.OrNil()
}

func id(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func list(n int) (p []byte) {
	for i := range n {
		p = append(append(p, 0x0a, 8), id(i+1)...)
	}
	return p
}

// bench is a running server.
type bench struct {
	*receivers.Server
	sink   *sink
	set    *metrics.Set
	client *http.Client
}

func start(t *testing.T, change func(*receivers.Options)) *bench {
	t.Helper()
	b := &bench{sink: &sink{}, set: metrics.New(prometheus.NewRegistry())}
	opts := receivers.Options{
		Protocols: []translate.Protocol{zipkin.Protocol, ids, udpPorts},
		Ports: map[string]receivers.Listen{
			"zipkin": {Address: "127.0.0.1:0"}, "ids-grpc": {Address: "127.0.0.1:0"}, "ids-http": {Address: "127.0.0.1:0"}, "udp": {Address: "127.0.0.1:0"},
		},
		Limits: receivers.Limits{Body: 10 << 20, Inflated: 20 << 20, Message: 1 << 20, Header: 10 * time.Second, Read: time.Minute, Idle: time.Minute},
		Sink:   b.sink, Set: b.set, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&opts)
	}
	b.Server = receivers.New(opts)
	if err := b.Open(); err != nil {
		t.Fatal(err)
	}
	b.Serve()
	b.client = &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		b.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		b.Shutdown(ctx)
	})
	return b
}

// udpPorts has a UDP port: the methods are those of the other protocols.
var udpPorts = translate.Protocol{Name: "udp", Ports: []translate.Port{{Name: "udp", Network: translate.UDP}}}

func (b *bench) url(port, path string) string { return "http://" + b.Address(port).String() + path }

// post sends a body; headers are "Name: value".
func (b *bench) post(t *testing.T, url string, body io.Reader, headers ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		req.Header.Set(k, v)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(text)
}

func zip(p []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(p)
	_ = w.Close()
	return b.Bytes()
}

const oneSpan = `{"traceId":"1","id":"2","name":"a"}`

func TestRow16HTTP(t *testing.T) {
	b := start(t, nil)
	f := func(path, body string, want, spans int, headers ...string) {
		t.Helper()
		before := b.sink.got()
		status, _, text := b.post(t, b.url("zipkin", path), strings.NewReader(body), headers...)
		if got := b.sink.got() - before; status != want || got != spans {
			t.Errorf("%s %.40q %v: %d %q and %d spans, want %d and %d", path, body, headers, status, text, got, want, spans)
		}
		if status == 202 && text != "" || status == 400 && text == "" {
			t.Errorf("%s %.40q: body %q with status %d", path, body, text, status)
		}
	}
	const v2 = "/api/v2/spans"
	gzipped := "Content-Encoding: gzip"
	proto := "Content-Type: application/x-protobuf"
	f(v2, "["+oneSpan+"]", 202, 1)
	f(v2, "["+oneSpan+"]", 202, 1, "Content-Type: application/json; charset=utf-8")
	f(v2, "["+oneSpan+"]", 202, 1, "Content-Type: text/plain")
	f(v2, "["+oneSpan+"]", 202, 1, "Content-Encoding: deflate") // ignored, as the server does
	f(v2+"?a=b", "["+oneSpan+"]", 202, 1)
	f(v2, string(zip([]byte("["+oneSpan+"]"))), 202, 1, gzipped)
	f(v2, string(zip([]byte("["+oneSpan+"]"))), 202, 1, "Content-Encoding: GZIP")
	f(v2, "not gzip at all", 400, 0, gzipped)
	f(v2, string(zip([]byte("[" + oneSpan + "]")))[:30], 400, 0, gzipped)
	for _, empty := range []string{"", "[]", "[ ]"} {
		f(v2, empty, 202, 0)
		f(v2, string(zip([]byte(empty))), 202, 0, gzipped)
	}
	f(v2, "", 202, 0, gzipped)
	f(v2, "", 202, 0, proto)
	f(v2, string(zip(nil)), 202, 0, proto, gzipped)
	f("/api/v1/spans", "\x0c\x00\x00\x00\x00", 202, 0, "Content-Type: application/x-thrift")
	f("/api/v1/spans", string(zip([]byte("\x0c\x00\x00\x00\x00"))), 202, 0, "Content-Type: application/x-thrift", gzipped)
	f(v2, "["+oneSpan+`,{"traceId":"x","id":"2"},`+oneSpan+"]", 400, 2)
	f(v2, "["+oneSpan+`,{"traceId":"1"`, 400, 1)
	f(v2, "{}", 400, 0)
	f(v2+"/", "["+oneSpan+"]", 404, 0)
	// 30 MiB in 30 KiB, which the server takes: here a limit holds after
	// decompression, too.
	bomb := zip([]byte("[" + strings.Repeat(" ", 30<<20) + "]"))
	if len(bomb) > 40<<10 {
		t.Fatal(len(bomb))
	}
	f(v2, string(bomb), 413, 0, gzipped)
	f("/nowhere", "["+oneSpan+"]", 404, 0)

	resp, err := b.client.Get(b.url("zipkin", v2))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("GET %s: %d, want 404 as Zipkin has it", v2, resp.StatusCode)
	}
}

func TestContentTypesAndEncodings(t *testing.T) {
	b := start(t, nil)
	f := func(body []byte, want int, headers ...string) {
		t.Helper()
		if status, _, text := b.post(t, b.url("ids-http", "/ids"), bytes.NewReader(body), headers...); status != want {
			t.Errorf("%v: %d %s, want %d", headers, status, text, want)
		}
	}
	media := "Content-Type: application/ids"
	f(list(3), 200, media)
	f(list(3), 200, media, "Content-Encoding: identity")
	f(list(3), 415)
	f(list(3), 415, "Content-Type: text/plain")
	f(list(3), 415, media, "Content-Encoding: br")
	f(zip(list(3)), 200, media, "Content-Encoding: gzip")
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(list(3))
	_ = w.Close()
	f(z.Bytes(), 200, media, "Content-Encoding: deflate")
	enc, _ := zstd.NewWriter(nil)
	f(enc.EncodeAll(list(3), nil), 200, media, "Content-Encoding: zstd")
	f([]byte("xxxx"), 400, media, "Content-Encoding: zstd")
	f([]byte("xxxx"), 400, media, "Content-Encoding: deflate")
	if b.sink.got() != 15 {
		t.Errorf("%d spans, want 15", b.sink.got())
	}
	for range 5 { // what has read a bad body reads a good one, and one of another length
		whole := enc.EncodeAll(list(3), nil)
		f(whole[:len(whole)-2], 400, media, "Content-Encoding: zstd")
		f(enc.EncodeAll(list(300), nil), 200, media, "Content-Encoding: zstd")
		f(whole, 200, media, "Content-Encoding: zstd")
		f(nil, 200, media, "Content-Encoding: zstd")
	}
	if b.sink.got() != 15+5*303 {
		t.Errorf("%d spans, want %d", b.sink.got(), 15+5*303)
	}
	if status, _, text := b.post(t, b.url("ids-http", "/panic"), bytes.NewReader(list(1)), media); status != 400 || !strings.Contains(text, "bug") {
		t.Errorf("a panic in a decoder: %d %q", status, text)
	}
	resp, err := b.client.Get(b.url("ids-http", "/ask?q=x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if p, _ := io.ReadAll(resp.Body); string(p) != "x" {
		t.Errorf("answer %q", p)
	}
	if resp, err := b.client.Get(b.url("ids-http", "/ids")); err != nil || resp.StatusCode != 405 {
		t.Errorf("GET of a POST: %v %v", resp, err)
	} else {
		resp.Body.Close()
	}
}

// endless is a body without an end.
type endless struct{ sent int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.sent += len(p)
	return len(p), nil
}

// Bodies that are too long are answered 413 and cost no more memory than the
// limit, whether they say how long they are, do not, or are a gzip bomb.
func TestRow17TooLarge(t *testing.T) {
	b := start(t, nil)
	url := b.url("zipkin", "/api/v2/spans")
	var bomb bytes.Buffer
	w, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	_, _ = w.Write([]byte("["))
	blank := make([]byte, 1<<20)
	for i := range blank {
		blank[i] = ' '
	}
	for range 64 {
		_, _ = w.Write(blank)
	}
	_ = w.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := func(name string, body io.Reader, headers ...string) {
		t.Helper()
		req, _ := http.NewRequest(http.MethodPost, url, body)
		for _, h := range headers {
			k, v, _ := strings.Cut(h, ": ")
			req.Header.Set(k, v)
		}
		resp, err := b.client.Do(req)
		if err != nil {
			// The server may cut a client off that does not stop sending, once
			// it has answered.
			if !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 413 || !strings.Contains(string(text), "bytes") {
			t.Errorf("%s: %d %q, want 413", name, resp.StatusCode, text)
		}
	}
	for range 2 {
		f("11 MiB", bytes.NewReader(make([]byte, 11<<20)))
		f("200 MB without a length", io.LimitReader(&endless{}, 200_000_000))
		f("a bomb of 64 MB in 64 kB", bytes.NewReader(bomb.Bytes()), "Content-Encoding: gzip")
	}
	runtime.ReadMemStats(&after)
	// Bodies are read up to 10 or 20 MiB, with doubling.
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<30 {
		t.Errorf("%d MiB were allocated", got>>20)
	}
	if n := testutil.ToFloat64(b.set.Messages.WithLabelValues("zipkin", "zipkin.v2.json", "http", "too_large")); n < 4 {
		t.Errorf("%v messages counted as too large", n)
	}
	if status, _, _ := b.post(t, url, strings.NewReader("["+oneSpan+"]")); status != 202 {
		t.Errorf("afterwards: %d", status)
	}
}

// A body may be short and yet take gigabytes when decoded: an attribute of
// OTLP takes two bytes on the wire.
func TestTooLargeWhenDecoded(t *testing.T) {
	b := start(t, func(o *receivers.Options) {
		o.Protocols = append(o.Protocols, otlp.Protocol)
		o.Ports["otlp-http"] = receivers.Listen{Address: "127.0.0.1:0"}
		o.Limits.Body, o.Limits.Inflated = 64<<20, 64<<20
	})
	span := append([]byte{0x0a, 16}, bytes.Repeat([]byte{1}, 16)...)
	span = append(append(span, 0x12, 8), bytes.Repeat([]byte{1}, 8)...)
	span = append(span, bytes.Repeat([]byte{0x4a, 0}, 15<<20)...) // attributes without key and value
	wrap := func(field byte, p []byte) []byte {
		return append(binary.AppendUvarint([]byte{field<<3 | 2}, uint64(len(p))), p...)
	}
	body := wrap(1, wrap(2, wrap(2, span)))
	status, _, text := b.post(t, b.url("otlp-http", "/v1/traces"), bytes.NewReader(body), "Content-Type: application/x-protobuf")
	if status != 413 || b.sink.got() != 0 {
		t.Errorf("%d %q and %d spans, want 413 and none", status, text, b.sink.got())
	}
}

type later time.Duration

func (l later) Error() string             { return "the queue is full" }
func (l later) RetryAfter() time.Duration { return time.Duration(l) }

func TestBusy(t *testing.T) {
	b := start(t, nil)
	b.sink.answer(later(3500 * time.Millisecond))
	status, header, text := b.post(t, b.url("zipkin", "/api/v2/spans"), strings.NewReader("["+oneSpan+`,{"id":"1"}]`), "User-Agent: Java/17.0.9")
	if status != 503 || header.Get("Retry-After") != "4" || !strings.Contains(text, "full") {
		t.Errorf("%d, Retry-After %q, %q", status, header.Get("Retry-After"), text)
	}
	if n := testutil.ToFloat64(b.set.SpansRejected.WithLabelValues("zipkin", "busy")); n != 1 {
		t.Errorf("%v spans counted as rejected", n)
	}
	b.sink.answer(nil)
	if status, _, _ := b.post(t, b.url("zipkin", "/api/v2/spans"), strings.NewReader("["+oneSpan+"]")); status != 202 {
		t.Errorf("afterwards: %d", status)
	}
}

func TestRow15StrictTakesNothing(t *testing.T) {
	b := start(t, func(o *receivers.Options) {
		o.Ports = map[string]receivers.Listen{"zipkin": {Address: "127.0.0.1:0", Strict: true}}
	})
	status, _, _ := b.post(t, b.url("zipkin", "/api/v2/spans"), strings.NewReader("["+oneSpan+`,{"traceId":"x"}]`))
	if status != 400 || b.sink.got() != 0 {
		t.Errorf("%d and %d spans", status, b.sink.got())
	}
	if n := testutil.ToFloat64(b.set.SpansRejected.WithLabelValues("zipkin", "malformed")); n != 2 {
		t.Errorf("%v spans counted as rejected, want 2", n)
	}
}

func TestCORS(t *testing.T) {
	b := start(t, func(o *receivers.Options) { o.TenantHeader = "X-Scope-OrgID" })
	req, _ := http.NewRequest(http.MethodOptions, b.url("zipkin", "/api/v2/spans"), nil)
	req.Header.Set("Origin", "http://page")
	req.Header.Set("Access-Control-Request-Method", "POST")
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	h := resp.Header
	if resp.StatusCode != 200 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%d %v", resp.StatusCode, h)
	}
	if allowed := h.Get("Access-Control-Allow-Headers"); !strings.Contains(allowed, "x-scope-orgid") || !strings.Contains(allowed, "content-type") {
		t.Errorf("headers that a page may send: %q, want that of the tenant among them", allowed)
	}
}

func TestOtherTakesWhatNoProtocolRoutes(t *testing.T) {
	b := start(t, func(o *receivers.Options) {
		o.Other = map[string]http.Handler{"zipkin": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Method+" "+r.URL.Path)
		})}
	})
	for _, path := range []string{"/", "/api/v2/spans", "/api/v2/trace/1"} {
		resp, err := b.client.Get(b.url("zipkin", path))
		if err != nil {
			t.Fatal(err)
		}
		p, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(p) != "GET "+path {
			t.Errorf("%s: %q", path, p)
		}
	}
}

// A client that never says anything does not hold up anybody, nor the end.
func TestSilentConnections(t *testing.T) {
	b := start(t, nil)
	for _, port := range []string{"zipkin", "ids-http", "ids-grpc"} {
		for _, first := range []string{"", "P", "PRI", "POST /api/v2/spans HTTP/1.1\r\nHost: x\r\n"} {
			c, err := net.Dial("tcp", b.Address(port).String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, first); err != nil {
				t.Fatal(err)
			}
		}
	}
	if status, _, _ := b.post(t, b.url("zipkin", "/api/v2/spans"), strings.NewReader("["+oneSpan+"]")); status != 202 {
		t.Errorf("%d", status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	b.Shutdown(ctx)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the end took %v", took)
	}
}

func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	s := receivers.New(receivers.Options{
		Protocols: []translate.Protocol{zipkin.Protocol, udpPorts, ids},
		Ports: map[string]receivers.Listen{
			"zipkin": {Address: taken.Addr().String()}, "udp": {Address: udp.LocalAddr().String()}, "ids-http": {Address: "127.0.0.1:0"},
		},
		Limits: receivers.Limits{Header: time.Second},
		Set:    metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	err = s.Open()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{taken.Addr().String(), "receivers.zipkin.listen", udp.LocalAddr().String(), "receivers.udp.listen"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	if n := strings.Count(err.Error(), "\n"); n != 1 {
		t.Errorf("%d lines for two ports: %v", n+1, err)
	}
}

func TestRow25UDP(t *testing.T) {
	b := start(t, nil)
	c, err := net.Dial("udp", b.Address("udp").String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send := func(p []byte) {
		t.Helper()
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	counted := func(format, verdict string) float64 {
		return testutil.ToFloat64(b.set.Messages.WithLabelValues(metrics.Protocol(format), format, "udp", verdict))
	}
	// The empty emitZipkinBatch that ends the OpenTelemetry Collector's agent,
	// in both protocols, then random bytes, a list without an end, and a span.
	binaryHead := append([]byte{0x80, 0x01, 0x00, 0x04, 0, 0, 0, 15}, "emitZipkinBatch\x00\x00\x00\x00"...)
	send(append(bytes.Clone(binaryHead), 0x0f, 0, 1, 0x0c, 0, 0, 0, 0, 0))
	compactHead := append([]byte{0x82, 0x81, 0x00, 15}, "emitZipkinBatch"...)
	send(append(bytes.Clone(compactHead), 0x19, 0x0c, 0x00))
	send([]byte("\xde\xad\xbe\xef"))
	send(nil)
	send(append(bytes.Clone(binaryHead), 0x0f, 0, 1, 0x0c, 0x7f, 0xff, 0xff, 0xff))
	span := []byte{0x0a, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x0a, 0, 4, 0, 0, 0, 0, 0, 0, 0, 9, 0}
	send(append(append(append(bytes.Clone(binaryHead), 0x0f, 0, 1, 0x0c, 0, 0, 0, 1), span...), 0))
	b.sink.wait(t, 1)
	if n := counted("zipkin.v1.agent", "taken"); n != 3 {
		t.Errorf("%v taken, want 3", n)
	}
	if n := counted("udp", "malformed") + counted("zipkin.v1.agent", "malformed"); n != 3 {
		t.Errorf("%v malformed, want 3", n)
	}
}

// A path may hold a pasted header, which is nobody's to clean up.
func TestPathsAreLeftAsTheyAre(t *testing.T) {
	b := start(t, func(o *receivers.Options) {
		o.Other = map[string]http.Handler{"zipkin": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.URL.Path)
		})}
	})
	resp, err := b.client.Get(b.url("zipkin", "/api/v2/trace/1-YQ==//YQ=%2F./"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if p, _ := io.ReadAll(resp.Body); string(p) != "/api/v2/trace/1-YQ==//YQ=/./" {
		t.Errorf("%d %q", resp.StatusCode, p)
	}
}
