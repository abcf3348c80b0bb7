// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/internal/metrics"
)

// A span that is in no counter is seen.
func TestLedgerDiffers(t *testing.T) {
	reg := prometheus.NewRegistry()
	set := metrics.New(reg)
	set.SpansReceived.WithLabelValues("zipkin", "zipkin.v2.json", "http").Add(10)
	set.SpansReceived.WithLabelValues("otlp", "otlp.proto", "grpc").Add(5)
	set.SpansResumed.WithLabelValues("back", "zipkin").Add(3)
	set.ExportSpans.WithLabelValues("back", "zipkin", "delivered").Add(5)
	set.ExportSpans.WithLabelValues("back", "otlp", "refused").Add(2)
	set.SpansDropped.WithLabelValues("back", "zipkin", "damaged").Add(4)
	set.SpansRepeated.WithLabelValues("back", "zipkin", "recognized").Add(1)
	set.SpansMerged.WithLabelValues("back", "otlp").Add(1)
	set.SpansSuspected.WithLabelValues("back", "zipkin").Add(3)
	set.Panics.WithLabelValues("here").Inc()
	held := []int64{3, 2}
	set.Held("back", []string{"zipkin", "otlp"}, func(p int) int64 { return held[p] }, func() int64 { return 100 })
	l, err := readLedger(reg)
	if err != nil {
		t.Fatal(err)
	}
	if !l.Agree || l.Targets[0].Difference != 0 || l.Panics != 1 {
		t.Errorf("%+v", l)
	}
	held[0], held[1] = 2, 3 // of all together the sum is right
	if l, err = settledLedger(t.Context(), reg); err != nil {
		t.Fatal(err)
	}
	if l.Agree || l.Targets[0].Difference != 0 || l.Targets[0].Protocols[0].Difference != -1 || l.Targets[0].Protocols[1].Difference != 1 {
		t.Errorf("a span is missing and the ledger says: %+v", l)
	}
	var text strings.Builder
	l.print(&text)
	for _, want := range []string{"not ready", "zipkin.v2.json", "2 (refused 2)", "4 (damaged 4)", "1 (recognized 1)", "5 (3 perhaps twice)", "DIFFERS by 1", "DIFFERS by -1", "DIFFERS for otlp", "panics"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	text.Reset()
	if err := ledgerTemplate.Execute(&text, l); err != nil || !strings.Contains(text.String(), "DIFFERS for otlp") || !strings.Contains(text.String(), "DIFFERS by 1") || !strings.Contains(text.String(), "do not agree") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
