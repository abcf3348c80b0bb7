// SPDX-License-Identifier: Apache-2.0

package view

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
)

// names counts the services of the stored spans, and for each of them the names
// of its spans and the services it called. They are kept in lower case, as
// Zipkin has them.
type names struct {
	services map[string]*service
	bytes    int64
	buf      [3][]byte // for lower case

	last *service // of the span before: neighbours mostly have the same one
}

type service struct {
	name    string
	spans   int
	names   map[string]*int // how many spans have the name
	remotes map[string]*int
}

// nameCost is what a name costs besides its letters: its place in a map.
const nameCost = 64

// serviceCost is what a service costs besides its names.
const serviceCost = 256

func newNames() names { return names{services: make(map[string]*service)} }

// add counts a span. Spans without a service have no names.
func (n *names) add(b *span.Batch, s *span.Span) {
	local := lower(&n.buf[0], b.Str(s.Local.Service))
	if len(local) == 0 {
		return
	}
	v := n.find(local)
	if v == nil {
		v = &service{name: string(local), names: make(map[string]*int), remotes: make(map[string]*int)}
		n.services[v.name] = v
		n.bytes += serviceCost + int64(len(v.name))
		n.last = v
	}
	v.spans++
	n.count(v.names, lower(&n.buf[1], b.Str(s.Name)))
	n.count(v.remotes, lower(&n.buf[2], b.Str(s.Remote.Service)))
}

func (n *names) find(local []byte) *service {
	if n.last == nil || string(local) != n.last.name {
		n.last = n.services[string(local)]
	}
	return n.last
}

func (n *names) count(m map[string]*int, name []byte) {
	if len(name) == 0 {
		return
	}
	if c := m[string(name)]; c != nil {
		*c++
		return
	}
	one := 1
	m[string(name)] = &one
	n.bytes += nameCost + int64(len(name))
}

// remove takes back what add counted for the span.
func (n *names) remove(b *span.Batch, s *span.Span) {
	local := lower(&n.buf[0], b.Str(s.Local.Service))
	v := n.find(local)
	if v == nil {
		return
	}
	v.spans--
	n.uncount(v.names, lower(&n.buf[1], b.Str(s.Name)))
	n.uncount(v.remotes, lower(&n.buf[2], b.Str(s.Remote.Service)))
	if v.spans == 0 {
		delete(n.services, v.name)
		n.bytes -= serviceCost + int64(len(v.name))
		n.last = nil
	}
}

func (n *names) uncount(m map[string]*int, name []byte) {
	if len(name) == 0 {
		return
	}
	if c := m[string(name)]; *c > 1 {
		*c--
		return
	}
	delete(m, string(name))
	n.bytes -= nameCost + int64(len(name))
}

func sortedKeys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// lower gives s in lower case, in a memory that is used again.
func lower[T string | []byte](buf *[]byte, s T) []byte {
	p := append((*buf)[:0], s...)
	for i, c := range p {
		switch {
		case 'A' <= c && c <= 'Z':
			p[i] = c + 'a' - 'A'
		case c >= utf8.RuneSelf:
			p = append(p[:0], strings.Map(unicode.ToLower, string(s))...)
			*buf = p
			return p
		}
	}
	*buf = p
	return p
}
