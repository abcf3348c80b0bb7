// SPDX-License-Identifier: Apache-2.0

package rawgrpc

import (
	"math/bits"
	"sync"
)

// outgoing has the memory of messages that are sent. grpc-go's own pool has nothing
// between 32 KiB and 1 MiB and clears a buffer as a whole each time it is taken, for
// those who would not write all of it: these are always written up to their end.
var outgoing pool

// pool is a mem.BufferPool of buffers that hold what was in them. Their sizes are
// powers of two.
type pool struct {
	bySize [mostBits + 1]sync.Pool
}

// What is larger than any usual message is not kept, nor what is hardly worth it.
const (
	leastBits = 8
	mostBits  = 23
)

// Get is a buffer of that length.
func (p *pool) Get(length int) *[]byte {
	n := max(bits.Len(uint(max(length, 1)-1)), leastBits)
	if n > mostBits {
		b := make([]byte, length)
		return &b
	}
	if b, ok := p.bySize[n].Get().(*[]byte); ok {
		*b = (*b)[:length]
		return b
	}
	b := make([]byte, length, 1<<n)
	return &b
}

// Put takes a buffer back.
func (p *pool) Put(b *[]byte) {
	if n := bits.Len(uint(cap(*b))) - 1; n >= leastBits && n <= mostBits && cap(*b) == 1<<n {
		p.bySize[n].Put(b)
	}
}
