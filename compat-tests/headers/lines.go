// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Lines are the samples as the programs in Python and Java read them: a line
// "sample NUMBER" and below it "KEY VALUE" in base64 for each header.
func Lines(samples []Sample) string {
	var b strings.Builder
	for i, s := range samples {
		fmt.Fprintf(&b, "sample %d\n", i)
		for _, k := range slices.Sorted(maps.Keys(s.HTTP)) {
			fmt.Fprintf(&b, "%s %s\n", encode(k), encode(s.HTTP[k]))
		}
	}
	return b.String()
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Writing is what a real library wrote and what it says of it.
type Writing struct {
	Library, Case string
	Said          Reading
	HTTP          map[string]string
}

// Parse reads what the programs print: readings by parser and sample, and
// writings.
func Parse(output string) (readings map[string]map[int]Reading, writings []Writing, err error) {
	readings = map[string]map[int]Reading{}
	var said *Reading
	var header map[string]string
	var close func()
	flush := func() {
		if close != nil {
			close()
		}
	}
	for line := range strings.Lines(output) {
		words := strings.Split(strings.TrimRight(line, "\r\n"), " ")
		for i, w := range words[1:] {
			text, err := base64.StdEncoding.DecodeString(w)
			if err != nil {
				return nil, nil, fmt.Errorf("%q: %w", line, err)
			}
			words[i+1] = string(text)
		}
		switch {
		case words[0] == "reading" && len(words) == 3:
			flush()
			number, err := strconv.Atoi(words[1])
			if err != nil {
				return nil, nil, fmt.Errorf("%q: %w", line, err)
			}
			r := Reading{Baggage: map[string]string{}}
			said, header = &r, nil
			close = func() {
				if readings[words[2]] == nil {
					readings[words[2]] = map[int]Reading{}
				}
				readings[words[2]][number] = r
			}
		case words[0] == "writing" && len(words) == 3:
			flush()
			w := Writing{Library: words[1], Case: words[2], HTTP: map[string]string{}, Said: Reading{Baggage: map[string]string{}}}
			said, header = &w.Said, w.HTTP
			close = func() { writings = append(writings, w) }
		case words[0] == "header" && len(words) == 3 && header != nil:
			header[words[1]] = words[2]
		case len(words) == 2 && said != nil:
			if err := said.set(words[0], words[1]); err != nil {
				return nil, nil, fmt.Errorf("%q: %w", line, err)
			}
		default:
			return nil, nil, fmt.Errorf("%q, want a reading, a writing, a header or a field", line)
		}
	}
	flush()
	return readings, writings, nil
}

// set takes a field as a program names it.
func (r *Reading) set(field, value string) error {
	if key, ok := strings.CutPrefix(field, "Baggage."); ok {
		name, err := base64.StdEncoding.DecodeString(key)
		r.Baggage[string(name)] = value
		return err
	}
	to, ok := map[string]*string{
		"Fault": &r.Fault, "Trace": &r.Trace, "Span": &r.Span, "Parent": &r.Parent, "Sampling": &r.Sampling,
		"Name": &r.Name, "Segment": &r.Segment, "Number": &r.Number, "Skip": &r.Skip, "Sent": &r.Sent,
		"Service": &r.Caller.Service, "Instance": &r.Caller.Instance, "Endpoint": &r.Caller.Endpoint, "Address": &r.Caller.Address,
	}[field]
	if !ok {
		return fmt.Errorf("field %q", field)
	}
	*to = value
	if field == "Trace" {
		*to = pad(value)
	}
	return nil
}

// Parsers are those of a program, whose output has their readings already.
func Parsers(readings map[string]map[int]Reading, samples []Sample) (all []Parser) {
	for _, name := range slices.Sorted(maps.Keys(readings)) {
		byNumber := map[string]Reading{}
		for i, s := range samples {
			r, ok := readings[name][i]
			if !ok {
				r.Fault = "no reading"
			}
			byNumber[s.Name] = r.shorten(&s)
		}
		all = append(all, Parser{name, func(s *Sample) Reading { return byNumber[s.Name] }, wants[name]})
	}
	return all
}

// wants are for the parsers of the programs.
var wants = map[string]func(s *Sample) Reading{
	"aiozipkin b3":      withoutBaggage(wantAiozipkinSingle),
	"aiozipkin X-B3":    withoutBaggage(wantAiozipkinMulti),
	"apache-skywalking": wantSW8,
	"brave b3":          withoutBaggage(wantB3Single),
	"brave X-B3":        withoutBaggage(wantB3Multi),
	"skywalking-java":   wantSW8X,
}

func withoutBaggage(want func(s *Sample) Reading) func(s *Sample) Reading {
	return func(s *Sample) Reading {
		r := want(s)
		r.Baggage = map[string]string{}
		return r
	}
}

// wantAiozipkinSingle: a decision without ids is none to aiozipkin.
func wantAiozipkinSingle(s *Sample) Reading {
	if s.Context.Trace == "" {
		return Reading{}
	}
	return wantB3Single(s)
}

// wantAiozipkinMulti: it looks for X-B3-Flags under a name that it has made lower
// case before, so debug reads as accepted.
func wantAiozipkinMulti(s *Sample) Reading {
	r := wantB3Multi(s)
	switch {
	case s.Context.Trace == "":
		return Reading{}
	case s.Context.Sampling == "debug":
		r.Sampling = "accept"
	}
	return r
}
