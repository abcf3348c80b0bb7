// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// memory is the limit of the gateways in these tests. At the limit a process may
// take a tenth more.
const (
	memory     = 256 << 20
	mostMemory = memory + memory/10
)

// besieged is a gateway that is attacked.
type besieged struct {
	*lab.Bridge
	http, grpc []string // addresses
	before     float64  // goroutines
}

// besiege starts a gateway; more are settings of limits.
func besiege(t *testing.T, more string) *besieged {
	t.Helper()
	b := &besieged{Bridge: startBridge(t, fmt.Sprintf("limits: {memory: %dMiB%s}\n", memory>>20, more))}
	for _, url := range []string{b.Zipkin, b.JaegerHTTP, b.JaegerSampling, b.OTLPHTTP} {
		b.http = append(b.http, strings.TrimPrefix(url, "http://"))
	}
	b.http = append(b.http, b.SkyWalkingHTTP)
	b.grpc = []string{strings.TrimPrefix(b.Zipkin, "http://"), b.JaegerGRPC, b.SkyWalkingGRPC, b.OTLPGRPC}
	b.before = b.count(t, "go_goroutines")
	return b
}

// holds is what must be true after an attack: the gateway has kept to its memory,
// is rid of connections and goroutines, and takes spans.
func (b *besieged) holds(t *testing.T) {
	t.Helper()
	lab.Eventually(t, visible, "a span is taken", b.goodSpan)
	http.DefaultClient.CloseIdleConnections()
	lab.Eventually(t, visible, "nothing is left over", func(ctx context.Context) error {
		conns, err := b.Metric(ctx, "bridge_connections")
		onWay, err2 := b.Metric(ctx, "bridge_on_way_bytes")
		routines, err3 := b.Metric(ctx, "go_goroutines")
		if err != nil || err2 != nil || err3 != nil || conns > 0 || onWay > 0 || routines > b.before+10 {
			return fmt.Errorf("%v connections, %v bytes on their way, %v goroutines, %v before; %v %v %v", conns, onWay, routines, b.before, err, err2, err3)
		}
		return nil
	})
	if n := b.count(t, "bridge_panics_total"); n > 0 {
		t.Errorf("%v panics", n)
	}
	peak := peakMemory(t, b.Process.PID)
	t.Logf("peak memory %d MiB of %d", peak>>20, memory>>20)
	if peak > mostMemory {
		t.Errorf("the gateway took %d MiB at its peak, want at most %d", peak>>20, mostMemory>>20)
	}
}

func (b *besieged) count(t *testing.T, metric string, labels ...string) float64 {
	t.Helper()
	n, err := b.Metric(t.Context(), metric, labels...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *besieged) goodSpan(ctx context.Context) error {
	status, text := send(ctx, b.Zipkin+zipkinPath, strings.NewReader(`[{"traceId":"a","id":"1","name":"good"}]`), "")
	if status != http.StatusAccepted {
		return fmt.Errorf("%d %s", status, text)
	}
	return nil
}

// send posts a body; 0 stands for a connection that broke.
func send(ctx context.Context, url string, body io.Reader, encoding string) (int, string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return 0, err.Error()
	}
	media := "application/json"
	if strings.HasSuffix(url, "/api/traces") {
		media = "application/x-thrift"
	}
	req.Header.Set("Content-Type", media)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// at runs f that many times, several at once.
func at(once, times int, f func(i int)) {
	var all sync.WaitGroup
	next := make(chan int)
	for range once {
		all.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range times {
		next <- i
	}
	close(next)
	all.Wait()
}

// bomb is so many MiB of blanks in brackets, compressed with gzip.
func bomb(mib int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte("["))
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range mib {
		_, _ = w.Write(blank)
	}
	_ = w.Close()
	return b.Bytes()
}

// zstdBomb is so many MiB of blanks in zstd: blocks of the type RLE (RFC 8878,
// section 3.1.1.2), four bytes for 128 KiB each.
func zstdBomb(mib int) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3} // magic, no sizes, a window of 1 MiB
	for i := range 8 * mib {
		head := uint32(128<<10<<3 | 1<<1)
		if i == 8*mib-1 {
			head |= 1
		}
		b = append(b, byte(head), byte(head>>8), byte(head>>16), ' ')
	}
	return b
}

