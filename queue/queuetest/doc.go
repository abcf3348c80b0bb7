// SPDX-License-Identifier: Apache-2.0

// Package queuetest has a disk in memory for tests of a queue, which breaks on
// command: operations fail, a write ends anywhere, space runs out, a sync lies,
// and power goes. What is left after that is drawn from what a real disk may
// leave: everything that was synced, and of the rest any sectors. A Cache does the
// last to a real directory: a process that is killed over it leaves what a power cut
// would.
package queuetest
