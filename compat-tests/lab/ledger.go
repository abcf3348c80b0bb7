// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"strconv"
	"strings"
)

// sides says on which side of the sum a metric is.
var sides = map[string]float64{
	"bridge_spans_resumed_total": 1, "bridge_spans_revived_total": 1,
	"bridge_export_spans_total": -1, "bridge_spans_repeated_total": -1, "bridge_spans_merged_total": -1,
	"bridge_spans_dropped_total": -1, "bridge_spans_dead_total": -1, "bridge_spans_held": -1,
}

// accounted is nil when the sums of all protocols and targets agree on a page of
// metrics.
func accounted(page string) error {
	received, rest := make(map[string]float64), make(map[[2]string]float64)
	targets := make(map[string]bool)
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		name, labels, _ := strings.Cut(line, "{")
		side, known := sides[name]
		if !known && name != "bridge_spans_received_total" {
			continue
		}
		v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			return fmt.Errorf("metric %s: %w", line, err)
		}
		protocol := labelOf(labels, "protocol")
		if !known {
			received[protocol] += v
			continue
		}
		target := labelOf(labels, "target")
		targets[target] = true
		rest[[2]string{target, protocol}] += side * v
	}
	if len(targets) == 0 {
		return fmt.Errorf("no target in %d bytes of metrics", len(page))
	}
	for target := range targets {
		for protocol, n := range received {
			rest[[2]string{target, protocol}] += n
		}
	}
	for k, left := range rest {
		if left != 0 {
			return fmt.Errorf("%v spans of %s are not accounted for at %s", left, k[1], k[0])
		}
	}
	return nil
}

// labelOf is the value of a label of a series.
func labelOf(labels, name string) string {
	_, rest, ok := strings.Cut(","+labels, ","+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
