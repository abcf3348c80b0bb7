// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/compat-tests/headers"
	"github.com/spanbridge/spanbridge/compat-tests/python"
)

// Every header that we write means to the real parsers what it should, and what
// the real libraries write is read as they meant it.
func TestHeadersOfGo(t *testing.T) {
	samples := headers.Samples()
	readHeaders(t, samples, headers.GoParsers())
	writings, err := headers.GoWritings()
	if err != nil {
		t.Fatal(err)
	}
	writtenHeaders(t, writings)
}

func TestHeadersOfPython(t *testing.T) {
	headersOf(t, python.Headers, 3)
}

// headersOf runs a program that reads and writes headers.
func headersOf(t *testing.T, run func(testing.TB, string) string, parsers int) {
	t.Helper()
	samples := headers.Samples()
	readings, writings, err := headers.Parse(run(t, headers.Lines(samples)))
	if err != nil {
		t.Fatal(err)
	}
	if len(readings) != parsers || len(writings) == 0 {
		t.Fatalf("%d parsers, %d writings", len(readings), len(writings))
	}
	readHeaders(t, samples, headers.Parsers(readings, samples))
	writtenHeaders(t, writings)
}

func readHeaders(t *testing.T, samples []headers.Sample, parsers []headers.Parser) {
	t.Helper()
	for _, p := range parsers {
		t.Run(p.Name+" reads", func(t *testing.T) {
			for _, s := range samples {
				if diff := cmp.Diff(p.Want(&s), p.Read(&s)); diff != "" {
					t.Errorf("%s, -want +read:\n%s", s.Name, diff)
				}
			}
		})
	}
}

func writtenHeaders(t *testing.T, writings []headers.Writing) {
	t.Helper()
	for _, w := range writings {
		t.Run(w.Library+" writes", func(t *testing.T) {
			if diff := cmp.Diff(w.Want(), w.Read()); diff != "" {
				t.Errorf("%s: %v, -want +read:\n%s", w.Case, w.HTTP, diff)
			}
		})
	}
}
