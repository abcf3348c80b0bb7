// SPDX-License-Identifier: Apache-2.0

package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// member is one member of an object, by the places of its parts.
type member struct {
	key      string
	from, to int // from the quote of the key to the end of the value
	value    []byte
}

// open is nil if body is one whole JSON object.
func open(body []byte, most int) error {
	if len(body) > most {
		return fmt.Errorf("payload: a body of %d bytes, want at most %d", len(body), most)
	}
	at := space(body, 0)
	switch {
	case at == len(body):
		return errors.New("payload: an empty body, want a JSON object")
	case body[at] != '{':
		return fmt.Errorf("payload: %q at byte %d, want a JSON object", body[at], at)
	case !json.Valid(body):
		var raw json.RawMessage
		err := json.Unmarshal(body, &raw)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			return fmt.Errorf("payload: byte %d: %w, want a JSON object", syntax.Offset, err)
		}
		return fmt.Errorf("payload: %w, want a JSON object", err)
	}
	return nil
}

// members walks the members of an object that is valid.
func members(object []byte, each func(member)) {
	at := space(object, 0) + 1
	for {
		if at = space(object, at); object[at] == '}' {
			return
		}
		if object[at] == ',' {
			at = space(object, at+1)
		}
		m := member{from: at}
		at = skip(object, at)
		m.key = unquote(object[m.from:at])
		at = space(object, space(object, at)+1) // over the colon
		m.to = skip(object, at)
		m.value = object[at:m.to]
		at = m.to
		each(m)
	}
}

// space steps over white space.
func space(p []byte, at int) int {
	for at < len(p) && (p[at] == ' ' || p[at] == '\n' || p[at] == '\t' || p[at] == '\r') {
		at++
	}
	return at
}

// skip steps over a value.
func skip(p []byte, at int) int {
	depth := 0
	for at < len(p) {
		switch p[at] {
		case '"':
			for at++; p[at] != '"'; at++ {
				if p[at] == '\\' {
					at++
				}
			}
			at++
		case '{', '[':
			depth++
			at++
			continue
		case '}', ']':
			depth--
			at++
		case ',', ':', ' ', '\n', '\t', '\r':
			at++
			continue
		default:
			at += max(1, bytes.IndexAny(p[at:], ",:]} \n\t\r"))
		}
		if depth == 0 {
			return at
		}
	}
	return at
}

// unquote is what a string of valid JSON says.
func unquote(p []byte) string {
	if bytes.IndexByte(p, '\\') < 0 {
		return strings.ToValidUTF8(string(p[1:len(p)-1]), "\uFFFD")
	}
	var s string
	_ = json.Unmarshal(p, &s)
	return s
}

// scalar is the text of a value that is a text, a number, true or false.
func scalar(p []byte) (string, bool) {
	switch p[0] {
	case '{', '[', 'n':
		return "", false
	case '"':
		return unquote(p), true
	}
	return string(p), true
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a JSON string; what is no UTF-8 is replaced.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}

// splice appends an object with some of its members taken out and others put in.
// Put in the place of the first member of its name that was there, else at the
// end. A put with an empty value takes out.
func splice(dst, object []byte, drop func(key string) bool, put ...pair) []byte {
	done := make([]bool, len(put))
	begin := space(object, 0) + 1
	dst = append(dst, object[:begin]...)
	kept, end := 0, begin
	separate := func(from int) {
		switch {
		case kept == 0 && end == begin:
			dst = append(dst, object[begin:from]...)
		case kept > 0:
			dst = append(dst, object[end:from]...)
		}
		kept++
	}
	members(object, func(m member) {
		defer func() { end = m.to }()
		for i := range put {
			if put[i].key != m.key {
				continue
			}
			if !done[i] && len(put[i].value) > 0 {
				separate(m.from)
				dst = append(dst, object[m.from:m.to-len(m.value)]...)
				dst = append(dst, put[i].value...)
			}
			done[i] = true
			return
		}
		if drop != nil && drop(m.key) {
			return
		}
		separate(m.from)
		dst = append(dst, object[m.from:m.to]...)
	})
	for i := range put {
		if done[i] || len(put[i].value) == 0 {
			continue
		}
		if kept++; kept > 1 {
			dst = append(dst, ',')
		}
		dst = append(append(appendQuoted(dst, put[i].key), ':'), put[i].value...)
	}
	return append(dst, object[end:]...)
}

// pair is a member to put into an object: its value is JSON.
type pair struct {
	key   string
	value []byte
}
