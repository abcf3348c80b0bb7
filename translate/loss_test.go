// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"testing"

	"github.com/spanbridge/spanbridge/span"
)

func TestLosses(t *testing.T) {
	t.Parallel()
	f := func(l *Losses, want string) {
		t.Helper()
		got := ""
		for loss := range l.All() {
			got += fmt.Sprintf("%s.%s=%d ", loss.From, loss.Field, loss.Spans)
		}
		if got != want || l.Empty() != (want == "") {
			t.Errorf("%s(empty %v), want %s", got, l.Empty(), want)
		}
	}
	var a, b Losses
	f(&a, "")
	a.Add(span.OTLP, FieldRefs)
	a.Add(span.Zipkin, FieldName)
	a.Add(span.Zipkin, FieldIdentity)
	a.Add(span.Zipkin, FieldName)
	f(&a, "zipkin.identity=1 zipkin.name=2 otlp.references=1 ")
	b.Merge(&a)
	b.Merge(&a)
	b.Merge(&Losses{})
	f(&b, "zipkin.identity=2 zipkin.name=4 otlp.references=2 ")
	a.Reset()
	f(&a, "")
	for range b.All() {
		break // a loop may end early
	}
}

// The names are in metrics: each field has one of its own, and a line that says
// what it is.
func TestFields(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for f := range Fields() {
		if f.String() == "" || f.About() == "" || seen[f.String()] {
			t.Errorf("field %d: %q: %s", f, f, f.About())
		}
		seen[f.String()] = true
	}
	if len(seen) != NumFields {
		t.Errorf("%d fields, want %d", len(seen), NumFields)
	}
}
