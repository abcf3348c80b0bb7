// SPDX-License-Identifier: Apache-2.0

package span

import (
	"errors"
	"fmt"
)

// TraceID is a trace id of 128 bits. Hi is 0 for ids of 64 bits: Zipkin's own
// normal form drops leading zeros, so no flag for the width is needed.
type TraceID struct {
	Hi, Lo uint64
}

// ID is a span id. 0 means none.
type ID uint64

// IsZero is true for the id that no trace may have.
func (t TraceID) IsZero() bool { return t.Hi == 0 && t.Lo == 0 }

// AppendHex appends 16 lower-case hex digits.
func (id ID) AppendHex(dst []byte) []byte {
	return appendHex64(dst, uint64(id))
}

// AppendHex appends 16 digits for an id of 64 bits, 32 for a longer one.
func (t TraceID) AppendHex(dst []byte) []byte {
	if t.Hi != 0 {
		dst = appendHex64(dst, t.Hi)
	}
	return appendHex64(dst, t.Lo)
}

// AppendHex32 appends 32 digits, whatever the width of the id.
func (t TraceID) AppendHex32(dst []byte) []byte {
	return appendHex64(appendHex64(dst, t.Hi), t.Lo)
}

func (id ID) String() string { return string(id.AppendHex(nil)) }

func (t TraceID) String() string { return string(t.AppendHex(nil)) }

// Faults of ids written in hex.
var (
	errHexEmpty = errors.New("empty, want 1 to 16 hex digits")
	errHexZero  = errors.New("all zeros, want a digit other than 0")
)

// ParseID reads 1 to 16 hex digits in either case. An id of zeros is an error.
func ParseID(s string) (ID, error) {
	if s == "" {
		return 0, errHexEmpty
	}
	if len(s) > 16 {
		return 0, fmt.Errorf("%d hex digits, want 1 to 16", len(s))
	}
	v, err := parseHex(s)
	if err != nil {
		return 0, err
	}
	if v == 0 {
		return 0, errHexZero
	}
	return ID(v), nil
}

// ParseTraceID reads 1 to 32 hex digits in either case. An id of zeros is an
// error; 32 digits whose first half is zero give an id of 64 bits.
func ParseTraceID(s string) (TraceID, error) {
	if s == "" {
		return TraceID{}, errors.New("empty, want 1 to 32 hex digits")
	}
	if len(s) > 32 {
		return TraceID{}, fmt.Errorf("%d hex digits, want 1 to 32", len(s))
	}
	var t TraceID
	var err error
	if cut := len(s) - 16; cut > 0 {
		if t.Hi, err = parseHex(s[:cut]); err != nil {
			return TraceID{}, err
		}
		s = s[cut:]
	}
	if t.Lo, err = parseHex(s); err != nil {
		return TraceID{}, err
	}
	if t.IsZero() {
		return TraceID{}, errHexZero
	}
	return t, nil
}
