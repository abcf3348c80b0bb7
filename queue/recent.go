// SPDX-License-Identifier: Apache-2.0

package queue

// recent keeps the newest records in memory, with their companions, as far as
// they fit: a reader that keeps up does not touch the disk.
type recent struct {
	max, bytes int64
	ring       []Record // its length is a power of two
	low, next  uint64   // numbers kept: from low to before next
}

func (c *recent) at(seq uint64) *Record { return &c.ring[seq&uint64(len(c.ring)-1)] }

func memorySize(r *Record) int64 { return int64(r.size()) + int64(r.CompanionSize) }

func (c *recent) put(seq uint64, r *Record) {
	if seq != c.next {
		c.trim(c.next)
		c.low, c.next = seq, seq
	}
	if memorySize(r) > c.max {
		c.trim(c.next)
		c.low, c.next = seq+1, seq+1
		release(r)
		return
	}
	if n := int(c.next - c.low); n == len(c.ring) {
		ring := make([]Record, max(64, 2*n))
		for s := c.low; s < c.next; s++ {
			ring[s&uint64(len(ring)-1)] = *c.at(s)
		}
		c.ring = ring
	}
	*c.at(seq) = *r
	c.next++
	c.bytes += memorySize(r)
	for c.bytes > c.max {
		c.drop()
	}
}

func (c *recent) get(seq uint64) (Record, bool) {
	if seq < c.low || seq >= c.next {
		return Record{}, false
	}
	return *c.at(seq), true
}

func (c *recent) drop() {
	r := c.at(c.low)
	c.bytes -= memorySize(r)
	release(r)
	*r = Record{}
	c.low++
}

// trim forgets the records below seq.
func (c *recent) trim(seq uint64) {
	for c.low < min(seq, c.next) {
		c.drop()
	}
}
