// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/queue"
)

// TestVerifyDamage: a flipped bit in a message that was acknowledged is found, named
// and told by the exit code.
func TestVerifyDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, _, err := queue.Open(queue.Dir(dir), queue.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Cursor("back", queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := log.Append(queue.Record{Head: []byte("no head"), Body: make([]byte, 1000), Items: 7}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	bridge := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(append([]string{"queue"}, args...), &world{out: &out, err: &errs}); code != want {
			t.Fatalf("%v: exit code %d, want %d: %s%s", args, code, want, out.String(), errs.String())
		}
		return out.String()
	}
	if out := bridge(0, "verify", "--dir", dir); !strings.Contains(out, "3 messages of 21 spans") || !strings.Contains(out, "; 0 lost") {
		t.Error(out)
	}
	if out := bridge(0, "show", "1", "--dir", dir); !strings.Contains(out, "fault ") {
		t.Error(out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	p, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	p[1700] ^= 8 // in the second body
	if err := os.WriteFile(files[0], p, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := bridge(exitFailed, "verify", "--dir", dir); !strings.Contains(out, "; 1 lost") || !strings.Contains(out, "damaged: ") {
		t.Error(out)
	}
	if out := bridge(0, "show", "2", "--dir", dir); !strings.Contains(out, "checksum") || !strings.Contains(out, "spans     7") {
		t.Error(out)
	}
}
