// SPDX-License-Identifier: Apache-2.0

package span_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// A draft changes its own copy of what it is asked for, also when several are
// made of one batch at once.
func TestDraft(t *testing.T) {
	t.Parallel()
	w := span.NewBuilder([]byte("body"), span.Origin{Format: "zipkin.v2.json"})
	mark := w.AttrMark()
	w.Attr(span.StringAttr(w.Copy("k"), w.Copy("v")))
	attrs := w.AttrsFrom(mark)
	res := w.Resource(span.Resource{Attrs: attrs, Raw: span.At(0, 4)})
	seg := w.Segment(span.Segment{Service: w.Copy("s")})
	w.AgentRef(span.AgentRef{Service: w.Copy("s")})
	w.Instance(span.Instance{Service: w.Copy("s")})
	for i := range 3 {
		w.Span(span.Span{ID: span.ID(i + 1), Attrs: attrs, Resource: res, Segment: seg})
	}
	b := w.Batch()
	before := spantest.Dump(b)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			d := b.Draft()
			d.Keep(func(s *span.Span) bool { return s.ID != 2 })
			name := d.Copy("other")
			d.Spans()[0].Name = name
			d.Attrs(attrs)[0] = span.StringAttr(name, name)
			d.Segments()[0].Service = name
			d.AgentRefs()[0].Service = name
			d.Instances()[0].Service = name
			d.Resources()[0].Raw = name
			now := d.Batch()
			if now.Len() != 2 || now.Str(now.Spans()[0].Name) != "other" || now.Spans()[1].ID != 3 || now.Str(now.Segment(1).Service) != "other" ||
				now.Str(now.AgentRef(1).Service) != "other" || now.Str(now.Resource(1).Raw) != "other" || now.Find(attrs, "other") == nil ||
				now.Str(now.Instances()[0].Service) != "other" || now.NumSegments() != 1 || now.NumResources() != 1 || string(now.Body()) != "body" {
				t.Error(spantest.Dump(now))
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff(before, spantest.Dump(b)); diff != "" {
		t.Errorf("the batch changed:\n%s", diff)
	}
	if b.Str(b.Resource(1).Raw) != "body" || b.Str(b.AgentRef(1).Service) != "s" {
		t.Error("the batch changed")
	}
}
