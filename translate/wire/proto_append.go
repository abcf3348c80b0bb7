// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"
)

// The functions here append protobuf fields. Except for Append…Always they
// leave out the zero value, as proto3 does.

// AppendTag appends a field's tag.
func AppendTag(dst []byte, field, typ int) []byte {
	if field < 16 {
		return append(dst, byte(field<<3|typ))
	}
	return binary.AppendUvarint(dst, uint64(field)<<3|uint64(typ))
}

// SizeVarint is how many bytes a length takes.
func SizeVarint(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// AppendVarint appends a field of type int32, int64, uint32, uint64, enum.
// A negative int32 must be given sign-extended.
func AppendVarint(dst []byte, field int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return AppendVarintAlways(dst, field, v)
}

// AppendVarintAlways appends the field also when it is zero.
func AppendVarintAlways(dst []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(AppendTag(dst, field, TypeVarint), v)
}

// AppendBool appends a field of type bool.
func AppendBool(dst []byte, field int, v bool) []byte {
	if !v {
		return dst
	}
	return append(AppendTag(dst, field, TypeVarint), 1)
}

// AppendFixed64 appends a field of type fixed64.
func AppendFixed64(dst []byte, field int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return appendFixed64Always(dst, field, v)
}

func appendFixed64Always(dst []byte, field int, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(AppendTag(dst, field, TypeFixed64), v)
}

// AppendDoubleAlways appends a field of type double, also when it is zero.
func AppendDoubleAlways(dst []byte, field int, v float64) []byte {
	return binary.LittleEndian.AppendUint64(AppendTag(dst, field, TypeFixed64), math.Float64bits(v))
}

// AppendFixed32 appends a field of type fixed32.
func AppendFixed32(dst []byte, field int, v uint32) []byte {
	if v == 0 {
		return dst
	}
	return appendFixed32Always(dst, field, v)
}

func appendFixed32Always(dst []byte, field int, v uint32) []byte {
	return binary.LittleEndian.AppendUint32(AppendTag(dst, field, TypeFixed32), v)
}

// AppendString appends a field of type string or bytes.
func AppendString(dst []byte, field int, s string) []byte {
	if s == "" {
		return dst
	}
	return AppendStringAlways(dst, field, s)
}

// AppendStringAlways appends the field also when it is empty.
func AppendStringAlways(dst []byte, field int, s string) []byte {
	if len(s) < 0x80 {
		return append(append(AppendTag(dst, field, TypeBytes), byte(len(s))), s...)
	}
	return append(binary.AppendUvarint(AppendTag(dst, field, TypeBytes), uint64(len(s))), s...)
}

// AppendValid appends s without a head; ok is false if it is not UTF-8. It copies
// a word at a time and looks at all of them together.
func AppendValid(dst []byte, s string) (out []byte, ok bool) {
	n, last := len(dst), len(s)-wordLen
	if last < 0 {
		dst = slices.Grow(dst, wordLen)
		w := ShortWord(s)
		binary.LittleEndian.PutUint64(dst[n:n+wordLen], w)
		return dst[:n+len(s)], w&highs == 0 || utf8.ValidString(s)
	}
	dst = slices.Grow(dst, len(s))
	to := dst[n : n+len(s)]
	var all uint64
	for i := 0; i < last; i += wordLen {
		w := binary.LittleEndian.Uint64([]byte(s[i : i+wordLen]))
		all |= w
		binary.LittleEndian.PutUint64(to[i:i+wordLen], w)
	}
	w := binary.LittleEndian.Uint64([]byte(s[last:]))
	binary.LittleEndian.PutUint64(to[last:], w)
	return dst[:n+len(s)], (all|w)&highs == 0 || utf8.ValidString(s)
}

// ShortWord has the bytes of a text that is shorter than a word, and zeros behind them.
func ShortWord(s string) uint64 {
	switch n := len(s); {
	case n >= 4: // both halves, which may have bytes in common
		return uint64(binary.LittleEndian.Uint32([]byte(s[:4]))) | uint64(binary.LittleEndian.Uint32([]byte(s[n-4:])))<<(8*(n-4))
	case n > 0: // the first byte, the middle one and the last one
		return uint64(s[0]) | uint64(s[n>>1])<<(8*(n>>1)) | uint64(s[n-1])<<(8*(n-1))
	}
	return 0
}

// IsValid is utf8.ValidString, for texts that are ASCII as a rule.
func IsValid(s string) bool {
	last := len(s) - wordLen
	if last < 0 {
		return ShortWord(s)&highs == 0 || utf8.ValidString(s)
	}
	all := binary.LittleEndian.Uint64([]byte(s[last:]))
	for i := 0; i < last; i += wordLen {
		all |= binary.LittleEndian.Uint64([]byte(s[i : i+wordLen]))
	}
	return all&highs == 0 || utf8.ValidString(s)
}

// Open starts an embedded message: the fields appended until Close belong to
// it. The mark goes to Close.
func Open(dst []byte, field int) (out []byte, mark int) {
	dst = append(AppendTag(dst, field, TypeBytes), 0)
	return dst, len(dst)
}

// Close ends the message started at mark. The length takes one byte for up to
// 127 bytes; for more the content moves up to make room.
func Close(dst []byte, mark int) []byte {
	n := len(dst) - mark
	if n < 0x80 {
		dst[mark-1] = byte(n)
		return dst
	}
	var a [binary.MaxVarintLen64]byte
	w := binary.PutUvarint(a[:], uint64(n))
	dst = append(dst, a[:w-1]...)
	copy(dst[mark-1+w:], dst[mark:mark+n])
	copy(dst[mark-1:], a[:w])
	return dst
}

// OpenWide is Open with room for a length of so many bytes: where that is what
// the length takes, CloseWide need not move the content.
func OpenWide(dst []byte, field, width int) (out []byte, mark int) {
	var room [binary.MaxVarintLen64]byte
	dst = append(AppendTag(dst, field, TypeBytes), room[:width]...)
	return dst, len(dst)
}

// CloseWide is Close for OpenWide of the same width.
func CloseWide(dst []byte, mark, width int) []byte {
	var a [binary.MaxVarintLen64]byte
	n := len(dst) - mark
	w := binary.PutUvarint(a[:], uint64(n))
	if w != width {
		dst = append(dst, a[:max(w-width, 0)]...)
		copy(dst[mark-width+w:], dst[mark:mark+n])
		dst = dst[:mark-width+w+n]
	}
	copy(dst[mark-width:], a[:w])
	return dst
}
