// SPDX-License-Identifier: Apache-2.0

package tracer

// IsSampled is true: the span is recorded.
func (s *Span) IsSampled() bool { return true }

// IsSampled is false until sampling.priority is set, and does not make the
// context, as a look into Context would.
func (f *unsampled) IsSampled() bool { return f.recorded() != nil }
