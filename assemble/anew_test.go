// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Once no span is left of very many, groups begin anew, even where that is among those
// that are just asked whether they may leave.
func TestGroupsBeginAnew(t *testing.T) {
	t.Parallel()
	specs := make([]string, keepReady)
	for i := range specs {
		specs[i] = fmt.Sprintf("%x - client many%d/10.0.0.1", 0x1000+i, i)
	}
	many := items(t, specs)
	const part = "a 1 - front/10.0.0.1"
	const full = "b 1 - front/10.0.0.1;c 1 - front/10.0.0.1;d 1 - front/10.0.0.1"
	for name, story := range map[string][]string{
		"full":                        {full},
		"full, then another":          {full + ";2 - server back/10.0.0.1"},
		"another, then full":          {"2 - server back/10.0.0.1;" + full},
		"full, and the same one anew": {full + ";e 1 - front/10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			opts.Together, opts.Hold, opts.Settle, opts.Longest, opts.GroupSpans, opts.MaxSpans = true, 0, settle, longest, 4, 1<<20
			w := New(opts)
			w.Put(1, slices.Clone(many), 10, began)
			w.Put(2, items(t, specsOf(part)), 10, began.Add(settle/2))
			w.Due(began.Add(settle))
			left := len(w.Ready())
			w.Take(left)
			if c := w.Counts(); left != len(many) || c.Waiting != 1 {
				t.Fatalf("%d left, %d wait", left, c.Waiting)
			}
			want := 1
			for i, s := range story {
				specs := specsOf(s)
				w.Put(uint64(3+i), items(t, specs), 10, began.Add(settle))
				want += len(specs)
			}
			w.Flush(began.Add(settle))
			if got := len(w.Ready()); got != want {
				t.Errorf("%d spans left, want %d", got, want)
			}
		})
	}
}

func specsOf(message string) []string { return strings.Split(message, ";") }
