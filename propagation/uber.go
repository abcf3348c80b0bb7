// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
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
	if c.Parent, err = span.ParseID(f[2]); err != nil {
		c.Parent = 0
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
	if c.Parent != 0 {
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
	switch {
	case !c.HasIDs():
		if c.DebugID != "" && plain(c.DebugID) {
			w.add(&hUberDebug, append(w.next(), c.DebugID...))
		} else if c.Sampling == Debug {
			w.add(&hUberDebug, append(w.next(), "debug"...))
		}
		w.uberBaggage(c)
		return
	case c.Sampling == Defer && !w.p.keepUndecided:
	default:
		w.add(&hUber, c.AppendUber(w.next()))
	}
	for i := range c.Baggage {
		it := &c.Baggage[i]
		if !isToken(it.Key) {
			w.cut++
			continue
		}
		w.addPrefixed(uberPrefix, it.Key, w.appendUberValue(w.next(), it.Value))
	}
	w.names(c, uberPrefix)
}

// appendUberValue: Jaeger's clients escape what they put into HTTP headers and
// nothing in text maps.
func (w *writing) appendUberValue(dst []byte, v string) []byte {
	if w.raw {
		return append(dst, v...)
	}
	return appendEscaped(dst, v)
}

// uberBaggage writes baggage without a trace, as Jaeger's clients read it.
func (w *writing) uberBaggage(c *Context) {
	if len(c.Baggage) == 0 {
		return
	}
	dst := w.next()
	for i := range c.Baggage {
		it := &c.Baggage[i]
		// They split at commas and equals signs and unescape nothing.
		if !isToken(it.Key) || !plain(it.Value) || strings.ContainsAny(it.Value, ",=") {
			w.cut++
			continue
		}
		if len(dst) > w.at {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, it.Key...), '='), it.Value...)
	}
	w.add(&hUberBaggage, dst)
}

// readUberBaggage reads the header jaeger-baggage: k=v,k=v.
func (r *reading) readUberBaggage(s string) {
	var items Baggage
	for part := range strings.SplitSeq(s, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || k == "" || len(items) >= maxBaggage {
			if part != "" {
				r.cut++
			}
			continue
		}
		items = append(items, Item{Key: k, Value: v})
	}
	r.merge(items)
}
