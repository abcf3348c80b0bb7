// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// killDir is set in the child of TestKill.
const killDir = "QUEUE_TEST_KILL_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		appendForEver(dir)
	}
	goleak.VerifyTestMain(m)
}

// appendForEver appends records from many goroutines and prints the number of
// each one that was acknowledged.
func appendForEver(dir string) {
	fs := queue.Dir(dir)
	if power := os.Getenv("QUEUE_TEST_POWER"); power != "" {
		cache := queuetest.NewCache(fs)
		if seed, _ := strconv.ParseUint(power, 10, 64); seed > 0 {
			cache.Leak(seed)
		}
		fs = cache
	}
	log, _, err := queue.Open(fs, queue.Options{Now: time.Now, SegmentBytes: 1 << 20, RecentBytes: 1 << 16})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if _, err := log.Cursor("c", queue.CursorOptions{MaxBytes: 1 << 40, WhenFull: queue.Refuse}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	first, _ := strconv.ParseUint(os.Getenv("QUEUE_TEST_FIRST"), 10, 64)
	var mu sync.Mutex
	var all sync.WaitGroup
	for g := range uint64(8) {
		all.Go(func() {
			for i := uint64(0); ; i++ {
				n := first + i*8 + g
				if err := log.Append(record(n, 500+int(n%3000))); err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println("ack", n)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// TestKill kills a process that appends, again and again, in the same directory:
// every record that it said was acknowledged is there.
func TestKill(t *testing.T) { killed(t, func(*rand.Rand) string { return "" }) }

// TestPowerCut is the same with a process that takes with it what was not synced,
// or some of that.
func TestPowerCut(t *testing.T) {
	t.Run("all of it", func(t *testing.T) { killed(t, func(*rand.Rand) string { return "0" }) })
	t.Run("some of it", func(t *testing.T) {
		killed(t, func(rng *rand.Rand) string { return strconv.FormatUint(rng.Uint64()|1, 10) })
	})
}

func killed(t *testing.T, power func(*rand.Rand) string) {
	dir := t.TempDir()
	acked := make(map[uint64]bool)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for round := range uint64(8) {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killDir+"="+dir, "QUEUE_TEST_FIRST="+strconv.FormatUint(round*1_000_000, 10), "QUEUE_TEST_POWER="+power(rng))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		limit := time.AfterFunc(time.Minute, func() { _ = child.Process.Kill() })
		killAt := 20 + rng.IntN(400)
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			text, ok := strings.CutPrefix(lines.Text(), "ack ")
			number, err := strconv.ParseUint(text, 10, 64)
			if !ok || err != nil {
				// The last line may be cut.
				if n > killAt {
					break
				}
				t.Fatalf("the child says %q", lines.Text())
			}
			acked[number] = true
			if n == killAt {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		limit.Stop()
		_ = child.Wait()
	}
	log, found, err := queue.Open(queue.Dir(dir), queue.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if found.DamagedRecords > 0 || len(acked) < 100 {
		t.Errorf("%d acknowledged; damage: %v", len(acked), found.Damages)
	}
	c, err := log.Cursor("c", queue.CursorOptions{MaxBytes: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[uint64]bool)
	for {
		r, ok, err := c.TryTake()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		n := binary.BigEndian.Uint64(r.Body)
		if want := record(n, len(r.Body)-8); string(want.Body) != string(r.Body) || want.Items != r.Items {
			t.Fatalf("record %d is not what was appended", n)
		}
		got[n] = true
	}
	extra := len(got)
	for n := range acked {
		if !got[n] {
			t.Errorf("record %d was acknowledged and is lost", n)
		}
		extra--
	}
	t.Logf("%d records acknowledged in 8 lives, %d more are there; %d segments", len(acked), extra, found.Segments)
}
