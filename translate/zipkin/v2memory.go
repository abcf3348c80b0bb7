// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// The spans of a body say the same over and over: the keys of the format, the
// process that reports and its neighbours, the keys of tags in the order of the
// library that sets them. What was read once, in the usual form, is compared
// afterwards rather than read again (BenchmarkDecodeV2JSON).

// v2key is a key of a span.
type v2key uint8

const (
	keyOther v2key = iota
	keyTraceID
	keyID
	keyParentID
	keyKind
	keyName
	keyTimestamp
	keyDuration
	keyLocalEndpoint
	keyRemoteEndpoint
	keyAnnotations
	keyTags
	keyDebug
	keyShared
	keyBinaryAnnotations
)

// v2keyOf is the number of a key.
func v2keyOf(key string) v2key {
	switch key {
	case "traceId":
		return keyTraceID
	case "id":
		return keyID
	case "parentId":
		return keyParentID
	case "kind":
		return keyKind
	case "name":
		return keyName
	case "timestamp":
		return keyTimestamp
	case "duration":
		return keyDuration
	case "localEndpoint":
		return keyLocalEndpoint
	case "remoteEndpoint":
		return keyRemoteEndpoint
	case "annotations":
		return keyAnnotations
	case "tags":
		return keyTags
	case "debug":
		return keyDebug
	case "shared":
		return keyShared
	case "binaryAnnotations":
		return keyBinaryAnnotations
	}
	return keyOther
}

// v2key reads the next key of a span; false at the end of the object.
func (r *reader) v2key() (key v2key, k wire.Str, ok bool) {
	if at := r.j.PlainKey(); at >= 0 && at < len(r.j.Buf) {
		rest := r.j.Buf[at:]
		n := 0
		switch rest[0] {
		case 't':
			switch {
			case starts(rest, `traceId":`):
				key, n = keyTraceID, len(`traceId":`)
			case starts(rest, `timestamp":`):
				key, n = keyTimestamp, len(`timestamp":`)
			case starts(rest, `tags":`):
				key, n = keyTags, len(`tags":`)
			}
		case 'i':
			if starts(rest, `id":`) {
				key, n = keyID, len(`id":`)
			}
		case 'p':
			if starts(rest, `parentId":`) {
				key, n = keyParentID, len(`parentId":`)
			}
		case 'k':
			if starts(rest, `kind":`) {
				key, n = keyKind, len(`kind":`)
			}
		case 'n':
			if starts(rest, `name":`) {
				key, n = keyName, len(`name":`)
			}
		case 'd':
			if starts(rest, `duration":`) {
				key, n = keyDuration, len(`duration":`)
			}
		case 'l':
			if starts(rest, `localEndpoint":`) {
				key, n = keyLocalEndpoint, len(`localEndpoint":`)
			}
		case 'r':
			if starts(rest, `remoteEndpoint":`) {
				key, n = keyRemoteEndpoint, len(`remoteEndpoint":`)
			}
		case 'a':
			if starts(rest, `annotations":`) {
				key, n = keyAnnotations, len(`annotations":`)
			}
		case 's':
			if starts(rest, `shared":`) {
				key, n = keyShared, len(`shared":`)
			}
		}
		if n > 0 {
			r.j.TakeKey(at + n)
			return key, wire.Str{At: at, N: n - 2}, true
		}
	}
	if k, ok = r.j.Key(); ok {
		key = v2keyOf(r.j.Text(k))
	}
	return key, k, ok
}

// endpointKey is v2key for the keys of an endpoint, which have no numbers.
func (r *reader) endpointKey() (key string, k wire.Str, ok bool) {
	if at := r.j.PlainKey(); at >= 0 {
		rest := r.j.Buf[at:]
		n := 0
		switch {
		case starts(rest, `serviceName":`):
			key, n = "serviceName", len(`serviceName":`)
		case starts(rest, `ipv4":`):
			key, n = "ipv4", len(`ipv4":`)
		case starts(rest, `port":`):
			key, n = "port", len(`port":`)
		}
		if n > 0 {
			r.j.TakeKey(at + n)
			return key, wire.Str{At: at, N: n - 2}, true
		}
	}
	if k, ok = r.j.Key(); ok {
		key = r.j.Text(k)
	}
	return key, k, ok
}

func starts(p []byte, s string) bool { return len(p) >= len(s) && string(p[:len(s)]) == s }

// endpointMemory holds the endpoints that came last.
type endpointMemory struct {
	known [8]struct {
		raw string // the object, as it stands in the body
		e   span.Endpoint
	}
	next uint8 // to be overwritten
	last uint8 // that was met
}

// find is the place of the endpoint that comes next, if it is one of those.
func (m *endpointMemory) find(rest []byte) (e *span.Endpoint, n int) {
	for i := range m.known {
		k := &m.known[(int(m.last)+i)%len(m.known)]
		if n := len(k.raw); n > 0 && len(rest) >= n && rest[n-1] == '}' && string(rest[:n]) == k.raw {
			m.last = uint8((int(m.last) + i) % len(m.known))
			return &k.e, n
		}
	}
	return nil, 0
}

func (m *endpointMemory) add(raw string, e *span.Endpoint) {
	k := &m.known[m.next]
	k.raw, k.e = raw, *e
	m.last = m.next
	m.next = (m.next + 1) % uint8(len(m.known))
}

// tagMemory holds keys of tags, and which of them came after which.
type tagMemory struct {
	known [64]tagKey // number 0 stands for the beginning of a list
	n     uint8
}

type tagKey struct {
	lit     string // from behind its opening quote to the colon
	after   [2]uint8
	special bool // the tag may say something of the span
}

// next is the number of the key that comes next, 0 if it is not known to come
// after another one.
func (m *tagMemory) next(prev uint8, rest []byte) uint8 {
	after := &m.known[prev].after
	if k := after[0]; k != 0 && starts(rest, m.known[k].lit) {
		return k
	}
	if k := after[1]; k != 0 && starts(rest, m.known[k].lit) {
		after[0], after[1] = k, after[0]
		return k
	}
	return 0
}

// add remembers that a key came after another one. It gives the key's number,
// and 0 if there is no room.
func (m *tagMemory) add(prev uint8, lit string) uint8 {
	k := uint8(0)
	for i := uint8(1); i <= m.n; i++ {
		if m.known[i].lit == lit {
			k = i
			break
		}
	}
	if k == 0 {
		if int(m.n) == len(m.known)-1 {
			return 0
		}
		m.n++
		k = m.n
		m.known[k] = tagKey{lit: lit, special: isSpecial(lit[:len(lit)-2])}
	}
	after := &m.known[prev].after
	after[0], after[1] = k, after[0]
	return k
}

// isSpecial is true for keys that outcome.read looks at, and for some more.
func isSpecial(key string) bool {
	if key == "" {
		return false
	}
	switch key[0] {
	case 'o', 'w', 's', 'b':
		return true
	}
	return key == "error"
}
