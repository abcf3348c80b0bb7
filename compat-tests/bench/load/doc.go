// SPDX-License-Identifier: Apache-2.0

// Package load sends traffic to a gateway over a number of kept connections,
// either in a closed loop, in which each of them sends as soon as it was answered,
// or at a fixed rate. Every request has spans that were not there before. At a
// fixed rate the time until the answer counts from when the request was due, so
// that a gateway that stalls does not hide what would have been sent meanwhile.
// Datagrams have no answer: what was written counts as acknowledged.
package load
