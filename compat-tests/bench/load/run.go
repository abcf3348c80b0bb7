// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

// Load is a plan with all that it needs: connections and encoded requests.
type Load struct {
	plan   Plan
	ways   []way
	mine   []*traffic.Request // by connection
	taken  atomic.Int64       // the number of requests that were begun
	number uint32
}

// way is a connection. Send returns when the request was answered.
type way interface {
	send(ctx context.Context, r *traffic.Request) error
	close()
}

// variants are how many different requests there are.
const variants = 8

// New encodes the requests and opens the connections.
func New(p Plan) (*Load, error) {
	l := &Load{plan: p, number: p.First}
	var requests []*traffic.Request
	for seed := range min(variants, p.Connections) {
		r, err := traffic.New(p.Encoding, traffic.Options{Spans: p.Spans, Tags: p.Tags, Orphans: p.Orphans}, uint64(seed))
		if err != nil {
			return nil, err
		}
		requests = append(requests, r)
	}
	for i := range p.Connections {
		w, err := dial(p, requests[i%len(requests)])
		if err != nil {
			l.Close()
			return nil, err
		}
		l.ways = append(l.ways, w)
		l.mine = append(l.mine, requests[i%len(requests)].Clone())
	}
	return l, nil
}

func dial(p Plan, r *traffic.Request) (way, error) {
	switch p.Encoding {
	case traffic.ZipkinJSON:
		return dialHTTP(p.Address, "/api/v2/spans", "application/json", r)
	case traffic.JaegerHTTP:
		return dialHTTP(p.Address, "/api/traces?format=jaeger.thrift", "application/x-thrift", r)
	case traffic.JaegerGRPC:
		return dialGRPC(p.Address, "/jaeger.api_v2.CollectorService/PostSpans", false)
	case traffic.OTLP:
		return dialGRPC(p.Address, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", false)
	case traffic.SkyWalking:
		return dialGRPC(p.Address, "/skywalking.v3.TraceSegmentReportService/collect", true)
	case traffic.JaegerUDP:
		return dialUDP(p.Address)
	}
	return nil, fmt.Errorf("load: encoding %q, want one of %q", p.Encoding, traffic.Encodings)
}

// Close closes the connections.
func (l *Load) Close() {
	for _, w := range l.ways {
		w.close()
	}
}

// Run sends until the plan is at its end.
func (l *Load) Run(ctx context.Context) Report {
	var all sync.WaitGroup
	reports := make([]Report, len(l.ways))
	took := make([][]time.Duration, len(l.ways))
	began := time.Now()
	for i := range l.ways {
		all.Go(func() { took[i] = l.connection(ctx, i, began, &reports[i]) })
	}
	all.Wait()
	sum := Report{Seconds: time.Since(began).Seconds()}
	for _, r := range reports {
		sum.Sent += r.Sent
		sum.Acknowledged += r.Acknowledged
		sum.Refused += r.Refused
		sum.Requests += r.Requests
		sum.Bytes += r.Bytes
		if r.Fault != "" {
			sum.Fault = r.Fault
		}
	}
	sum.P50, sum.P99 = percentiles(slices.Concat(took...))
	return sum
}

// connection is one client. It takes the next request of all, which at a fixed
// rate says when it is due.
func (l *Load) connection(ctx context.Context, i int, began time.Time, report *Report) (took []time.Duration) {
	p, r, w := l.plan, l.mine[i], l.ways[i]
	for ctx.Err() == nil {
		n := l.taken.Add(1) - 1
		due := time.Now()
		if p.Rate > 0 {
			due = began.Add(time.Duration(float64(n) * float64(r.Spans) / p.Rate * float64(time.Second)))
		}
		if p.Requests > 0 && n >= p.Requests || p.Requests == 0 && due.Sub(began) >= p.Duration {
			return took
		}
		if !until(ctx, due) {
			return took
		}
		r.Fresh(traffic.Nonce(l.number+uint32(n)), time.Now())
		err := w.send(ctx, r)
		took = append(took, time.Since(due))
		report.Requests++
		report.Sent += int64(r.Spans)
		report.Bytes += int64(r.Size())
		if err != nil {
			report.Refused += int64(r.Spans)
			report.Fault = err.Error()
			continue
		}
		report.Acknowledged += int64(r.Spans)
	}
	return took
}

// until waits for a time that may be over.
func until(ctx context.Context, due time.Time) bool {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func percentiles(took []time.Duration) (p50, p99 float64) {
	if len(took) == 0 {
		return 0, 0
	}
	slices.Sort(took)
	of := func(share int) float64 { return float64(took[len(took)*share/100]) / float64(time.Millisecond) }
	return of(50), of(99)
}
