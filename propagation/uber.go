// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"strconv"
	"strings"
)

// Jaeger's flags. Debug counts even without sampled (docs/headers.md:
// OpenTelemetry takes 2 for not sampled).
const (
	uberSampled  = 1
	uberDebug    = 2
	uberFirehose = 8
)

// ParseUber reads the header uber-trace-id of Jaeger's clients:
// trace:span:parent:flags, ids in hex without leading zeros, parent 0 for none.
// The colons may be percent-encoded. Flags are read as jaeger-client-go does,
// in decimal: 1 sampled, 2 debug, 8 firehose; what is no decimal number is read
// in hex, as OpenTelemetry writes it. The parent says nothing that a receiver
// needs: one that is no number is none.
func ParseUber(s string) (Context, error) {
	s = unescape(strings.TrimSpace(s), false)
	var f [4]string
	if n := fields(f[:], s, ':'); n != 4 {
		return Context{}, fmt.Errorf("uber-trace-id: %d fields, want trace:span:parent:flags", n)
	}
	c, err := parseIDs("uber-trace-id", f[0], f[1])
	if err != nil {
		return Context{}, err
	}
	if f[2] != "0" {
		if c.Parent, err = parseParent(f[2]); err != nil {
			c.Parent = 0
		}
	}
	flags, err := strconv.ParseUint(f[3], 10, 8)
	if err != nil {
		flags, err = strconv.ParseUint(f[3], 16, 8)
	}
	switch {
	case err != nil:
		return Context{}, fmt.Errorf("uber-trace-id: flags: %q, want a number up to 255", short(f[3]))
	case flags&uberDebug != 0:
		c.Sampling = Debug
	case flags&uberFirehose != 0 && flags&uberSampled != 0:
		c.Sampling = Firehose
	case flags&uberSampled != 0:
		c.Sampling = Accept
	default:
		c.Sampling = Deny
	}
	return c, nil
}

// AppendUber appends the header uber-trace-id; nothing without ids. It has no
// form for a decision that is still open: such a context is written as denied.
func (c *Context) AppendUber(dst []byte) []byte {
	if !c.HasIDs() {
		return dst
	}
	dst = append(c.appendTrace(dst), ':')
	dst = append(c.Span.AppendHex(dst), ':')
	if c.hasParent() {
		dst = c.Parent.AppendHex(dst)
	} else {
		dst = append(dst, '0')
	}
	flag := byte('0')
	switch c.Sampling {
	case Accept:
		flag += uberSampled
	case Debug:
		flag += uberSampled | uberDebug
	case Firehose:
		flag += uberSampled | uberFirehose
	}
	return append(dst, ':', flag)
}

func (w *writing) uber(c *Context) {
	if !c.HasIDs() {
		switch {
		case c.DebugID != "":
			w.add(&hUberDebug, w.appendUberValue(w.text, c.DebugID))
		case c.Sampling == Debug:
			w.add(&hUberDebug, append(w.text, "debug"...))
		}
		w.uberBaggage(c)
		return
	}
	if c.Sampling != Defer || w.keepUndecided {
		w.add(&hUber, c.AppendUber(w.text))
	}
	w.items(c, Uber)
	w.name(c, &hUberName, !w.raw)
}

// appendUberValue: Jaeger's clients escape what they put into HTTP headers and
// nothing in text maps.
func (w *writing) appendUberValue(dst []byte, v string) []byte {
	if w.raw {
		return append(dst, v...)
	}
	return appendEscaped(dst, v)
}

// uberBaggage writes baggage without a trace, as Jaeger's clients read it: they
// unescape the whole and cut it at commas and equals signs then.
func (w *writing) uberBaggage(c *Context) {
	dst := w.text
	for i := range c.Baggage {
		it := &c.Baggage[i]
		if !isToken(it.Key) || strings.ContainsAny(it.Value, ",=") || it.Value != strings.TrimSpace(it.Value) {
			w.cut++
			continue
		}
		if len(dst) > len(w.text) {
			dst = append(dst, ',')
		}
		dst = appendEscaped(append(appendEscaped(dst, it.Key), '='), it.Value)
	}
	w.add(&hUberBaggage, dst)
}

// readUberBaggage reads the header jaeger-baggage: k=v,k=v.
func (r *reading) readUberBaggage(s string) {
	var items Baggage
	for part := range strings.SplitSeq(unescape(s, true), ",") {
		k, v, ok := strings.Cut(part, "=")
		if k = strings.TrimSpace(k); !ok || k == "" || len(items) >= maxBaggage {
			if strings.TrimSpace(part) != "" {
				r.cut++
			}
			continue
		}
		items = items.put(Item{Key: k, Value: strings.TrimRight(v, " \t")})
	}
	r.merge(items)
}
