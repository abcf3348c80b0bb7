// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"fmt"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/translate"
)

// Tags with a meaning, of OpenTracing's conventions and of ours.
const (
	tagError   = "error"
	tagKind    = "span.kind"
	tagState   = "w3c.tracestate"
	tagParent  = "sw8.parent"
	tagDropped = "otel.dropped_events_count"
)

// tags adds the tags of a record, and takes what they say into the fields of
// the span.
func (c *Converter) tags(s *span.Span, r *tracer.Record) {
	if c.protocol == span.Jaeger && r.Kind != span.KindUnset || c.protocol == span.Zipkin && r.Kind == span.KindInternal {
		c.stringAttr(tagKind, r.Kind.String())
	}
	var p peer
	for i := range r.Tags {
		t := &r.Tags[i]
		switch key := t.Key; {
		case key == tagError:
			c.setError(s, r, t)
		case strings.HasPrefix(key, peerPrefix) && p.take(key[len(peerPrefix):], t.Value):
			if c.protocol != span.Zipkin {
				c.attr(t)
			}
		default:
			c.attr(t)
		}
	}
	c.setRemote(s, r, &p)
	c.hidden(translate.TagTraceName, r.TraceName)
	c.hidden(tagParent, r.ParentTag)
	switch {
	case r.State == "":
	case c.protocol == span.OTLP:
		s.State = c.text(r.State)
	default:
		c.stringAttr(tagState, r.State)
	}
	if r.Dropped > 0 && c.protocol != span.OTLP {
		c.w.Attr(span.IntAttr(c.w.Copy(tagDropped), int64(r.Dropped)))
	}
}

// hidden adds a tag about SkyWalking. Its own protocol has fields for what it
// says, so there it is not written.
func (c *Converter) hidden(key, value string) {
	if value == "" {
		return
	}
	a := span.StringAttr(c.w.Copy(key), c.text(value))
	a.Mirrored = c.protocol == span.SkyWalking
	c.w.Attr(a)
}

// setError takes the tag error: a bool by convention, but some set it to a text,
// which is then the message.
func (c *Converter) setError(s *span.Span, r *tracer.Record, t *tracer.Tag) {
	if c.protocol == span.Jaeger {
		c.attr(t) // the tag is all that Jaeger has
	}
	message := ""
	switch v := t.Value.(type) {
	case bool:
		if !v {
			return
		}
	case string:
		if v == "" || strings.EqualFold(v, "false") {
			return
		}
		if !strings.EqualFold(v, "true") {
			message = v
		}
	default:
		if n, ok := integer(v); ok && n == 0 {
			return
		}
	}
	s.Status = span.StatusError
	if message == "" {
		message = errorOf(r.Logs)
	}
	if message != "" {
		s.StatusMessage = c.text(message)
	}
	if c.protocol == span.Zipkin {
		if message == "" {
			message = "true"
		}
		c.stringAttr(tagError, message)
	}
}

// Fields of a log about an error, by OpenTracing's conventions.
const (
	fieldEvent   = "event"
	fieldMessage = "message"
	fieldError   = "error"
	fieldObject  = "error.object"
	fieldKind    = "error.kind"
	fieldStack   = "stack"
)

// errorOf is the message of an error that was logged: the log whose event is
// error comes before others that have an error among their fields.
func errorOf(logs []tracer.Log) (message string) {
	for i := range logs {
		var event, text, object string
		for j := range logs[i].Fields {
			switch f := &logs[i].Fields[j]; f.Key {
			case fieldEvent:
				event = textOf(f.Value)
			case fieldMessage:
				text = textOf(f.Value)
			case fieldObject, fieldError:
				object = textOf(f.Value)
			}
		}
		if event == fieldError && text+object != "" {
			return or(text, object)
		}
		message = or(message, object)
	}
	return message
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func textOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}
