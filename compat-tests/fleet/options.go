// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// Options say what a fleet is like. Shares are between 0 and 1.
type Options struct {
	Seed  uint64
	Spans int // how many are made, up to the end of the last trace

	Instances int // of each service, at least 2: a retry goes to another one

	// Begin is the time of the first trace; traces begin evenly over Length.
	Begin  time.Time
	Length time.Duration

	// Interval is the time between two reports of an instance. 0: each span
	// (each segment of SkyWalking) is a request of its own, at any time within
	// Spread after the end of its trace.
	Interval time.Duration
	Spread   time.Duration

	Proxies   float64 // calls in which a proxy joins the id and hands it on
	Unflagged float64 // joining services that do not say so, as aiozipkin and jaeger-client-go
	Loss      float64 // spans (segments) that are never reported

	// Tagged: a span that goes on from the header of a SkyWalking agent has it in
	// the tags sw8.trace_id and sw8.parent, as a bridge of headers leaves it there.
	Tagged bool
}

// What the traces are like, as shares of the calls between services unless it
// says otherwise. The first four are those of the simulation that the design
// was chosen by.
const (
	separateShare = 0.20 // servers that could join and do not
	localShare    = 0.05 // client halves with a local child
	selfShare     = 0.03 // the called service is the calling process
	oneWayShare   = 0.05 // the client does not wait, and tells no duration

	retryShare    = 0.02 // two servers, one after the other, on one id
	joinedMessage = 0.10 // of messages: the consumer joins the producer's id
	sameHostClock = 0.90 // of hosts: the clock is right

	maxDepth = 5
	maxSpans = 60 // of a trace
)
