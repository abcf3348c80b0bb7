// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"net/url"
	"strings"
)

// Baggage is what travels with a trace, in the order in which it was set. A
// Baggage is never changed: With and Without make another one.
type Baggage []Item

// Item is one entry of baggage.
type Item struct {
	Key, Value string
	// Properties is what W3C's header baggage has behind the value, without the
	// first semicolon.
	Properties string
}

// Bounds of what is read; the rest is counted (Counts.Cut). W3C Baggage asks for
// 64 members and 8192 bytes.
const (
	maxBaggage      = 180
	maxBaggageBytes = 16 << 10
)

// Get is the value of a key and whether it is there. Keys differ by case: the
// formats that carry keys in header names lower them.
func (b Baggage) Get(key string) (string, bool) {
	for i := range b {
		if b[i].Key == key {
			return b[i].Value, true
		}
	}
	return "", false
}

// With is the baggage with a key set to a value.
func (b Baggage) With(key, value string) Baggage {
	n := make(Baggage, len(b), len(b)+1)
	copy(n, b)
	for i := range n {
		if n[i].Key == key {
			n[i] = Item{Key: key, Value: value}
			return n
		}
	}
	return append(n, Item{Key: key, Value: value})
}

// Without is the baggage without a key.
func (b Baggage) Without(key string) Baggage {
	if _, ok := b.Get(key); !ok {
		return b
	}
	n := make(Baggage, 0, len(b)-1)
	for _, it := range b {
		if it.Key != key {
			n = append(n, it)
		}
	}
	return n
}

// bytes is the length of all keys and values.
func (b Baggage) bytes() (n int) {
	for i := range b {
		n += b[i].bytes()
	}
	return n
}

func (it *Item) bytes() int { return len(it.Key) + len(it.Value) + len(it.Properties) }

// put sets an item in place, for a list that is still being read.
func (b Baggage) put(it Item) Baggage {
	for i := range b {
		if b[i].Key == it.Key {
			b[i] = it
			return b
		}
	}
	return append(b, it)
}

// merge adds the items whose keys are not there yet, as far as they fit. Keys of
// header names are lower case: they add nothing to the same key in another case.
// The same item in W3C's header may have properties.
func (r *reading) merge(items Baggage) {
	had := r.c.Baggage
	size := had.bytes()
next:
	for i := range items {
		it := &items[i]
		if strings.EqualFold(it.Key, NameKey) { // Jaeger's baggage may have gone on in another format
			r.name = it.Value
			continue
		}
		for j := range had {
			if known := &had[j]; len(known.Key) == len(it.Key) && strings.EqualFold(known.Key, it.Key) {
				if known.Properties == "" && known.Value == it.Value {
					known.Properties = it.Properties
				}
				continue next
			}
		}
		if size += it.bytes(); len(r.c.Baggage) >= maxBaggage || size > maxBaggageBytes {
			size -= it.bytes()
			r.cut++
			continue
		}
		r.c.Baggage = append(r.c.Baggage, *it)
	}
}

// unescape reads percent-encoding; what is not such stays as it is. A plus is a
// plus: jaeger-client-go writes it for a space (url.QueryEscape), which plus says.
func unescape(s string, plus bool) string {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s
	}
	var v string
	var err error
	if plus {
		v, err = url.QueryUnescape(s)
	} else {
		v, err = url.PathUnescape(s)
	}
	if err != nil {
		return s
	}
	return v
}

const upperHex = "0123456789ABCDEF"

// appendEscaped percent-encodes all but what W3C Baggage lets stand (baggage-octet
// without the percent sign) and is also safe in Jaeger's headers, where a plus
// stands for a space.
func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x80 && stands[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

var stands = func() (t [0x80]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~!*'()/:@$&", byte(c)) >= 0
	}
	return t
}()

// isToken is true for a key that a header name may end with, and that W3C's
// header baggage takes.
func isToken(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || !token[c] {
			return false
		}
	}
	return true
}

// token are the characters of RFC 9110's token.
var token = func() (t [0x80]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return t
}()

// plain is true for a value that a header can carry as it is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}
