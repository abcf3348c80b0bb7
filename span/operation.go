// SPDX-License-Identifier: Apache-2.0

package span

import "strings"

// How SkyWalking's OAP names what a service is asked for: METHOD:/path, as the
// Java agent's plugins write it, with ids masked, since every name becomes an
// endpoint with metrics of its own. A header that is written before any report
// and the report itself must agree on it.

// EndpointName is the endpoint of a request of HTTP.
func EndpointName(method, path string) string {
	dst := make([]byte, 0, len(method)+1+len(path))
	dst = append(append(dst, method...), ':')
	return string(AppendMasked(dst, path))
}

// AppendEndpointName appends the endpoint of a server's span of which no more than
// the operation is known, such as "GET /users/7".
func AppendEndpointName(dst []byte, operation string) []byte {
	method, rest := CutMethod(operation)
	switch {
	case !strings.HasPrefix(rest, "/"):
		return append(dst, operation...)
	case method != "":
		dst = append(append(dst, method...), ':')
	}
	return AppendMasked(dst, rest)
}

var methods = [...]string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT"}

// CutMethod cuts a method of HTTP off an operation like "get /users", "HTTP GET"
// or "GET:/users"; it is in upper case, "" where the operation begins with none.
func CutMethod(operation string) (method, rest string) {
	if len(operation) > 5 && operation[4] == ' ' && strings.EqualFold(operation[:4], "http") {
		operation = operation[5:]
	}
	head, rest := operation, ""
	if i := indexEither(operation[:min(len(operation), longestMethod+1)], ' ', ':'); i >= 0 {
		head, rest = operation[:i], operation[i+1:]
	}
	if len(head) > longestMethod {
		return "", operation
	}
	for _, m := range methods {
		if strings.EqualFold(m, head) {
			return m, rest
		}
	}
	return "", operation
}

// longestMethod counts bytes of whatever EqualFold takes for a method.
const longestMethod = len("OPTION\u017f")

// indexEither is strings.IndexAny for two bytes, quicker for short texts.
func indexEither(s string, a, b byte) int {
	i := strings.IndexByte(s, a)
	if i >= 0 {
		s = s[:i]
	}
	if j := strings.IndexByte(s, b); j >= 0 {
		return j
	}
	return i
}

// AppendMasked appends a path without its query and with {id} for the parts
// that look like ids: numbers, UUIDs, hex digits.
func AppendMasked(dst []byte, path string) []byte {
	if i := indexEither(path, '?', '#'); i >= 0 {
		path = path[:i]
	}
	for {
		i := strings.IndexByte(path, '/')
		word := path
		if i >= 0 {
			word = path[:i]
		}
		if isID(word) {
			dst = append(dst, "{id}"...)
		} else {
			dst = append(dst, word...)
		}
		if i < 0 {
			return dst
		}
		dst = append(dst, '/')
		path = path[i+1:]
	}
}

// isID tells an id from a word: only digits, or at least eight hex digits and
// dashes with a digit among them.
func isID(word string) bool {
	digits, hex := 0, 0
	for i := range len(word) {
		switch c := word[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			hex++
		case c == '-' && len(word) == 36:
		default:
			return false
		}
	}
	return digits > 0 && (hex == 0 && digits == len(word) || digits+hex >= 8)
}
