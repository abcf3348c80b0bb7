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

// Memory registers what the memory limit is and what is on its way in.
func (s *Set) Memory(limit int64, onWay func() int64) {
	s.gauge(memoryOnWay, nil, func() float64 { return float64(onWay()) })
	s.gauge(memoryLimit, nil, func() float64 { return float64(limit) })
}
