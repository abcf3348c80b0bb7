// SPDX-License-Identifier: Apache-2.0

package propagation

import "github.com/spanbridge/spanbridge/span"

// Context is what a header says of the caller.
type Context struct {
	Trace span.TraceID
	// TraceName is the trace id as SkyWalking writes it; empty for other formats.
	TraceName string
	Span      span.ID
	Parent    span.ID // 0 when the header does not say
	Sampling  Sampling
}

// Sampling is the decision that a header carries.
type Sampling uint8

// Decisions.
const (
	Defer Sampling = iota // none yet
	Deny
	Accept
	Debug
)

// String is the decision in one word.
func (s Sampling) String() string {
	return [...]string{"defer", "deny", "accept", "debug"}[s]
}
