// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"math/rand/v2"
)

// The encodings, by the protocol and the way that they are sent.
const (
	ZipkinJSON = "zipkin json" // by HTTP
	JaegerHTTP = "jaeger http" // Thrift binary
	JaegerGRPC = "jaeger grpc"
	JaegerUDP  = "jaeger udp" // Thrift compact
	SkyWalking = "skywalking" // by gRPC, a stream for each request
	OTLP       = "otlp"       // by gRPC
)

// Encodings are all of them.
var Encodings = []string{ZipkinJSON, JaegerHTTP, JaegerGRPC, JaegerUDP, SkyWalking, OTLP}

// New encodes a request. The seed decides about names and values.
func New(encoding string, o Options, seed uint64) (*Request, error) {
	if o.Spans < 1 {
		return nil, fmt.Errorf("traffic: %d spans in a request, want at least 1", o.Spans)
	}
	list := traces(o, rand.New(rand.NewPCG(seed, 1)))
	var messages []*Message
	var err error
	switch encoding {
	case ZipkinJSON:
		messages, err = one(zipkinJSON(list))
	case JaegerHTTP:
		messages, err = one(jaegerThrift(list))
	case JaegerGRPC:
		messages, err = one(jaegerProto(list))
	case JaegerUDP:
		messages, err = one(jaegerDatagram(list))
	case SkyWalking:
		messages, err = segments(list)
	case OTLP:
		messages, err = one(otlp(list))
	default:
		err = fmt.Errorf("traffic: encoding %q, want one of %q", encoding, Encodings)
	}
	if err != nil {
		return nil, err
	}
	r := &Request{Messages: messages}
	for _, m := range messages {
		r.Spans += m.Spans
	}
	return r, nil
}

func one(m *Message, err error) ([]*Message, error) { return []*Message{m}, err }
