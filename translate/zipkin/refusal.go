// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strconv"

	"github.com/spanbridge/spanbridge/translate"
)

// refusal holds the first fault of the span that is being read, for which the
// span is left out. Reading goes on to the span's end, since the body around
// it is sound.
type refusal struct {
	fault  translate.Fault
	faulty bool
}

func (r *refusal) refuse(place, found, want string) {
	if !r.faulty {
		r.faulty = true
		r.fault = translate.Fault{Place: place, Found: found, Want: want}
	}
}

// maxMicros is the last microsecond that fits 64 bits of nanoseconds, in the
// year 2262. The server takes later ones; they are refused here.
const maxMicros = (1<<63 - 1) / 1000

func inRange(micros int64) bool { return -maxMicros <= micros && micros <= maxMicros }

// nanos is a time or duration in nanoseconds.
func (r *refusal) nanos(place string, micros int64) int64 {
	if !inRange(micros) {
		r.refuse(place, strconv.FormatInt(micros, 10), "microseconds up to "+strconv.FormatInt(maxMicros, 10))
		return 0
	}
	return micros * 1000
}
