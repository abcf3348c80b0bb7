// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"net/http"
	"time"

	"github.com/spanbridge/spanbridge/translate"
)

// The names of the forms of bodies.
const (
	formatProto = "otlp.proto"
	formatJSON  = "otlp.json"
)

// Media types.
const (
	mediaProto = "application/x-protobuf"
	mediaJSON  = "application/json"
)

const (
	grpcPort = "otlp-grpc"
	httpPort = "otlp-http"
)

const (
	tracesPath   = "/v1/traces"
	exportMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
)

// wait leaves an SDK the time to try again: it has ten seconds for an answer, by
// gRPC for all tries together.
const wait = 4 * time.Second

// Protocol is what the gateway needs to know of OTLP.
var Protocol = translate.Protocol{
	Name: "otlp",
	Formats: []translate.Format{
		{Name: formatProto, Decode: decodeProto},
		{Name: formatJSON, Decode: decodeJSON},
	},
	Ports: []translate.Port{
		{Name: grpcPort, Network: translate.GRPC, Listen: "127.0.0.1:4317", About: "OpenTelemetry traces by gRPC"},
		{Name: httpPort, Network: translate.HTTP, Listen: "127.0.0.1:4318", About: "OpenTelemetry traces by HTTP (protobuf, JSON)"},
	},
	HTTP: []translate.HTTPRoute{
		{Port: httpPort, Method: http.MethodPost, Path: tracesPath, Format: format, Answer: answerHTTP, Wait: wait},
		{Port: httpPort, Method: http.MethodPost, Path: "/v1/metrics", Respond: refuseSignal("metrics")},
		{Port: httpPort, Method: http.MethodPost, Path: "/v1/logs", Respond: refuseSignal("logs")},
	},
	GRPC: []translate.GRPCRoute{
		{Port: grpcPort, Method: exportMethod, Format: formatProto, Answer: answerGRPC, Wait: wait},
		{
			Port: grpcPort, Method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
			Respond: refuseSignalGRPC("metrics"),
		},
		{
			Port: grpcPort, Method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
			Respond: refuseSignalGRPC("logs"),
		},
	},
	Targets: []translate.Target{
		{
			Kind: "otlp-grpc", About: "OTLP over gRPC", Network: translate.GRPC,
			Methods: map[string]bool{exportMethod: false}, UniqueIDs: true, New: NewEncoder, Refused: Refused,
		},
		{
			Kind: "otlp-http", About: "OTLP over HTTP, in protobuf", Network: translate.HTTP,
			Path: tracesPath, Media: mediaProto, UniqueIDs: true, New: NewEncoder, Refused: Refused,
		},
	},
}

func format(media string) string {
	switch media {
	case mediaProto:
		return formatProto
	case mediaJSON:
		return formatJSON
	}
	return ""
}
