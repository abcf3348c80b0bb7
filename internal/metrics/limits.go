// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/prometheus/client_golang/prometheus"

// The metrics of what the limits hold back. Messages that were refused are
// counted in bridge_messages_total, as busy or too_large.
var (
	connectionsOpen = Metric{
		"bridge_connections", Gauge,
		[]string{"port"},
		"TCP connections that are open at a port.",
	}
	connectionsRefused = Metric{
		"bridge_connections_refused_total", Counter,
		[]string{"port"},
		"TCP connections that were closed at once because there were as many as limits.connections or limits.connections_total allows.",
	}
	memoryOnWay = Metric{
		"bridge_on_way_bytes", Gauge, nil,
		"Memory of what is on its way in: bodies and messages that are being read or decoded.",
	}
	memoryLimit = Metric{
		"bridge_memory_limit_bytes", Gauge, nil,
		"The memory of limits.memory, as set or as found.",
	}
	waitingNow = Metric{
		"bridge_waiting", Gauge,
		[]string{"for"},
		"Messages that wait: for room in the queue of a target (queue), or for memory before they are read (memory).",
	}
	waited = Metric{
		"bridge_waited_total", Counter,
		[]string{"outcome"},
		"Messages that have waited for room in the queue of a target: taken, refused (there was none in time), left (the client has gone, or the gateway stopped).",
	}
)

// Limits are the metrics of what the limits hold back.
type Limits struct {
	Connections        *prometheus.GaugeVec
	ConnectionsRefused *prometheus.CounterVec
}

// limits registers them.
func (s *Set) limits() Limits {
	return Limits{Connections: s.gauges(connectionsOpen), ConnectionsRefused: s.counter(connectionsRefused)}
}

// Waiting registers who waits for room: in the queue, for memory, and what became of
// those that waited for the queue.
func (s *Set) Waiting(queue, memory func() int, taken, refused, left func() uint64) {
	s.gauge(waitingNow, prometheus.Labels{"for": "queue"}, func() float64 { return float64(queue()) })
	s.gauge(waitingNow, prometheus.Labels{"for": "memory"}, func() float64 { return float64(memory()) })
	for outcome, n := range map[string]func() uint64{"taken": taken, "refused": refused, "left": left} {
		s.reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: waited.Name, Help: waited.Help, ConstLabels: prometheus.Labels{"outcome": outcome},
		}, func() float64 { return float64(n()) }))
	}
}

// Memory registers what the memory limit is and what is on its way in.
func (s *Set) Memory(limit int64, onWay func() int64) {
	s.gauge(memoryOnWay, nil, func() float64 { return float64(onWay()) })
	s.gauge(memoryLimit, nil, func() float64 { return float64(limit) })
}
