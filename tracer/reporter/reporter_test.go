// SPDX-License-Identifier: Apache-2.0

package reporter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

func TestMain(m *testing.M) {
	// go2sky, of the benchmarks, leaves its goroutines behind.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/SkyAPM/go2sky/reporter.(*gRPCReporter).check.func1"))
}

// backend is a Zipkin server that answers as it is told to.
type backend struct {
	*httptest.Server
	answer func(spans int) int // a status

	mu      sync.Mutex
	taken   map[string]int // spans by id
	batches []int          // sizes of what was taken
	posts   atomic.Int64
}

func newBackend(t *testing.T, answer func(spans int) int) *backend {
	t.Helper()
	b := &backend{answer: answer, taken: make(map[string]int)}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.posts.Add(1)
	body, err := io.ReadAll(r.Body)
	var list []struct{ ID string }
	if err != nil || json.Unmarshal(body, &list) != nil {
		http.Error(w, "not a list of spans", http.StatusBadRequest)
		return
	}
	status := b.answer(len(list))
	if status < 300 {
		b.mu.Lock()
		b.batches = append(b.batches, len(list))
		for _, s := range list {
			b.taken[s.ID]++
		}
		b.mu.Unlock()
	}
	w.WriteHeader(status)
}

func (b *backend) check(t *testing.T, spans int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, n := range b.taken {
		if n != 1 {
			t.Errorf("span %s was taken %d times", id, n)
		}
	}
	if len(b.taken) != spans {
		t.Errorf("%d spans were taken, want %d", len(b.taken), spans)
	}
}

func accept(int) int { return http.StatusAccepted }

func start(t *testing.T, b *backend, options ...reporter.Option) (*tracer.Tracer, *reporter.Reporter) {
	t.Helper()
	options = append([]reporter.Option{reporter.WithLogger(slog.New(slog.DiscardHandler))}, options...)
	r, err := zipkin.New(b.URL, options...)
	if err != nil {
		t.Fatal(err)
	}
	return tracer.New("shop", tracer.WithReporter(r)), r
}

func finish(tr *tracer.Tracer, spans int) {
	for range spans {
		tr.StartSpan("a").Finish()
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s after a minute", what)
		}
	}
}

// sums checks that every span is accounted for.
func sums(t *testing.T, r *reporter.Reporter, want reporter.Counts) {
	t.Helper()
	n := r.Counts()
	if n.Reported != n.Sent+n.Dropped()+n.Waiting {
		t.Errorf("reported %d, but %+v", n.Reported, n)
	}
	n.Requests, n.FailedRequests, n.Bytes = 0, 0, 0
	if n != want {
		t.Errorf("%+v, want %+v", n, want)
	}
}

// Spans go out in batches of the given number when there are so many, and after
// the interval otherwise.
func TestBatches(t *testing.T) {
	t.Parallel()
	b := newBackend(t, accept)
	tr, r := start(t, b, reporter.WithBatch(10, 1<<20), reporter.WithInterval(time.Hour))
	finish(tr, 10)
	until(t, "full batch", func() bool { return r.Counts().Sent == 10 })
	finish(tr, 5)
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	sums(t, r, reporter.Counts{Reported: 15, Sent: 15})
	finish(tr, 34)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	b.check(t, 49)
	for _, n := range b.batches {
		if n > 10 {
			t.Errorf("a batch of %d spans", n)
		}
	}

	b = newBackend(t, accept)
	tr, r = start(t, b, reporter.WithInterval(10*time.Millisecond))
	finish(tr, 1)
	until(t, "batch after the interval", func() bool { return r.Counts().Sent == 1 })
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
}

