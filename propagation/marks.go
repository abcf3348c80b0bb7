// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"encoding/base64"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// The member of tracestate, and the item of OpenTracing's baggage, that holds
// what a format cannot say: parts joined by "&", each a letter, or a letter, a
// colon and a value. OpenTelemetry's reader of ot-baggage-* takes what W3C's
// baggage takes, so no semicolon.
//
//	?    the decision is still open
//	d    debug
//	f    firehose
//	h:   the first 16 digits of the trace id, for formats of 64 bits
//	n:   SkyWalking's name of the trace
//	N:   the same in base64url, when it has bytes that a header cannot carry
const stateKey = "br"

// maxName is how many bytes of a trace's name go on where it is no field of the
// format: OAP keeps 150 characters, and a member of tracestate has 256.
const maxName = 150

// appendMarks appends what a format cannot say; nothing if there is nothing.
func (c *Context) appendMarks(dst []byte, f Format) []byte {
	from := len(dst)
	switch {
	case c.Sampling == Defer && f == W3C: // elsewhere the absence says it
		dst = append(dst, '?')
	case c.Sampling == Debug:
		dst = append(dst, 'd')
	case c.Sampling == Firehose:
		dst = append(dst, 'f')
	}
	if f == OT && c.Trace.Hi != 0 {
		if len(dst) > from {
			dst = append(dst, '&')
		}
		dst = span.ID(c.Trace.Hi).AppendHex(append(dst, 'h', ':'))
	}
	if !c.IsNamed() {
		return dst
	}
	var a [256]byte
	name := c.appendName(a[:0])
	if len(name) > maxName {
		return dst
	}
	if len(dst) > from {
		dst = append(dst, '&')
	}
	if isName(name) {
		return append(append(dst, 'n', ':'), name...)
	}
	return base64.RawURLEncoding.AppendEncode(append(dst, 'N', ':'), name)
}

// isName is true for a name that needs no escape.
func isName(s []byte) bool {
	for _, c := range s {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(s) > 0
}

// readMarks reads what appendMarks wrote into the context, as far as it does
// not contradict it.
func (c *Context) readMarks(s string, f Format) {
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, "&")
		key, value, _ := strings.Cut(part, ":")
		switch key {
		case "?":
			if c.Sampling == Deny && f == W3C {
				c.Sampling = Defer
			}
		case "d":
			if c.Sampling == Accept {
				c.Sampling = Debug
			}
		case "f":
			if c.Sampling == Accept {
				c.Sampling = Firehose
			}
		case "h":
			if hi, err := span.ParseID(value); err == nil && len(value) == 16 && f == OT && c.Trace.Hi == 0 {
				c.Trace.Hi, c.Long = uint64(hi), true
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
	if name != "" && len(name) <= maxName && !c.Trace.IsZero() && span.TraceOf(name) == c.Trace {
		c.TraceName = name
	}
}

// marks writes them into a header of their own.
func (w *writing) marks(c *Context, h *header, f Format) {
	if !w.unmarked {
		w.add(h, c.appendMarks(w.text, f))
	}
}

// name writes SkyWalking's name of the trace into baggage, which Jaeger's clients
// read as it is, or, where escape is set, unescape.
func (w *writing) name(c *Context, h *header, escape bool) {
	if w.unmarked || !c.HasIDs() || !c.IsNamed() {
		return
	}
	var a [256]byte
	name := c.appendName(a[:0])
	switch {
	case len(name) > maxName:
		w.cut++
	case escape:
		w.add(h, appendEscaped(w.text, text(name)))
	case w.raw || plain(text(name)):
		w.add(h, append(w.text, name...))
	default:
		w.cut++
	}
}
