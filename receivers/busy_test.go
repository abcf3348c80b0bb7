// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/otlp"
)

// TestBusyBreaks: clients that keep what they sent when the connection breaks, and
// only then, meet that instead of an answer; a setting says otherwise.
func TestBusyBreaks(t *testing.T) {
	for _, tt := range []struct {
		busy   receivers.Busy
		client string
		want   int // 0: broken
	}{
		{receivers.BusyAuto, "Go-http-client/1.1", 0},
		{receivers.BusyAuto, "Python/3.11 aiohttp/3.9.5", 0},
		{receivers.BusyAuto, "python-requests/2.31.0", 503},
		{receivers.BusyAuto, "Java/17.0.9", 503},
		{receivers.BusyAuto, "", 503},
		{"", "Go-http-client/1.1", 0},
		{receivers.BusyAnswer, "Go-http-client/1.1", 503},
		{receivers.BusyBreak, "Java/17.0.9", 0},
	} {
		t.Run(fmt.Sprintf("%s/%s", tt.busy, tt.client), func(t *testing.T) {
			b := start(t, func(o *receivers.Options) {
				o.Ports = map[string]receivers.Listen{"zipkin": {Address: "127.0.0.1:0", Busy: tt.busy}}
			})
			b.sink.answer(later(time.Second))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url("zipkin", "/api/v2/spans"), strings.NewReader("["+oneSpan+"]"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("User-Agent", tt.client)
			res, err := b.client.Do(req)
			if err == nil {
				defer res.Body.Close()
			}
			switch {
			case tt.want == 0 && !errors.Is(err, io.EOF):
				t.Errorf("%v, %v, want a broken connection", res, err)
			case tt.want != 0 && (err != nil || res.StatusCode != tt.want):
				t.Errorf("%v, %v, want %d", res, err, tt.want)
			}
			if n := testutil.ToFloat64(b.set.Messages.WithLabelValues("zipkin", "zipkin.v2.json", "http", "busy")); n != 1 {
				t.Errorf("%v messages counted as busy, want 1", n)
			}
			if n := testutil.ToFloat64(b.set.Panics.WithLabelValues("http")); n != 0 {
				t.Errorf("%v panics counted", n)
			}
		})
	}
}

// TestBusyHint: OpenTelemetry's clients learn by gRPC when to come again.
func TestBusyHint(t *testing.T) {
	b := start(t, func(o *receivers.Options) {
		o.Protocols = append(o.Protocols, otlp.Protocol)
		o.Ports["otlp-grpc"] = receivers.Listen{Address: "127.0.0.1:0"}
	})
	b.sink.answer(later(3 * time.Second))
	_, err := call(b.dial(t, "otlp-grpc"), exportMethod, oneExport)
	if status.Code(err) != codes.Unavailable {
		t.Fatalf("%v, want UNAVAILABLE", err)
	}
	for _, d := range status.Convert(err).Details() {
		if r, ok := d.(*errdetails.RetryInfo); ok && r.RetryDelay.AsDuration() == 3*time.Second {
			return
		}
	}
	t.Errorf("the details are %v, want RetryInfo of 3s", status.Convert(err).Details())
}

// waiting is a sink that is full: whoever has patience waits for the context.
type waiting struct {
	came chan time.Duration
	gone chan error
}

func (w *waiting) Put(ctx context.Context, b *span.Batch) error {
	w.came <- b.Origin.Patience
	if b.Origin.Patience > 0 {
		<-ctx.Done()
	}
	w.gone <- ctx.Err()
	return later(time.Second)
}

// TestWaitingEnds: a client that waits for room is let go when it hangs up, and
// when the gateway stops.
func TestWaitingEnds(t *testing.T) {
	for name, end := range map[string]func(context.CancelFunc, *bench){
		"client": func(cancel context.CancelFunc, _ *bench) { cancel() },
		"stop":   func(_ context.CancelFunc, b *bench) { b.Shutdown(context.Background()) },
	} {
		for _, way := range []string{"http", "/ids.Service/patient", "/ids.Service/patients"} {
			t.Run(name+" "+way, func(t *testing.T) {
				w := &waiting{make(chan time.Duration, 1), make(chan error, 1)}
				b := start(t, func(o *receivers.Options) { o.Sink = w })
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				answered := make(chan error, 1)
				go func() { answered <- b.patient(ctx, t, way) }()
				if p := <-w.came; p != 2*time.Minute {
					t.Fatalf("the patience is %v, want that of the route", p)
				}
				end(cancel, b)
				if err := <-w.gone; !errors.Is(err, context.Canceled) {
					t.Errorf("%v, want the context to end", err)
				}
				if err := <-answered; err == nil {
					t.Error("it was taken")
				}
			})
		}
	}
}

// patient sends a span by a way that waits.
func (b *bench) patient(ctx context.Context, t *testing.T, way string) error {
	switch way {
	case "http":
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url("ids-http", "/patient"), bytes.NewReader(list(1)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/ids")
		res, err := b.client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return errors.New(res.Status)
		}
		return nil
	case "/ids.Service/patient":
		var answer rawgrpc.Message
		return b.dial(t, "ids-grpc").Invoke(ctx, way, rawgrpc.New(list(1)), &answer)
	default:
		s, err := b.dial(t, "ids-grpc").NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, way)
		if err != nil {
			return err
		}
		if err := s.SendMsg(rawgrpc.New(id(1))); err != nil {
			return err
		}
		if err := s.CloseSend(); err != nil {
			return err
		}
		var answer rawgrpc.Message
		return s.RecvMsg(&answer)
	}
}

