// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"testing"
	"time"
)

// TestFleetHeavy is TestFleet with fleets large enough to measure by. They run
// one after the other, so that none is late because of another.
func TestFleetHeavy(t *testing.T) {
	for _, a := range []arrival{
		{name: "flush 1s", spans: 300_000, interval: time.Second, share: 0.999},
		{name: "flush 1s, five times as fast", spans: 100_000, interval: time.Second, share: 0.999, scale: 0.2},
		{name: "flush 5s", spans: 300_000, interval: 5 * time.Second, share: 0.999},
		{name: "span by span", spans: 60_000, spread: 2 * time.Second, share: 0.999},
		{name: "flush 1s, unflagged joins", spans: 300_000, interval: time.Second, unflagged: 0.3, share: 0.96},
		{name: "flush 1s, 4 nodes", spans: 1_000_000, interval: time.Second, share: 0.998, nodes: 4},
		// A span whose parent went to another node stays with what its report says:
		// no share is promised.
		{name: "span by span, 4 nodes", spans: 60_000, spread: 2 * time.Second, nodes: 4},
	} {
		// What two cores can make, send, translate four times and read again.
		a.length = time.Duration(a.spans) * time.Second / 15_000
		if a.interval == 0 {
			a.length = time.Duration(a.spans) * time.Second / 2_000
		}
		t.Run(a.name, func(t *testing.T) { a.start(t).land(t) })
	}
}
