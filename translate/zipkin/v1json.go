// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"github.com/spanbridge/spanbridge/span"
)

// decodeV1JSON reads a list of v1 spans.
func decodeV1JSON(body []byte, origin span.Origin) (*span.Batch, error) {
	return decodeJSON(body, origin, "zipkin v1 json", (*reader).v1json)
}

// v1json reads one span and adds what it stands for to the batch.
func (r *reader) v1json() {
	j := &r.j
	v := &r.v1
	v.reset()
	start := j.Pos
	j.Object()
	for {
		k, ok := j.Key()
		if !ok {
			break
		}
		switch key := j.Raw(k); key {
		case "traceId":
			var s span.Span
			r.traceID(&s)
			v.trace = s.Trace
		case "id":
			v.id, _ = r.id("id")
		case "parentId":
			if !j.Null() {
				v.parent, _ = r.id("parentId")
			}
		case "name":
			if !j.Null() {
				v.name = r.nonEmpty("name")
			}
		case "timestamp":
			v.start, _ = r.micros("timestamp")
		case "duration":
			v.duration, _ = r.micros("duration")
		case "annotations":
			if !j.Null() {
				r.v1annotations()
			}
		case "binaryAnnotations":
			if !j.Null() {
				r.v1binaries()
			}
		case "debug":
			v.debug = !j.Null() && r.boolean("debug")
		case "localEndpoint", "remoteEndpoint", "tags":
			r.refuse(key, "a v2 field", "a JSON_V1 encoded list, but received: JSON_V2")
			j.Skip()
		default:
			j.Skip()
		}
	}
	switch {
	case r.faulty || j.Err != nil:
	case v.trace.IsZero():
		r.refuse("traceId", "nothing", "1 to 32 lower-case hex digits")
	case v.id == 0:
		r.refuse("id", "nothing", "1 to 16 lower-case hex digits")
	default:
		v.raw = span.At(start, j.Pos-start)
		v.convert(r.w)
	}
}

// list reads a list of objects, each by one.
func (r *reader) list(field string, one func()) {
	if r.j.Peek() != '[' {
		r.refuseValue(field+"s", "a list")
		return
	}
	r.j.Array()
	for r.item = 1; r.j.Elem(); r.item++ {
		if r.j.Peek() != '{' {
			r.refuseValue(field, "an object")
			continue
		}
		one()
	}
	r.item = 0
}

func (r *reader) v1annotations() {
	j := &r.j
	r.list("annotation", func() {
		var a v1annotation
		timed := false
		j.Object()
		for {
			k, ok := j.Key()
			if !ok {
				break
			}
			switch j.Raw(k) {
			case "timestamp":
				timed = j.Peek() != 'n'
				a.time = r.annotationTime()
			case "value":
				a.value = r.annotationValue()
			case "endpoint":
				a.host = r.endpoint(&v1Fields)
			default:
				j.Skip()
			}
		}
		switch {
		case j.Err != nil || r.faulty:
		case !timed:
			r.refuse("annotation.timestamp", "nothing", "microseconds since 1970")
		case !a.value.Present():
			r.refuse("annotation.value", "nothing", "a string")
		default:
			r.v1.annotations = append(r.v1.annotations, a)
		}
	})
}

// v1binaries reads binaryAnnotations. A string is a tag, true marks an
// address; numbers and other values mean nothing to the server.
func (r *reader) v1binaries() {
	j := &r.j
	r.list("binaryAnnotation", func() {
		var b v1binary
		var key, value span.Text
		j.Object()
		for {
			k, ok := j.Key()
			if !ok {
				break
			}
			switch j.Raw(k) {
			case "key":
				if !j.Null() {
					if s, ok := r.text("binaryAnnotation.key"); ok {
						key = r.keep(s, "binaryAnnotation.key")
					}
				}
			case "value":
				switch j.Peek() {
				case '"':
					value = r.keep(j.String(), "binaryAnnotation.value")
				case 't':
					b.address = j.Bool()
				default:
					j.Skip()
				}
			case "endpoint":
				b.host = r.endpoint(&v1Fields)
			default:
				j.Skip()
			}
		}
		switch {
		case j.Err != nil || r.faulty:
		case !key.Present():
			r.refuse("binaryAnnotation.key", "nothing", "a string")
		case value.Present():
			b.address = false
			b.attr = span.StringAttr(key, value)
			r.v1.binaries = append(r.v1.binaries, b)
		case b.address:
			b.attr = span.BoolAttr(key, true)
			r.v1.binaries = append(r.v1.binaries, b)
		}
	})
}
