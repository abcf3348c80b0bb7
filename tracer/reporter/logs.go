// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

// unnamed is the name of an event of OTLP for a log without a field event
// (OpenTelemetry's specification, compatibility/opentracing).
const unnamed = "log"

// event adds a log as an event: its first text under the key event is the name,
// the others are fields.
func (c *Converter) event(l *tracer.Log) {
	e := span.Event{Time: l.Time.UnixNano()}
	mark := c.w.AttrMark()
	failure := c.protocol == span.OTLP && isError(l)
	for i := range l.Fields {
		f := &l.Fields[i]
		if name, ok := f.Value.(string); ok && f.Key == fieldEvent && !e.Name.Present() {
			e.Name = c.text(name)
			continue
		}
		if failure {
			c.w.Attr(c.attrOf(&tracer.Tag{Key: exceptionKey(f.Key), Value: f.Value}))
			continue
		}
		c.attr(f)
	}
	switch {
	case failure:
		e.Name = c.w.Copy("exception")
	case c.protocol == span.OTLP && e.Name.Len() == 0:
		e.Name = c.w.Copy(unnamed)
	}
	e.Attrs = c.w.AttrsFrom(mark)
	c.w.Event(e)
}

// isError is true for a log of an error. OpenTelemetry names such an event, and
// its fields, in its own way (compatibility/opentracing).
func isError(l *tracer.Log) bool {
	for i := range l.Fields {
		if f := &l.Fields[i]; f.Key == fieldEvent && f.Value == fieldError {
			return true
		}
	}
	return false
}

func exceptionKey(key string) string {
	switch key {
	case fieldKind:
		return "exception.type"
	case fieldMessage:
		return "exception.message"
	case fieldStack:
		return "exception.stacktrace"
	}
	return key
}

// keyRefType is OpenTelemetry's attribute of a link that says how a span of
// OpenTracing refers to another one.
const keyRefType = "opentracing.ref_type"

var refTypes = [...]string{span.ChildOf: "child_of", span.FollowsFrom: "follows_from"}

// isSaid is true for a reference that the field for the parent says.
func isSaid(r *tracer.Reference) bool { return r.Parent && r.Kind == span.ChildOf }

// references adds the references of a record: for Jaeger as they are, for OTLP
// as links, unless the field for the parent says the same.
func (c *Converter) references(r *tracer.Record) {
	for i := range r.References {
		ref := &r.References[i]
		switch {
		case c.protocol == span.Jaeger:
			c.w.Ref(span.Ref{Trace: ref.Trace, Span: ref.Span, Kind: ref.Kind, Parent: ref.Parent && !r.Shared})
		case c.protocol == span.OTLP && !isSaid(ref):
			mark := c.w.AttrMark()
			c.stringAttr(keyRefType, refTypes[ref.Kind])
			c.w.Ref(span.Ref{Trace: ref.Trace, Span: ref.Span, Kind: span.Link, Attrs: c.w.AttrsFrom(mark)})
		}
	}
}

// links adds the references of a record as tags, where the protocol has no
// other place for them: in the form of OpenTelemetry's exporter for Zipkin.
func (c *Converter) links(r *tracer.Record) {
	if c.protocol == span.Jaeger || c.protocol == span.OTLP {
		return
	}
	n := 0
	for i := range r.References {
		if ref := &r.References[i]; !isSaid(ref) {
			c.linkTag(n, ref)
			n++
		}
	}
}

// linkTag adds a reference as the tag otlp.link.N: trace|span|state|{attributes}|dropped.
func (c *Converter) linkTag(n int, ref *tracer.Reference) {
	key := c.w.CopyBytes(strconv.AppendInt(append(c.scratch[:0], "otlp.link."...), int64(n), 10))
	d := ref.Trace.AppendHex(c.scratch[:0])
	d = ref.Span.AppendHex(append(d, '|'))
	d = append(d, `||{"`+keyRefType+`":"`...)
	d = append(d, refTypes[ref.Kind]...)
	c.scratch = append(d, `"}|0`...)
	c.w.Attr(span.StringAttr(key, c.w.CopyBytes(c.scratch)))
}
