// SPDX-License-Identifier: Apache-2.0

// Package pipeline moves spans: from the receivers into the log, and from the
// log to each target at the target's own pace. It is the only part that runs by
// itself; what comes in are decoded batches, what goes out are parcels of spans
// for a Consumer. It knows neither formats nor transports.
//
// A target of a log on disk goes on where it was when the process ended; what was
// held for it then is counted as resumed, and what it had taken of that is not sent
// again.
//
// A span is counted once when it is taken (Intake) and, for every target, once
// when it leaves the queue, by the protocol that it came by; package metrics has the
// sum that must hold. Nothing
// is lost here but what a full queue with the policy drop_oldest skips, what a
// target refuses, and what is given up after trying for as long as configured:
// all three are counted and logged.
package pipeline
