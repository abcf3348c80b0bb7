// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/spanbridge/spanbridge/span"
)

// Caller is what sw8 says of the calling side besides the ids: OAP draws the
// edge between two services from it.
type Caller struct {
	Service, Instance string
	// Endpoint is the operation that the caller itself was called by.
	Endpoint string
	// Address is how the caller's client names this side: host:port, or a name.
	Address string
}

// Numbers of sw8.
const (
	sw8Fields      = 8
	maxSW8         = 8 << 10 // bytes that are read; agents write 2 KiB at most
	maxService     = 50      // characters, as OAP keeps them
	maxInstance    = 50
	maxEndpoint    = 150
	maxAddress     = 200
	unknown        = "unknown"
	maxCorrelation = 3   // items; Java, go2sky and Python (agent.correlation.element_max_number)
	maxCorrelated  = 128 // characters of a value (correlation.value_max_length)
	debugKey       = "b3d"
)

// ParseSW8 reads SkyWalking's header sw8: flag, trace id, segment id, span
// number, service, instance, endpoint and address, joined by "-", all but flag
// and number in standard base64. Padding may be missing and further fields are
// ignored. Flag 0 is a denial, though agents do not take it for one.
func ParseSW8(s string) (Context, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxSW8 {
		return Context{}, fmt.Errorf("sw8: %d bytes, want at most %d", len(s), maxSW8)
	}
	var f [sw8Fields]string
	if n := fields(f[:], s, '-'); n < sw8Fields {
		return Context{}, fmt.Errorf("sw8: %d fields, want 8", n)
	}
	flag, err := strconv.Atoi(f[0])
	if err != nil {
		return Context{}, fmt.Errorf("sw8: flag: %q, want a number", short(f[0]))
	}
	var a [256]byte
	name, ok := decode64(a[:0], f[1])
	if !ok || len(name) == 0 {
		return Context{}, wrong64("trace id", f[1])
	}
	c := Context{Trace: span.TraceOf(text(name)), sw8: s}
	c.Long = len(name) != 16
	if isWhole64(f[1]) && utf8.Valid(name) {
		c.name64 = f[1]
	} else {
		c.TraceName = strings.ToValidUTF8(string(name), "\uFFFD")
	}
	segment, ok := decode64(a[:0], f[2]) // name is done with
	if !ok || len(segment) == 0 {
		return Context{}, wrong64("segment id", f[2])
	}
	number, err := strconv.ParseInt(f[3], 10, 32)
	if err != nil || number < 0 {
		return Context{}, fmt.Errorf("sw8: span number: %q, want 0 or more", short(f[3]))
	}
	c.Span = span.SpanOf(c.Trace, text(segment), int32(number))
	for i, what := range [...]string{"service", "instance", "endpoint", "address"} {
		if _, ok := decode64(a[:0], f[4+i]); !ok { // segment is done with
			return Context{}, wrong64(what, f[4+i])
		}
	}
	c.Sampling = Accept
	if flag == 0 {
		c.Sampling = Deny
	}
	return c, nil
}

func wrong64(what, s string) error {
	if s == "" {
		return fmt.Errorf("sw8: %s: empty, want base64 of a text", what)
	}
	return fmt.Errorf("sw8: %s: %q, want base64", what, short(s))
}

// decode64 appends what standard base64 with or without padding holds.
func decode64(dst []byte, s string) ([]byte, bool) {
	s = strings.TrimRight(s, "=")
	out, err := base64.RawStdEncoding.AppendDecode(dst, unsafe.Slice(unsafe.StringData(s), len(s)))
	return out, err == nil
}

// isWhole64 is true for base64 with its padding, which all agents take.
func isWhole64(s string) bool { return len(s)%4 == 0 && s != "" }

