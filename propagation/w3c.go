// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// ParseTraceparent reads the header traceparent (W3C Trace Context):
// version-trace-span-flags with 2, 32, 16 and 2 hex digits. Of a version above
// 00 the first four fields are read and what follows is ignored, as the
// Recommendation says.
func ParseTraceparent(s string) (Context, error) {
	s = strings.TrimSpace(s)
	var f [4]string
	n := fields(f[:], s, '-')
	if n < 4 || len(f[0]) != 2 || len(f[1]) != 32 || len(f[2]) != 16 || len(f[3]) != 2 {
		return Context{}, fmt.Errorf("traceparent: %q, want four fields of 2, 32, 16 and 2 hex digits", short(s))
	}
	version, err1 := strconv.ParseUint(f[0], 16, 8)
	flags, err2 := strconv.ParseUint(f[3], 16, 8)
	if err1 != nil || err2 != nil {
		return Context{}, fmt.Errorf("traceparent: version %q and flags %q, want hex digits", f[0], f[3])
	}
	if version == 0xff || version == 0 && n != 4 {
		return Context{}, fmt.Errorf("traceparent: version %s with %d fields, want 00 with 4 or a later version than 00 but ff", f[0], n)
	}
	c, err := parseIDs("traceparent", f[1], f[2])
	if err != nil {
		return Context{}, err
	}
	c.Long = c.Trace.Hi != 0 // the header always has 32 digits
	c.Sampling = Deny
	if flags&1 != 0 {
		c.Sampling = Accept
	}
	return c, nil
}

// AppendTraceparent appends the header traceparent; nothing without ids. What
// its flag cannot say is in tracestate.
func (c *Context) AppendTraceparent(dst []byte) []byte {
	if !c.HasIDs() {
		return dst
	}
	dst = append(dst, '0', '0', '-')
	dst = append(c.Trace.AppendHex32(dst), '-')
	dst = append(c.Span.AppendHex(dst), '-', '0')
	if c.Sampling.Sampled() {
		return append(dst, '1')
	}
	return append(dst, '0')
}

// The member of tracestate, and the item of OpenTracing's baggage, that holds
// what a format cannot say: parts joined by ";", each a letter, or a letter, a
// colon and a value.
//
//	?    the decision is still open
//	d    debug
//	f    firehose
//	h:   the first 16 digits of the trace id, for formats of 64 bits
//	n:   SkyWalking's name of the trace
//	N:   the same in base64url, when it has bytes that a header cannot carry
const stateKey = "br"

// Limits of tracestate (W3C Trace Context 3.3.1) and of the header baggage.
const (
	maxMembers     = 32
	maxState       = 512
	maxW3CBaggage  = 64
	maxW3CBytes    = 8192
	maxStateRead   = 4 << 10
	maxBaggageRead = 32 << 10
)

// appendMarks appends what a format without room for them cannot say.
func (c *Context) appendMarks(dst []byte, high bool) []byte {
	from := len(dst)
	part := func() {
		if len(dst) > from {
			dst = append(dst, ';')
		}
	}
	switch c.Sampling {
	case Defer:
		dst = append(dst, '?')
	case Debug:
		dst = append(dst, 'd')
	case Firehose:
		dst = append(dst, 'f')
	}
	if high && c.Trace.Hi != 0 {
		part()
		dst = span.ID(c.Trace.Hi).AppendHex(append(dst, 'h', ':'))
	}
	if c.IsNamed() {
		part()
		name := c.Name()
		if isName(name) {
			dst = append(append(dst, 'n', ':'), name...)
		} else {
			dst = append(dst, 'N', ':')
			dst = base64.RawURLEncoding.AppendEncode(dst, []byte(name))
		}
	}
	return dst
}

// isName is true for a name that needs no escape.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

// readMarks reads what appendMarks wrote into the context, as far as it does
// not contradict it.
func (c *Context) readMarks(s string) {
	for part := range strings.SplitSeq(s, ";") {
		key, value, _ := strings.Cut(part, ":")
		switch key {
		case "?":
			if c.Sampling == Deny {
				c.Sampling = Defer
			}
		case "d":
			if c.Sampling != Deny {
				c.Sampling = Debug
			}
		case "f":
			if c.Sampling == Accept {
				c.Sampling = Firehose
			}
		case "h":
			if hi, err := span.ParseID(value); err == nil && len(value) == 16 && c.Trace.Hi == 0 && !c.Trace.IsZero() {
				c.Trace.Hi = uint64(hi)
			}
		case "n":
			c.readName(value)
		case "N":
			if p, err := base64.RawURLEncoding.DecodeString(value); err == nil {
				c.readName(string(p))
			}
		}
	}
}

