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
	if now == c.last {
		return
	}
	add := func(to prometheus.Counter, now, last int) {
		if now != last {
			to.Add(float64(now - last))
		}
	}
	for i := range now.Released {
		add(c.released[i], now.Released[i], c.last.Released[i])
		add(c.groups[i], now.Groups[i], c.last.Groups[i])
	}
	add(c.servers, now.ServerHalves, c.last.ServerHalves)
	add(c.clients, now.LateClients, c.last.LateClients)
	add(c.evicted, now.Evicted, c.last.Evicted)
	c.waiting.Set(float64(now.Waiting))
	c.remembered.Set(float64(now.Remembered))
	c.last = now
}
