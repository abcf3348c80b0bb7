// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of a queue on disk; they are there when queue.dir is set.
var (
	diskBytes = Metric{
		"bridge_queue_disk_bytes", Gauge, nil,
		"Bytes that the files of the queue take on disk, with what is reserved for the next records.",
	}
	diskSegments = Metric{"bridge_queue_disk_segments", Gauge, nil, "Files that the queue consists of."}
	diskRecords  = Metric{"bridge_queue_disk_messages", Gauge, nil, "Messages in the queue on disk, delivered ones in files that others keep included."}
	diskSync     = Metric{
		"bridge_queue_sync_seconds", Histogram, nil,
		"How long the disk took to make a group of messages durable (fdatasync). Clients wait for it.",
	}
	diskFailures = Metric{
		"bridge_queue_write_failures_total", Counter, nil,
		"Groups of messages that the disk did not take: it is full or broken. Their clients were told to come again.",
	}
	diskDamaged = Metric{
		"bridge_queue_damaged_messages_total", Counter, nil,
		"Messages that were acknowledged and that the disk has changed or lost, those found at the start included. The log names each.",
	}
	diskForgotten = Metric{
		"bridge_queue_forgotten_spans_total", Counter, nil,
		"Spans dropped that were held for a target that is no longer configured: by its bound, or after queue.forget_after.",
	}
)

// Disk is the figures of a queue on disk.
type Disk struct {
	Bytes, Segments, Records     int64
	Failures, Damaged, Forgotten int64
}

// Disk registers the figures of a queue on disk, asked for when the metrics are
// read.
func (s *Set) Disk(read func() Disk) {
	gauge := func(m Metric, value func(Disk) int64) {
		s.gauge(m, nil, func() float64 { return float64(value(read())) })
	}
	counter := func(m Metric, value func(Disk) int64) {
		s.reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, func() float64 { return float64(value(read())) }))
	}
	gauge(diskBytes, func(d Disk) int64 { return d.Bytes })
	gauge(diskSegments, func(d Disk) int64 { return d.Segments })
	gauge(diskRecords, func(d Disk) int64 { return d.Records })
	counter(diskFailures, func(d Disk) int64 { return d.Failures })
	counter(diskDamaged, func(d Disk) int64 { return d.Damaged })
	counter(diskForgotten, func(d Disk) int64 { return d.Forgotten })
}

// Synced gives the function that is told how long each sync took.
func (s *Set) Synced() func(time.Duration) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: diskSync.Name, Help: diskSync.Help,
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	})
	s.reg.MustRegister(h)
	return func(d time.Duration) { h.Observe(d.Seconds()) }
}
