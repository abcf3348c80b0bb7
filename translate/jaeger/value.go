// SPDX-License-Identifier: Apache-2.0

package jaeger

import "github.com/spanbridge/spanbridge/span"

// thriftTypes are the types by their number in jaeger.thrift.
var thriftTypes = []span.Type{span.String, span.Float, span.Bool, span.Int, span.Bytes}

// protoTypes are the types by their number in model.proto.
var protoTypes = []span.Type{span.String, span.Bool, span.Int, span.Float, span.Bytes}

// value is a tag on its way to an attribute: type and value come in separate
// fields.
type value struct {
	key    span.Text
	kind   int64 // by the numbers of the form
	text   span.Text
	blob   span.Text
	number int64
	float  float64
	truth  bool
	given  span.Type // of the last value field; String when there is none
}

// attr is the value of the type that the tag says. A number that stands for no
// type leaves it to the value that was given.
func (v *value) attr(types []span.Type) span.Attr {
	typ := v.given
	if v.kind >= 0 && v.kind < int64(len(types)) {
		typ = types[v.kind]
	}
	switch typ {
	case span.Bytes:
		return span.TextAttr(v.key, span.Bytes, orEmpty(v.blob))
	case span.Int:
		return span.IntAttr(v.key, v.number)
	case span.Float:
		return span.FloatAttr(v.key, v.float)
	case span.Bool:
		return span.BoolAttr(v.key, v.truth)
	default:
		return span.StringAttr(v.key, orEmpty(v.text))
	}
}

func orEmpty(t span.Text) span.Text {
	if !t.Present() {
		return span.Empty
	}
	return t
}
