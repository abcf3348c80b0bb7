// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strconv"
)

// limits checks the numbers of limits; its sizes and times are checked beside
// those of other sections.
func (r *reader) limits(l *Limits) {
	for _, n := range []struct {
		path        string
		number      int
		least, most int
	}{
		{"limits.spans", l.Spans, 1, 1 << 30},
		{"limits.tags", l.Tags, 1, 1 << 30},
		{"limits.connections", l.Connections, 1, 1 << 20},
		{"limits.connections_total", l.ConnectionsTotal, 1, 1 << 20},
		{"limits.streams", l.Streams, 1, 1 << 20},
		{"limits.streams_total", l.StreamsTotal, 1, 1 << 30},
	} {
		if n.number < n.least || n.number > n.most {
			r.wrong(n.path, strconv.Itoa(n.number), fmt.Sprintf("%d to %d", n.least, n.most))
		}
	}
	r.oneOf("limits.when_full", l.WhenFull, []string{"refuse", "wait"})
	r.wait("limits.wait", l.Wait)
	if l.Text < 1024 || l.Text > 1<<30 {
		r.wrong("limits.text", l.Text.String(), "1KiB to 1GiB")
	}
	if l.Memory != 0 && l.Memory < 64<<20 {
		r.wrong("limits.memory", l.Memory.String(), "0B (what there is) or at least 64MiB")
	}
}
