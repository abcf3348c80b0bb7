// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"encoding/base64"
	"fmt"
	"slices"
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
	// Endpoint is the operation that the caller itself was called by. An operation
	// of HTTP, such as "GET /users/7", is written as OAP names it when the span
	// comes from a gateway: GET:/users/{id}.
	Endpoint string
	// Address is how the caller's client names this side: host:port, or a name.
	Address string
}

const (
	sw8Fields = 8
	maxSW8    = 8 << 10 // bytes that are read; agents write 2 KiB at most
	unknown   = "unknown"
)

// limit is how much of a text goes into a field of sw8. The characters are what
// OAP keeps; the bytes hold the header below SkyWalking's 2 KiB in any script.
type limit struct{ chars, bytes int }

var (
	maxID       = limit{150, 150}
	maxService  = limit{50, 150}
	maxInstance = limit{50, 150}
	maxEndpoint = limit{150, 450}
	maxAddress  = limit{200, 200}
)

// fits is true for a text that is not cut.
func (l limit) fits(s []byte) bool {
	return len(s) <= l.chars || len(s) <= l.bytes && utf8.RuneCount(s) <= l.chars
}

// cut is s as valid UTF-8 within the limit.
func (l limit) cut(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) <= l.chars {
		return s
	}
	n := 0
	for i, r := range s {
		if n++; n > l.chars || i+utf8.RuneLen(r) > l.bytes {
			return s[:i]
		}
	}
	return s
}

// sw8Names are the last four fields of the header, and what stands for an empty
// one: agents refuse a header with an empty field.
var sw8Names = [...]struct {
	what    string
	max     limit
	standIn string
}{
	{"service", maxService, unknown},
	{"instance", maxInstance, unknown},
	{"endpoint", maxEndpoint, "/"},
	{"address", maxAddress, unknown},
}

// ParseSW8 reads SkyWalking's header sw8: flag, trace id, segment id, span
// number, service, instance, endpoint and address, joined by "-", all but flag
// and number in standard base64 of UTF-8. Padding may be missing, the last four
// may be empty and further fields are ignored. Flag 0 is a denial, though agents
// do not take it for one.
func ParseSW8(s string) (c Context, err error) {
	s = strings.TrimSpace(s)
	if !c.readWhole(s) {
		c, err = parseSW8(s)
	}
	return c, err
}

// parseSW8 is ParseSW8 for headers of any kind.
func parseSW8(s string) (c Context, err error) {
	if len(s) > maxSW8 {
		return Context{}, fmt.Errorf("sw8: %d bytes, want at most %d", len(s), maxSW8)
	}
	var f [sw8Fields]string
	n := fields(f[:], s, '-')
	if n < sw8Fields {
		return Context{}, fmt.Errorf("sw8: %d fields, want 8", n)
	}
	flag, err := strconv.Atoi(f[0])
	if err != nil {
		return Context{}, fmt.Errorf("sw8: flag: %q, want a number", short(f[0]))
	}
	var a [256]byte
	name, whole, err := readID(a[:0], "trace id", f[1])
	if err != nil {
		return Context{}, err
	}
	c = Context{Long: len(name) != 16}
	var follows bool
	if c.Trace, follows = span.TraceNamed(text(name)); !follows {
		switch {
		case whole:
			c.native.name64 = f[1]
		case len(name) <= maxName:
			c.TraceName = string(name)
		}
	}
	segment, ok, err := readID(a[:0], "segment id", f[2]) // name is done with
	if err != nil {
		return Context{}, err
	}
	number, err := strconv.ParseInt(f[3], 10, 32)
	if err != nil || number < 0 {
		return Context{}, fmt.Errorf("sw8: span number: %q, want 0 or more", short(f[3]))
	}
	c.Span = span.SpanOf(c.Trace, text(segment), int32(number))
	whole = whole && ok && n == sw8Fields && f[0] == "1" && (f[3] == "0" || f[3][0] >= '1')
	for i, is := range sw8Names {
		p, ok := decode64(a[:0], f[4+i]) // segment is done with
		if !ok {
			return Context{}, wrong64(is.what, f[4+i])
		}
		whole = whole && len(p) > 0 && isWhole64(f[4+i]) && utf8.Valid(p) && is.max.fits(p)
	}
	c.native.sw8, c.native.trace, c.native.span, c.native.whole = s, c.Trace, c.Span, whole
	c.Sampling = Accept
	if flag == 0 {
		c.Sampling = Deny
	}
	return c, nil
}

// readID decodes an id; whole is true if every agent takes it as it is.
func readID(dst []byte, what, s string) (id []byte, whole bool, err error) {
	id, ok := decode64(dst, s)
	switch {
	case !ok || len(id) == 0:
		return nil, false, wrong64(what, s)
	case !utf8.Valid(id): // the Python agent throws
		return nil, false, fmt.Errorf("sw8: %s: %q, want base64 of UTF-8", what, short(s))
	}
	return id, isWhole64(s) && maxID.fits(id), nil
}

