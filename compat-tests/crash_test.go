// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// numbered is a Zipkin server that counts how often each span came, and refuses
// everything while it is down.
type numbered struct {
	URL  string
	down atomic.Bool

	mu   sync.Mutex
	came map[string]int
}

func newNumbered(t *testing.T) *numbered {
	t.Helper()
	n := &numbered{came: make(map[string]int)}
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	n.URL = server.URL
	return n
}

func (n *numbered) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	body, err := lab.ReadBody(r)
	var spans []struct {
		ID string `json:"id"`
	}
	if err == nil {
		err = json.Unmarshal(body, &spans)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range spans {
		n.came[s.ID]++
	}
	w.WriteHeader(http.StatusAccepted)
}

// missing is how many of the spans have not come, and how many came twice.
func (n *numbered) missing(want map[string]bool) (missing, again int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id := range want {
		if n.came[id] == 0 {
			missing++
		}
	}
	for _, times := range n.came {
		again += times - 1
	}
	return missing, again
}

// TestKilledBridge kills a gateway with a queue on disk under load, several times,
// while its target is up or down. Every span that it acknowledged arrives, and the
// ledger of the last life agrees.
func TestKilledBridge(t *testing.T) {
	target := newNumbered(t)
	more := fmt.Sprintf("queue: {dir: %q}\ntargets: {back: {kind: zipkin, endpoint: %q, retry: {initial: 50ms, max: 200ms}}}\n",
		filepath.Join(t.TempDir(), "queue"), target.URL)
	acked := make(map[string]bool)
	var mu sync.Mutex
	var next atomic.Int64
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 6))
	for life := range 5 {
		target.down.Store(life%2 == 0)
		b := lab.StartBridge(t, more)
		want := len(acked) + 500 + rng.IntN(1500)
		enough := make(chan struct{})
		var once sync.Once
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				for {
					var ids, spans []string
					for range 1 + rand.IntN(20) {
						id := fmt.Sprintf("%016x", next.Add(1))
						ids = append(ids, id)
						spans = append(spans, fmt.Sprintf(`{"traceId":%q,"id":%q,"name":"n","timestamp":%d,"duration":5,"localEndpoint":{"serviceName":"s"}}`,
							id, id, time.Now().UnixMicro()))
					}
					res, err := http.Post(b.Zipkin+zipkinPath, "application/json", strings.NewReader("["+strings.Join(spans, ",")+"]"))
					if err != nil {
						return // it was killed
					}
					res.Body.Close()
					if res.StatusCode != http.StatusAccepted {
						continue
					}
					mu.Lock()
					for _, id := range ids {
						acked[id] = true
					}
					if len(acked) >= want {
						once.Do(func() { close(enough) })
					}
					mu.Unlock()
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(time.Minute):
			t.Error("too few spans are acknowledged")
		}
		b.Kill()
		clients.Wait()
		if t.Failed() {
			return
		}
	}
	target.down.Store(false)
	b := lab.StartBridge(t, more)
	lab.Eventually(t, visible, "every acknowledged span", func(context.Context) error {
		if missing, _ := target.missing(acked); missing > 0 {
			return fmt.Errorf("%d of %d spans have not come", missing, len(acked))
		}
		return nil
	})
	_, again := target.missing(acked)
	t.Logf("%d spans acknowledged, %d came again", len(acked), again)
	if n, err := b.Metric(t.Context(), "bridge_spans_resumed_total", `target="back"`); err != nil || n == 0 {
		t.Errorf("%v spans resumed, %v", n, err)
	}
	if n, err := b.Metric(t.Context(), "bridge_queue_damaged_messages_total"); err != nil || n != 0 {
		t.Errorf("%v messages damaged, %v", n, err)
	}
	// And it takes spans as ever.
	post(t, b.Zipkin+zipkinPath, `[{"traceId":"ffff","id":"ffff","name":"last"}]`)
	lab.Eventually(t, visible, "the last span", func(context.Context) error {
		if missing, _ := target.missing(map[string]bool{"000000000000ffff": true}); missing > 0 {
			return errors.New("it has not come")
		}
		return nil
	})
	if n, err := b.Metric(t.Context(), "bridge_queue_sync_seconds_count"); err != nil || n == 0 {
		t.Errorf("%v syncs, %v", n, err)
	}
}
