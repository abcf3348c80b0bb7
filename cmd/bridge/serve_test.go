// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A client that never comes to its end does not take the time that the targets
// need for what is held: here a span that waits for its parent.
func TestShutdownWithAStuckClient(t *testing.T) {
	t.Parallel()
	var got atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if p, _ := io.ReadAll(r.Body); strings.Contains(string(p), "a-span-that-waits") {
			got.Add(1)
		}
	}))
	defer backend.Close()
	file := filepath.Join(t.TempDir(), "bridge.yaml")
	text := fmt.Sprintf(`
admin: {enabled: false}
shutdown: {drain: 2s}
targets:
  back: {kind: otlp-http, endpoint: %q, window: {hold: 1m}}
`, backend.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sampling := &strategies{}
	list := protocols(sampling.current)
	environ := make([]string, 0)
	for _, p := range known(list).Ports {
		name := strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_"))
		environ = append(environ, fmt.Sprintf("BRIDGE_RECEIVERS_%s_LISTEN=127.0.0.1:0", name))
	}
	from := source{file, environ, list}
	cfg, err := from.read()
	if err != nil {
		t.Fatal(err)
	}
	log, level := newLogger(&world{err: io.Discard}, cfg.Log)
	g, err := newGateway(cfg, surroundings{from, sampling, log, level, nil})
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if err := g.open(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.run(ctx, nil)
	}()

	address := g.receivers.Address("zipkin").String()
	body := `[{"traceId":"a","id":"c","parentId":"b","name":"a-span-that-waits","localEndpoint":{"serviceName":"back"}}]`
	answer, err := http.Post("http://"+address+"/api/v2/spans", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	stuck, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	if _, err := io.WriteString(stuck, "POST /api/v2/spans HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// From now on the gateway reads a body that does not come.
	if line, err := bufio.NewReader(stuck).ReadString('\n'); !strings.Contains(line, "100") {
		t.Fatal(line, err)
	}
	stop()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the gateway does not stop")
	}
	if got.Load() != 1 {
		t.Errorf("%d spans came, want the one that waited", got.Load())
	}
}
