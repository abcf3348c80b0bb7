// SPDX-License-Identifier: Apache-2.0

package sink

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/apache/thrift/lib/go/thrift"
	"google.golang.org/protobuf/encoding/protowire"
)

// form is a kind of body: how its spans are counted cheaply, and by the official
// library.
type form struct {
	count, decode func(body []byte) (int, error)
}

var (
	zipkinJSON    = form{countZipkinJSON, decodeZipkinJSON}
	zipkinProto   = form{inProto(1), decodeZipkinProto}
	otlpProto     = form{inProto(1, 2, 2), decodeOTLP}
	jaegerProto   = form{inProto(1, 1), decodeJaegerProto}
	segment       = form{inProto(3), decodeSegment}
	segments      = form{inProto(1, 3), decodeSegments}
	jaegerThrift  = form{countThrift, decodeThrift}
	agentFrames   = form{inFrames(countDatagram), inFrames(decodeDatagram)}
	notice        = form{func([]byte) (int, error) { return 0, nil }, func([]byte) (int, error) { return 0, nil }}
	errNoSuchList = errors.New("no list of spans")
)

// countZipkinJSON counts the key that every span has once.
func countZipkinJSON(body []byte) (int, error) { return bytes.Count(body, []byte(`"traceId"`)), nil }

// inProto counts the messages at the end of a path of fields.
func inProto(path ...protowire.Number) func([]byte) (int, error) {
	return func(body []byte) (int, error) { return countFields(body, path) }
}

func countFields(body []byte, path []protowire.Number) (n int, err error) {
	for len(body) > 0 {
		field, kind, size := protowire.ConsumeTag(body)
		if size < 0 {
			return n, protowire.ParseError(size)
		}
		body = body[size:]
		if field != path[0] || kind != protowire.BytesType {
			size = protowire.ConsumeFieldValue(field, kind, body)
			if size < 0 {
				return n, protowire.ParseError(size)
			}
			body = body[size:]
			continue
		}
		inner, size := protowire.ConsumeBytes(body)
		if size < 0 {
			return n, protowire.ParseError(size)
		}
		body = body[size:]
		if len(path) == 1 {
			n++
			continue
		}
		more, err := countFields(inner, path[1:])
		if n += more; err != nil {
			return n, err
		}
	}
	return n, nil
}

func memory(body []byte) *thrift.TMemoryBuffer {
	return &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(body)}
}

// countThrift reads a batch up to the length of its list.
func countThrift(body []byte) (int, error) {
	return countBatch(thrift.NewTBinaryProtocolConf(memory(body), nil))
}

func countBatch(p thrift.TProtocol) (int, error) {
	ctx := context.Background()
	if _, err := p.ReadStructBegin(ctx); err != nil {
		return 0, err
	}
	for {
		_, kind, field, err := p.ReadFieldBegin(ctx)
		if err != nil {
			return 0, err
		}
		if kind == thrift.STOP {
			return 0, errNoSuchList
		}
		if field == 2 && kind == thrift.LIST {
			_, n, err := p.ReadListBegin(ctx)
			return n, err
		}
		if err := thrift.SkipDefaultDepth(ctx, p, kind); err != nil {
			return 0, err
		}
		if err := p.ReadFieldEnd(ctx); err != nil {
			return 0, err
		}
	}
}

// countDatagram reads a call of the agent up to the length of its list.
func countDatagram(body []byte) (int, error) {
	ctx := context.Background()
	p := thrift.NewTCompactProtocolConf(memory(body), nil)
	if _, _, _, err := p.ReadMessageBegin(ctx); err != nil {
		return 0, err
	}
	if _, err := p.ReadStructBegin(ctx); err != nil {
		return 0, err
	}
	if _, kind, field, err := p.ReadFieldBegin(ctx); err != nil || field != 1 || kind != thrift.STRUCT {
		return 0, errors.Join(err, errNoSuchList)
	}
	return countBatch(p)
}

// inFrames sums over datagrams that each have their length in front of them, in
// four bytes.
func inFrames(count func([]byte) (int, error)) func([]byte) (int, error) {
	return func(body []byte) (sum int, err error) {
		for len(body) > 0 {
			if len(body) < 4 || uint64(len(body)-4) < uint64(binary.BigEndian.Uint32(body)) {
				return sum, errors.New("a frame is cut")
			}
			size := binary.BigEndian.Uint32(body)
			n, err := count(body[4 : 4+size])
			if err != nil {
				return sum, err
			}
			sum += n
			body = body[4+size:]
		}
		return sum, nil
	}
}
