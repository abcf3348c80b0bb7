// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// soaked is what bridge soak --json says, as far as the tests ask.
type soaked struct {
	Kills int
	Flips []any
	Ways  []struct {
		Way                 string
		Silent              bool
		Acked               int `json:"acknowledged"`
		Sent, Arrived, Lost int
	}
	Targets []struct {
		Target                                                string
		Acked                                                 int `json:"acknowledged"`
		Arrived, Damaged, Refused, Held, Lost, Twice, Spoiled int
	}
	Flights []struct {
		Target   string
		InFlight int `json:"in_flight"`
		Most     int
		Again    int
	}
	Datagrams struct{ Sent, Lost, Cut, Swapped, Twice, Reached, Taken, Malformed int64 }
	Dead      string
	Outage    struct {
		Delays []struct {
			Target, Phase  string
			Spans          int
			P50, P99, Most float64
		}
		Peak int64
	}
	NotDone         map[string]string `json:"not_done"`
	SlowestRecovery float64           `json:"slowest_recovery"`
}

// soak runs bridge soak with the gateway under test.
func soak(t *testing.T, args ...string) (r soaked, errs string, err error) {
	t.Helper()
	cmd := lab.BridgeCommand(t, append([]string{"soak", "--json", "--verbose"}, args...)...)
	cmd.Env = append(cmd.Env, "TMPDIR="+t.TempDir())
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err = cmd.Run()
	if e := json.Unmarshal(out.Bytes(), &r); e != nil {
		t.Fatalf("bridge soak: %v, %v\n%s%s", err, e, out.Bytes(), log.Bytes())
	}
	return r, log.String(), err
}

// nothingLost runs a soak in which no acknowledged span may be lost.
func nothingLost(t *testing.T, args ...string) soaked {
	t.Helper()
	r, errs, err := soak(t, args...)
	if err != nil {
		t.Errorf("bridge soak: %v\n%s", err, errs)
	}
	for _, w := range r.Ways {
		if w.Silent && w.Arrived == 0 || !w.Silent && (w.Acked == 0 || w.Lost > 0) {
			t.Errorf("%+v", w)
		}
	}
	for _, x := range r.Targets {
		if x.Arrived == 0 || x.Lost+x.Held+x.Spoiled > 0 || x.Acked != x.Arrived+x.Damaged+x.Refused {
			t.Errorf("%+v", x)
		}
		t.Logf("%+v", x)
	}
	if len(r.Ways) != 12 || len(r.Targets) != 3 || r.Kills == 0 {
		t.Errorf("%d ways, %d targets, %d kills", len(r.Ways), len(r.Targets), r.Kills)
	}
	for _, x := range r.Flights {
		t.Logf("%+v", x)
	}
	if d := r.Datagrams; d.Sent == 0 || d.Lost == 0 || d.Cut == 0 || d.Swapped == 0 || d.Twice == 0 || d.Reached == 0 {
		t.Errorf("datagrams: %+v", d)
	}
	t.Logf("datagrams: %+v", r.Datagrams)
	t.Logf("after a full disk a span was acknowledged within %v s", r.SlowestRecovery)
	return r
}

// everything is what a run of all faults must have done on Linux.
func (r soaked) everything(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "linux" && (len(r.Flips) == 0 || len(r.NotDone) > 0) {
		t.Errorf("%d bits flipped, not done: %v", len(r.Flips), r.NotDone)
	}
}

// TestSoak breaks everything about a gateway for a while.
func TestSoak(t *testing.T) {
	nothingLost(t, "--duration", "12s", "--rate", "1500").everything(t)
}

// TestSoakPowerCut takes with each kill what was not synced.
func TestSoakPowerCut(t *testing.T) {
	nothingLost(t, "--duration", "6s", "--rate", "1500", "--kills", "4", "--power-cut", "all", "--faults", "stop,full,udp,unreachable,cut")
}

// wicked is a gateway that does something to its queue at each start; $queue is the
// directory.
func wicked(t *testing.T, deed string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "wicked")
	script := "#!/bin/sh\nqueue=\"$(dirname \"$3\")/queue\"\n" + deed + "\nexec " + lab.Program(t, "cmd/bridge") + " \"$@\"\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return program
}

// TestSoakFindsRepeats: what comes again and was not in flight is seen. This gateway
// has lost the places of its targets at each start, and begins with the oldest message.
func TestSoakFindsRepeats(t *testing.T) {
	program := wicked(t, `rm -f "$queue"/*.cursor`)
	_, errs, err := soak(t, "--bridge", program, "--duration", "4s", "--kills", "2", "--faults", "none")
	if err == nil || !strings.Contains(errs, "were in flight") && !strings.Contains(errs, "went back over") {
		t.Errorf("%v\n%s", err, errs)
	}
}

// TestSoakFindsLoss: what a gateway loses is seen. This one has lost its queue at
// each start.
func TestSoakFindsLoss(t *testing.T) {
	forgetful := wicked(t, `rm -rf "$queue"`)
	r, errs, err := soak(t, "--bridge", forgetful, "--duration", "4s", "--kills", "2", "--faults", "none")
	lost := 0
	for _, x := range r.Targets {
		lost += x.Lost
	}
	if err == nil || lost == 0 || !strings.Contains(errs, "acknowledged spans are lost") {
		t.Errorf("%d spans lost, %v\n%s", lost, err, errs)
	}
}
