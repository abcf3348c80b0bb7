// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"context"
	"net/netip"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// Reporter takes the records of finished spans. Report is called on the request
// path, from many goroutines: it must not block. A record does not change any
// more once it was reported, and the reporter may keep it.
type Reporter interface {
	Report(*Record)
	// Close sends what is left, as far as the context allows, and releases what
	// the reporter holds. Records that come later are dropped and counted.
	Close(context.Context) error
}

// Starter is a Reporter that wants to know the process before its first span,
// because its backend keeps a list of those that live.
type Starter interface {
	Start(*Process)
}

// Record is a finished span.
type Record struct {
	Trace    span.TraceID
	ID       span.ID
	Parent   span.ID // 0 for a root
	Sampling propagation.Sampling
	// Long: the trace id is to be written with 32 digits, though its first half
	// may be zero.
	Long bool
	// Shared: the span has the id of the client's span (WithSharedSpans).
	Shared bool
	// Injected: a header was written that names the span.
	Injected  bool
	Kind      span.Kind
	Operation string
	Start     time.Time
	Duration  time.Duration
	Tags      []Tag
	Logs      []Log
	// References are all that the span was started with, the one that Parent is
	// from first, if there is one.
	References []Reference
	State      string // W3C tracestate
	// TraceName is the trace id in SkyWalking's words, where it does not follow
	// from Trace; ParentTag is where the parent is there (the value of the tag
	// sw8.parent; see propagation.Context.ParentTag). Both are empty for traces
	// that did not come by sw8.
	TraceName, ParentTag string
	// Callee is how a header sw8 named the side that is called (host:port, or a
	// name), if that was known.
	Callee string
	// Dropped are logs beyond the limit.
	Dropped int
	Process *Process
}

// Tag is a key with a value: a string, a bool, any type of integer or float, or
// bytes. What else a caller sets is made a string when it is set.
type Tag struct {
	Key   string
	Value any
}

// Log is something that happened at a moment of a span. By OpenTracing's
// conventions the field "event" is its name.
type Log struct {
	Time   time.Time
	Fields []Tag
}

// Reference is a relation to another span.
type Reference struct {
	Kind   span.RefKind // ChildOf or FollowsFrom
	Trace  span.TraceID
	Span   span.ID
	Parent bool // Record.Parent was taken from it
}

// Process is what the spans of a tracer have in common.
type Process struct {
	Service  string
	Instance string
	IP       netip.Addr // invalid if unknown
	Tags     []Tag
}

// Sampler decides about traces that begin here, or that nobody has decided on.
type Sampler interface {
	// Sample is called once for a trace, from any goroutine.
	Sample(trace span.TraceID, operation string) Decision
}

// Decision is the answer of a sampler. The tags, if any, go to the span that it
// was asked for; they are not changed.
type Decision struct {
	Sampled bool
	Tags    []Tag
}
