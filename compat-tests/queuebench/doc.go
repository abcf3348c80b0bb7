// SPDX-License-Identifier: Apache-2.0

// Command queuebench measures the queue on disk beside others, in the same run
// and on the same disk: hashicorp/raft-wal, Prometheus' wlog, and a bare file
// with a write and an fdatasync for each group. All of them get the same records
// from the same producers, and answer after the sync. What is printed are the
// CPU-seconds of the whole process per GB and the time until a record was
// acknowledged: the middle of the rounds, and the least and the most.
package main
