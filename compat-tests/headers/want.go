// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/span"
)

// The context that each kind of header carries, from the specifications and not
// from the code that wrote it. Only what OAP calls an endpoint is a rule of ours.

// decisions maps our five states to what a format or its parser can say.
type decisions map[string]string

var (
	b3Decisions   = decisions{"defer": "defer", "deny": "deny", "accept": "accept", "debug": "debug", "firehose": "accept"}
	flagDecisions = decisions{"defer": "deny", "deny": "deny", "accept": "accept", "debug": "accept", "firehose": "accept"}
)

// ids is what every format has. A context without ids gives none.
func (s *Sample) ids(d decisions) Reading {
	c := &s.Context
	if c.Trace == "" {
		return Reading{}
	}
	return Reading{Trace: c.Trace, Span: c.Span, Sampling: d[c.Sampling]}
}

func wantB3Single(s *Sample) Reading {
	r := s.ids(b3Decisions)
	if s.Context.Trace == "" && s.HTTP["B3"] != "" {
		r.Sampling = b3Decisions[s.Context.Sampling]
	}
	if s.Context.Sampling != "defer" { // there is no place behind it
		r.Parent = s.Context.Parent
	}
	return r
}

func wantB3Multi(s *Sample) Reading {
	r := s.ids(b3Decisions)
	r.Parent = s.Context.Parent
	if s.Context.Trace == "" && s.Context.Sampling != "defer" {
		r.Sampling = b3Decisions[s.Context.Sampling]
	}
	return r
}

// flags is for parsers that know no more than sampled or not.
func flags(s *Sample) Reading { return s.ids(flagDecisions) }

// wantUber is jaeger-client-go's reading. An undecided trace is not told.
func wantUber(raw bool) func(s *Sample) Reading {
	return func(s *Sample) Reading {
		c := &s.Context
		r := s.ids(decisions{"deny": "deny", "accept": "accept", "debug": "debug", "firehose": "firehose"})
		r.Parent = c.Parent
		if c.Sampling == "defer" {
			r = Reading{}
		}
		r.Baggage = map[string]string{}
		for _, it := range c.Baggage {
			if isToken(it[0]) && (raw || c.Trace != "" || plain(it[1])) {
				r.Baggage[strings.ToLower(it[0])] = it[1]
			}
		}
		if named(c) {
			r.Baggage["bridge-tn"] = c.Name
		}
		if c.Trace == "" && c.Sampling == "debug" {
			r.Sampling = "debug"
		}
		return r
	}
}

// wantJaegerB3 is the reading of jaeger-client-go's codec for B3. It knows only
// X-B3-Sampled: what is undecided reads as not sampled, and debug as sampled.
func wantJaegerB3(s *Sample) Reading {
	r := s.ids(decisions{"defer": "deny", "deny": "deny", "accept": "accept", "debug": "accept", "firehose": "accept"})
	r.Parent = s.Context.Parent
	if s.Context.Trace == "" {
		return r
	}
	r.Baggage = map[string]string{}
	for _, it := range s.Context.Baggage {
		if isToken(it[0]) && plain(it[1]) {
			r.Baggage[strings.ToLower(it[0])] = it[1]
		}
	}
	if named(&s.Context) && plain(s.Context.Name) {
		r.Baggage["bridge-tn"] = s.Context.Name
	}
	return r
}

// named is true for a trace whose name does not follow from its id.
func named(c *Context) bool { return c.Name != c.Trace }

// wantW3C has tracestate as an item of its own: all members that came, ours first
// if there is one.
func wantW3C(s *Sample) Reading {
	r := flags(s)
	if r.Trace == "" {
		return r
	}
	members := s.Context.State
	var ours []string
	switch s.Context.Sampling {
	case "defer":
		ours = append(ours, "?")
	case "debug":
		ours = append(ours, "d")
	case "firehose":
		ours = append(ours, "f")
	}
	if named(&s.Context) {
		if strings.ContainsFunc(s.Context.Name, func(c rune) bool { return c > '~' || c == ' ' }) {
			ours = append(ours, "N:"+base64.RawURLEncoding.EncodeToString([]byte(s.Context.Name)))
		} else {
			ours = append(ours, "n:"+s.Context.Name)
		}
	}
	if len(ours) > 0 {
		members = strings.TrimSuffix("br="+strings.Join(ours, "&")+","+members, ",")
	}
	r.Baggage = map[string]string{}
	if members != "" {
		r.Baggage["tracestate"] = members
	}
	return r
}