// TestLimitsBombs: bodies and messages that are small as sent and large as
// decompressed, 32 at a time. Most are answered; none is taken.
func TestLimitsBombs(t *testing.T) {
	b := besiege(t, "")
	defer b.holds(t)
	fits, not, zstd := bomb(19), bomb(64), zstdBomb(19)
	urls := []string{b.Zipkin + zipkinPath, b.JaegerHTTP + "/api/traces", b.OTLPHTTP + "/v1/traces", "http://" + b.SkyWalkingHTTP + "/v3/segments"}
	var mu sync.Mutex
	answers := make(map[int]int)
	at(32, 800, func(i int) {
		body, encoding := fits, "gzip"
		switch i / 4 % 3 {
		case 1:
			body = not
		case 2:
			body, encoding = zstd, "zstd"
		}
		status, _ := send(t.Context(), urls[i%4], bytes.NewReader(body), encoding)
		mu.Lock()
		defer mu.Unlock()
		answers[status]++
	})
	t.Log("answers by status:", answers)
	if answers[400]+answers[413]+answers[503] < 400 || answers[500] > 0 {
		t.Error("want 400, 413 and 503 for most")
	}
	// When there is room again a bomb is told what it is.
	lab.Eventually(t, visible, "a bomb is too large", func(ctx context.Context) error {
		if status, text := send(ctx, urls[0], bytes.NewReader(not), "gzip"); status != http.StatusRequestEntityTooLarge {
			return fmt.Errorf("%d %s", status, text)
		}
		return nil
	})

	// The same by gRPC, where a message may have 50 MiB: here 30.
	message := bomb(30)
	head := append([]byte{1, 0, 0, 0, 0}, message...)
	binary.BigEndian.PutUint32(head[1:], uint32(len(message)))
	at(16, 16, func(i int) {
		c := dialFrames(t, b.grpc[i%len(b.grpc)])
		defer c.Close()
		for call := range 50 {
			c.call(call, grpcPaths[i%len(b.grpc)], "gzip")
			for p := range chunks(head) {
				_ = c.WriteData(stream(call), len(p.rest) == 0, p.now)
			}
		}
		c.ended(50)
	})
}

// part is a piece of a body.
type part struct{ now, rest []byte }

func chunks(p []byte) func(yield func(part) bool) {
	return func(yield func(part) bool) {
		for len(p) > 0 {
			n := min(len(p), 16<<10)
			if !yield(part{p[:n], p[n:]}) {
				return
			}
			p = p[n:]
		}
	}
}

// grpcPaths are methods of the ports in besieged.grpc.
var grpcPaths = []string{
	"/zipkin.proto3.SpanService/Report", "/jaeger.api_v2.CollectorService/PostSpans",
	"/skywalking.v3.TraceSegmentReportService/collect", "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
}

// frames is a connection on which HTTP/2 is spoken by frames.
type frames struct {
	net.Conn
	*http2.Framer
	mu    sync.Mutex
	heard *sync.Cond
	over  int  // calls
	dead  bool // the other side has closed it
}

func stream(call int) uint32 { return uint32(2*call + 1) }

func dialFrames(t *testing.T, address string) *frames {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return nil
	}
	c := &frames{Conn: conn, Framer: http2.NewFramer(conn, nil)}
	c.heard = sync.NewCond(&c.mu)
	fmt.Fprint(conn, http2.ClientPreface)
	_ = c.WriteSettings()
	in := http2.NewFramer(nil, conn)
	go func() {
		for {
			f, err := in.ReadFrame()
			c.mu.Lock()
			switch f := f.(type) {
			case *http2.HeadersFrame:
				if f.StreamEnded() {
					c.over++
				}
			case *http2.RSTStreamFrame:
				c.over++
			}
			c.dead = err != nil
			c.heard.Broadcast()
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

// call opens a call.
func (c *frames) call(n int, path, encoding string) {
	var head bytes.Buffer
	e := hpack.NewEncoder(&head)
	fields := [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "x"}, {"content-type", "application/grpc"}, {"te", "trailers"}}
	if encoding != "" {
		fields = append(fields, [2]string{"grpc-encoding", encoding})
	}
	for _, f := range fields {
		_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: true})
	}
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream(n), BlockFragment: head.Bytes(), EndHeaders: true})
}

