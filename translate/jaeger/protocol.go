// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"net/http"
	"time"

	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// The names of the forms of bodies.
const (
	formatThrift = "jaeger.thrift" // a Batch
	formatAgent  = "jaeger.agent"  // a datagram that calls Agent.emitBatch
	formatProto  = "jaeger.proto"  // a PostSpansRequest
)

// The names of the ports.
const (
	portHTTP     = "jaeger-http"
	portGRPC     = "jaeger-grpc"
	portSampling = "jaeger-sampling"
)

const postSpans = "/jaeger.api_v2.CollectorService/PostSpans"

// waitHTTP is less than the five seconds of jaeger-client-go, which loses its spans
// after any answer and after none; the Java client has ten. The agent has no limit.
const (
	waitHTTP = 4 * time.Second
	waitGRPC = 8 * time.Second
)

// New is what the gateway needs to know of Jaeger. Clients that ask for a
// sampling strategy are answered from what strategies returns at that moment;
// without it, or when it returns nil, every service gets Jaeger's default.
// Paths, media types and answers are those of the v1 collector and agent, save
// for the status of a body that is too large (413; the collector has no limit)
// and of a gateway that is busy (503 instead of 500).
func New(strategies func() *Strategies) translate.Protocol {
	s := sampler{strategies}
	return translate.Protocol{
		Name: "jaeger",
		Formats: []translate.Format{
			{Name: formatThrift, Decode: decodeThrift},
			{Name: formatAgent, Decode: decodeAgent},
			{Name: formatProto, Decode: decodeProto},
		},
		Ports: []translate.Port{
			{Name: "jaeger-compact", Network: translate.UDP, Listen: "127.0.0.1:6831", About: "Jaeger agent, Thrift compact"},
			{Name: "jaeger-binary", Network: translate.UDP, Listen: "127.0.0.1:6832", About: "Jaeger agent, Thrift binary"},
			{Name: "jaeger-zipkin-compact", Network: translate.UDP, Listen: "127.0.0.1:5775", About: "Jaeger agent, Zipkin spans in Thrift compact"},
			{Name: portHTTP, Network: translate.HTTP, Listen: "127.0.0.1:14268", About: "Jaeger collector, Thrift over HTTP"},
			{Name: portGRPC, Network: translate.GRPC, Listen: "127.0.0.1:14250", About: "Jaeger collector, protobuf over gRPC"},
			{Name: portSampling, Network: translate.HTTP, Listen: "127.0.0.1:5778", About: "Jaeger remote sampling (1 trace in 1000 without sampling.strategies_file)"},
		},
		HTTP: []translate.HTTPRoute{
			{Port: portHTTP, Method: http.MethodPost, Path: "/api/traces", Format: thriftFormat, Answer: answer, Wait: waitHTTP},
			{Port: portHTTP, Method: http.MethodGet, Path: "/api/sampling", Respond: s.byName},
			{Port: portSampling, Method: http.MethodGet, Path: "/sampling", Respond: s.byName},
			{Port: portSampling, Method: http.MethodGet, Path: "/", Respond: s.byNumber},
			{Port: portSampling, Method: http.MethodGet, Path: "/baggageRestrictions", Respond: noRestrictions},
		},
		GRPC: []translate.GRPCRoute{
			{Port: portGRPC, Method: postSpans, Format: formatProto, Answer: answerGRPC, Wait: waitGRPC},
			{Port: portGRPC, Method: "/jaeger.api_v2.SamplingManager/GetSamplingStrategy", Respond: s.byGRPC},
		},
		UDP: []translate.UDPRoute{
			{Method: emitBatch, Format: formatAgent},
		},
		Targets: []translate.Target{{
			Kind: "jaeger", About: "Jaeger protobuf over gRPC (PostSpans)", Network: translate.GRPC,
			Methods: map[string]bool{postSpans: false}, UniqueIDs: true, New: NewProtoEncoder,
		}},
	}
}

// thriftFormat takes the two media types that the collector takes.
func thriftFormat(media string) string {
	switch media {
	case "application/x-thrift", "application/vnd.apache.thrift.binary":
		return formatThrift
	}
	return ""
}

