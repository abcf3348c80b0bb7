// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/samples"
)

var badInputs = flag.Int("inputs", 100_000, "how many bad inputs TestManyBadInputs sends")

// spoil makes a bad body of a good one.
func spoil(r *rand.Rand, good []byte) []byte {
	p := slices.Clone(good)
	if len(p) == 0 || r.IntN(20) == 0 {
		p = make([]byte, r.IntN(200))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		return p
	}
	for range 1 + r.IntN(8) {
		if len(p) == 0 {
			break
		}
		at := r.IntN(len(p))
		switch r.IntN(6) {
		case 0:
			p[at] ^= 1 << r.IntN(8)
		case 1:
			p[at] = byte(r.Uint32())
		case 2:
			p = p[:at]
		case 3: // a piece again
			p = slices.Insert(p, at, slices.Clone(p[at:min(len(p), at+1+r.IntN(50))])...)
		case 4: // a length that is too long
			p = slices.Insert(p, at, 0xff, 0xff, 0xff, 0xff, 0x0f)
		case 5:
			p = slices.Delete(p, at, min(len(p), at+1+r.IntN(10)))
		}
	}
	return p
}

// resident is the memory of a process, and how many descriptors it has open.
func resident(t *testing.T, pid int) (bytes, files int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	if err != nil {
		t.Fatal(err)
	}
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize(), len(open)
}

// TestManyBadInputs sends spoiled bodies of every captured request to every
// receiver. Nothing of it ends the gateway or stays: no goroutine, no descriptor,
// no memory. -inputs 1000000 sends a million.
func TestManyBadInputs(t *testing.T) {
	b := startBridge(t, "view: {memory: 1MiB}\nlimits: {memory: 256MiB, idle_timeout: 5s}\n")
	all := loadSamples(t)
	var broken atomic.Int64
	const senders = 8
	round := func(n int, seed uint64) {
		at(senders, senders, func(i int) {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for range n / senders {
				if t.Context().Err() != nil {
					return
				}
				q := all[r.IntN(len(all))]
				address := receiver(b, &q)
				if q.IsGRPC() && len(q.Body) > 5 && r.IntN(10) > 0 { // else the frame is spoiled as well
					body := spoil(r, q.Body[5:])
					q.Body = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
				} else {
					q.Body = spoil(r, q.Body)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				var err error
				if q.Method == "" {
					err = q.SendDatagram(ctx, address)
				} else {
					_, err = q.Send(ctx, address)
				}
				cancel()
				if errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: no answer within a minute to %d bytes", q.Name, len(q.Body))
					return
				}
				if err != nil {
					broken.Add(1)
				}
			}
		})
	}
	// What is left when the connections have ended and the garbage is collected.
	rest := func() (memory, files int, routines float64) {
		t.Helper()
		samples.CloseIdle()
		lab.Eventually(t, visible, "the connections end", func(ctx context.Context) error {
			n, err := b.Metric(ctx, "bridge_connections")
			held, err2 := b.Metric(ctx, "bridge_spans_held")
			if err != nil || err2 != nil || n+held > 0 {
				return fmt.Errorf("%v connections, %v spans held, %v %v", n, held, err, err2)
			}
			return nil
		})
		lab.Eventually(t, visible, "the heap is collected", lab.Answers(b.Admin+"/debug/pprof/heap?gc=1"))
		memory, files = resident(t, b.Process.PID)
		routines, err := b.Metric(t.Context(), "go_goroutines")
		if err != nil {
			t.Fatal(err)
		}
		return memory, files, routines
	}
	round(max(*badInputs/10, 5000), 1) // pools and tables are as large as they get
	memory, files, routines := rest()
	round(*badInputs, 2)
	lab.Eventually(t, visible, "nothing is left over", func(context.Context) error {
		m, f, r := rest()
		t.Logf("after %d inputs: %d MiB (before: %d), %d descriptors (%d), %v goroutines (%v), %d answers cut short", *badInputs, m>>20, memory>>20, f, files, r, routines, broken.Load())
		if m > memory+memory/10 || f > files+2 || r > routines+5 {
			return fmt.Errorf("%d MiB, %d descriptors, %v goroutines; before %d, %d, %v", m>>20, f, r, memory>>20, files, routines)
		}
		return nil
	})
	if n, err := b.Metric(t.Context(), "bridge_panics_total"); err != nil || n > 0 {
		t.Errorf("%v panics, %v", n, err)
	}
	if n, err := b.Metric(t.Context(), "bridge_messages_total", `verdict="malformed"`); err != nil || n < float64(*badInputs)/4 {
		t.Errorf("%v messages were malformed, %v", n, err)
	}
	if broken.Load() > int64(*badInputs/10) {
		t.Errorf("%d requests got no whole answer", broken.Load())
	}
}
