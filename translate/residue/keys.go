// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"encoding/binary"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// keySet holds the keys of a span's attributes and of its resource's by their
// places: those of the resource first, which stay for the spans after it.
type keySet struct {
	slots [256]uint8 // by a hash, and those behind it: the number in list, from 1
	list  []string
	taken []uint8 // the slot of each
	plain []bool  // of each, as wire.IsPlain has it
}

// mostKeys is how many it takes; a search in a set that is half full is short.
const mostKeys = 100

// cut takes the keys from place n on out.
func (k *keySet) cut(n int) {
	for i := len(k.taken) - 1; i >= n; i-- {
		k.slots[k.taken[i]] = 0
	}
	k.list, k.taken, k.plain = k.list[:n], k.taken[:n], k.plain[:n]
}

// add adds a key. It returns false for one that is there and when it is full.
func (k *keySet) add(key string) bool {
	h := hashKey(key)
	for {
		n := k.slots[h]
		if n == 0 {
			break
		}
		if k.list[n-1] == key {
			return false
		}
		h++
	}
	if len(k.list) == mostKeys {
		return false
	}
	k.list, k.taken, k.plain = append(k.list, key), append(k.taken, h), append(k.plain, wire.IsPlain(key))
	k.slots[h] = uint8(len(k.list))
	return true
}

// find is the place of a key, -1 for none.
func (k *keySet) find(key string) int {
	for h := hashKey(key); ; h++ {
		n := k.slots[h]
		if n == 0 {
			return -1
		}
		if k.list[n-1] == key {
			return int(n) - 1
		}
	}
}

// hashKey mixes the length, the first and the last bytes of a key. Whoever sends
// keys that all have one hash makes each search as long as it was without one.
func hashKey(s string) uint8 {
	n := len(s)
	h := uint64(n) * 0x9e3779b97f4a7c15
	switch {
	case n >= 8:
		h ^= binary.LittleEndian.Uint64([]byte(s[:8])) * 0xbf58476d1ce4e5b9
		h ^= binary.LittleEndian.Uint64([]byte(s[n-8:])) * 0x94d049bb133111eb
	case n >= 4:
		h ^= uint64(binary.LittleEndian.Uint32([]byte(s[:4]))) * 0xbf58476d1ce4e5b9
		h ^= uint64(binary.LittleEndian.Uint32([]byte(s[n-4:]))) * 0x94d049bb133111eb
	default:
		for i := range n {
			h = (h ^ uint64(s[i])) * 0xbf58476d1ce4e5b9
		}
	}
	return uint8(h >> 56)
}
