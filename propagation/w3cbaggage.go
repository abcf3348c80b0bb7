// SPDX-License-Identifier: Apache-2.0

package propagation

import "strings"

// Limits of the header baggage that all must let pass (W3C Baggage 3.3.2).
// OpenTelemetry drops a longer one as a whole.
const (
	maxW3CBaggage = 64
	maxW3CBytes   = 8192
)

// Bounds of headers that hold a list: their length, and in how many lines they
// come.
const (
	maxListRead = 32 << 10
	maxLines    = 64
)

func (w *writing) w3cBaggage(c *Context) {
	dst := w.text
	n := 0
	for i := range c.Baggage {
		it := &c.Baggage[i]
		if n == maxW3CBaggage || !isToken(it.Key) {
			w.cut++
			continue
		}
		mark := len(dst)
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, it.Key...), '=')
		dst = appendEscaped(dst, it.Value)
		if it.Properties != "" && areProperties(it.Properties) {
			dst = append(append(dst, ';'), it.Properties...)
		}
		if len(dst)-len(w.text) > maxW3CBytes {
			dst = dst[:mark]
			w.cut++
			continue
		}
		n++
	}
	w.add(&hBaggage, dst)
}

// readBaggage reads the header baggage (W3C Baggage). Of members with one key
// the last counts, as in OpenTelemetry.
func (r *reading) readBaggage(s string) {
	var items Baggage
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ",")
		pair, properties, _ := strings.Cut(part, ";")
		k, v, ok := strings.Cut(pair, "=")
		if k = strings.TrimSpace(k); !ok || k == "" || len(items) >= maxBaggage {
			if strings.TrimSpace(part) != "" {
				r.cut++
			}
			continue
		}
		if properties = strings.TrimSpace(properties); !areProperties(properties) {
			properties = ""
		}
		items = items.put(Item{Key: k, Value: unescape(strings.TrimSpace(v), false), Properties: properties})
	}
	r.merge(items)
}

// areProperties is true for a list of key or key=value; with any other
// OpenTelemetry drops the whole member.
func areProperties(s string) bool {
	if !plain(s) {
		return false
	}
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ";")
		k, v, _ := strings.Cut(part, "=")
		if !isToken(strings.TrimSpace(k)) {
			return false
		}
		v = strings.TrimSpace(v)
		for i := range len(v) {
			if c := v[i]; c <= ' ' || c > '~' || c == '"' || c == ',' || c == '\\' {
				return false
			}
		}
		if unescape(v, false) == v && strings.IndexByte(v, '%') >= 0 {
			return false // a percent sign that encodes nothing
		}
	}
	return true
}