func wrong64(what, s string) error {
	if s == "" {
		return fmt.Errorf("sw8: %s: empty, want base64 of a text", what)
	}
	return fmt.Errorf("sw8: %s: %q, want base64", what, short(s))
}

// decode64 appends what standard base64 with or without padding holds. Unlike
// encoding/base64 it takes no line breaks, which must not get into a header.
func decode64(dst []byte, s string) ([]byte, bool) {
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	var bad byte
	dst = slices.Grow(dst, len(s)/4*3+2)
	n := len(dst)
	for out := dst[n : n+len(s)/4*3]; len(s) >= 4 && len(out) >= 3; s, out = s[4:], out[3:] {
		a, b, c, d := digits64[s[0]], digits64[s[1]], digits64[s[2]], digits64[s[3]]
		bad |= a | b | c | d
		out[0], out[1], out[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		n += 3
	}
	dst = dst[:n]
	switch len(s) {
	case 1:
		return nil, false
	case 2:
		a, b := digits64[s[0]], digits64[s[1]]
		bad |= a | b
		dst = append(dst, a<<2|b>>4)
	case 3:
		a, b, c := digits64[s[0]], digits64[s[1]], digits64[s[2]]
		bad |= a | b | c
		dst = append(dst, a<<2|b>>4, b<<4|c>>2)
	}
	return dst, bad < 64
}

// digits64 has the value of each digit, and 0x80 for all other bytes.
var digits64 = func() (t [256]byte) {
	for i := range t {
		t[i] = 0x80
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	return t
}()

// isWhole64 is true for base64 with its padding and no more, if decode64 has
// taken it.
func isWhole64(s string) bool {
	return s != "" && len(s)%4 == 0 && (s[len(s)-1] != '=' || s[len(s)-3] != '=')
}

// text is p as a string, for functions that do not keep it.
func text(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

func append64(dst []byte, s string) []byte {
	return base64.StdEncoding.AppendEncode(dst, unsafe.Slice(unsafe.StringData(s), len(s)))
}

// Caller is what the header sw8 that the context was read from says of the
// caller; false for contexts of other formats.
func (c *Context) Caller() (Caller, bool) {
	var f [sw8Fields]string
	if fields(f[:], c.sw8(), '-') < sw8Fields {
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
	if fields(f[:], c.sw8(), '-') < sw8Fields {
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
// is number 0 of the segment that a gateway will give it. What every agent would
// not take is mended: empty fields get a stand-in, long ones are cut.
func (c *Context) AppendSW8(dst []byte, from Caller) []byte {
	if !c.HasIDs() || c.Sampling == Deny {
		return dst
	}
	native := c.sw8()
	if native != "" && c.native.whole && c.TraceName == "" {
		return append(dst, native...)
	}
	dst = append(dst, '1', '-')
	var a [256]byte
	if name64 := c.name64(); name64 != "" {
		dst = append(dst, name64...)
	} else if n := len(c.TraceName); n > 0 && n <= maxID.bytes {
		dst = append64(dst, maxID.cut(c.TraceName))
	} else {
		dst = append64(dst, text(c.Trace.AppendHex32(a[:0])))
	}
	dst = append(dst, '-')
	if native != "" {
		if passed, ok := appendPassed(dst, native, from.Address); ok {
			return passed
		}
	}
	dst = append64(dst, text(span.AppendSegmentName(a[:0], c.Trace, c.Span)))
	dst = append(dst, '-', '0')
	for i, s := range [...]string{from.Service, from.Instance, from.Endpoint, from.Address} {
		is := &sw8Names[i]
		if i == 2 {
			s = text(span.AppendEndpointName(a[:0], s))
		}
		if s = is.max.cut(s); s == "" {
			s = is.standIn
		}
		dst = append64(append(dst, '-'), s)
	}
	return dst
}

// appendPassed appends the fields of a header that has passed ParseSW8, from the
// segment on. False for a segment that is too long to be named.
func appendPassed(dst []byte, native, address string) ([]byte, bool) {
	var f [sw8Fields]string
	fields(f[:], native, '-')
	var a [512]byte
	segment, ok := decode64(a[:0], f[2])
	number, err := strconv.ParseInt(f[3], 10, 32)
	if !ok || err != nil || !maxID.fits(segment) {
		return dst, false
	}
	dst = append64(dst, text(segment))
	dst = strconv.AppendInt(append(dst, '-'), number, 10)
	for i, is := range sw8Names {
		p, _ := decode64(a[:0], f[4+i])
		s := is.max.cut(text(p))
		if i == 3 && s == "" {
			s = is.max.cut(address)
		}
		if s == "" {
			s = is.standIn
		}
		dst = append64(append(dst, '-'), s)
	}
	return dst, true
}
