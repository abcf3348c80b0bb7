// SPDX-License-Identifier: Apache-2.0

// Package assemble decides which span is whose parent where the wire leaves it
// open. In B3 a client and a server may share one span id; everywhere else an
// id belongs to one span. Such spans are split: the server half gets an id of
// its own, derived from the shared one and its place, and its parent is the
// client half. The spans of the server's process that name the shared id as
// their parent follow the server half.
//
// A [Window] does so for spans as they come, message by message, in any order.
// A flagged half is decided from itself alone, on every node alike. A span whose
// parent may be a half that has not come yet waits for it, for a short time;
// all others pass at once. What was decided is remembered for spans that come
// late. For SkyWalking it also collects the spans of one trace and service, so
// that they can be written as one segment. [Join] does the same for spans that
// are all there, such as those of a trace in the view.
//
// Items go in and come out with other identities; the batches are not changed.
// What is lost: the child of a server half that comes when the hold is over, or
// to another node, stays with the client half, one level too high, never without
// a parent and never with a wrong trace. A server that joined without a flag and
// left before its client keeps the shared id; the client, when it comes, gets
// another one and becomes its sibling.
package assemble
