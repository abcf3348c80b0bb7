// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"github.com/spanbridge/spanbridge/span"
)

// Context is what headers say of the caller, and what a service hands to those
// that it calls. Its texts may point into the headers that it was read from.
type Context struct {
	Trace  span.TraceID
	Span   span.ID
	Parent span.ID // 0 when the headers do not say
	// TraceName is the trace id as SkyWalking writes it, where that does not
	// follow from Trace. It is empty for contexts that were read from sw8, which
	// keep the header itself: ask Name.
	TraceName string
	Sampling  Sampling
	// Long: the trace id had more than 16 digits, and is written with 32 even if
	// the first half is zero.
	Long bool
	// Random is W3C's flag of that name: the last 7 bytes of the trace id are
	// random. It is written with traceparent alone.
	Random bool
	// SkipAnalysis is SkyWalking's sw8-x: OAP is to make no metrics of the trace.
	SkipAnalysis bool
	// Format is the one that the ids were read from; 0 if there were none.
	Format Format
	// Found are all formats that were in the headers and could be read.
	Found Formats
	// Sent is when the message was sent, ms since 1970; 0 if sw8-x did not say.
	Sent int64
	// Baggage travels with the trace. It is never changed in place.
	Baggage Baggage
	// State is W3C's tracestate without the member that is ours.
	State string
	// DebugID is the text of the header jaeger-debug-id: a person asks for a
	// trace and wants to find it by this text. It is empty where there are ids.
	DebugID string
	// Others are what headers said that named another trace or another span.
	Others []Other

	native native
}

// native is what a header sw8 said, as it came. It holds for the ids that it
// was read with: someone may have set others.
type native struct {
	sw8    string       // the header
	name64 string       // its trace id, where that does not follow from Trace
	trace  span.TraceID // the id that belongs to them
	span   span.ID
	whole  bool // every agent takes the header as it is
}

// Other is a context that lost against one of a format that comes first in the
// order of precedence.
type Other struct {
	Format Format
	Trace  span.TraceID
	Span   span.ID
}

// HasIDs is true when the headers named a trace and a span. A context without
// ids may still hold a decision, baggage, or a DebugID.
func (c *Context) HasIDs() bool { return !c.Trace.IsZero() && c.Span != 0 }

// IsEmpty is true when there is nothing to hand on.
func (c *Context) IsEmpty() bool {
	return !c.HasIDs() && c.Sampling == Defer && len(c.Baggage) == 0 && c.State == "" && c.DebugID == ""
}

// Child is the context of a span below this one: the same trace, decision,
// baggage and state under another id.
func (c *Context) Child(id span.ID) Context {
	child := *c
	child.Parent, child.Span = c.Span, id
	child.native.sw8 = ""
	child.DebugID, child.Others, child.Sent = "", nil, 0
	return child
}

// sw8 is the header that named this very span, if one did.
func (c *Context) sw8() string {
	if n := &c.native; n.sw8 != "" && n.span == c.Span && n.trace == c.Trace {
		return n.sw8
	}
	return ""
}

// name64 is the trace's name in base64, if it came so and does not follow from
// the id.
func (c *Context) name64() string {
	if c.TraceName == "" && c.native.trace == c.Trace {
		return c.native.name64
	}
	return ""
}

// SetName sets the trace id in SkyWalking's words, if it is one of this trace.
func (c *Context) SetName(name string) { c.readName(name) }

// IsNamed is true when the name does not follow from the id.
func (c *Context) IsNamed() bool {
	if c.TraceName == "" {
		return c.name64() != ""
	}
	var a [32]byte
	return len(c.TraceName) != len(a) || c.TraceName != text(c.Trace.AppendHex32(a[:0]))
}

// appendName appends the trace id in SkyWalking's words.
func (c *Context) appendName(dst []byte) []byte {
	if c.TraceName != "" {
		return append(dst, c.TraceName...)
	}
	if s := c.name64(); s != "" {
		if name, ok := decode64(dst, s); ok {
			return name
		}
	}
	return c.Trace.AppendHex32(dst)
}

// Name is the trace id in SkyWalking's words: the one that the trace began
// with, if it is known, else the 32 digits of Trace.
func (c *Context) Name() string {
	if c.TraceName != "" {
		return c.TraceName
	}
	return string(c.appendName(nil))
}

// Sampling is the decision that a header carries.
type Sampling uint8

// Decisions. Not all formats tell all of them apart: docs/headers.md has the
// table.
const (
	Defer Sampling = iota // none yet
	Deny
	Accept
	Debug
	Firehose // Jaeger: kept, but not indexed
)

var samplingNames = [...]string{"defer", "deny", "accept", "debug", "firehose"}

// String is the decision in one word.
func (s Sampling) String() string {
	if int(s) < len(samplingNames) {
		return samplingNames[s]
	}
	return "unknown"
}

// Sampled is true for a decision to record.
func (s Sampling) Sampled() bool { return s >= Accept && s <= Firehose }

// within is what is read of a decision that was written in a format, if nothing
// beside it says more. Two headers for one span that differ by no more than that
// do not contradict each other.
func (s Sampling) within(f Format) Sampling {
	switch f {
	case B3, B3Multi:
		if s == Firehose {
			return Accept
		}
	case OT:
		if s == Debug || s == Firehose {
			return Accept
		}
	case SW8:
		if s != Deny {
			return Accept
		}
	case W3C:
		switch s {
		case Defer:
			return Deny
		case Debug, Firehose:
			return Accept
		}
	case Uber:
		if s == Defer {
			return Deny
		}
	case LightStep:
		return Defer
	}
	return s
}
