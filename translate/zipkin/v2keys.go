// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"encoding/binary"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// jsonKey is a key of a span or of an endpoint.
type jsonKey uint8

const (
	keyUnknown jsonKey = iota
	keyTraceID
	keyID
	keyParentID
	keyKind
	keyName
	keyTimestamp
	keyDuration
	keyLocal
	keyRemote
	keyAnnotations
	keyTags
	keyDebug
	keyShared
	keyBinary

	keyService
	keyIP4
	keyIP6
	keyPort
)

var spanKeys = map[string]jsonKey{
	"traceId": keyTraceID, "id": keyID, "parentId": keyParentID, "kind": keyKind, "name": keyName,
	"timestamp": keyTimestamp, "duration": keyDuration, "localEndpoint": keyLocal, "remoteEndpoint": keyRemote,
	"annotations": keyAnnotations, "tags": keyTags, "debug": keyDebug, "shared": keyShared, "binaryAnnotations": keyBinary,
}

var endpointKeys = map[string]jsonKey{"serviceName": keyService, "ipv4": keyIP4, "ipv6": keyIP6, "port": keyPort}

// spanKey reads the next key of a span; false at its end.
func (r *reader) spanKey() (key jsonKey, k wire.Str, ok bool) {
	at := r.j.PlainKey()
	if at < 0 || at > len(r.j.Buf)-longestKey {
		return r.anyKey(spanKeys)
	}
	key, n := usualKey((*[longestKey]byte)(r.j.Buf[at:]))
	if n == 0 {
		return r.anyKey(spanKeys)
	}
	r.j.TakeKey(at + n)
	return key, wire.Str{At: at, N: n - len(`":`)}, true
}

// usualKey is the key of a span at the beginning of p, with the length up to the
// colon; 0 for others. Every span has a dozen: one in the usual form is told by its
// first four bytes and then compared.
func usualKey(p *[longestKey]byte) (key jsonKey, n int) {
	switch binary.LittleEndian.Uint32(p[:]) {
	case 't' | 'r'<<8 | 'a'<<16 | 'c'<<24:
		if string(p[4:9]) == `eId":` {
			key, n = keyTraceID, 9
		}
	case 'i' | 'd'<<8 | '"'<<16 | ':'<<24:
		key, n = keyID, 4
	case 'p' | 'a'<<8 | 'r'<<16 | 'e'<<24:
		if string(p[4:10]) == `ntId":` {
			key, n = keyParentID, 10
		}
	case 'k' | 'i'<<8 | 'n'<<16 | 'd'<<24:
		if string(p[4:6]) == `":` {
			key, n = keyKind, 6
		}
	case 'n' | 'a'<<8 | 'm'<<16 | 'e'<<24:
		if string(p[4:6]) == `":` {
			key, n = keyName, 6
		}
	case 't' | 'i'<<8 | 'm'<<16 | 'e'<<24:
		if string(p[4:11]) == `stamp":` {
			key, n = keyTimestamp, 11
		}
	case 'd' | 'u'<<8 | 'r'<<16 | 'a'<<24:
		if string(p[4:10]) == `tion":` {
			key, n = keyDuration, 10
		}
	case 'l' | 'o'<<8 | 'c'<<16 | 'a'<<24:
		if string(p[4:15]) == `lEndpoint":` {
			key, n = keyLocal, 15
		}
	case 'r' | 'e'<<8 | 'm'<<16 | 'o'<<24:
		if string(p[4:16]) == `teEndpoint":` {
			key, n = keyRemote, 16
		}
	case 'a' | 'n'<<8 | 'n'<<16 | 'o'<<24:
		if string(p[4:13]) == `tations":` {
			key, n = keyAnnotations, 13
		}
	case 't' | 'a'<<8 | 'g'<<16 | 's'<<24:
		if string(p[4:6]) == `":` {
			key, n = keyTags, 6
		}
	case 's' | 'h'<<8 | 'a'<<16 | 'r'<<24:
		if string(p[4:8]) == `ed":` {
			key, n = keyShared, 8
		}
	}
	return key, n
}

// longestKey is the length of remoteEndpoint, its quote and the colon.
const longestKey = 16

// endpointKey is spanKey for the keys of an endpoint.
func (r *reader) endpointKey() (key jsonKey, k wire.Str, ok bool) {
	at := r.j.PlainKey()
	if at < 0 || at > len(r.j.Buf)-longestKey {
		return r.anyKey(endpointKeys)
	}
	p := (*[longestKey]byte)(r.j.Buf[at:])
	n := 0
	switch binary.LittleEndian.Uint32(p[:]) {
	case 's' | 'e'<<8 | 'r'<<16 | 'v'<<24:
		if string(p[4:13]) == `iceName":` {
			key, n = keyService, 13
		}
	case 'i' | 'p'<<8 | 'v'<<16 | '4'<<24:
		if string(p[4:6]) == `":` {
			key, n = keyIP4, 6
		}
	case 'p' | 'o'<<8 | 'r'<<16 | 't'<<24:
		if string(p[4:6]) == `":` {
			key, n = keyPort, 6
		}
	}
	if n == 0 {
		return r.anyKey(endpointKeys)
	}
	r.j.TakeKey(at + n)
	return key, wire.Str{At: at, N: n - len(`":`)}, true
}

// anyKey reads a key in any form.
func (r *reader) anyKey(known map[string]jsonKey) (key jsonKey, k wire.Str, ok bool) {
	if r.j.PlainEnd() {
		return keyUnknown, k, false
	}
	if k, ok = r.j.Key(); ok {
		key = known[r.j.Text(k)]
	}
	return key, k, ok
}
