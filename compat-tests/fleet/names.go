// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// TraceID is a trace id of 128 bits, or of 64 with hi = 0.
type TraceID struct{ hi, lo uint64 }

func (t TraceID) hex32() string { return fmt.Sprintf("%016x%016x", t.hi, t.lo) }

func (t TraceID) hex() string {
	if t.hi == 0 {
		return hex16(t.lo)
	}
	return t.hex32()
}

func (t TraceID) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], t.hi)
	binary.BigEndian.PutUint64(b[8:], t.lo)
	return b
}

func hex16(v uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], v)
	return hex.EncodeToString(b[:])
}

// traceOf is the number of a SkyWalking trace name: 32 hex digits are one,
// everything else is hashed.
func traceOf(name string) TraceID {
	if b, err := hex.DecodeString(name); err == nil && len(b) == 16 {
		return TraceID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
	}
	h := sha256.Sum256([]byte("sw8:t:" + name))
	return TraceID{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
}

// prefix begins the names of the segments that a bridge of headers makes for
// spans of other protocols.
func (t TraceID) prefix() uint64 {
	b := t.bytes()
	h := sha256.Sum256(append([]byte("sw8:p:"), b[:]...))
	return binary.BigEndian.Uint64(h[:])
}

// segmentName names the segment whose span 0 is a span of another protocol.
func segmentName(t TraceID, id uint64) string { return hex16(t.prefix()) + hex16(id) }

// spanOf is the number of span n of a segment that an agent named.
func spanOf(segment string, n int32) uint64 {
	buf := make([]byte, 0, 96)
	buf = append(append(buf, "sw8:s:"...), segment...)
	h := sha256.Sum256(strconv.AppendInt(append(buf, 'S'), int64(n), 10))
	return binary.BigEndian.Uint64(h[:])
}
