// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/internal/metrics"
)

// windowCounters tells the metrics what a window did.
type windowCounters struct {
	released, groups          []prometheus.Counter // by reason
	servers, clients, evicted prometheus.Counter
	waiting, remembered       prometheus.Gauge
	last                      assemble.Counts // as told
}

func newWindowCounters(set *metrics.Set, target string) (c windowCounters) {
	for _, r := range assemble.Reasons() {
		c.released = append(c.released, set.WindowReleased.WithLabelValues(target, r.String()))
		c.groups = append(c.groups, set.WindowGroups.WithLabelValues(target, r.String()))
	}
	c.servers = set.WindowSplit.WithLabelValues(target, "server")
	c.clients = set.WindowSplit.WithLabelValues(target, "client")
	c.evicted = set.WindowEvicted.WithLabelValues(target)
	c.waiting = set.WindowWaiting.WithLabelValues(target)
	c.remembered = set.WindowRemembered.WithLabelValues(target)
	return c
}

func (c *windowCounters) set(now assemble.Counts) {
	for i := range now.Released {
		c.released[i].Add(float64(now.Released[i] - c.last.Released[i]))
		c.groups[i].Add(float64(now.Groups[i] - c.last.Groups[i]))
	}
	c.servers.Add(float64(now.ServerHalves - c.last.ServerHalves))
	c.clients.Add(float64(now.LateClients - c.last.LateClients))
	c.evicted.Add(float64(now.Evicted - c.last.Evicted))
	c.waiting.Set(float64(now.Waiting))
	c.remembered.Set(float64(now.Remembered))
	c.last = now
}
