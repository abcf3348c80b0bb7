// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"

	"github.com/spanbridge/spanbridge/span"
)

// process is a Process that was read: what its spans have of it.
type process struct {
	resource uint32
	local    span.Endpoint
	raw      []byte // protobuf, to know it again
}

// finish takes the tags added since the mark as the process's.
func (p *process) finish(w *span.Builder, mark int) {
	readProcessTags(w, &p.local, w.AttrsSince(mark))
	p.resource = w.Resource(span.Resource{Attrs: w.AttrsFrom(mark)})
}

// reports makes p the process of a span.
func (p *process) reports(s *span.Span) {
	s.Resource = p.resource
	s.Local = p.local
}

// noServiceName is what OpenTelemetry's Jaeger exporter writes for a resource
// without a service name.
const noServiceName = "OTLPResourceNoServiceName"

func serviceName(w *span.Builder, t span.Text) span.Text {
	if t.Len() == 0 || w.Str(t) == noServiceName {
		return span.Text{}
	}
	return t
}

// window is how many of the last processes and scopes are compared with a new
// one. It bounds the work for a body in which all differ.
const window = 32

// processes are the processes that spans of a body brought along. Equal ones,
// by their bytes, are one resource.
type processes []process

func (ps processes) find(raw []byte) *process {
	for i := len(ps) - 1; i >= max(0, len(ps)-window); i-- {
		if bytes.Equal(ps[i].raw, raw) {
			return &ps[i]
		}
	}
	return nil
}

// scopes are the scopes that the tags of spans named.
type scopes []scope

type scope struct {
	name, version span.Text
	number        uint32
}

// number is the number of a scope, which is added unless it was seen.
func (ss *scopes) number(w *span.Builder, name, version span.Text) uint32 {
	for i := len(*ss) - 1; i >= max(0, len(*ss)-window); i-- {
		s := &(*ss)[i]
		if w.Str(s.name) == w.Str(name) && w.Str(s.version) == w.Str(version) &&
			s.name.Present() == name.Present() && s.version.Present() == version.Present() {
			return s.number
		}
	}
	n := w.Scope(span.Scope{Name: name, Version: version})
	*ss = append(*ss, scope{name, version, n})
	return n
}
