// SPDX-License-Identifier: Apache-2.0

// Package story describes what a tracing client did, in terms that no wire
// format owns, so that a test can look for it at any backend.
//
// A client returns (or prints as one line of JSON) a Story. The packages that
// ask a backend turn its answer into the same Spans, and Diff compares the two.
package story

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The kinds of a span. Local spans have no kind.
const (
	Client   = "CLIENT"
	Server   = "SERVER"
	Producer = "PRODUCER"
	Consumer = "CONSUMER"
	Local    = ""
)

// Story is all that one run of a client made.
type Story struct {
	Client string `json:"client"` // library and version
	Spans  []Span `json:"spans"`
}

// Span is one span as its maker knows it.
type Span struct {
	Key    string `json:"key"`              // unique within the story
	Parent string `json:"parent,omitempty"` // key of the parent, "" for a root

	Trace string `json:"trace"`        // trace id as the client writes it
	ID    string `json:"id,omitempty"` // span id as the client writes it; SkyWalking: "<segment id>:<number>"

	Service string `json:"service"`
	Name    string `json:"name"`
	Kind    string `json:"kind,omitempty"`
	Shared  bool   `json:"shared,omitempty"` // a server half that reuses the id of its client half

	Failed bool   `json:"failed,omitempty"`
	Error  string `json:"error,omitempty"` // the message, where the client writes one

	Tags   map[string]string `json:"tags,omitempty"` // some of the tags, never all
	Events []string          `json:"events,omitempty"`
	Links  []string          `json:"links,omitempty"` // keys of spans that are linked, not parents
	Remote *Endpoint         `json:"remote,omitempty"`
}

// Endpoint is the other side of a span.
type Endpoint struct {
	Service string `json:"service,omitempty"`
	IP      string `json:"ip,omitempty"`
	Port    int    `json:"port,omitempty"`
}

// Parse reads a whole story from the output of a client.
func Parse(out string) (Story, error) {
	s, err := ParsePart(out)
	if err != nil {
		return Story{}, err
	}
	return s, s.Check()
}

// ParsePart reads the part of a story that one of several processes tells: the
// last line that is a JSON object. Libraries print too, before and after.
func ParsePart(out string) (Story, error) {
	last := ""
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "{") {
			last = line
		}
	}
	var s Story
	if err := json.Unmarshal([]byte(last), &s); err != nil {
		return Story{}, fmt.Errorf("line %.200q of %d bytes of output, want the JSON of a story: %w", last, len(out), err)
	}
	if len(s.Spans) == 0 {
		return Story{}, fmt.Errorf("story of %q has no spans", s.Client)
	}
	return s, nil
}

// Traces lists the trace ids in the order of their first span.
func (s Story) Traces() []string {
	var ids []string
	seen := map[string]bool{}
	for _, sp := range s.Spans {
		if !seen[sp.Trace] {
			seen[sp.Trace] = true
			ids = append(ids, sp.Trace)
		}
	}
	return ids
}

// Trace returns the spans of one trace.
func (s Story) Trace(id string) []Span {
	var spans []Span
	for _, sp := range s.Spans {
		if sp.Trace == id {
			spans = append(spans, sp)
		}
	}
	return spans
}

// Services lists the service names in the order of their first span.
func (s Story) Services() []string {
	var names []string
	seen := map[string]bool{}
	for _, sp := range s.Spans {
		if !seen[sp.Service] {
			seen[sp.Service] = true
			names = append(names, sp.Service)
		}
	}
	return names
}

// Span returns the span with a key.
func (s Story) Span(key string) (Span, bool) {
	for _, sp := range s.Spans {
		if sp.Key == key {
			return sp, true
		}
	}
	return Span{}, false
}

// Check tells whether each span has what it must have and names only spans of
// the story.
func (s Story) Check() error {
	for i, sp := range s.Spans {
		if sp.Key == "" || sp.Trace == "" || sp.Service == "" {
			return fmt.Errorf("span %d of %q: key %q, trace %q, service %q, want all three", i, s.Client, sp.Key, sp.Trace, sp.Service)
		}
		for _, ref := range append([]string{sp.Parent}, sp.Links...) {
			if _, ok := s.Span(ref); ref != "" && !ok {
				return fmt.Errorf("span %q of %q names %q, which the story does not have", sp.Key, s.Client, ref)
			}
		}
	}
	return nil
}