// A message has about as many bytes as it may have.
func TestBytes(t *testing.T) {
	t.Parallel()
	b := newBackend(t, accept)
	tr, r := start(t, b, reporter.WithBatch(1000, 10_000), reporter.WithInterval(time.Hour))
	for range 100 {
		tr.StartSpan("a").SetTag("long", strings.Repeat("x", 1000)).Finish()
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	b.check(t, 100)
	if n := r.Counts(); n.Requests < 10 || n.Bytes < 100_000 || n.Bytes/n.Requests > 12_000 {
		t.Errorf("%+v", n)
	}
}

// A backend that is away for a while gets everything, once.
func TestRetry(t *testing.T) {
	t.Parallel()
	var answers atomic.Int64
	b := newBackend(t, func(int) int {
		return []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusAccepted}[min(answers.Add(1), 3)-1]
	})
	tr, r := start(t, b)
	finish(tr, 20)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	b.check(t, 20)
	sums(t, r, reporter.Counts{Reported: 20, Sent: 20})
	if n := r.Counts(); n.Requests != 3 || n.FailedRequests != 2 {
		t.Errorf("%+v", n)
	}
}

// What is tried in vain for long enough is dropped, and so is what is refused.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	b := newBackend(t, func(int) int { return http.StatusBadGateway })
	tr, r := start(t, b, reporter.WithRetry(0))
	finish(tr, 3)
	if err := tr.Close(); err == nil || !strings.Contains(err.Error(), "3 spans were not sent") || !strings.Contains(err.Error(), "502 Bad Gateway") {
		t.Errorf("%v", err)
	}
	sums(t, r, reporter.Counts{Reported: 3, Failed: 3})

	b = newBackend(t, func(int) int { return http.StatusBadRequest })
	tr, r = start(t, b)
	finish(tr, 3)
	if err := r.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	sums(t, r, reporter.Counts{Reported: 3, Refused: 3})
	if err := tr.Close(); err != nil {
		t.Errorf("nothing was left: %v", err)
	}
	if b.posts.Load() != 1 {
		t.Errorf("%d requests, want 1", b.posts.Load())
	}
}

// A batch that is too large for the backend goes in halves; a span that is too
// large by itself is dropped.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	b := newBackend(t, func(spans int) int {
		if spans > 3 {
			return http.StatusRequestEntityTooLarge
		}
		return http.StatusAccepted
	})
	tr, r := start(t, b)
	finish(tr, 50)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	b.check(t, 50)
	sums(t, r, reporter.Counts{Reported: 50, Sent: 50})

	b = newBackend(t, func(int) int { return http.StatusRequestEntityTooLarge })
	tr, r = start(t, b)
	finish(tr, 5)
	if err := tr.Close(); err == nil {
		t.Error("no error")
	}
	sums(t, r, reporter.Counts{Reported: 5, TooLarge: 5})
}

// A backend that does not answer costs spans, and never time.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := newBackend(t, func(int) int {
		<-release
		return http.StatusAccepted
	})
	tr, r := start(t, b, reporter.WithQueue(100), reporter.WithBatch(10, 1<<20), reporter.WithInterval(time.Hour))
	finish(tr, 10)
	until(t, "request", func() bool { return b.posts.Load() == 1 })
	finish(tr, 500)
	sums(t, r, reporter.Counts{Reported: 510, QueueFull: 400, Waiting: 110})
	close(release)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	sums(t, r, reporter.Counts{Reported: 510, QueueFull: 400, Sent: 110})
	b.check(t, 110)
}

// Many goroutines report while batches are sent; Close sends all that came
// before it.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	b := newBackend(t, accept)
	tr, r := start(t, b, reporter.WithBatch(64, 1<<20), reporter.WithInterval(time.Millisecond))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { finish(tr, 500) })
	}
	wg.Wait()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	b.check(t, 4000)
	sums(t, r, reporter.Counts{Reported: 4000, Sent: 4000})
}

