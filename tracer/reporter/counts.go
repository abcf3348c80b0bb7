// SPDX-License-Identifier: Apache-2.0

package reporter

import "sync/atomic"

// Counts are the numbers of a reporter. Reported is the sum of Sent, of all that
// is dropped, and of Waiting.
type Counts struct {
	Reported int64 // spans handed to Report
	Sent     int64 // spans that the backend took; by UDP: that were sent
	Waiting  int64 // spans in the queue, and those that are being sent

	// Spans that were dropped, by reason.
	QueueFull int64 // the queue was full
	TooLarge  int64 // one span does not fit into a message of the protocol
	Refused   int64 // the backend does not want them
	Failed    int64 // all tries have failed
	Closed    int64 // the reporter was closed before them, or before they were sent

	Requests       int64 // requests, or datagrams, that were tried
	FailedRequests int64 // those of them that failed
	Bytes          int64 // of the messages that were sent, before compression
}

// Dropped is the number of spans that were dropped.
func (c Counts) Dropped() int64 {
	return c.QueueFull + c.TooLarge + c.Refused + c.Failed + c.Closed
}

// reason is why spans are dropped.
type reason int

const (
	queueFull reason = iota
	tooLarge
	refused
	failed
	closed
	reasons
)

var reasonNames = [reasons]string{"queue full", "span too large", "refused", "all tries failed", "closed"}

func (r reason) String() string { return reasonNames[r] }

// counters are the counts that are not those of the queue.
type counters struct {
	sent, requests, failedRequests, bytes atomic.Int64
	dropped                               [reasons]atomic.Int64
}
