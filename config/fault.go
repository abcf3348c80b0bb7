// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is something wrong in the settings.
type Fault struct {
	Place string // "bridge.yaml:12" or "environment BRIDGE_LOG_LEVEL"
	Path  string // "targets.oap.kind"
	Found string
	Want  string
	line  int
}

func (f Fault) String() string {
	s := f.Place + ": "
	if f.Path != "" {
		s += f.Path + ": "
	}
	s += f.Found
	if f.Want != "" {
		s += ", want " + f.Want
	}
	return s
}

// Faults is every fault found, in the order of the file.
type Faults []Fault

// mostFaults is how many faults are printed.
const mostFaults = 20

func (f Faults) Error() string {
	var b strings.Builder
	for i, x := range f {
		if i == mostFaults {
			fmt.Fprintf(&b, "\nand %d more", len(f)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(x.String())
	}
	return b.String()
}

func (f Faults) orNil() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int { return a.line - b.line })
	return f
}

// nearest is the word of a list that looks most like s, in words for a message.
func nearest(s string, words []string) string {
	best, least := "", len(s)/4+2
	for _, w := range words {
		if d := distance(s, w); d < least {
			best, least = w, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance is the edit distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
