// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

type headerCmd struct {
	JSON     bool     `name:"json" help:"Print JSON."`
	Service  string   `placeholder:"NAME" help:"For sw8, the service that calls."`
	Instance string   `placeholder:"NAME" help:"For sw8, its instance."`
	Endpoint string   `placeholder:"NAME" help:"For sw8, the operation by which it was called, such as GET:/orders."`
	Address  string   `placeholder:"ADDRESS" help:"For sw8, how it names the one that it calls."`
	Headers  []string `arg:"" optional:"" help:"Headers, or lines that hold them; standard input when not given."`
}

// Help is the rest of bridge header --help.
func (*headerCmd) Help() string {
	return `Says what tracing headers mean, prints them in every other format, and tells what
each of those loses and where headers disagree.

	bridge header 'b3: 463ac35c9f6413ad-a2fb4a1d1a96d312-1'
	bridge header 'X-B3-TraceId: 463ac35c9f6413ad' 'X-B3-SpanId: a2fb4a1d1a96d312'
	curl -v … 2>&1 | bridge header

Headers may be pasted as curl -v or a log prints them, with or without their name,
in quotes or not. A trace id alone is explained too.

The exit code is 0, 1 when nothing could be read, 2 for a wrong command.`
}

// Run explains headers.
func (c *headerCmd) Run(w *world) error {
	lines := c.Headers
	if len(lines) == 0 {
		text, err := io.ReadAll(io.LimitReader(w.in, 16<<20))
		if err != nil {
			return err
		}
		lines = []string{string(text)}
	}
	var p pasted
	for _, text := range lines {
		s := bufio.NewScanner(strings.NewReader(text))
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			p.line(s.Text())
		}
	}
	if len(p.headers) == 0 {
		return errors.New("no tracing header in it, want one of b3, X-B3-TraceId, sw8, traceparent, uber-trace-id, ot-tracer-traceid, or a trace id")
	}
	e := explain(&p, propagation.Caller{Service: c.Service, Instance: c.Instance, Endpoint: c.Endpoint, Address: c.Address})
	if c.JSON {
		out := json.NewEncoder(w.out)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		if err := out.Encode(e); err != nil {
			return err
		}
	} else {
		e.print(w.out)
	}
	if e.empty() {
		return errors.New("nothing could be read")
	}
	return nil
}

// pasted is the headers that were found in what somebody pasted.
type pasted struct {
	headers []nameValue
}

type nameValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// inLine finds headers within a line of a log: b3=…, "sw8":"…", B3:[…].
var inLine = regexp.MustCompile(`(?i)(?:^|[^\w-])(` + strings.Join(headerNames(), "|") + `)\\?["']?\s*[:=]\s*[\[\\"']*([^\s"'\\\]})]+)`)

// headerNames are patterns for all names.
func headerNames() (names []string) {
	for _, f := range append(propagation.AllFormats(), propagation.LightStep) {
		for _, name := range f.Headers() {
			pattern := regexp.QuoteMeta(name)
			if strings.HasSuffix(name, "-") {
				pattern += `[\w.-]+`
			}
			if !slices.Contains(names, pattern) {
				names = append(names, pattern)
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) }) // sw8-x before sw8
	return names
}

func isTracing(name string) bool {
	return propagation.IsHeader(name, append(propagation.AllFormats(), propagation.LightStep)...)
}

// line takes the headers out of a line.
func (p *pasted) line(s string) {
	s = strings.TrimSpace(s)
	for _, mark := range []string{"> ", "< ", "-H "} { // curl -v, and its command line
		s = strings.TrimSpace(strings.TrimPrefix(s, mark))
	}
	s = unquote(s)
	if name, value, ok := strings.Cut(s, ":"); ok && isTracing(unquote(name)) {
		p.add(unquote(name), unquote(strings.TrimSuffix(strings.TrimSpace(value), ",")))
		return
	}
	found := inLine.FindAllStringSubmatch(s, -1)
	for _, m := range found {
		p.add(m[1], strings.TrimRight(m[2], ",;"))
	}
	if len(found) == 0 {
		p.guess(s)
	}
}

func unquote(s string) string { return strings.Trim(strings.TrimSpace(s), "\"'`") }

func (p *pasted) add(name, value string) { p.headers = append(p.headers, nameValue{name, value}) }

var (
	looksLikeB3          = regexp.MustCompile(`(?i)^[0-9a-f]{1,32}-[0-9a-f]{1,16}(-[01d])?(-[0-9a-f]{1,16})?$`)
	looksLikeTraceparent = regexp.MustCompile(`(?i)^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}`)
	looksLikeUber        = regexp.MustCompile(`(?i)^[0-9a-f]{1,32}(:|%3a)[0-9a-f]{1,16}(:|%3a)[0-9a-f]{1,16}(:|%3a)[0-9a-f]{1,2}$`)
	looksLikeSW8         = regexp.MustCompile(`^[01]-[A-Za-z0-9+/=]+-[A-Za-z0-9+/=]+-\d+-`)
	looksLikeTraceID     = regexp.MustCompile(`(?i)^([0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}\.\d+\.\d+)$`)
)

// guess takes a value without its name.
func (p *pasted) guess(s string) {
	switch {
	case looksLikeTraceparent.MatchString(s):
		p.add("traceparent", s)
	case looksLikeSW8.MatchString(s):
		p.add("sw8", s)
	case looksLikeUber.MatchString(s):
		p.add("uber-trace-id", s)
	case looksLikeTraceID.MatchString(s):
		p.add(traceIDAlone, s)
	case looksLikeB3.MatchString(s):
		p.add("b3", s)
	}
}

// traceIDAlone stands for the name of what is no header.
const traceIDAlone = "trace id"

// carrier is the headers for a propagator.
func (p *pasted) carrier() propagation.HTTP {
	h := http.Header{}
	for _, nv := range p.headers {
		if nv.Name != traceIDAlone {
			h.Add(nv.Name, nv.Value)
		}
	}
	return propagation.HTTP(h)
}

// alone is the trace id that was pasted without a header.
func (p *pasted) alone() (name string, id span.TraceID) {
	for _, nv := range p.headers {
		if nv.Name == traceIDAlone {
			if id, err := propagation.Identify(nv.Value); err == nil {
				return nv.Value, id
			}
		}
	}
	return "", span.TraceID{}
}

// of are the headers of a format, as they were pasted.
func (p *pasted) of(f propagation.Format) (lines []string) {
	for _, nv := range p.headers {
		if propagation.IsHeader(nv.Name, f) {
			lines = append(lines, fmt.Sprintf("%s: %s", nv.Name, nv.Value))
		}
	}
	return lines
}