// wantBaggage is W3C's header baggage.
func wantBaggage(s *Sample) Reading {
	r := Reading{Baggage: map[string]string{}}
	for _, it := range s.Context.Baggage {
		if isToken(it[0]) && len(r.Baggage) < 64 {
			value := it[1]
			if it[2] != "" {
				value += ";" + it[2]
			}
			r.Baggage[it[0]] = value
		}
	}
	return r
}

// wantOT has 64 bits of the trace id. OpenTelemetry's reader leaves out what is
// no text of W3C's baggage, and says so in the log.
func wantOT(s *Sample) Reading {
	r := flags(s)
	if r.Trace == "" {
		return r
	}
	r.Trace = strings.Repeat("0", 16) + r.Trace[16:]
	r.Baggage = map[string]string{}
	for _, it := range s.Context.Baggage {
		if isToken(it[0]) && plain(it[1]) && !strings.ContainsAny(it[1], " \",;\\%") {
			r.Baggage[strings.ToLower(it[0])] = it[1]
		}
	}
	return r.few()
}

// few leaves out baggage of which OpenTelemetry takes any 64 items.
func (r Reading) few() Reading {
	if len(r.Baggage) > 60 {
		r.Baggage = map[string]string{"many": "items"}
	}
	return r
}

// wantSW8 is what the agents read. A denial is said by no header, and so is the
// lack of ids.
func wantSW8(s *Sample) Reading {
	c := &s.Context
	if c.Trace == "" || c.Sampling == "deny" {
		return Reading{Baggage: map[string]string{}}
	}
	r := Reading{Name: c.Name, Segment: "…" + c.Span, Number: "0", Baggage: map[string]string{}}
	r.Caller = Caller{
		cut(s.Caller.Service, 50, 150, "unknown"), cut(s.Caller.Instance, 50, 150, "unknown"),
		cut(string(span.AppendEndpointName(nil, s.Caller.Endpoint)), 150, 450, "/"), cut(s.Caller.Address, 200, 200, "unknown"),
	}
	if sw8 := s.From["sw8"]; sw8 != "" {
		f := strings.Split(sw8, "-")
		r.Segment, r.Number = decode(f[2]), f[3]
		r.Caller = Caller{decode(f[4]), cut(decode(f[5]), 50, 150, "unknown"), decode(f[6]), decode(f[7])}
	}
	for _, it := range c.Baggage {
		if it[0] != "" && it[1] != "" && utf8.RuneCountInString(it[1]) <= 128 && len(r.Baggage) < 3 {
			r.Baggage[it[0]] = it[1]
		}
	}
	if c.Sampling == "debug" && len(r.Baggage) < 3 {
		r.Baggage["b3d"] = "1"
	}
	return r
}

// wantSW8X is wantSW8 with the header sw8-x, which the Java agent alone reads.
func wantSW8X(s *Sample) Reading {
	r := wantSW8(s)
	if r.Name == "" {
		return r
	}
	r.Skip = fmt.Sprint(s.Context.SkipAnalysis)
	if s.Context.Sent != 0 {
		r.Sent = fmt.Sprint(s.Context.Sent)
	}
	return r
}

func decode(field string) string {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(field, "="))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// cut is at most that many characters and bytes, valid UTF-8, and never nothing.
func cut(text string, chars, bytes int, standIn string) string {
	if text == "" {
		return standIn
	}
	r := []rune(strings.ToValidUTF8(text, "\uFFFD"))
	if len(r) > chars {
		r = r[:chars]
	}
	for len(string(r)) > bytes {
		r = r[:len(r)-1]
	}
	return string(r)
}

func isToken(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

func plain(value string) bool {
	return value == strings.TrimSpace(value) && !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' })
}
