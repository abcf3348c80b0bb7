// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv(serverVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestRows runs every row a few times, so that a library's change is seen before
// somebody measures.
func TestRows(t *testing.T) {
	if err := flag.Set("test.benchtime", "20x"); err != nil {
		t.Fatal(err)
	}
	b, err := startBackend()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	}()
	var rows []row
	var results [][]measured
	for _, r := range append(allRows(), reportRows(b)...) {
		rows = append(rows, r)
		ms := make([]measured, len(r.entries))
		for i, e := range r.entries {
			res := testing.Benchmark(withCPU(e.run))
			if res.N == 0 {
				t.Errorf("%s of %s failed", r.name, e.library)
				continue
			}
			ms[i].add(&res)
		}
		results = append(results, ms)
	}
	if t.Failed() {
		return
	}
	for _, markdown := range []bool{false, true} {
		var out bytes.Buffer
		print(&out, rows, results, 1, markdown)
		for _, r := range rows {
			if !strings.Contains(out.String(), r.name) {
				t.Errorf("the table is without %q", r.name)
			}
		}
	}
}
