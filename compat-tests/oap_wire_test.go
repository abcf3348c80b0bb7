// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	commonv3 "skywalking.apache.org/repo/goapi/collect/common/v3"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// dial connects an agent.
func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// oneSpan is a segment of one span, with a tag of so many bytes.
func oneSpan(trace string, n int, tag int) *agentv3.SegmentObject {
	now := time.Now().UnixMilli()
	return &agentv3.SegmentObject{
		TraceId: trace, TraceSegmentId: fmt.Sprintf("%s.%d", trace, n), Service: "wire", ServiceInstance: "i1",
		Spans: []*agentv3.SpanObject{{
			ParentSpanId: -1, StartTime: now, EndTime: now, OperationName: "op", SpanType: agentv3.SpanType_Entry,
			Tags: []*commonv3.KeyStringValuePair{{Key: "k", Value: strings.Repeat("v", tag)}},
		}},
	}
}

// report sends segments in one stream and waits for the answer.
func report(ctx context.Context, c *grpc.ClientConn, segments ...*agentv3.SegmentObject) error {
	stream, err := agentv3.NewTraceSegmentReportServiceClient(c).Collect(ctx)
	if err != nil {
		return err
	}
	for _, g := range segments {
		if err := stream.Send(g); err != nil {
			if errors.Is(err, io.EOF) {
				break // the answer says why
			}
			return err
		}
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return err
	}
	if len(answer.Commands) > 0 {
		return fmt.Errorf("commands %v, want none", answer.Commands)
	}
	return nil
}

// seen waits until the view has a trace with so many spans.
func seen(t *testing.T, b *lab.Bridge, trace string, spans int) {
	t.Helper()
	lab.Eventually(t, visible, "trace "+trace, func(ctx context.Context) error {
		got, err := b.Story(ctx, trace)
		if err != nil {
			return err
		}
		if len(got) != spans {
			return fmt.Errorf("%d spans, want %d", len(got), spans)
		}
		return nil
	})
}

// W1: a stream of three segments is answered with empty commands although the
// OAP behind is down.
func TestW1StreamWithoutOAP(t *testing.T) {
	b := startBridge(t, fmt.Sprintf("targets:\n  oap: {kind: skywalking, endpoint: %q}\n", lab.Addr(t)))
	const trace = "0123456789abcdef0123456789abcdef"
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	c := dial(t, b.SkyWalkingGRPC)
	if err := report(ctx, c); err != nil { // connected
		t.Fatal(err)
	}
	began := time.Now()
	if err := report(ctx, c, oneSpan(trace, 1, 1), oneSpan(trace, 2, 1), oneSpan(trace, 3, 1)); err != nil {
		t.Fatal(err)
	}
	// Milliseconds, on a machine that has nothing else to do.
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the answer took %v: it waits for the OAP", took)
	}
	seen(t, b, trace, 3)
}

// W7: a segment of 10 MiB is taken, one of 51 MiB refused, and the gateway goes
// on.
func TestW7LongSegment(t *testing.T) {
	b := startBridge(t, "")
	c := dial(t, b.SkyWalkingGRPC)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	const long, after = "0123456789abcdef0123456789abcd10", "0123456789abcdef0123456789abcd11"
	if err := report(ctx, c, oneSpan(long, 1, 10<<20)); err != nil {
		t.Fatal(err)
	}
	if err := report(ctx, c, oneSpan("t51", 1, 51<<20)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("51 MiB: %.300v, want RESOURCE_EXHAUSTED", err)
	}
	if err := report(ctx, c, oneSpan(after, 1, 1)); err != nil {
		t.Fatal(err)
	}
	seen(t, b, after, 1)
	seen(t, b, long, 1)
}
