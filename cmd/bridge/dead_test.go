// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/queue"
)

// backend is a target that refuses messages with one of some names in them, and
// knows which spans it has taken.
type backend struct {
	mu       sync.Mutex
	guilty   string // nothing when empty
	requests int
	names    map[string]int
	http     *httptest.Server
	grpc     string
}

var spanName = regexp.MustCompile(`span-\d{4}-[a-z]+`)

// take says whether the backend takes a message.
func (b *backend) take(p []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests++
	if b.guilty != "" && bytes.Contains(p, []byte(b.guilty)) {
		return false
	}
	seen := make(map[string]bool)
	for _, name := range spanName.FindAll(p, -1) {
		if !seen[string(name)] { // OTLP has it once, others may repeat it
			b.names[string(name)]++
		}
		seen[string(name)] = true
	}
	return true
}

func (b *backend) refuse(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.guilty = what
}

func (b *backend) state() (requests, names, twice int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.names {
		if n > 1 {
			twice++
		}
	}
	return b.requests, len(b.names), twice
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{guilty: "guilty"}
	b.serve(t)
	return b
}

// serve takes what comes by HTTP and by gRPC.
func (b *backend) serve(t *testing.T) {
	t.Helper()
	b.names = make(map[string]int)
	b.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := io.ReadAll(r.Body)
		if err == nil && !b.take(p) {
			http.Error(w, "a name is too ugly", http.StatusBadRequest)
		}
	}))
	t.Cleanup(b.http.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer(grpc.ForceServerCodecV2(rawgrpc.Codec{}), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		var all []byte // of the messages of a stream
		for {
			var m rawgrpc.Message
			if err := s.RecvMsg(&m); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return err
			}
			all = append(all, m.Copy()...)
			m.Free()
		}
		if !b.take(all) {
			return status.Error(codes.InvalidArgument, "a name is too ugly")
		}
		return s.SendMsg(rawgrpc.NewCopy(nil))
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		srv.Stop()
		<-done
	})
	b.grpc = l.Addr().String()
}

