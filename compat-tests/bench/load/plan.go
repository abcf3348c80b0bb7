// SPDX-License-Identifier: Apache-2.0

package load

import "time"

// Plan says what is sent.
type Plan struct {
	Encoding    string
	Address     string // host:port
	Connections int
	// Rate is in spans a second; 0 is the closed loop.
	Rate float64
	// Duration is how long requests are begun, or
	// Requests how many of them.
	Duration time.Duration
	Requests int64

	Spans   int // of a request
	Tags    int // of a span; 0: the usual ones
	Orphans bool
	// First is the number of the first request: those of two plans must not
	// overlap, or spans come again.
	First uint32
}

// Report is what came of it. Counts are of spans.
type Report struct {
	Sent, Acknowledged, Refused int64
	Requests, Bytes             int64
	Seconds                     float64
	P50, P99                    float64 // milliseconds until the answer
	Fault                       string  // the last one
}
