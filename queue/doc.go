// SPDX-License-Identifier: Apache-2.0

// Package queue is one log of byte records, read by any number of named
// cursors, each at its own pace. It knows no protocol: a record is a head and
// a body, with the number of items that whoever wrote it counts in it.
//
// What goes in comes out to every cursor that existed at the time, in order,
// once per process life; a record is dropped from the log when all cursors have
// committed it. Nothing is lost silently: a cursor whose unread records reach
// its bound makes Append fail with a *Full, at once (Refuse) or when there was no
// room for a while (Wait, for those who append with patience), or skips its oldest
// unread records (DropOldest) and reports them to the Dropped function.
//
// The engine that holds the records is behind a small interface. NewMemory makes
// a log in memory: what it holds is lost when the process ends. Open opens one on
// disk, which promises more:
//
//   - Append returns after the record is on the disk (fdatasync). Records that
//     come at the same time share one write and one sync.
//   - After a crash of the process or the machine, at any moment, every record
//     that was acknowledged is there, in the order of its number. A record whose
//     Append did not return may be there too.
//   - The place of each cursor is written with every group of records, once a
//     second, and on Close. After a crash a cursor gets again what it committed
//     since: at least once.
//   - A record whose bytes have changed on the disk is never given out. The ones
//     around it are; it is counted and reported, with its items where the head of
//     its frame is good.
//   - A failed write or sync, or a full disk, fails the appends that wait for it
//     and harms nothing before. The file is not used again; the next append begins
//     another one, so that it goes on as soon as the disk does. Fault says why
//     meanwhile, and the disk is tried once a second though nobody appends.
//   - A start reads every frame head and needs no hand: it never fails because of
//     what is in the files. (It does where the directory cannot be used, where
//     another process has it, and where another version wrote it.)
//
// It believes in a disk that writes what it says it has synced. With one that
// lies a power cut may cost more; the log still opens and still gives out nothing
// that was not appended.
//
// Records without an owner go in the end: those of a cursor that nobody has asked
// for since the start, or that was released, stay inside its last bound for Options.ForgetAfter; and
// Options.MaxBytes and MaxAge, where set, drop the oldest files whatever is in
// them. Both are counted and logged.
//
// FORMAT.md draws the files. Inspect looks at them without a lock, for tools.
// Package queuetest has a disk that breaks on command.
package queue