// Close waits no longer than its context for a backend that hangs.
func TestCloseInTime(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	b := newBackend(t, func(int) int {
		<-hang
		return http.StatusAccepted
	})
	defer close(hang)
	tr, r := start(t, b, reporter.WithBatch(10, 1<<20), reporter.WithTimeout(0))
	finish(tr, 30)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		if err := tr.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "30 spans") {
			t.Errorf("%v", err)
		}
	})
	until(t, "request", func() bool { return b.posts.Load() == 1 })
	cancel()
	group.Wait()
	sums(t, r, reporter.Counts{Reported: 30, Closed: 30})
	if err := r.Flush(context.Background()); err != nil {
		t.Errorf("%v", err)
	}
	if err := r.Close(context.Background()); err == nil {
		t.Error("another Close says nothing")
	}
}

// A backend that is away when the reporter is closed costs the time of one
// batch, not of all.
func TestCloseAway(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b := newBackend(t, func(int) int {
		<-release
		return http.StatusServiceUnavailable
	})
	tr, r := start(t, b, reporter.WithBatch(10, 1<<20), reporter.WithInterval(time.Hour), reporter.WithRetry(0))
	finish(tr, 10)
	until(t, "request", func() bool { return b.posts.Load() == 1 })
	finish(tr, 30)
	var group sync.WaitGroup
	group.Go(func() {
		if err := tr.Close(); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("%v", err)
		}
	})
	late := int64(0)
	until(t, "end", func() bool {
		finish(tr, 1)
		late++
		return r.Counts().Closed > 0
	})
	close(release)
	group.Wait()
	n := r.Counts()
	if n.Requests != 1 || n.Failed != 10 || n.Closed != 30+late-n.QueueFull || n.Waiting != 0 {
		t.Errorf("%+v with %d late", n, late)
	}
}

// What is lost is said, but not for every span.
func TestWarnings(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := newBackend(t, func(int) int { return http.StatusForbidden })
	tr, r := start(t, b, reporter.WithLogger(slog.New(slog.NewTextHandler(&out, nil))), reporter.WithBatch(10, 1<<20), reporter.WithInterval(time.Hour))
	for range 20 {
		finish(tr, 10)
		if err := r.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Close(); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "403 Forbidden") || !strings.Contains(lines[1], "reason=refused") ||
		!strings.Contains(lines[2], "all=200") {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
}

// flood is a backend that is slower than the application: while it sends, more
// spans finish than it takes.
type flood struct {
	tracer *tracer.Tracer
	over   atomic.Bool
	sends  atomic.Int64
}

func (f *flood) Write(records []*tracer.Record) reporter.Written {
	return reporter.Written{Records: len(records)}
}

func (f *flood) Send(context.Context) error {
	f.sends.Add(1)
	if !f.over.Load() {
		finish(f.tracer, 30)
	}
	return nil
}

func (f *flood) Close() error { return nil }

// told is a log that says when there is a line in it.
type told chan string

func (l told) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

// Under a load that never ends Flush does, and somebody is told of what is lost.
func TestFlood(t *testing.T) {
	t.Parallel()
	log := make(told, 1)
	f := new(flood)
	r := reporter.New(f, reporter.NewSettings(reporter.WithQueue(20), reporter.WithBatch(10, 1<<20), reporter.WithInterval(time.Hour),
		reporter.WithLogger(slog.New(slog.NewTextHandler(log, nil)))))
	f.tracer = tracer.New("shop", tracer.WithReporter(r))
	finish(f.tracer, 10)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.Flush(ctx); err != nil {
		t.Errorf("%v after %d batches", err, f.sends.Load())
	}
	select {
	case line := <-log:
		if !strings.Contains(line, "queue full") {
			t.Error(line)
		}
	case <-ctx.Done():
		t.Errorf("no warning after %d batches", f.sends.Load())
	}
	f.over.Store(true)
	for range 2 { // the first may still be flooded
		if err := r.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := f.tracer.Close(); err != nil {
		t.Error(err)
	}
	if n := r.Counts(); n.QueueFull == 0 || n.Reported != n.Sent+n.QueueFull {
		t.Errorf("%+v", n)
	}
}
