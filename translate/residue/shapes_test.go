// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// tell lets an encoder tell of a span with keys, and gives the plan that it had.
func tell(t *testing.T, g *Sight, keys ...string) *Plan {
	t.Helper()
	w := span.NewBuilder(nil, span.Origin{Format: "zipkin.v2.json"})
	for _, key := range keys {
		w.Attr(span.StringAttr(w.Copy(key), span.Empty))
	}
	w.Span(span.Span{Attrs: w.AttrsFrom(0)})
	it := span.Item{Batch: w.Batch()}
	if !g.Begin(&it) {
		t.Fatal("the span needs a draft")
	}
	defer g.Forget()
	if p := g.Plan(); p != nil {
		return p
	}
	for i, key := range keys {
		if g.Key(key) == nil || !g.Own(i, false, false) {
			return nil // to a draft
		}
	}
	g.OwnTold(0)
	return nil
}

func newSight() *Sight {
	return NewSight(translate.EncoderOptions{}, false, func(string) bool { return false }, func(key string) []byte { return []byte(key) })
}

// Each shape has a plan of its own, however they take turns.
func TestPlanOfShape(t *testing.T) {
	t.Parallel()
	g := newSight()
	shapes := [][]string{{"a"}, {"a", "b"}, {"b", "a"}, {"b"}, {}, {"a", "c"}, {"a", "b", "c"}}
	for round := range 3 {
		for _, keys := range shapes {
			p := tell(t, g, keys...)
			if (p != nil) != (round > 0) {
				t.Fatalf("round %d: %q: a plan: %t", round, keys, p != nil)
			}
			if p != nil && fmt.Sprintf("%s", p.Forms) != fmt.Sprint(keys) {
				t.Errorf("%q: the plan has %s", keys, p.Forms)
			}
		}
	}
}

// One client with made-up keys costs the others neither their plans for long, nor
// memory, nor a draft.
func TestPlansBesideMadeUpKeys(t *testing.T) {
	t.Parallel()
	g := newSight()
	const spans = 20_000
	planned := 0
	for i := range spans {
		tell(t, g, "first", fmt.Sprint("made up ", i), "last")
		if tell(t, g, "first", "second", fmt.Sprint("one of ten ", i%10)) != nil {
			planned++
		}
		if g.shapes.size > 2*mostShapes {
			t.Fatalf("%d bytes of shapes", g.shapes.size)
		}
	}
	if planned < spans*9/10 {
		t.Errorf("%d of %d spans had a plan", planned, spans)
	}
}

// held is roughly what plans of longer shapes take, each with keys of its own: those
// that are forgotten and known anew are not the same ones.
func (p *shape) held() (bytes int) {
	for n := p.longer; n != nil; n = n.other {
		if n.plan != nil {
			for _, key := range n.plan.keys {
				bytes += len(key)
			}
			for _, form := range n.plan.Forms {
				bytes += len(form)
			}
		}
		bytes += n.held()
	}
	return bytes
}

// Plans of keys that are long, and longer as they are written, are as few as fit.
func TestPlansOfLongKeys(t *testing.T) {
	t.Parallel()
	form := func(key string) []byte { return []byte(strings.Repeat(key, 6)) }
	g := NewSight(translate.EncoderOptions{}, false, func(string) bool { return false }, form)
	g.shapes.credit = 1 << 40
	keys := make([]string, mostPlanned)
	for i := range keys {
		keys[i] = strings.Repeat(fmt.Sprintf("%02d", i), longestKey/2)
	}
	for i := range 16 * 16 * 16 {
		for n, digit := range []int{i / 256, i / 16 % 16, i % 16} {
			keys[len(keys)-1-n] = fmt.Sprint("level ", n, " ", digit)
		}
		tell(t, g, keys...)
		if held := g.shapes.root.held(); i%64 == 0 && held > 2*mostShapes {
			t.Fatalf("plans of %d spans take %d bytes", i+1, held)
		}
	}
}

// The same of spans whose keys are all made up, which leave no room for others.
func TestKeysBesideMadeUpKeys(t *testing.T) {
	t.Parallel()
	g := newSight()
	g.shapes.credit = -1 << 40 // nobody gets a plan
	many := make([]string, mostFresh)
	for i := range 20 {
		for n := range many {
			many[n] = fmt.Sprint("made up ", i, " ", n)
		}
		tell(t, g, many...)
		w := span.NewBuilder(nil, span.Origin{})
		w.Span(span.Span{})
		g.Begin(&span.Item{Batch: w.Batch()})
		if k := g.Key(fmt.Sprint("of span ", i)); k == nil {
			t.Fatalf("round %d: no room for a key", i)
		}
		g.Forget()
	}
}
