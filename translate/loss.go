// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"iter"

	"github.com/spanbridge/spanbridge/span"
)

// Field is a part of a span that a translation may fail to carry.
type Field uint8

// Fields, in the order of the documentation.
const (
	FieldIdentity Field = iota
	FieldName
	FieldKind
	FieldStart
	FieldDuration
	FieldStatus
	FieldFlags
	FieldTraceState
	FieldLocal
	FieldRemote
	FieldAttrTypes
	FieldAttrs
	FieldResource
	FieldScope
	FieldEvents
	FieldRefs
	FieldDropped
	FieldAgent
	NumFields = int(iota)
)

var fields = [NumFields]struct{ name, about string }{
	FieldIdentity:   {"identity", "the id and the parent under which Zipkin knows the span, and its flag shared"},
	FieldName:       {"name", "the name as it was, where the target needs another one"},
	FieldKind:       {"kind", "the kind, such as internal beside none"},
	FieldStart:      {"start", "the start where it is absent, or what of it is finer than the target's unit"},
	FieldDuration:   {"duration", "the duration where it is absent or zero, or what of it is finer than the target's unit"},
	FieldStatus:     {"status", "the status code and message as they were given"},
	FieldFlags:      {"flags", "sampled, debug and firehose, and the flags of W3C"},
	FieldTraceState: {"tracestate", "W3C's tracestate"},
	FieldLocal:      {"local_endpoint", "service, addresses or port of the span's own end"},
	FieldRemote:     {"remote_endpoint", "service, addresses or port of the other end"},
	FieldAttrTypes:  {"attribute_types", "the types of attributes: they arrive as text"},
	FieldAttrs:      {"attributes", "the order of attributes, repeated keys, and which of them say what a field says"},
	FieldResource:   {"resource", "which attributes belong to the resource (Jaeger's process), its schema"},
	FieldScope:      {"scope", "the instrumentation scope: version, attributes, schema"},
	FieldEvents:     {"events", "events as they were: fields with types, empty or repeated ones, time below the target's unit"},
	FieldRefs:       {"references", "references besides the parent: kind, order, attributes, tracestate"},
	FieldDropped:    {"dropped_counts", "how many attributes, events and links the sender left out"},
	FieldAgent:      {"skywalking", "segment, layer, component and references of a SkyWalking agent"},
}

// String is the name of the field, as in metrics.
func (f Field) String() string { return fields[f].name }

// About says in a line what is lost with the field.
func (f Field) About() string { return fields[f].about }

// Fields are all fields in the order of the documentation.
func Fields() iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for f := range Field(NumFields) {
			if !yield(f) {
				return
			}
		}
	}
}

// Loss says how many spans lost something of a field.
type Loss struct {
	From  span.Protocol // whose conventions the spans follow
	Field Field
	Spans uint64
}

// Losses counts what could not be carried: for each protocol that spans came
// by and each field the number of spans that lost something of it. The zero
// value is empty.
type Losses struct {
	from [span.NumProtocols][NumFields]uint64
	any  bool
}

// Add counts one span.
func (l *Losses) Add(from span.Protocol, f Field) {
	l.from[from][f]++
	l.any = true
}

// Merge adds the counts of another one.
func (l *Losses) Merge(o *Losses) {
	for one := range o.All() {
		l.from[one.From][one.Field] += one.Spans
		l.any = true
	}
}

// Empty is true when nothing was lost.
func (l *Losses) Empty() bool { return !l.any }

// Reset forgets the counts.
func (l *Losses) Reset() {
	if l.any {
		*l = Losses{}
	}
}

// All are the counts that are not zero, by protocol and then by field.
func (l *Losses) All() iter.Seq[Loss] {
	return func(yield func(Loss) bool) {
		if !l.any {
			return
		}
		for from := range l.from {
			for f, n := range l.from[from] {
				if n > 0 && !yield(Loss{span.Protocol(from), Field(f), n}) {
					return
				}
			}
		}
	}
}
