// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/prometheus/client_golang/prometheus"

// The metrics of the configuration.
var (
	reloads = Metric{
		"bridge_config_reloads_total", Counter,
		[]string{"result"},
		"How often the configuration was read again while running: good, or bad (it has faults, and the former one stayed in force).",
	}
	reloadGood = Metric{
		"bridge_config_last_reload_successful", Gauge, nil,
		"1 if the configuration was good when it was last read, else 0: then the file is not what is in force.",
	}
	reloadTime = Metric{
		"bridge_config_last_reload_success_timestamp_seconds", Gauge, nil,
		"When the configuration that is in force was read, in seconds since 1970.",
	}
)

// Reloads is how the configuration was read again.
type Reloads struct {
	total      *prometheus.CounterVec
	good, when prometheus.Gauge
}

func (s *Set) reloads() Reloads {
	gauge := func(m Metric) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: m.Name, Help: m.Help})
		s.reg.MustRegister(g)
		return g
	}
	r := Reloads{s.counter(reloads), gauge(reloadGood), gauge(reloadTime)}
	for _, result := range []string{"good", "bad"} {
		r.total.WithLabelValues(result).Add(0)
	}
	r.InForce()
	return r
}

// InForce says that a configuration is in force from now on.
func (r Reloads) InForce() {
	r.good.Set(1)
	r.when.SetToCurrentTime()
}

// Good counts a reload.
func (r Reloads) Good() {
	r.total.WithLabelValues("good").Inc()
	r.InForce()
}

// Bad counts a reload that has failed.
func (r Reloads) Bad() {
	r.total.WithLabelValues("bad").Inc()
	r.good.Set(0)
}