// readName takes a name for the trace if it is one of this trace.
func (c *Context) readName(name string) {
	const most = 150 // what OAP keeps
	if name != "" && len(name) <= most && !c.Trace.IsZero() && span.TraceOf(name) == c.Trace {
		c.TraceName = name
	}
}

func (w *writing) w3c(c *Context) {
	if c.HasIDs() {
		w.add(&hParent, c.AppendTraceparent(w.next()))
		w.add(&hState, c.appendState(w.next()))
	}
	w.w3cBaggage(c)
}

// appendState appends tracestate: our member first, then the others as they
// came, as far as there is room.
func (c *Context) appendState(dst []byte) []byte {
	from := len(dst)
	dst = append(dst, stateKey...)
	dst = append(dst, '=')
	members := 1
	if n := len(dst); len(c.appendMarks(dst, false)) == n {
		dst, members = dst[:from], 0
	} else {
		dst = c.appendMarks(dst, false)
	}
	rest := c.State
	for rest != "" && members < maxMembers {
		var member string
		member, rest, _ = strings.Cut(rest, ",")
		if len(dst)-from+len(member)+1 > maxState && members > 0 && len(c.State) > maxState {
			break
		}
		if members > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, member...)
		members++
	}
	return dst
}

// splitState takes our member out of tracestate. A list that is none is
// dropped as a whole.
func splitState(s string) (state, marks string, ok bool) {
	if len(s) > maxStateRead {
		return "", "", false
	}
	rest, members, ours := s, 0, false
	for rest != "" {
		var m string
		m, rest, _ = strings.Cut(rest, ",")
		if m = strings.TrimSpace(m); m == "" {
			continue
		}
		k, v, found := strings.Cut(m, "=")
		if members++; !found || k == "" || v == "" || members > maxMembers || !plain(m) || strings.ContainsAny(k, " ") || strings.Contains(v, "=") {
			return "", "", false
		}
		if k == stateKey {
			ours, marks = true, v
		}
	}
	if !ours && strings.IndexByte(s, ' ') < 0 && strings.IndexByte(s, '\t') < 0 && !strings.HasPrefix(s, ",") && !strings.HasSuffix(s, ",") && !strings.Contains(s, ",,") {
		return s, "", true
	}
	var b strings.Builder
	for m := range strings.SplitSeq(s, ",") {
		if m = strings.TrimSpace(m); m == "" || strings.HasPrefix(m, stateKey+"=") {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(m)
	}
	return b.String(), marks, true
}

func (w *writing) w3cBaggage(c *Context) {
	if len(c.Baggage) == 0 {
		return
	}
	dst := w.next()
	n := 0
	for i := range c.Baggage {
		it := &c.Baggage[i]
		mark := len(dst)
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, it.Key...), '=')
		dst = appendEscaped(dst, it.Value)
		if it.Properties != "" {
			dst = append(append(dst, ';'), it.Properties...)
		}
		if !isToken(it.Key) || n == maxW3CBaggage || len(dst)-w.at > maxW3CBytes {
			dst = dst[:mark]
			w.cut++
			continue
		}
		n++
	}
	w.add(&hBaggage, dst)
}

// readBaggage reads the header baggage (W3C Baggage).
func (r *reading) readBaggage(s string) {
	if len(s) > maxBaggageRead {
		r.cut++
		return
	}
	var items Baggage
	for part := range strings.SplitSeq(s, ",") {
		pair, properties, _ := strings.Cut(part, ";")
		k, v, ok := strings.Cut(pair, "=")
		if k = strings.TrimSpace(k); !ok || k == "" || len(items) >= maxBaggage {
			if strings.TrimSpace(part) != "" {
				r.cut++
			}
			continue
		}
		properties = strings.TrimSpace(properties)
		if !plain(properties) {
			properties = ""
		}
		items = append(items, Item{Key: k, Value: unescape(strings.TrimSpace(v), false), Properties: properties})
	}
	r.merge(items)
}
