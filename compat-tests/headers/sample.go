// SPDX-License-Identifier: Apache-2.0

// Package headers gives the headers that package propagation writes to the real
// parsers, and brings back the headers that the real libraries write. For each
// parser the context that it read and the one that it should have read come out.
package headers

import (
	"net/http"
	"strings"

	"github.com/spanbridge/spanbridge/propagation"
)

// Sample is one context and all headers that are written for it.
type Sample struct {
	Name    string
	From    map[string]string
	Context Context
	Caller  Caller
	HTTP    map[string]string
	Text    map[string]string // of a text map
}

// Context is what the headers say.
type Context struct {
	Trace        string // 32 digits
	Span         string
	Parent       string
	Name         string // SkyWalking's, of the trace
	Sampling     string
	Baggage      [][3]string // key, value, properties
	State        string
	DebugID      string
	SkipAnalysis bool
	Sent         int64
}

// Caller is what sw8 says of the calling side.
type Caller struct{ Service, Instance, Endpoint, Address string }

func sampleOf(name string, c *propagation.Context, from propagation.Caller) Sample {
	s := Sample{Name: name, Context: textOf(c), Caller: Caller(from), HTTP: map[string]string{}, Text: map[string]string{}}
	all := propagation.New(propagation.Write(propagation.AllFormats()...))
	h := http.Header{}
	all.Inject(c, from, propagation.HTTP(h))
	for k := range h {
		s.HTTP[k] = h.Get(k)
	}
	all.Inject(c, from, propagation.TextMap(s.Text))
	return s
}

// textOf is a context as headers write it.
func textOf(c *propagation.Context) (t Context) {
	if c.HasIDs() {
		t.Trace, t.Span, t.Name = string(c.Trace.AppendHex32(nil)), c.Span.String(), c.Name()
	}
	if c.Parent != 0 {
		t.Parent = c.Parent.String()
	}
	t.Sampling, t.State, t.DebugID = c.Sampling.String(), c.State, c.DebugID
	t.SkipAnalysis, t.Sent = c.SkipAnalysis, c.Sent
	for _, it := range c.Baggage {
		t.Baggage = append(t.Baggage, [3]string{it.Key, it.Value, it.Properties})
	}
	return t
}

// header is what a request would carry: the headers whose names begin with one of
// the prefixes, or all.
func (s *Sample) header(prefixes ...string) http.Header {
	h := http.Header{}
	for k, v := range s.HTTP {
		if begins(k, prefixes) {
			h.Set(k, v)
		}
	}
	return h
}

// texts is a text map; keys are lower case.
func (s *Sample) texts(prefixes ...string) map[string]string {
	m := map[string]string{}
	for k, v := range s.Text {
		if begins(k, prefixes) {
			m[strings.ToLower(k)] = v
		}
	}
	return m
}

func begins(key string, prefixes []string) bool {
	if len(prefixes) == 0 {
		return true
	}
	for _, p := range prefixes {
		if strings.HasPrefix(strings.ToLower(key), p) {
			return true
		}
	}
	return false
}

// Reading is what a parser made of headers.
type Reading struct {
	Fault    string // an error; nothing else is there then
	Trace    string // 32 digits
	Span     string
	Parent   string
	Sampling string

	// What sw8 has besides.
	Name, Segment, Number string
	Caller                Caller
	Skip, Sent            string

	Baggage map[string]string
}
