// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/spanbridge/spanbridge/span"
)

// The lengths of names in UTF-16 units, the characters of Java. An OAP cuts
// longer ones (NamingControl), through the middle of a character if need be;
// agents cut instances and peers shorter still.
const (
	maxService  = 70
	maxInstance = 50
	maxEndpoint = 150
	maxPeer     = 200
	maxTrace    = 150 // the column of trace ids; a longer one loses the record

	// maxOAPInstance is where an OAP cuts the instances of native segments.
	maxOAPInstance = 70
)

// unknown stands where OAP needs a name and none is known: an empty one makes
// nodes called _blank or an instance without a name.
const unknown = "unknown"

// cut shortens a name to a number of UTF-16 units, between characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	units := 0
	for i, c := range s {
		if units += utf16.RuneLen(c); units > limit {
			return s[:i]
		}
	}
	return s
}

// cutEndpoint shortens an endpoint's name also for OAP's tables, where
// service and endpoint in base64 share a column of 250 characters.
func cutEndpoint(endpoint, service string) string {
	endpoint = cut(endpoint, maxEndpoint)
	const column, least = 247, 30
	room := max((column-(len(service)+2)/3*4)/4*3, least)
	if len(endpoint) <= room {
		return endpoint
	}
	for room > 0 && !utf8.RuneStart(endpoint[room]) {
		room--
	}
	return endpoint[:room]
}

// or is the first name that is not empty.
func or(names ...string) string {
	for _, s := range names {
		if s != "" {
			return s
		}
	}
	return ""
}

// arena holds the names that are put together for the spans of one call.
type arena []byte

// since is what was appended from a mark on. It stays as it is until the arena
// is emptied, also when the arena moves.
func (a arena) since(mark int) string {
	if len(a) == mark {
		return ""
	}
	return unsafe.String(&a[mark], len(a)-mark)
}

// keep copies a text that may change later.
func (a *arena) keep(s string) string {
	mark := len(*a)
	*a = append(*a, s...)
	return a.since(mark)
}

// sound is a string as it is written: one that is not UTF-8 would cost OAP the
// stream.
func sound(s string) string {
	if isSound(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func isSound(s string) bool { return span.IsASCII([]byte(s)) || utf8.ValidString(s) }
