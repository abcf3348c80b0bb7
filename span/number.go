// SPDX-License-Identifier: Apache-2.0

package span

import "sync/atomic"

var numbers atomic.Uint64

func nextNumber() uint64 { return numbers.Add(1) }

// Number tells a batch from every other one of this process, whether that still
// exists or not: what is remembered of batches needs no pointers to them. The
// batches that a builder makes after Reset have none, 0.
func (b *Batch) Number() uint64 { return b.number }
