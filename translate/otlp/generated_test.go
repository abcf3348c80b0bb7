// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/spanbridge/spanbridge/translate/residue"
)

// merges is true if a field of which one is to be stands twice: the generated types
// merge what both say, the reader takes the last one.
func merges(p []byte, d protoreflect.MessageDescriptor) bool {
	seen := map[protoreflect.Name]bool{}
	for len(p) > 0 {
		n, typ, size := protowire.ConsumeField(p)
		if size < 0 {
			return false
		}
		if f := d.Fields().ByNumber(n); f != nil {
			name := f.Name()
			if one := f.ContainingOneof(); one != nil {
				name = one.Name()
			}
			if !f.IsList() && seen[name] {
				return true
			}
			seen[name] = true
			if f.Message() != nil && typ == protowire.BytesType {
				_, _, head := protowire.ConsumeTag(p)
				if content, _ := protowire.ConsumeBytes(p[head:size]); merges(content, f.Message()) {
					return true
				}
			}
		}
		p = p[size:]
	}
	return false
}

// aside are the fields that the generated types know otherwise: the former name of
// scope_spans and the former code of a status are of older versions, references to a
// dictionary of profiles alone.
func aside(body []byte, m *tracepb.TracesData) bool {
	for _, rs := range m.ResourceSpans {
		if len(rs.ProtoReflect().GetUnknown()) > 0 {
			return true
		}
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				if len(s.GetStatus().ProtoReflect().GetUnknown()) > 0 {
					return true
				}
			}
		}
	}
	return bytes.Contains(body, []byte(residue.Key)) || merges(body, m.ProtoReflect().Descriptor())
}

func compareGenerated(t *testing.T, body []byte) {
	t.Helper()
	m := &tracepb.TracesData{}
	upstream := proto.Unmarshal(body, m)
	if aside(body, m) {
		return
	}
	b, err := decodeProto(bytes.Clone(body), origin(formatProto))
	switch {
	case upstream != nil:
		// Text that is not UTF-8 is mended; who nests values without end is told so.
		if err == nil && !strings.Contains(upstream.Error(), "UTF-8") && !strings.Contains(upstream.Error(), "recursion") {
			t.Fatalf("%x\nis taken, the generated types say %v", body, upstream)
		}
	case err != nil:
		for _, f := range malformed(err).Faults {
			if !strings.Contains(f.Place, "_id") && !strings.Contains(f.Found, "deep") {
				t.Fatalf("%x\n%v, which the generated types take", body, err)
			}
		}
	default:
		want := normal(m)
		if hasEntities(m) || b.Len() == 0 {
			return
		}
		got := mustUnmarshal(t, encode(b, true))
		discardUnknown(want)
		if d := diff(want, got); d != "" {
			t.Fatalf("%x\n%s", body, d)
		}
	}
}

// hasEntities is true where a resource refers to entities, which are written from its
// own bytes alone.
func hasEntities(m *tracepb.TracesData) bool {
	return slices.ContainsFunc(m.ResourceSpans, func(rs *tracepb.ResourceSpans) bool { return len(rs.GetResource().GetEntityRefs()) > 0 })
}

// FuzzProtoAgainstGenerated holds the reader against the generated types: the same
// answer, and the same refusal but for what is said above.
func FuzzProtoAgainstGenerated(f *testing.F) {
	for _, p := range samples(f) {
		f.Add(p)
	}
	for _, p := range goldenInputs(f) {
		if m, err := fromOTLPJSON(p); err == nil {
			f.Add(mustMarshal(f, m))
		}
	}
	f.Add(mustMarshal(f, benchRequest(3)))
	f.Add([]byte(resourceSpans(scopeSpans(spanBytes(1, msg(9, msg(2, nested(3))), msg(13), msg(11))))))
	f.Fuzz(compareGenerated)
}
