// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
)

// A load of clients, while the settings change fifty times: targets in every way,
// one that comes and goes, a port that moves. Every span that was acknowledged
// arrives at each target that was there all along, and at those that only changed
// how they send exactly once; and no client of a port that stays loses its
// connection. With the queue in memory and on disk.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	for name, queue := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) { reloadUnderLoad(t, queue) })
	}
}

// reloadsUnderLoad is how often the settings change.
const reloadsUnderLoad = 50

func reloadUnderLoad(t *testing.T, queueDir string) {
	var same, sends, window, writes, comes backend
	for _, b := range []*backend{&same, &sends, &window, &writes, &comes} {
		b.serve(t)
	}
	var ports [2]string
	for i := range ports {
		port, err := freePort(false)
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = fmt.Sprintf("127.0.0.1:%d", port)
	}
	settings := func(n int) string {
		var text strings.Builder
		fmt.Fprintf(&text, "queue: {dir: %q}\nreceivers:\n  otlp-http: {listen: %q}\ntargets:\n", queueDir, ports[n/3%2])
		fmt.Fprintf(&text, "  same: {kind: zipkin, endpoint: %q, batch: {linger: 5ms}}\n", same.http.URL)
		fmt.Fprintf(&text, "  sends: {kind: zipkin, endpoint: %q, headers: {x-n: \"%d\"}, gzip: false, connections: %d, timeout: %ds, batch: {linger: %dms, spans: %d}}\n",
			sends.http.URL, n, 1+n%4, 30+n%2, 1+n%5, 1+n*7%100)
		fmt.Fprintf(&text, "  window: {kind: otlp-http, endpoint: %q, headers: {x-n: \"%d\"}, batch: {linger: 5ms}, window: {hold: %dms}}\n", window.http.URL, n, 50+n%3*50)
		fmt.Fprintf(&text, "  writes: {kind: zipkin, endpoint: %q, residue: %s, timeout: 50s, batch: {linger: 5ms}}\n", writes.http.URL, []string{"exact", "plain"}[n/5%2])
		if n%4 == 1 {
			fmt.Fprintf(&text, "  comes: {kind: zipkin, endpoint: %q}\n", comes.http.URL)
		}
		return text.String()
	}
	r := start(t, settings(0))
	zipkin := r.receivers.Address("zipkin").String()

	l := &load{t: t, names: make(map[string]bool)}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() { l.posts(stop, zipkin, string(rune('a'+c))) })
	}
	clients.Go(func() { l.streams(stop, r.receivers.Address("skywalking-grpc").String()) })
	for n := range reloadsUnderLoad {
		before := l.acknowledged.Load()
		r.to(settings(n + 1))
		until(t, "the clients go on", func() bool { return l.acknowledged.Load() > before+20 || t.Failed() })
		if got, want := r.receivers.Address("otlp-http").String(), ports[(n+1)/3%2]; got != want {
			t.Errorf("the port that moves is at %s, want %s", got, want)
		}
	}
	close(stop)
	clients.Wait()
	r.idle()

	l.check("same", &same, true)
	l.check("sends", &sends, true)
	l.check("window", &window, true)
	l.check("writes", &writes, false)
	if _, names, _ := comes.state(); names == 0 || names >= len(l.names) {
		t.Errorf("%d spans came to the target that comes and goes", names)
	}
	if got := r.receivers.Address("zipkin").String(); got != zipkin {
		t.Errorf("the port of zipkin has moved to %s", got)
	}
	for _, target := range []string{"same", "sends", "window", "writes", "comes", "view"} {
		r.sums(target)
	}
	if good, bad := r.metric("bridge_config_reloads_total", `"good"`), r.metric("bridge_config_reloads_total", `"bad"`); good != reloadsUnderLoad || bad != 0 {
		t.Errorf("%v reloads were good and %v bad", good, bad)
	}
}

// load is clients and what was acknowledged to them.
type load struct {
	t            *testing.T
	acknowledged atomic.Int64

	mu    sync.Mutex
	names map[string]bool
}

func (l *load) took(names ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range names {
		l.names[n] = true
	}
	l.acknowledged.Add(int64(len(names)))
}

// posts sends spans by one connection, which must stay open. net/http's client would
// dial anew, and of its own accord too.
func (l *load) posts(stop <-chan struct{}, address, client string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		l.t.Error(err)
		return
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		name := fmt.Sprintf("span-%04d-%s%c", n%10000, client, 'a'+n/10000)
		body := fmt.Sprintf(`[{"traceId":"%x","id":"%x","parentId":"fff","name":%q,"timestamp":1700000000000000,"duration":5,"localEndpoint":{"serviceName":"shop"}}]`,
			1000*n+int(client[0]), 1+n, name)
		fmt.Fprintf(conn, "POST /api/v2/spans HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", address, len(body), body)
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			l.t.Errorf("the connection of a client was closed: %v", err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusAccepted:
			l.took(name)
		case http.StatusServiceUnavailable: // it was told to come again
		default:
			l.t.Errorf("status %d", resp.StatusCode)
			return
		}
	}
}

// streams sends segments in one stream, which is acknowledged by its end.
func (l *load) streams(stop <-chan struct{}, address string) {
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawgrpc.Codec{})))
	if err != nil {
		l.t.Error(err)
		return
	}
	defer conn.Close()
	s, err := conn.NewStream(context.Background(), &grpc.StreamDesc{ClientStreams: true}, "/skywalking.v3.TraceSegmentReportService/collect")
	if err != nil {
		l.t.Error(err)
		return
	}
	var names []string
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			var m rawgrpc.Message
			if err := s.CloseSend(); err != nil {
				l.t.Error(err)
			}
			if err := s.RecvMsg(&m); err != nil {
				l.t.Errorf("the stream has not come to a good end: %v", err)
			}
			l.took(names...)
			return
		case <-tick.C:
		}
		names = append(names, fmt.Sprintf("span-%04d-sky%c", n%10000, 'a'+n/10000))
		if err := s.SendMsg(rawgrpc.New(segment(n, names[n]))); err != nil {
			l.t.Error(err)
			return
		}
	}
}

// segment is a segment of one span.
func segment(n int, name string) (p []byte) {
	text := func(p []byte, field protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(p, field, protowire.BytesType), s)
	}
	number := func(p []byte, field protowire.Number, v int64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(p, field, protowire.VarintType), uint64(v))
	}
	span := number(number(number(nil, 2, -1), 3, 1700000000000), 4, 1700000000005)
	span = text(span, 6, name)
	p = text(text(nil, 1, fmt.Sprintf("trace-%d", n)), 2, fmt.Sprintf("segment-%d", n))
	p = protowire.AppendBytes(protowire.AppendTag(p, 3, protowire.BytesType), span)
	return text(text(p, 4, "sky"), 5, "sky-1")
}

// check looks whether a backend has every span that was acknowledged.
func (l *load) check(what string, b *backend, once bool) {
	l.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	missing, twice := 0, 0
	for name := range l.names {
		switch n := b.names[name]; {
		case n == 0:
			missing++
		case n > 1:
			twice++
		}
	}
	if missing > 0 || once && twice > 0 {
		l.t.Errorf("%s: of %d spans %d are missing and %d came twice", what, len(l.names), missing, twice)
	}
	l.t.Logf("%s: %d spans, %d twice, by %d requests", what, len(b.names), twice, b.requests)
}
