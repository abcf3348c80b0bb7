// SPDX-License-Identifier: Apache-2.0

package tracer_test

import (
	"bytes"
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

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// eventually waits for a condition.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	all  = `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1}}`
	none = `{"strategyType":0,"probabilisticSampling":{"samplingRate":0}}`
)

// TestRemoteSampler follows a server through its answers, its failures and its
// return.
func TestRemoteSampler(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var answer atomic.Value
	answer.Store(all)
	var asked atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		switch a := answer.Load().(string); a {
		case "503":
			http.Error(w, "later", http.StatusServiceUnavailable)
		case "endless":
			for range 8 << 10 {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1024)); err != nil {
					return
				}
			}
		default:
			_, _ = io.WriteString(w, a)
		}
	}))
	defer server.Close()
	log := new(lines)
	s, err := tracer.NewRemoteSampler("planet express", tracer.RemoteSampling{
		Endpoint: server.URL + "/sampling?zone=a", Interval: time.Millisecond, Initial: tracer.NewConstSampler(false),
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	samples := func() bool { return s.Sample(span.TraceID{Lo: 1 << 62}, "op").Sampled }
	eventually(t, "all traces are sampled", samples)
	if got := asked.Load(); got != "/sampling?service=planet+express&zone=a" {
		t.Errorf("asked %q", got)
	}
	eventually(t, "several answers", func() bool { return s.Counts().Answers > 3 })
	if c := s.Counts(); c.Changes != 1 {
		t.Errorf("counts %+v, want one change", c)
	}
	// The last good answer holds.
	for _, bad := range []string{"503", "endless", "", "{", `{"probabilisticSampling":{"samplingRate":7}}`} {
		before := s.Counts().Failures
		answer.Store(bad)
		eventually(t, "failures by "+bad, func() bool { return s.Counts().Failures > before+2 })
		if !samples() {
			t.Errorf("%q: the last good answer did not hold", bad)
		}
	}
	if n := strings.Count(log.String(), "no sampling strategy"); n != 1 {
		t.Errorf("failures were logged %d times, want once:\n%s", n, log)
	}
	answer.Store(none)
	eventually(t, "none is sampled", func() bool { return !samples() })
	eventually(t, "the return is logged", func() bool { return strings.Contains(log.String(), "had again") })
	answer.Store(`{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":100}}`)
	eventually(t, "some are sampled", samples)
	answer.Store(`{"operationSampling":{"defaultSamplingProbability":0,"perOperationStrategies":[{"operation":"op","probabilisticSampling":{"samplingRate":1}}]}}`)
	eventually(t, "one operation is sampled", func() bool {
		return samples() && !s.Sample(span.TraceID{Lo: 1 << 62}, "other").Sampled
	})
	// The tracer closes its sampler.
	if err := tracer.New("x", tracer.WithSampler(s)).Close(); err != nil {
		t.Error(err)
	}
	n := s.Counts()
	if !samples() || s.Counts() != n {
		t.Error("the sampler forgot, or asked on, after Close")
	}
}

// Until there is an answer, the initial sampler decides; and Close does not wait
// for a server that is silent.
func TestRemoteSamplerOfSilentServer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	came, end := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		came <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-end:
		}
	}))
	defer server.Close()
	defer close(end)
	s, err := tracer.NewRemoteSampler("x", tracer.RemoteSampling{Endpoint: server.URL, Initial: tracer.NewConstSampler(true)})
	if err != nil {
		t.Fatal(err)
	}
	<-came
	if !s.Sample(span.TraceID{Lo: 1}, "op").Sampled {
		t.Error("the initial sampler was not asked")
	}
	start := time.Now()
	if err := s.Close(); err != nil || time.Since(start) > 5*time.Second {
		t.Errorf("close: %v after %v", err, time.Since(start))
	}
}

func TestRemoteSamplerEndpoint(t *testing.T) {
	for _, bad := range []string{"localhost:5778", "://", "ftp://localhost", "http://"} {
		if _, err := tracer.NewRemoteSampler("x", tracer.RemoteSampling{Endpoint: bad}); err == nil || !strings.Contains(err.Error(), "want a URL") {
			t.Errorf("%q: error %v, want one", bad, err)
		}
	}
}
