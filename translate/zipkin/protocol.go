// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"net/http"
	"time"

	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// The names of the forms of bodies.
const (
	formatV2JSON   = "zipkin.v2.json"
	formatV1JSON   = "zipkin.v1.json"
	formatProto3   = "zipkin.proto3"
	formatV1Thrift = "zipkin.v1.thrift"
	formatAgent    = "zipkin.v1.agent"
)

const port = "zipkin"

// wait is less than the ten seconds that Brave's senders have under Spring Boot
// (its own is a minute). zipkin-go leaves after five and keeps its spans; aiozipkin
// waits five minutes.
const wait = 8 * time.Second

// breaks are zipkin-go, which sends Go's own User-Agent, and aiozipkin, which sends
// aiohttp's: "Python/3.11 aiohttp/3.9.5". Others lose their spans either way, and
// can read an answer at least.
var breaks = []string{"Go-http-client/", "Python/"}

// Protocol is what the gateway needs to know of Zipkin. Paths, media types and
// answers are those of the real server.
var Protocol = translate.Protocol{
	Name: "zipkin",
	Formats: []translate.Format{
		{Name: formatV2JSON, Decode: decodeV2JSON},
		{Name: formatV1JSON, Decode: decodeV1JSON},
		{Name: formatProto3, Decode: decodeProto3},
		{Name: formatV1Thrift, Decode: decodeV1Thrift},
		{Name: formatAgent, Decode: decodeAgent},
	},
	Ports: []translate.Port{
		{
			Name: port, Network: translate.HTTPAndGRPC, Listen: "127.0.0.1:9411",
			About:       "Zipkin v1 and v2 (JSON, proto3, Thrift, gRPC)",
			WrongMethod: http.StatusNotFound, CORS: true,
		},
	},
	HTTP: []translate.HTTPRoute{
		{Port: port, Method: http.MethodPost, Path: "/api/v2/spans", AnyEncoding: true, Format: v2Format, Answer: answer, Wait: wait, Breaks: breaks},
		{Port: port, Method: http.MethodPost, Path: "/api/v1/spans", AnyEncoding: true, Format: v1Format, Answer: answer, Wait: wait, Breaks: breaks},
	},
	GRPC: []translate.GRPCRoute{
		{Port: port, Method: "/zipkin.proto3.SpanService/Report", Format: formatProto3, Wait: wait},
	},
	UDP: []translate.UDPRoute{
		{Method: "emitZipkinBatch", Format: formatAgent},
	},
	Targets: []translate.Target{{
		Kind: "zipkin", About: "Zipkin v2 JSON over HTTP", Network: translate.HTTP,
		Path: "/api/v2/spans", Media: "application/json", New: NewJSONEncoder, Copies: copies,
		// The server (3.5.1) decompresses in blocks of 8 KiB and reads each as UTF-8 of
		// its own: a character on the border is broken.
		BeforeGzip: BeforeGzip,
	}},
}

// BeforeGzip appends JSON that a Zipkin server reads rightly from a compressed
// request.
func BeforeGzip(dst, json []byte) []byte { return wire.AppendASCII(dst, json) }

// The server decodes every media type that it does not know as JSON.
func v2Format(media string) string {
	if media == "application/x-protobuf" {
		return formatProto3
	}
	return formatV2JSON
}

func v1Format(media string) string {
	if media == "application/x-thrift" {
		return formatV1Thrift
	}
	return formatV1JSON
}

// answer says 202 without a body, or the fault as text.
func answer(o translate.Outcome) translate.Reply {
	if o.Verdict == translate.Taken {
		return translate.Reply{Status: http.StatusAccepted}
	}
	status := map[translate.Verdict]int{
		translate.BadBody:    http.StatusBadRequest,
		translate.TooLarge:   http.StatusRequestEntityTooLarge,
		translate.WrongMedia: http.StatusBadRequest,
		translate.Busy:       http.StatusServiceUnavailable,
	}[o.Verdict]
	return translate.Reply{Status: status, Media: "text/plain; charset=utf-8", Body: []byte(o.Err.Error() + "\n")}
}
