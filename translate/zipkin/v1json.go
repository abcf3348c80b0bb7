// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"github.com/spanbridge/spanbridge/span"
)

// decodeV1JSON reads a list of v1 spans.
func decodeV1JSON(body []byte, origin span.Origin) (*span.Batch, error) {
	return decodeJSON(body, origin, "zipkin v1 json", (*reader).v1json, false)
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
		switch key := j.Text(k); key {
		case "traceId":
			v.trace = r.v1traceID()
		case "id":
			v.id = r.v1id(key)
		case "parentId":
			if !j.Null() {
				v.parent = r.v1id(key)
			}
		case "name":
			if !j.Null() {
				v.name = r.nonEmpty(key)
			}
		case "timestamp":
			if !j.Null() {
				v.start = r.v1micros(key)
			}
		case "duration":
			if !j.Null() {
				v.duration = r.v1micros(key)
			}
		case "annotations":
			if !j.Null() {
				r.list("annotation", (*reader).v1annotation)
			}
		case "binaryAnnotations":
			if !j.Null() {
				r.list("binaryAnnotation", (*reader).v1binary)
			}
		case "debug":
			if !j.Null() && r.boolean(key) {
				v.debug = true
			}
		case "localEndpoint", "remoteEndpoint", "tags":
			r.refuse(key, "JSON_V2", "a JSON_V1 encoded list")
			j.Skip()
		default:
			j.Skip()
		}
	}
	switch {
	case r.faulty || j.Err != nil:
	case v.trace.Lo == 0:
		r.refuse("traceId", "nothing or zeros", "1 to 32 lower-case hex digits")
	case v.id == 0:
		r.refuse("id", "nothing or zeros", "1 to 16 lower-case hex digits")
	default:
		v.raw = span.At(start, j.Pos-start)
		if !v.convert(r.w) {
			r.refuse(tooManyServices.Place, tooManyServices.Found, tooManyServices.Want)
		}
	}
}

// v1traceID reads a trace id. Of 17 to 31 digits the server's reader of this
// version keeps the last 16.
func (r *reader) v1traceID() span.TraceID {
	hi, lo, digits := r.hex("traceId", 32)
	if digits < 32 {
		hi = 0
	}
	return span.TraceID{Hi: hi, Lo: lo}
}

// v1id reads a span id. The server's reader of this version takes up to 32
// digits and keeps the last 16.
func (r *reader) v1id(field string) span.ID {
	_, lo, _ := r.hex(field, 32)
	return span.ID(lo)
}

// v1micros reads microseconds as nanoseconds. What is negative becomes absent
// at the end; until then it differs from 0.
func (r *reader) v1micros(field string) int64 {
	v, _ := r.integer(field)
	return r.nanos(field, v)
}

// list reads a list of objects, each by one.
func (r *reader) list(field string, one func(*reader)) {
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
		r.j.Object()
		one(r)
	}
	r.item = 0
}

func (r *reader) v1annotation() {
	j := &r.j
	var a v1annotation
	timed := false
	for {
		k, ok := j.Key()
		if !ok {
			break
		}
		switch j.Text(k) {
		case "timestamp":
			a.time, timed = r.annotationTime()
		case "value":
			a.value = r.annotationValue()
		case "endpoint":
			if !j.Null() {
				a.host = r.endpoint(&v1Fields)
			}
		default:
			j.Skip()
		}
	}
	if j.Err == nil && r.completeAnnotation(timed, a.value) {
		r.v1.annotations = append(r.v1.annotations, a)
	}
}

// v1binary reads a binary annotation. A string is a tag, true marks an address;
// numbers and other values mean nothing to the server.
func (r *reader) v1binary() {
	j := &r.j
	var b v1binary
	var key, value span.Text
	yes := false
	for {
		k, ok := j.Key()
		if !ok {
			break
		}
		if j.Null() {
			continue
		}
		switch j.Text(k) {
		case "key":
			if s, ok := r.text("binaryAnnotation.key"); ok {
				key = r.keep(s, "binaryAnnotation.key")
			}
		case "value":
			switch j.Peek() {
			case '"':
				value = r.keep(j.String(), "binaryAnnotation.value")
			case 't', 'f':
				yes = j.Bool()
			default:
				j.Skip()
			}
		case "endpoint":
			b.host = r.endpoint(&v1Fields)
		default:
			j.Skip()
		}
	}
	if j.Err == nil && !key.Present() {
		r.refuse("binaryAnnotation.key", "nothing", "a string")
	}
	switch {
	case j.Err != nil || r.faulty:
		return
	case value.Present():
		b.attr = span.StringAttr(key, value)
	case yes && isAddress(r.w.Str(key)) && !b.host.IsZero():
		b.attr = span.BoolAttr(key, true)
	default:
		return
	}
	r.v1.binaries = append(r.v1.binaries, b)
}

// isAddress is true for the keys of annotations that hold the endpoint of the
// other side: of a client, a server, a message broker.
func isAddress(key string) bool { return key == "ca" || key == "sa" || key == "ma" }
