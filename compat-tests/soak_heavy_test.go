// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"runtime"
	"testing"
)

// These are the form for CI: two minutes together, under more load.

func TestSoakLong(t *testing.T) {
	nothingLost(t, "--duration", "50s", "--rate", "4000", "--kills", "20").everything(t)
}

func TestSoakPowerCutLong(t *testing.T) {
	nothingLost(t, "--duration", "30s", "--rate", "3000", "--kills", "30", "--power-cut", "some").everything(t)
}

// TestSoakDeadTarget: one target is dead for a while, and the others do not notice.
func TestSoakDeadTarget(t *testing.T) {
	r, errs, err := soak(t, "--duration", "10s", "--dead-target", "20s", "--rate", "1500")
	if err != nil {
		t.Errorf("bridge soak: %v\n%s", err, errs)
	}
	for _, x := range r.Targets {
		if x.Arrived == 0 || x.Acked != x.Arrived || x.Twice > 0 && x.Target != r.Dead {
			t.Errorf("%+v", x)
		}
	}
	if len(r.Outage.Delays) != 9 || r.Outage.Peak == 0 && runtime.GOOS == "linux" {
		t.Errorf("%+v", r.Outage)
	}
	for _, x := range r.Outage.Delays {
		t.Logf("%+v", x)
	}
	t.Logf("%s was dead; the gateway took at most %d MiB", r.Dead, r.Outage.Peak>>20)
}