// ended waits until so many calls have ended, or the connection has.
func (c *frames) ended(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.over < n && !c.dead {
		c.heard.Wait()
	}
}

// TestLimitsFloods: calls by the thousand with messages that never come to their
// end, calls that are reset at once, and messages without number.
func TestLimitsFloods(t *testing.T) {
	b := besiege(t, ", idle_timeout: 2s")
	defer b.holds(t)
	t.Run("half messages", func(t *testing.T) {
		at(8, 16, func(i int) {
			c := dialFrames(t, b.grpc[i%len(b.grpc)])
			defer c.Close()
			block := make([]byte, 16<<10)
			for call := range 200 { // 48 MiB a connection
				c.call(call, grpcPaths[i%len(b.grpc)], "")
				if c.WriteData(stream(call), false, []byte{0, 1, 0, 0, 0}) != nil { // of 16 MiB
					return
				}
				for range 15 {
					if c.WriteData(stream(call), false, block) != nil {
						return // it was closed for taking the most
					}
				}
			}
		})
	})
	t.Run("resets", func(t *testing.T) {
		at(8, 8, func(i int) {
			c := dialFrames(t, b.grpc[i%len(b.grpc)])
			defer c.Close()
			for call := range 20_000 {
				c.call(call, grpcPaths[i%len(b.grpc)], "")
				if c.WriteRSTStream(stream(call), http2.ErrCodeCancel) != nil {
					return
				}
			}
		})
	})
	t.Run("messages", func(t *testing.T) {
		empty := bytes.Repeat([]byte{0, 0, 0, 0, 0}, 3000)
		at(8, 8, func(i int) {
			c := dialFrames(t, b.SkyWalkingGRPC)
			defer c.Close()
			for call := range 20 {
				c.call(call, grpcPaths[2], "")
				_ = c.WriteData(stream(call), i%2 == 0, empty) // half of the calls stay open
			}
			if i%2 == 0 {
				c.ended(20)
			}
		})
	})
	t.Run("connections", func(t *testing.T) {
		var open []net.Conn
		defer func() {
			for _, c := range open {
				c.Close()
			}
		}()
		for i := range 1500 {
			c, err := net.Dial("tcp", b.grpc[i%len(b.grpc)])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(c, http2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
			open = append(open, c)
		}
		for i := range 1500 {
			c, err := net.Dial("tcp", b.http[i%len(b.http)])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(c, "POST /api/v2/spans HTTP/1.1\r\nHost: x\r\n")
			open = append(open, c)
		}
		if err := b.goodSpan(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestLimitsSlow: clients that begin and do not go on, or by a byte at a time,
// are rid of in time, at every port.
func TestLimitsSlow(t *testing.T) {
	b := besiege(t, ", header_timeout: 1s, read_timeout: 2s, idle_timeout: 2s, connections: 400")
	defer b.holds(t)
	begin := []string{
		"POST /api/v2/spans HTTP/1.1\r\nX-A: ",
		"POST /api/v2/spans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n[",
		"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nf4240\r\n",
		"", "PRI * HTTP", http2.ClientPreface,
	}
	addresses := append(append([]string{}, b.http...), b.grpc[1:]...)
	var ends sync.WaitGroup
	for i := range 60 * len(addresses) {
		c, err := net.Dial("tcp", addresses[i%len(addresses)])
		if err != nil {
			t.Fatal(err)
		}
		first := begin[i/len(addresses)%len(begin)]
		ends.Go(func() {
			defer c.Close()
			fmt.Fprint(c, first)
			go func() { // until the connection is closed
				tick := time.NewTicker(100 * time.Millisecond)
				defer tick.Stop()
				for range tick.C {
					if _, err := c.Write([]byte("x")); err != nil {
						return
					}
				}
			}()
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("%q at %s is still open after a minute", first, c.RemoteAddr())
			}
		})
	}
	if err := b.goodSpan(t.Context()); err != nil {
		t.Error(err)
	}
	ends.Wait()
}

// TestLimitsDeep: values that lie in each other without end, and lists of
// millions of nothing.
func TestLimitsDeep(t *testing.T) {
	b := besiege(t, "")
	defer b.holds(t)
	many := func(head []byte, n int, each ...byte) []byte {
		return append(head, bytes.Repeat(each, n)...)
	}
	const millions = 9 << 20
	count := binary.BigEndian.AppendUint32(nil, millions)
	for name, c := range map[string]struct {
		url, media string
		body       []byte
	}{
		"zipkin json":        {b.Zipkin + zipkinPath, "application/json", bytes.Repeat([]byte("["), millions)},
		"zipkin json spans":  {b.Zipkin + zipkinPath, "application/json", append(many([]byte("["), millions/3, '{', '}', ','), "{}]"...)},
		"zipkin v1 json":     {b.Zipkin + "/api/v1/spans", "application/json", bytes.Repeat([]byte(`[{"annotations":`), millions/16)},
		"zipkin tags":        {b.Zipkin + zipkinPath, "application/json", append(many([]byte(`[{"traceId":"1","id":"1","tags":{`), millions/8, []byte(`"a":"",`)...), `"b":""}}]`...)},
		"zipkin proto":       {b.Zipkin + zipkinPath, "application/x-protobuf", many(nil, millions/2, 0x0a, 0)},
		"zipkin thrift":      {b.Zipkin + "/api/v1/spans", "application/x-thrift", many(append([]byte{12}, count...), millions, 0)},
		"jaeger thrift":      {b.JaegerHTTP + "/api/traces", "application/x-thrift", many(append([]byte{15, 0, 2, 12}, count...), millions, 0)},
		"jaeger thrift deep": {b.JaegerHTTP + "/api/traces", "application/x-thrift", many(nil, millions/3, 12, 0, 99)},
		"otlp json":          {b.OTLPHTTP + "/v1/traces", "application/json", bytes.Repeat([]byte(`{"resourceSpans":[`), millions/18)},
		"otlp spans":         {b.OTLPHTTP + "/v1/traces", "application/x-protobuf", nested(many(nil, millions/2-20, 0x12, 0), 0x12, 0x0a)},
		"otlp resources":     {b.OTLPHTTP + "/v1/traces", "application/x-protobuf", many(nil, millions/2, 0x0a, 0)},
		"skywalking json":    {"http://" + b.SkyWalkingHTTP + "/v3/segments", "application/json", bytes.Repeat([]byte("["), millions)},
		"skywalking spans":   {"http://" + b.SkyWalkingHTTP + "/v3/segment", "application/json", append(many([]byte(`{"spans":[`), millions/3, '{', '}', ','), "{}]}"...)},
	} {
		at(4, 4, func(int) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url, bytes.NewReader(c.body))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", c.media)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return // the connection was closed before all was sent
			}
			defer res.Body.Close()
			if text, _ := io.ReadAll(res.Body); res.StatusCode == http.StatusInternalServerError || len(text) > 64<<10 {
				t.Errorf("%s: %d and %d bytes: %.200q", name, res.StatusCode, len(text), text)
			}
		})
		if err := b.goodSpan(t.Context()); err != nil && !strings.HasPrefix(err.Error(), "503 ") {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// nested wraps p in fields of protobuf, the first one inside.
func nested(p []byte, fields ...byte) []byte {
	for _, f := range fields {
		p = append(binary.AppendUvarint([]byte{f}, uint64(len(p))), p...)
	}
	return p
}
