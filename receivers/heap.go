// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"runtime"
	"runtime/metrics"
)

// LiveHeap is what the last garbage collection has left, in bytes.
func LiveHeap() int64 {
	sample := [1]metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample[:])
	return int64(sample[0].Value.Uint64())
}

// AfterCollections calls a function now and after each garbage collection, from a
// goroutine of the runtime, until it returns false.
func AfterCollections(f func() (again bool)) {
	if f() {
		// A collection is what finalizes an object that nobody has. The runtime
		// tells of it in no other way.
		runtime.SetFinalizer(new([16]byte), func(*[16]byte) { AfterCollections(f) })
	}
}
