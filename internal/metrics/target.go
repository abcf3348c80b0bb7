// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"maps"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// byTarget is a metric of targets that is asked for when the metrics are read. A
// target may come, and be replaced by one of the same name.
type byTarget struct {
	desc *prometheus.Desc
	kind prometheus.ValueType

	mu   sync.Mutex
	read map[string]series // by the labels
}

type series struct {
	labels []string
	read   func() int64
}

func (s *Set) byTarget(m Metric) *byTarget {
	b := &byTarget{desc: prometheus.NewDesc(m.Name, m.Help, m.Labels, nil), kind: prometheus.GaugeValue, read: make(map[string]series)}
	if m.Kind == Counter {
		b.kind = prometheus.CounterValue
	}
	s.reg.MustRegister(b)
	return b
}

func (b *byTarget) set(read func() int64, labels ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read[strings.Join(labels, "\n")] = series{labels, read}
}

// Describe gives the one description.
func (b *byTarget) Describe(to chan<- *prometheus.Desc) { to <- b.desc }

// Collect asks for every target.
func (b *byTarget) Collect(to chan<- prometheus.Metric) {
	b.mu.Lock()
	read := maps.Clone(b.read)
	b.mu.Unlock()
	for _, s := range read {
		to <- prometheus.MustNewConstMetric(b.desc, b.kind, float64(s.read()), s.labels...)
	}
}
