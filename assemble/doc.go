// SPDX-License-Identifier: Apache-2.0

// Package assemble decides which span is whose parent where the wire leaves it
// open. In B3 a client and a server may share one span id; everywhere else an
// id belongs to one span. Join splits such spans: the server half gets an id
// of its own, derived from the shared one, and its parent is the client half.
// The spans of the server's process that name the shared id as their parent
// follow the server half.
//
// Items go in and come out with other identities; nothing is kept between
// calls, and the batches are not changed. Spans that are not there to be seen
// cannot be taken into account: the child of a server half that came in another
// message stays with the client half, one level too high, never without a
// parent and never with a wrong trace.
package assemble
