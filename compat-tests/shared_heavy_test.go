// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// sharedTrace is one request through four services whose tracers join: each
// call is one span id for its client and its server. It has a retry on two
// instances, a call of a service to itself, a shared consumer, and a server that
// joins without the flag. Each span is in a request of its own.
//
// want says for each span, by its name, which is its parent.
func sharedTrace(start int64) (spans []map[string]any, want map[string]string) {
	want = make(map[string]string)
	add := func(name, parentName, id, parent, kind, place string, shared bool) {
		service, ip, _ := strings.Cut(place, "/")
		s := map[string]any{
			"traceId": "5af7183fb1d4cf5f463ac35c9f6413ad", "id": id, "name": name, "timestamp": start + int64(len(spans))*1000, "duration": 100_000 - len(spans)*2000,
			"localEndpoint": map[string]any{"serviceName": service, "ipv4": ip}, "tags": map[string]string{"who": name},
		}
		if parent != "" {
			s["parentId"] = parent
		}
		if kind != "" {
			s["kind"] = kind
		}
		if shared {
			s["shared"] = true
		}
		spans = append(spans, s)
		want[name] = parentName
	}
	const front, back, again, queue, stock = "front/10.0.0.1", "back/10.0.0.2", "back/10.0.0.3", "queue/10.0.0.4", "stock/10.0.0.5"
	a, b, c, d, e, f, g := "a000000000000001", "b000000000000002", "c000000000000003", "d000000000000004", "e000000000000005", "f000000000000006", "a000000000000007"
	add("root", "", a, "", "SERVER", front, false)
	add("call back", "root", b, a, "CLIENT", front, false)
	add("back", "call back", b, a, "SERVER", back, true)
	add("back again", "call back", b, a, "SERVER", again, true)
	add("work of back", "back", c, b, "", back, false)
	add("work of back again", "back again", d, b, "", again, false)
	add("back calls itself", "work of back", e, c, "CLIENT", back, false)
	add("back within", "back calls itself", e, c, "SERVER", back, true)
	add("work within", "back within", "0000000000000008", e, "", back, false)
	add("send", "work of back again", f, d, "PRODUCER", again, false)
	add("receive", "send", f, d, "CONSUMER", queue, true)
	add("work of queue", "receive", "0000000000000009", f, "", queue, false)
	add("call stock", "work of queue", g, "0000000000000009", "CLIENT", queue, false)
	add("stock", "call stock", g, "0000000000000009", "SERVER", stock, true)
	return spans, want
}

// TestSharedTraceAtJaeger: whatever the order in which the spans of a trace with
// shared ids arrive, Jaeger sees every parent, no id twice, and has nothing to
// warn of. A second gateway that gets the trace from the first one by Jaeger's
// protocol, and a third that gets it by OTLP, give Zipkin what the clients sent.
func TestSharedTraceAtJaeger(t *testing.T) {
	jaeger, byOTLP, direct, detour := lab.StartJaeger(t), lab.StartJaeger(t), lab.StartZipkin(t), lab.StartZipkin(t)
	behind := lab.StartBridge(t, fmt.Sprintf("targets:\n  zipkin: {kind: zipkin, endpoint: %q}\n", detour.URL))
	b := lab.StartBridge(t, fmt.Sprintf(`
targets:
  jaeger: {kind: jaeger, endpoint: %q}
  otlp: {kind: otlp-http, endpoint: %q}
  zipkin: {kind: zipkin, endpoint: %q}
  next: {kind: jaeger, endpoint: %q}
`, jaeger.GRPC, byOTLP.OTLPHTTP, direct.URL, behind.JaegerGRPC))
	spans, want := sharedTrace(time.Now().UnixMicro())
	rng := rand.New(rand.NewPCG(7, 7))
	rng.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
	for _, s := range spans {
		body, err := json.Marshal([]any{s})
		if err != nil {
			t.Fatal(err)
		}
		post(t, b.Zipkin+zipkinPath, string(body))
	}
	id := spans[0]["traceId"].(string)
	for name, j := range map[string]*lab.Jaeger{"jaeger": jaeger, "jaeger by OTLP": byOTLP} {
		lab.Eventually(t, visible, "the trace at "+name, func(ctx context.Context) error {
			trace, err := j.Trace(ctx, id)
			if err != nil {
				return err
			}
			if len(trace.Spans) < len(spans) {
				return fmt.Errorf("%d spans, want %d", len(trace.Spans), len(spans))
			}
			names := make(map[string]string)
			for _, s := range trace.Spans {
				if twin, ok := names[s.SpanID]; ok {
					return fmt.Errorf("%s and %s both have id %s", twin, s.OperationName, s.SpanID)
				}
				names[s.SpanID] = s.OperationName
				if len(s.Warnings) > 0 {
					return fmt.Errorf("Jaeger warns of %s: %q", s.OperationName, s.Warnings)
				}
			}
			got := make(map[string]string)
			for _, s := range trace.Spans {
				got[s.OperationName] = ""
				for _, r := range s.References {
					got[s.OperationName] = names[r.SpanID]
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("parents (-want +got):\n%s", diff)
			}
			return nil
		})
	}
	for name, z := range map[string]*lab.Zipkin{"zipkin": direct, "zipkin behind two gateways": detour} {
		lab.Eventually(t, visible, "the trace at "+name, func(ctx context.Context) error {
			got, err := z.Trace(ctx, id)
			if err != nil {
				return err
			}
			var a, b []string
			for _, s := range got {
				a = append(a, fmt.Sprint(s.Name, " ", s.ID, " ", s.ParentID, " ", s.Shared, " ", s.Kind, " ", s.Timestamp, " ", s.Duration))
			}
			for _, s := range spans {
				parent, _ := s["parentId"].(string)
				shared, _ := s["shared"].(bool)
				kind, _ := s["kind"].(string)
				b = append(b, fmt.Sprint(s["name"], " ", s["id"], " ", parent, " ", shared, " ", kind, " ", s["timestamp"], " ", s["duration"]))
			}
			slices.Sort(a)
			slices.Sort(b)
			if diff := cmp.Diff(b, a); diff != "" {
				return fmt.Errorf("spans (-sent +got):\n%s", diff)
			}
			return nil
		})
	}
}
