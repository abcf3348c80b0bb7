// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"regexp"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"
)

// shuffle changes the order of the fields of a message and of those inside it
// that are messages at that many levels, and puts unknown fields among them.
// The order of the occurrences of one field stays.
func shuffle(t *rapid.T, p []byte, levels int) []byte {
	type field struct {
		n   protowire.Number
		raw []byte
	}
	var fields []field
	for len(p) > 0 {
		n, typ, size := protowire.ConsumeTag(p)
		if size < 0 {
			return nil
		}
		rest := protowire.ConsumeFieldValue(n, typ, p[size:])
		raw := p[:size+rest]
		if typ == protowire.BytesType && levels > 0 && n <= 2 {
			v, _ := protowire.ConsumeBytes(p[size:])
			raw = protowire.AppendBytes(protowire.AppendTag(nil, n, typ), shuffle(t, v, levels-1))
		}
		fields = append(fields, field{n, raw})
		p = p[size+rest:]
	}
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 77, protowire.VarintType), 1<<40)
	fields = append(fields, field{77, unknown})
	// Draw the order of the numbers, then deal the occurrences out.
	order := rapid.Permutation(fields).Draw(t, "order")
	next := map[protowire.Number]int{}
	var out []byte
	for _, f := range order {
		for i := next[f.n]; ; i++ {
			if fields[i].n == f.n {
				out = append(out, fields[i].raw...)
				next[f.n] = i + 1
				break
			}
		}
	}
	return out
}

func discardUnknown(m proto.Message) {
	var walk func(protoreflect.Message)
	walk = func(m protoreflect.Message) {
		m.SetUnknown(nil)
		m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch {
			case fd.Message() == nil:
			case fd.IsList():
				for i := range v.List().Len() {
					walk(v.List().Get(i).Message())
				}
			default:
				walk(v.Message())
			}
			return true
		})
	}
	walk(m.ProtoReflect())
}

var numbers = regexp.MustCompile(`(?m)^  resource \d+`)

// withoutNumbers hides the numbers of resources in a dump.
func withoutNumbers(dump string) string { return numbers.ReplaceAllString(dump, "  resource") }
