// SPDX-License-Identifier: Apache-2.0

// Package queue is one log of byte records, read by any number of named
// cursors, each at its own pace. It knows no protocol: a record is a head and
// a body, with the number of items that whoever wrote it counts in it.
//
// What goes in comes out to every cursor that existed at the time, in order,
// once per process life; a record is dropped from the log when all cursors have
// committed it. Nothing is lost silently: a cursor whose unread records reach
// its bound either makes Append fail with a *Full (Refuse) or skips its oldest
// unread records (DropOldest) and reports them to the Dropped function.
//
// The engine that holds the records is behind a small interface. The one here
// is memory: what it holds is lost when the process ends.
package queue