// send sends a thousand spans in one message, the guilty ones under a name of their
// own.
func (r *running) send(guilty func(int) bool) {
	r.t.Helper()
	var body strings.Builder
	body.WriteByte('[')
	for i := range 1000 {
		what := "good"
		if guilty(i) {
			what = "guilty"
		}
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"traceId":"%016x","id":"%016x","name":"span-%04d-%s","timestamp":1700000000000000,"duration":5,"localEndpoint":{"serviceName":"shop"}}`, i+1, i+1, i, what)
	}
	body.WriteByte(']')
	resp, err := http.Post("http://"+r.receivers.Address("zipkin").String()+"/api/v2/spans", "application/json", strings.NewReader(body.String()))
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		r.t.Fatal(resp.Status)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for: " + what)
		}
	}
}

// idle waits until no target holds anything.
func (r *running) idle() {
	r.t.Helper()
	until(r.t, "nothing is held", func() bool {
		r.turn.Lock()
		defer r.turn.Unlock()
		for _, o := range r.outlets {
			if o.Held() > 0 {
				return false
			}
		}
		return true
	})
}

// metric is the sum of a metric's lines that have all the texts.
func (r *running) metric(name string, texts ...string) (sum float64) {
	r.t.Helper()
	resp, err := http.Get("http://" + r.admin.cfg.Listen + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
lines:
	for line := range strings.Lines(string(p)) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
		if err != nil {
			r.t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// sums holds the ledger of a target.
func (r *running) sums(target string) {
	r.t.Helper()
	label := fmt.Sprintf("target=%q", target)
	in := r.metric("bridge_spans_received_total") - r.metric("bridge_spans_absent_total", label) + r.metric("bridge_spans_resumed_total", label) + r.metric("bridge_spans_revived_total", label)
	out := r.metric("bridge_export_spans_total", label) + r.metric("bridge_spans_repeated_total", label) + r.metric("bridge_spans_merged_total", label) + r.metric("bridge_spans_dropped_total", label) +
		r.metric("bridge_spans_dead_total", label) + r.metric("bridge_spans_held", label)
	if in != out || in == 0 {
		r.t.Errorf("%s: received, resumed and revived %v, exported, dropped, dead and held %v", target, in, out)
	}
}

// TestDeadLetters: a real target by HTTP and by gRPC refuses some spans of a batch of
// a thousand. They are found in few requests, the others are delivered once, and
// they are kept with the answer, over a restart.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"zipkin", "otlp-http", "otlp-grpc", "jaeger"} {
		for _, c := range []struct {
			name   string
			guilty func(int) bool
			dead   int
			most   int
		}{
			{"one", func(i int) bool { return i == 617 }, 1, 14},
			{"many", func(i int) bool { return i%61 == 7 }, 17, 17 * 10},
			{"all", func(int) bool { return true }, 1000, 24},
		} {
			t.Run(kind+" "+c.name, func(t *testing.T) {
				t.Parallel()
				b := newBackend(t)
				endpoint := b.http.URL
				if kind == "otlp-grpc" || kind == "jaeger" {
					endpoint = b.grpc
				}
				dir := filepath.Join(t.TempDir(), "queue")
				text := fmt.Sprintf(`
queue: {dir: %q}
targets:
  back: {kind: %s, endpoint: %q, residue: plain, window: {hold: 0s}, batch: {spans: 1000}}
`, dir, kind, endpoint)
				r := start(t, text)
				r.send(c.guilty)
				r.idle()
				requests, names, twice := b.state()
				t.Logf("%d requests, %d spans delivered", requests, names)
				if names != 1000-c.dead || twice != 0 || requests > c.most {
					t.Errorf("%d spans came, %d of them twice, in %d requests; want %d in at most %d", names, twice, requests, 1000-c.dead, c.most)
				}
				if n := r.metric("bridge_spans_dead_total", `target="back"`, `reason="refused"`); int(n) != c.dead {
					t.Errorf("%v count as dead, want %d", n, c.dead)
				}
				r.sums("back")
				r.sums("view")
				r.stop()

				var letters []deadletter.Letter
				damaged, err := deadletter.Look(queue.Dir(filepath.Join(dir, "dead")), func(l *deadletter.Letter) bool {
					letters = append(letters, *l)
					return true
				})
				if err != nil || damaged != 0 {
					t.Fatal(damaged, err)
				}
				dead := 0
				for _, l := range letters {
					dead += l.Count
					if !strings.Contains(l.Answer, "a name is too ugly") || l.Target != "back" || len(l.Body) == 0 {
						t.Errorf("a letter of %d spans: %q", l.Count, l.Answer)
					}
					for _, s := range l.Spans {
						if !strings.HasSuffix(s.Name, "guilty") || s.Service != "shop" {
							t.Errorf("%+v is dead", s)
						}
					}
				}
				if dead != c.dead {
					t.Errorf("%d spans in %d letters, want %d", dead, len(letters), c.dead)
				}
				r = start(t, text)
				if n := r.metric("bridge_dead_spans"); int(n) != c.dead {
					t.Errorf("%v dead spans after a restart, want %d", n, c.dead)
				}
			})
		}
	}
}

// TestDeadRetry: what a target takes after all is sent again, by the running gateway
// or by the next one; what it still refuses stays, and no span comes twice.
func TestDeadRetry(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"zipkin", "skywalking"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t)
			endpoint := b.http.URL
			if kind == "skywalking" {
				endpoint = b.grpc
			}
			dir := filepath.Join(t.TempDir(), "queue")
			text := fmt.Sprintf(`
queue: {dir: %q}
targets:
  back: {kind: %s, endpoint: %q, residue: plain, window: {hold: 0s, settle: 10ms}, batch: {spans: 1000}}
`, dir, kind, endpoint)
			bridge := func(want int, args ...string) string {
				t.Helper()
				var out, errs bytes.Buffer
				if code := run(args, &world{out: &out, err: &errs}); code != want {
					t.Fatalf("%v: exit code %d, want %d: %s%s", args, code, want, out.String(), errs.String())
				}
				return out.String()
			}
			r := start(t, text)
			r.send(func(i int) bool { return i == 3 || i == 4 || i == 900 })
			r.idle()
			if n := r.metric("bridge_spans_dead_total", `target="back"`); n != 3 {
				t.Fatalf("%v are dead, want 3", n)
			}
			b.refuse("span-0900-guilty")
			out := bridge(exitFailed, "dead", "retry", "--all", "--config", r.file, "--admin", r.admin.cfg.Listen)
			if !strings.Contains(out, "of 3 spans: 2 delivered, 1 refused again, 0 given up, 0 stay") {
				t.Error(out)
			}
			r.sums("back")
			r.stop()
			if out := bridge(0, "dead", "retry", "--target", "back", "--config", r.file); !strings.Contains(out, "of 1 spans will be sent again") {
				t.Error(out)
			}
			b.refuse("")
			r = start(t, text)
			until(t, "the last one is there", func() bool {
				_, names, _ := b.state()
				return names == 1000
			})
			until(t, "no letter is left", func() bool { return r.metric("bridge_dead_letters") == 0 })
			if _, _, twice := b.state(); twice != 0 {
				t.Errorf("%d spans came twice", twice)
			}
			if out := bridge(0, "dead", "list", "--config", r.file); !strings.Contains(out, "No dead letters") {
				t.Error(out)
			}
		})
	}
}
