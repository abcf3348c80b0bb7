// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/spanbridge/spanbridge/middleware/franzgo"
	"github.com/spanbridge/spanbridge/middleware/grpcgo"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/tracer"
)

// malformed are headers that cannot be read, each by its name in lower case.
var malformed = []map[string]string{
	{"b3": "zzz"},
	{"b3": ""},
	{"x-b3-traceid": "463ac35c9f6413ad"}, // and no span
	{"x-b3-traceid": "0", "x-b3-spanid": "0", "x-b3-sampled": "maybe"},
	{"sw8": "1-x"},
	{"sw8": strings.Repeat("1-", 20_000)},
	{"traceparent": "00-00000000000000000000000000000000-0000000000000000-01"},
	{"uber-trace-id": "::::"},
	{"ot-tracer-traceid": "%"},
	{"b3": "zzz", "sw8": "-------", "traceparent": "-", "uber-trace-id": "%3A", "tracestate": "=", "baggage": ";;=", "sw8-correlation": "!:!", "sw8-x": "x"},
}

// TestBadHeaders cost no request, call or record: it begins a trace.
func TestBadHeaders(t *testing.T) {
	for _, headers := range malformed {
		spans := tracer.NewInMemoryReporter(10)
		tr := tracer.New("shop", tracer.WithReporter(spans))
		served := 0

		r := httptest.NewRequest(http.MethodGet, "/", nil)
		md := metadata.MD{}
		record := &kgo.Record{Topic: "orders"}
		for k, v := range headers {
			r.Header.Set(k, v)
			md.Set(k, v)
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: k, Value: []byte(v)})
		}
		w := httptest.NewRecorder()
		nethttp.Handler(tr, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ })).ServeHTTP(w, r)
		_, err := grpcgo.UnaryServer(tr)(metadata.NewIncomingContext(t.Context(), md), nil, &grpc.UnaryServerInfo{FullMethod: "/shop.Stock/Reserve"},
			func(context.Context, any) (any, error) { served++; return struct{}{}, nil })
		if err != nil || w.Code != http.StatusOK {
			t.Errorf("%.80v: %v, %d", headers, err, w.Code)
		}
		err = franzgo.New(tr).Process(t.Context(), record, func(context.Context, *kgo.Record) error { served++; return nil })
		if err != nil || served != 3 {
			t.Errorf("%.80v: %v, %d of 3 were served", headers, err, served)
		}
		got := spans.Records()
		if len(got) != 3 {
			t.Fatalf("%.80v: %d spans, want 3", headers, len(got))
		}
		for _, s := range got {
			if s.Parent != 0 || s.Trace.IsZero() {
				t.Errorf("%s: %s is below %v in trace %v, want one that begins", fmt.Sprintf("%.80v", headers), s.Operation, s.Parent, s.Trace)
			}
		}
	}
}
