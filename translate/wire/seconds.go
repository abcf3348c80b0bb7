// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// google.protobuf.Timestamp and Duration are messages of seconds (1) and
// nanoseconds (2) that JSON writes as text.

// seconds reads a time or a duration.
func (t *Transcoder) seconds(dst []byte, f *ProtoField) []byte {
	j := t.J
	if j.Peek() != '"' {
		t.wrongType("a string")
		return dst
	}
	s := j.String()
	text := j.Raw(s)
	var seconds, nanos int64
	if f.Kind == ProtoTime {
		v, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.refuse(s.At, strconv.Quote(text[:min(len(text), 40)]), "a time such as 2026-01-02T03:04:05.6Z")
			return dst
		}
		seconds, nanos = v.Unix(), int64(v.Nanosecond())
	} else {
		var ok bool
		if seconds, nanos, ok = parseSeconds(text); !ok {
			t.refuse(s.At, strconv.Quote(text[:min(len(text), 40)]), "a duration such as 1.5s")
			return dst
		}
	}
	dst, mark := Open(dst, f.Number)
	dst = AppendVarint(dst, 1, uint64(seconds))
	dst = AppendVarint(dst, 2, uint64(nanos))
	return Close(dst, mark)
}

// parseSeconds reads a duration in protobuf's JSON: seconds with up to nine
// digits behind the point.
func parseSeconds(text string) (seconds, nanos int64, ok bool) {
	text, ok = strings.CutSuffix(text, "s")
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if !ok || len(fraction) > 9 {
		return 0, 0, false
	}
	s, err := strconv.ParseUint(whole, 10, 62)
	if err != nil {
		return 0, 0, false
	}
	n, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 62)
	if err != nil {
		return 0, 0, false
	}
	if negative {
		return -int64(s), -int64(n), true
	}
	return int64(s), int64(n), true
}

// readSeconds reads a google.protobuf.Timestamp or Duration.
func readSeconds(p *Proto) (seconds, nanos int64) {
	for {
		field, typ, ok := p.Next()
		switch {
		case !ok:
			return seconds, nanos
		case field == 1 && typ == TypeVarint:
			seconds = int64(p.Varint())
		case field == 2 && typ == TypeVarint:
			nanos = int64(int32(p.Varint()))
		default:
			p.Skip(field, typ)
		}
	}
}

// appendDuration writes seconds with as many digits behind the point as needed.
func appendDuration(dst []byte, seconds, nanos int64) []byte {
	dst = append(dst, '"')
	if seconds < 0 || nanos < 0 {
		dst = append(dst, '-')
		seconds, nanos = -seconds, -nanos
	}
	dst = strconv.AppendUint(dst, uint64(seconds), 10)
	if nanos != 0 {
		dst = fmt.Appendf(dst, ".%09d", nanos)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, 's', '"')
}
