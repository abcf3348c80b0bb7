// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"strings"
	"testing"
)

// Sums of protocols that make up for each other do not agree.
func TestAccounted(t *testing.T) {
	page := `# HELP bridge_spans_received_total Spans.
bridge_spans_received_total{format="zipkin.v2.json",protocol="zipkin",transport="http"} 10
bridge_spans_received_total{format="otlp.proto",protocol="otlp",transport="grpc"} 4
bridge_spans_resumed_total{protocol="zipkin",target="a"} 3
bridge_spans_revived_total{protocol="zipkin",target="a"} 2
bridge_export_spans_total{outcome="delivered",protocol="zipkin",target="a"} 9
bridge_spans_repeated_total{protocol="zipkin",reason="recognized",target="a"} 1
bridge_spans_merged_total{protocol="zipkin",target="a"} 1
bridge_spans_dropped_total{protocol="zipkin",reason="damaged",target="a"} 1
bridge_spans_dead_total{protocol="zipkin",reason="refused",target="a"} 2
bridge_spans_held{protocol="zipkin",target="a"} 1
bridge_spans_held{protocol="otlp",target="a"} 4
`
	if err := accounted(page); err != nil {
		t.Error(err)
	}
	moved := strings.NewReplacer(`protocol="otlp",target="a"} 4`, `protocol="otlp",target="a"} 3`, `merged_total{protocol="zipkin",target="a"} 1`, `merged_total{protocol="zipkin",target="a"} 2`).Replace(page)
	if err := accounted(moved); err == nil {
		t.Error("a span of OTLP is missing, one of Zipkin is there twice, and nobody sees it")
	}
	if err := accounted("bridge_spans_received_total{} 1\n"); err == nil {
		t.Error("a page without targets agrees")
	}
}