// TestWaitForMemory: who comes while the memory is taken waits at the door, with
// nothing of it, and gets in when there is some.
func TestWaitForMemory(t *testing.T) {
	taken := make([]byte, 100<<20)
	runtime.GC() // what it leaves is known as the live heap
	budget := receivers.NewBudget(120 << 20)
	b := start(t, func(o *receivers.Options) { o.Budget = budget })
	ways := []string{"http", "http", "/ids.Service/patient", "/ids.Service/patients"}
	done := make(chan error, len(ways))
	for _, way := range ways {
		go func() { done <- b.patient(t.Context(), t, way) }()
	}
	eventually(t, "they wait", func() bool { return budget.Waiting() == len(ways) })
	if n := budget.OnWay(); n != 0 {
		t.Errorf("%d bytes on their way, want none", n)
	}
	runtime.KeepAlive(taken)
	taken = nil //nolint:ineffassign,wastedassign // the collector sees it
	runtime.GC()
	for range ways {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if b.sink.got() != len(ways) || budget.OnWay() != 0 || budget.Waiting() != 0 {
		t.Errorf("%d spans taken, %d bytes on their way, %d wait", b.sink.got(), budget.OnWay(), budget.Waiting())
	}
}

// TestRefuseForMemory: by setting nobody waits for memory, and a setting of its own
// bounds the time.
func TestRefuseForMemory(t *testing.T) {
	for name, set := range map[string]func(*receivers.Limits){
		"refuse": func(l *receivers.Limits) { l.Refuse = true },
		"wait":   func(l *receivers.Limits) { l.Wait = time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			taken := make([]byte, 100<<20)
			runtime.GC()
			defer runtime.KeepAlive(taken)
			b := start(t, func(o *receivers.Options) {
				o.Budget = receivers.NewBudget(120 << 20)
				set(&o.Limits)
			})
			for _, way := range []string{"http", "/ids.Service/patient", "/ids.Service/patients"} {
				if err := b.patient(t.Context(), t, way); err == nil || b.sink.got() != 0 {
					t.Errorf("%s: %d spans taken", way, b.sink.got())
				}
			}
		})
	}
}

const exportMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// oneExport is an ExportTraceServiceRequest with one span.
var oneExport = []byte("\x0a\x20\x12\x1e\x12\x1c\x0a\x100123456789abcdef\x12\x0801234567")

// TestRelief: when something can be given up for it, nobody is refused for want of
// memory.
func TestRelief(t *testing.T) {
	var mu sync.Mutex
	taken := make([]byte, 100<<20)
	runtime.GC()
	budget := receivers.NewBudget(120 << 20)
	asked := int64(0)
	budget.Relieve(func(bytes int64) int64 {
		mu.Lock()
		defer mu.Unlock()
		freed := int64(len(taken))
		asked, taken = bytes, nil
		return freed
	})
	b := start(t, func(o *receivers.Options) {
		o.Budget = budget
		o.Limits.Refuse = true
	})
	if err := b.patient(t.Context(), t, "http"); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if asked < 20<<20 || taken != nil {
		t.Errorf("%d bytes asked for, want more than 20 MiB", asked)
	}
}
