// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// strict checks headers against the grammar of what may be written: the
// specifications, and what the strictest of the real parsers takes. It shares no
// code with the package.
func strict(h http.Header) error {
	for k, vs := range h {
		if len(vs) != 1 {
			return fmt.Errorf("%s is there %d times", k, len(vs))
		}
		v := vs[0]
		if k != http.CanonicalHeaderKey(k) {
			return fmt.Errorf("%q is no canonical key", k)
		}
		for i := range len(v) {
			if v[i] < ' ' || v[i] > '~' {
				return fmt.Errorf("%s: byte %#x", k, v[i])
			}
		}
		if v != strings.TrimSpace(v) {
			return fmt.Errorf("%s: %q begins or ends with a space", k, v)
		}
		if check := strictOf[strings.ToLower(k)]; check != nil {
			if err := check(v); err != nil {
				return fmt.Errorf("%s: %q: %w", k, v, err)
			}
		}
	}
	if (h.Get("X-B3-TraceId") == "") != (h.Get("X-B3-SpanId") == "") {
		return fmt.Errorf("one of the ids: %v", h)
	}
	if h.Get("X-B3-ParentSpanId") != "" && h.Get("X-B3-TraceId") == "" {
		return fmt.Errorf("a parent without ids: %v", h)
	}
	if h.Get("X-B3-Flags") != "" && h.Get("X-B3-Sampled") != "1" {
		return fmt.Errorf("debug without accept: %v", h)
	}
	if h.Get("tracestate") != "" && h.Get("traceparent") == "" || h.Get("sw8-x")+h.Get("sw8-correlation") != "" && h.Get("sw8") == "" {
		return fmt.Errorf("a part without the ids: %v", h)
	}
	if h.Get("jaeger-debug-id")+h.Get("jaeger-baggage") != "" && h.Get("uber-trace-id") != "" {
		return fmt.Errorf("what is for requests without ids: %v", h)
	}
	return nil
}

// matches checks a value by an expression; no id may be zero.
func matches(expression string) func(string) error {
	re := regexp.MustCompile("^(?:" + expression + ")$")
	return func(v string) error {
		m := re.FindStringSubmatch(v)
		if m == nil {
			return fmt.Errorf("want %s", expression)
		}
		for _, id := range m[1:] {
			if id != "" && strings.Trim(id, "0") == "" {
				return fmt.Errorf("an id of zeros")
			}
		}
		return nil
	}
}

const (
	re64  = `([0-9a-f]{16})`
	re128 = `((?:[0-9a-f]{16}){1,2})`
)

var strictOf = map[string]func(string) error{
	"b3":                matches(re128 + "-" + re64 + "(?:-[01d](?:-" + re64 + ")?)?|[01d]"),
	"x-b3-traceid":      matches(re128),
	"x-b3-spanid":       matches(re64),
	"x-b3-parentspanid": matches(re64),
	"x-b3-sampled":      matches("[01]"),
	"x-b3-flags":        matches("1"),
	"traceparent":       matches("00-([0-9a-f]{32})-" + re64 + "-0[0-3]"),
	"uber-trace-id":     matches(re128 + ":" + re64 + ":(?:0|" + re64 + "):[0139]"),
	"ot-tracer-traceid": matches(re64),
	"ot-tracer-spanid":  matches(re64),
	"ot-tracer-sampled": matches("true|false"),
	"sw8":               strictSW8,
	"sw8-correlation":   strictCorrelation,
	"sw8-x":             matches("[01]-[0-9]*"),
	"tracestate":        strictState,
	"baggage":           strictBaggage,
}

// strictSW8 is the grammar of what the bridge emits and the four agents' own
// checks: Java (all of 2 to 8 are there), Python (8 parts, padded, UTF-8, digits),
// go2sky (int8 flag, number in Go's notation) and nodejs.
func strictSW8(v string) error {
	if len(v) >= 2048 {
		return fmt.Errorf("%d bytes", len(v))
	}
	parts := strings.Split(v, "-")
	if len(parts) != 8 {
		return fmt.Errorf("%d parts", len(parts))
	}
	if parts[0] != "1" {
		return fmt.Errorf("flag %q", parts[0])
	}
	limits := []int{0, 150, 150, 0, 50, 50, 150, 200}
	for i, p := range parts {
		switch i {
		case 0:
		case 3:
			if n, err := strconv.ParseInt(p, 0, 32); err != nil || n < 0 || strconv.FormatInt(n, 10) != p {
				return fmt.Errorf("number %q", p)
			}
		default:
			text, err := base64.StdEncoding.DecodeString(p)
			if err != nil || strings.ContainsAny(p, "\r\n") {
				return fmt.Errorf("part %d: %q: %w", i+1, p, err)
			}
			if len(text) == 0 || !utf8.Valid(text) || utf8.RuneCount(text) > limits[i] {
				return fmt.Errorf("part %d: %q", i+1, text)
			}
		}
	}
	return nil
}

func strictCorrelation(v string) error {
	parts := strings.Split(v, ",")
	if len(parts) > 3 {
		return fmt.Errorf("%d items", len(parts))
	}
	for _, part := range parts {
		k, v, ok := strings.Cut(part, ":")
		key, err1 := base64.StdEncoding.DecodeString(k)
		value, err2 := base64.StdEncoding.DecodeString(v)
		if !ok || err1 != nil || err2 != nil || len(key) == 0 || !utf8.Valid(key) || !utf8.Valid(value) || utf8.RuneCount(value) > 128 {
			return fmt.Errorf("item %q", part)
		}
	}
	return nil
}

var (
	stateKeyRE   = regexp.MustCompile(`^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})$`)
	stateValueRE = regexp.MustCompile(`^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$`)
	baggageRE    = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+=(?:[!#$&-+./:<-\\[\\]-~0-9A-Za-z-]|%[0-9A-F]{2})*(?:;.*)?$")
)

func strictState(v string) error {
	seen := make(map[string]bool)
	for m := range strings.SplitSeq(v, ",") {
		key, value, ok := strings.Cut(m, "=")
		if !ok || !stateKeyRE.MatchString(key) || !stateValueRE.MatchString(value) || seen[key] {
			return fmt.Errorf("member %q", m)
		}
		seen[key] = true
	}
	if len(seen) > 32 {
		return fmt.Errorf("%d members", len(seen))
	}
	return nil
}

func strictBaggage(v string) error {
	members := strings.Split(v, ",")
	if len(v) > 8192 || len(members) > 64 {
		return fmt.Errorf("%d bytes, %d members", len(v), len(members))
	}
	for _, m := range members {
		if !baggageRE.MatchString(m) {
			return fmt.Errorf("member %q", m)
		}
	}
	return nil
}
