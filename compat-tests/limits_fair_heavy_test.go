// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	traceservice "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// What each honest client gets in.
const (
	honestBatches = 100
	honestSpans   = 10
)

// TestLimitsFairness: while bombs and bodies that are too large come from sixteen
// connections without end, an honest client of HTTP and one of gRPC get in all that
// they send, since they come again when they are told to.
func TestLimitsFairness(t *testing.T) {
	b := besiege(t, "")
	defer b.holds(t)
	storm, calm := context.WithCancel(t.Context())
	var attackers sync.WaitGroup
	defer attackers.Wait()
	defer calm()
	var attacks, answered atomic.Int64
	urls := []string{b.Zipkin + zipkinPath, b.JaegerHTTP + "/api/traces", b.OTLPHTTP + "/v1/traces", "http://" + b.SkyWalkingHTTP + "/v3/segments"}
	gzipped, zstd, large := bomb(19), zstdBomb(19), bytes.Repeat([]byte(" "), 25<<20)
	for i := range 12 {
		attackers.Go(func() {
			for n := i; storm.Err() == nil; n++ {
				attacks.Add(1)
				body, encoding := gzipped, "gzip"
				switch n / 4 % 3 {
				case 1:
					body, encoding = zstd, "zstd"
				case 2:
					body, encoding = large, ""
				}
				if status, _ := send(storm, urls[n%4], bytes.NewReader(body), encoding); status != 0 {
					answered.Add(1)
				}
			}
		})
	}
	message := bomb(30)
	head := append([]byte{1, 0, 0, 0, 0}, message...)
	binary.BigEndian.PutUint32(head[1:], uint32(len(message)))
	for i := range 4 {
		attackers.Go(func() {
			for storm.Err() == nil {
				c := dialFrames(t, b.grpc[i%len(b.grpc)])
				if c == nil {
					return
				}
				for call := range 10 {
					attacks.Add(1)
					c.call(call, grpcPaths[i%len(b.grpc)], "gzip")
					for p := range chunks(head) {
						_ = c.WriteData(stream(call), len(p.rest) == 0, p.now)
					}
				}
				c.ended(10)
				c.Close()
			}
		})
	}

	// Far more than it takes; the storm goes on until then.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var honest sync.WaitGroup
	var again [2]int
	for i, client := range []func() (batch func(context.Context, int) (bool, error), end func()){b.honestHTTP, b.honestGRPC} {
		honest.Go(func() {
			batch, end := client()
			defer end()
			for n := 0; n < honestBatches; {
				taken, err := batch(ctx, n)
				switch {
				case err != nil:
					t.Errorf("batch %d: %v", n, err)
					return
				case taken:
					n++
					continue
				}
				again[i]++
				select {
				case <-time.After(20 * time.Millisecond):
				case <-ctx.Done():
					t.Errorf("batch %d of %d was not taken in ten minutes, after %d answers to come again", n, honestBatches, again[i])
					return
				}
			}
		})
	}
	honest.Wait()
	t.Logf("meanwhile %d attacks, %d of them by HTTP and answered; the honest clients had to come again %d times by HTTP and %d by gRPC", attacks.Load(), answered.Load(), again[0], again[1])
	if attacks.Load() < 100 {
		t.Error("that was no storm")
	}
	// A call whose connection broke may have been taken: it came again all the same.
	least := float64(2 * honestBatches * honestSpans)
	if n := b.count(t, "bridge_spans_received_total"); n < least || n > least+float64(honestSpans*(again[0]+again[1])) {
		t.Errorf("%v spans were received, want %v, those of the honest clients, and no others but what came again", n, least)
	}
}

// honestHTTP gives what sends a batch over a connection of its own: it is false when
// the batch is to come again.
func (b *besieged) honestHTTP() (batch func(context.Context, int) (bool, error), end func()) {
	client := &http.Client{Transport: &http.Transport{}}
	batch = func(ctx context.Context, n int) (bool, error) {
		var spans []string
		for i := range honestSpans {
			spans = append(spans, fmt.Sprintf(`{"traceId":"%016x","id":"%016x","name":"honest"}`, n+1, i+1))
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.Zipkin+zipkinPath, strings.NewReader("["+strings.Join(spans, ",")+"]"))
		if err != nil {
			return false, err
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if ctx.Err() == nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
			// By its User-Agent it might be zipkin-go, which comes again when its
			// connection is broken and after no answer (docs/when-full.md).
			return false, nil
		}
		if err != nil {
			return false, err
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		switch {
		case err != nil:
			return false, err
		case res.StatusCode == http.StatusServiceUnavailable:
			return false, nil
		case res.StatusCode != http.StatusAccepted:
			return false, fmt.Errorf("%s %s", res.Status, answer)
		}
		return true, nil
	}
	return batch, client.CloseIdleConnections
}

// honestGRPC is the same by OTLP.
func (b *besieged) honestGRPC() (batch func(context.Context, int) (bool, error), end func()) {
	conn, err := grpc.NewClient(b.OTLPGRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return func(context.Context, int) (bool, error) { return false, err }, func() {}
	}
	client := traceservice.NewTraceServiceClient(conn)
	batch = func(ctx context.Context, n int) (bool, error) {
		scope := &otlp.ScopeSpans{}
		for i := range honestSpans {
			scope.Spans = append(scope.Spans, &otlp.Span{
				TraceId: binary.BigEndian.AppendUint64(make([]byte, 8), uint64(n+1)), SpanId: binary.BigEndian.AppendUint64(nil, uint64(i+1)), Name: "honest",
				StartTimeUnixNano: 1, EndTimeUnixNano: 2,
			})
		}
		_, err := client.Export(ctx, &traceservice.ExportTraceServiceRequest{ResourceSpans: []*otlp.ResourceSpans{{ScopeSpans: []*otlp.ScopeSpans{scope}}}})
		if c := status.Code(err); c == codes.Unavailable || c == codes.ResourceExhausted {
			return false, nil
		}
		return err == nil, err
	}
	return batch, func() { conn.Close() }
}