// answer says 202 without a body, or what is wrong in the collector's words.
func answer(o translate.Outcome) translate.Reply {
	switch o.Verdict {
	case translate.Taken:
		return translate.Reply{Status: http.StatusAccepted}
	case translate.TooLarge:
		return plainText(http.StatusRequestEntityTooLarge, o.Err.Error())
	case translate.WrongMedia:
		switch {
		case thriftFormat(o.Media) != "": // it is the encoding
			return plainText(http.StatusBadRequest, o.Err.Error())
		case o.Media == "":
			return plainText(http.StatusBadRequest, "Cannot parse content type: mime: no media type")
		}
		return plainText(http.StatusBadRequest, "Unsupported content type: "+o.Media)
	case translate.Busy:
		return plainText(http.StatusServiceUnavailable, "Cannot submit Jaeger batch: "+o.Err.Error())
	default:
		return plainText(http.StatusBadRequest, "Unable to process request body: "+o.Err.Error())
	}
}

func plainText(status int, body string) translate.Reply {
	return translate.Reply{Status: status, Media: "text/plain; charset=utf-8", Body: []byte(body + "\n")}
}

// answerGRPC is an empty PostSpansResponse, or an error. A full collector says
// RESOURCE_EXHAUSTED, which the agent tries again (its retry interceptor does
// so for this code and for UNAVAILABLE alone); a message that will never fit
// must not be tried again, so it is an argument that is invalid.
func answerGRPC(o translate.Outcome) translate.GRPCReply {
	switch o.Verdict {
	case translate.Taken:
		return translate.GRPCReply{}
	case translate.Busy:
		return translate.GRPCReply{Code: translate.ResourceExhausted, Message: o.Err.Error()}
	default:
		return translate.GRPCReply{Code: translate.InvalidArgument, Message: o.Err.Error()}
	}
}

// sampler answers questions about sampling.
type sampler struct {
	strategies func() *Strategies
}

func (s sampler) strategy(service string) Strategy {
	if s.strategies == nil {
		return (*Strategies)(nil).For(service)
	}
	return s.strategies().For(service)
}

// byName names the type of the strategy: what the Go, Node and Python clients
// read.
func (s sampler) byName(q translate.Request) translate.Reply {
	service, bad := serviceOf(q)
	if bad != nil {
		return *bad
	}
	return jsonReply(s.strategy(service).AppendJSON(nil))
}

// byNumber is the agent's old form, in which the type is a number: the C++
// client reads no other. The Java client, which asks here as well, ignores the
// type.
func (s sampler) byNumber(q translate.Request) translate.Reply {
	service, bad := serviceOf(q)
	if bad != nil {
		return *bad
	}
	return jsonReply(s.strategy(service).AppendNumericJSON(nil))
}

// noRestrictions is the answer of an agent without rules for baggage.
func noRestrictions(q translate.Request) translate.Reply {
	if _, bad := serviceOf(q); bad != nil {
		return *bad
	}
	return jsonReply([]byte("[]"))
}

func jsonReply(body []byte) translate.Reply {
	return translate.Reply{Status: http.StatusOK, Media: "application/json", Body: body}
}

func serviceOf(q translate.Request) (string, *translate.Reply) {
	services := q.Query["service"]
	if len(services) != 1 {
		r := plainText(http.StatusBadRequest, "'service' parameter must be provided once")
		return "", &r
	}
	return services[0], nil
}

// byGRPC reads SamplingStrategyParameters, whose only field is the service.
func (s sampler) byGRPC(body []byte) translate.GRPCReply {
	var service string
	p := wire.ReadProto(body)
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		if field == 1 && typ == wire.TypeBytes {
			at, n := p.Bytes()
			service = string(body[at : at+n])
		} else {
			p.Skip(field, typ)
		}
	}
	if p.Err != nil {
		return translate.GRPCReply{Code: translate.InvalidArgument, Message: "jaeger sampling: " + p.Err.Error()}
	}
	return translate.GRPCReply{Body: s.strategy(service).AppendProto(nil)}
}
