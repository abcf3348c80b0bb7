// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"strings"
)

// Markdown is docs/metrics.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Metrics

At /metrics of the admin port (127.0.0.1:9410), in Prometheus' text form, beside
those of the Go runtime and the process.

Every span is accounted for. For each target and each protocol that spans came by,
whenever no span is between two counters:

    received + resumed + revived =
        exported (all outcomes) + repeated + merged + dropped + dead + held

where *received* is the sum of the protocol's bridge_spans_received_total, and the
others are bridge_spans_resumed_total (what the queue on disk held at the start),
bridge_spans_revived_total (dead letters that were sent again),
bridge_export_spans_total, bridge_spans_repeated_total (the target has them),
bridge_spans_merged_total (they are a part of others now), bridge_spans_dropped_total,
bridge_spans_dead_total and bridge_spans_held of the target and the protocol. A span that was refused to its sender (bridge_spans_rejected_total)
was never received.

This page is generated from the source (` + "`make docs`" + `).

| name | kind | labels | meaning |
|---|---|---|---|
`)
	rows(&b, List)
	b.WriteString(`
## bridge proxy

At /metrics of its own admin port (--admin). docs/proxy.md says what the proxy does.

| name | kind | labels | meaning |
|---|---|---|---|
`)
	rows(&b, ProxyList)
	return b.String()
}

func rows(b *strings.Builder, list []Metric) {
	for _, m := range list {
		labels := strings.Join(m.Labels, ", ")
		if labels == "" {
			labels = "none"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", m.Name, m.Kind, labels, m.Help)
	}
}