// text is p as a string, for functions that do not keep it.
func text(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

func append64(dst []byte, s string) []byte {
	return base64.StdEncoding.AppendEncode(dst, unsafe.Slice(unsafe.StringData(s), len(s)))
}

// Caller is what the header sw8 that the context was read from says of the
// caller; false for contexts of other formats.
func (c *Context) Caller() (Caller, bool) {
	var f [sw8Fields]string
	if c.sw8 == "" || fields(f[:], c.sw8, '-') < sw8Fields {
		return Caller{}, false
	}
	var v [4]string
	for i := range v {
		p, _ := decode64(nil, f[4+i])
		v[i] = strings.ToValidUTF8(string(p), "\uFFFD")
	}
	return Caller{v[0], v[1], v[2], v[3]}, true
}

// ParentSegment is the segment and the number of the caller's span in it, as
// sw8 named them; false for contexts of other formats.
func (c *Context) ParentSegment() (segment string, number int32, ok bool) {
	var f [sw8Fields]string
	if c.sw8 == "" || fields(f[:], c.sw8, '-') < sw8Fields {
		return "", 0, false
	}
	p, ok1 := decode64(nil, f[2])
	n, err := strconv.ParseInt(f[3], 10, 32)
	return string(p), int32(n), ok1 && err == nil
}

// ParentTag is the value of the tag sw8.parent, by which a gateway gives the
// reference of a span back to SkyWalking: segment|number|service|instance|
// endpoint|address, the last four in base64. It is empty for contexts of other
// formats.
func (c *Context) ParentTag() string {
	segment, number, ok := c.ParentSegment()
	if !ok {
		return ""
	}
	caller, _ := c.Caller()
	d := append([]byte(nil), segment...)
	d = strconv.AppendInt(append(d, '|'), int64(number), 10)
	for _, s := range []string{caller.Service, caller.Instance, caller.Endpoint, caller.Address} {
		d = append64(append(d, '|'), s)
	}
	return string(d)
}

// AppendSW8 appends the header sw8, nothing without ids and nothing for a
// denial: agents trace on every header, whatever its flag. A context that was
// read from sw8 names the same span of the same segment again; any other span
// is number 0 of the segment that a gateway will give it. Empty fields of the
// caller are filled, since agents refuse a header with an empty field.
func (c *Context) AppendSW8(dst []byte, from Caller) []byte {
	if !c.HasIDs() || c.Sampling == Deny {
		return dst
	}
	dst = append(dst, '1', '-')
	if c.name64 != "" {
		dst = append(dst, c.name64...)
	} else if c.TraceName != "" {
		dst = append64(dst, c.TraceName)
	} else {
		var a [32]byte
		dst = append64(dst, text(c.Trace.AppendHex32(a[:0])))
	}
	var f [sw8Fields]string
	passed := c.sw8 != "" && fields(f[:], c.sw8, '-') >= sw8Fields
	dst = append(dst, '-')
	if passed {
		dst = appendWhole64(dst, f[2], unknown)
		dst = append(append(append(dst, '-'), f[3]...), '-')
		for i, max := range [...]int{maxService, maxInstance, maxEndpoint, maxAddress} {
			if i > 0 {
				dst = append(dst, '-')
			}
			dst = appendWhole64(dst, f[4+i], or(cut([...]string{from.Service, from.Instance, from.Endpoint, from.Address}[i], max), unknown))
		}
		return dst
	}
	var a [32]byte
	dst = append64(dst, text(span.AppendSegmentName(a[:0], c.Trace, c.Span)))
	dst = append(dst, '-', '0', '-')
	dst = append(append64(dst, or(cut(from.Service, maxService), unknown)), '-')
	dst = append(append64(dst, or(cut(from.Instance, maxInstance), unknown)), '-')
	dst = append(append64(dst, or(cut(from.Endpoint, maxEndpoint), "/")), '-')
	return append64(dst, or(cut(from.Address, maxAddress), unknown))
}

// appendWhole64 appends a field as it came if every agent takes it, else what
// it holds in that form, else the stand-in.
func appendWhole64(dst []byte, s, standIn string) []byte {
	var a [256]byte
	p, ok := decode64(a[:0], s)
	switch {
	case !ok || len(p) == 0:
		return append64(dst, standIn)
	case isWhole64(s) && utf8.Valid(p):
		return append(dst, s...)
	default:
		return append64(dst, strings.ToValidUTF8(string(p), "\uFFFD"))
	}
}

// cut is s as valid UTF-8 of at most that many characters.
func cut(s string, max int) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= max {
		return s
	}
	n := 0
	for i := range s {
		if n == max {
			return s[:i]
		}
		n++
	}
	return s
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (w *writing) sw8(c *Context) {
	w.add(&hSW8, c.AppendSW8(w.next(), w.from))
	if c.Sampling == Deny {
		return
	}
	dst := w.next()
	n := 0
	for i := range c.Baggage {
		it := &c.Baggage[i]
		if n == maxCorrelation || it.Key == "" || it.Value == "" || utf8.RuneCountInString(it.Value) > maxCorrelated ||
			!utf8.ValidString(it.Key) || !utf8.ValidString(it.Value) {
			w.cut++
			continue
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append64(append(append64(dst, it.Key), ':'), it.Value)
		n++
	}
	if c.Sampling == Debug && n < maxCorrelation {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append64(append(append64(dst, debugKey), ':'), "1")
	}
	w.add(&hCorrelation, dst)
	if c.SkipAnalysis || c.Sent != 0 {
		mode := byte('0')
		if c.SkipAnalysis {
			mode = '1'
		}
		dst = append(w.next(), mode, '-')
		if c.Sent != 0 {
			dst = strconv.AppendInt(dst, c.Sent, 10)
		}
		w.add(&hSW8X, dst)
	}
}

// readCorrelation reads sw8-correlation: base64(key):base64(value), joined by
// commas. Readers of the agents differ in how many they take; here all count.
func (r *reading) readCorrelation(s string) {
	var items Baggage
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, ":")
		key, ok1 := decode64(nil, k)
		value, ok2 := decode64(nil, v)
		switch {
		case !ok1 || !ok2 || len(key) == 0 || len(items) >= maxBaggage:
			r.cut++
		case string(key) == debugKey:
			r.debug = true
		default:
			items = append(items, Item{Key: string(key), Value: string(value)})
		}
	}
	r.merge(items)
}

var errSW8X = errors.New("sw8-x: want mode-timestamp")

// parseSW8X reads sw8-x: mode 1 stands for spans that OAP is not to analyse;
// the timestamp is in ms since 1970 and may be a space or missing.
func parseSW8X(s string) (skip bool, sent int64, err error) {
	mode, at, _ := strings.Cut(s, "-")
	if mode = strings.TrimSpace(mode); mode != "0" && mode != "1" {
		return false, 0, errSW8X
	}
	if at = strings.TrimSpace(at); at != "" {
		if sent, err = strconv.ParseInt(at, 10, 64); err != nil || sent < 0 {
			return mode == "1", 0, nil
		}
	}
	return mode == "1", sent, nil
}
