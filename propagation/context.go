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
	// trace and wants to find it by this text.
	DebugID string
	// Others are what headers said that named another trace or another span.
	Others []Other

	sw8    string // the header, while Span is the one that it names
	name64 string // the trace id's field of that header: whole, padded base64
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
	child.sw8, child.DebugID, child.Others, child.Sent = "", "", nil, 0
	return child
}

// Name is the trace id in SkyWalking's words: the one that the trace began
// with, if it is known, else the 32 digits of Trace.
func (c *Context) Name() string {
	if c.TraceName != "" {
		return c.TraceName
	}
	if c.name64 != "" {
		if name, ok := decode64(nil, c.name64); ok {
			return string(name)
		}
	}
	return string(c.Trace.AppendHex32(nil))
}

// SetName sets the trace id in SkyWalking's words, if it is one of this trace.
func (c *Context) SetName(name string) { c.readName(name) }

// IsNamed is true when the name does not follow from the id.
func (c *Context) IsNamed() bool {
	if c.TraceName == "" && c.name64 == "" {
		return false
	}
	var a [32]byte
	return c.Name() != string(c.Trace.AppendHex32(a[:0]))
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

// String is the decision in one word.
func (s Sampling) String() string {
	return [...]string{"defer", "deny", "accept", "debug", "firehose"}[s]
}

// Sampled is true for a decision to record.
func (s Sampling) Sampled() bool { return s >= Accept }
