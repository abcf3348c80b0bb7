// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"strconv"

	"github.com/spanbridge/spanbridge/span"
)

// appendOTel adds the tags in which the Collector's Zipkin receiver looks for
// what Zipkin has no field for. It knows the scope by its older name, and an
// error by the tag error alone, which CollectTags writes.
func (e *JSONEncoder) appendOTel(b *span.Batch, s *span.Span) {
	if isOwn(b, s) {
		return
	}
	t := &e.tags
	if c := b.Scope(s.Scope); c != nil {
		t.Add(tagLibraryName, b.Str(c.Name))
		t.Add(tagLibraryVersion, b.Str(c.Version))
	}
	n := 0
	refs := b.Refs(s.Refs)
	for i := range refs {
		r := &refs[i]
		if r.Parent || r.Trace.IsZero() || r.Span == 0 {
			continue
		}
		t.Add(tagLink+strconv.Itoa(n), linkText(b, r))
		n++
	}
}

// linkText is trace|span|state|{attributes}|dropped.
func linkText(b *span.Batch, r *span.Ref) string {
	d := r.Trace.AppendHex32(nil)
	d = append(d, '|')
	d = r.Span.AppendHex(d)
	d = append(d, '|')
	d = b.AppendStr(d, r.State)
	return string(appendEventText(d, b, &span.Event{Attrs: r.Attrs, Dropped: r.Dropped}))
}
