// SPDX-License-Identifier: Apache-2.0

// Package deadletter keeps spans that a target will never take as they are: a
// letter for each message that some of them came in, with the reason, the target's
// answer, and the message as it arrived, so that they can be sent again once
// whatever was wrong is mended.
//
// The letters lie in a log of their own (package queue), in a directory or in
// memory, bounded by bytes and age; the oldest go first, and what goes is counted.
// A letter is taken out by a note behind it. Letters in memory end with the
// process. The package knows neither formats nor targets.
package deadletter
