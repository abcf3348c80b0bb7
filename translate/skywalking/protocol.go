// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"net/http"
	"time"

	"github.com/spanbridge/spanbridge/translate"
)

// The names of the forms of bodies.
const (
	formatSegments       = "skywalking.segments" // SegmentCollection
	formatSegmentJSON    = "skywalking.segment.json"
	formatSegmentsJSON   = "skywalking.segments.json"
	formatProperties     = "skywalking.properties" // InstanceProperties
	formatPropertiesJSON = "skywalking.properties.json"
	formatPing           = "skywalking.ping" // InstancePingPkg
	formatPingJSON       = "skywalking.ping.json"
)

const (
	grpcPort = "skywalking-grpc"
	httpPort = "skywalking-http"
)

// The methods that carry what is translated.
const (
	methodCollect       = "/skywalking.v3.TraceSegmentReportService/collect"
	methodCollectInSync = "/skywalking.v3.TraceSegmentReportService/collectInSync"
	methodProperties    = "/skywalking.v3.ManagementService/reportInstanceProperties"
	methodKeepAlive     = "/skywalking.v3.ManagementService/keepAlive"
)

// collectionSegments is the field of a SegmentCollection, which collectInSync takes.
const collectionSegments = 1

// wait is less than the thirty seconds that the Java agent has for a report
// (collector.grpc_upstream_timeout). What agents lose they lose by an answer: while
// they wait their own queues take what comes. Go's and Python's wait for ever.
const wait = 20 * time.Second

// Protocol is what the gateway needs to know of SkyWalking. Methods, paths and
// answers are those of the OAP.
var Protocol = translate.Protocol{
	Name: "skywalking",
	Formats: []translate.Format{
		{Name: formatSegments, Decode: decodeSegments},
		{Name: formatSegmentJSON, Decode: decodeSegmentJSON},
		{Name: formatSegmentsJSON, Decode: decodeSegmentsJSON},
		{Name: formatProperties, Decode: decodeProperties},
		{Name: formatPropertiesJSON, Decode: decodePropertiesJSON},
		{Name: formatPing, Decode: decodePing},
		{Name: formatPingJSON, Decode: decodePingJSON},
		{Name: formatGo2skyLog, Decode: Go2skyLog{}.Decode},
	},
	Ports: []translate.Port{
		{Name: grpcPort, Network: translate.GRPC, Listen: "127.0.0.1:11800", About: "SkyWalking agents (gRPC)", Denied: translate.PermissionDenied},
		{Name: httpPort, Network: translate.HTTP, Listen: "127.0.0.1:12800", About: "SkyWalking agents (JSON over HTTP)"},
	},
	HTTP: httpRoutes(),
	GRPC: grpcRoutes(),
	Targets: []translate.Target{{
		Kind: "skywalking", About: "SkyWalking OAP over gRPC", Network: translate.GRPC,
		Methods:   map[string]bool{methodCollect: true, methodProperties: false, methodKeepAlive: false},
		Joined:    map[string]translate.Joined{methodCollect: {Method: methodCollectInSync, Field: collectionSegments}},
		Serves:    grpcPort,
		BareToken: true,
		UniqueIDs: true,
		Together:  true,
		New:       NewEncoder,
	}},
}

// answerSegments answers a report of segments. The OAP answers OK whatever
// became of single segments, and no agent would do anything about a refusal:
// the bad ones are counted. Busy is ABORTED, because the Java agent takes
// UNAVAILABLE and RESOURCE_EXHAUSTED for a broken network and stops sending
// everything (GRPCChannelManager.isNetworkError).
func answerSegments(o translate.Outcome) translate.GRPCReply {
	if o.Verdict == translate.BadBody {
		return translate.GRPCReply{}
	}
	return answerNotice(o)
}

// answerNotice answers a report of one message: it cannot be half bad.
func answerNotice(o translate.Outcome) translate.GRPCReply {
	switch o.Verdict {
	case translate.Taken:
		return translate.GRPCReply{}
	case translate.Busy:
		return translate.GRPCReply{Code: translate.Aborted, Message: message(o)}
	case translate.TooLarge:
		return translate.GRPCReply{Code: translate.ResourceExhausted, Message: message(o)}
	default:
		return translate.GRPCReply{Code: translate.InvalidArgument, Message: message(o)}
	}
}

func message(o translate.Outcome) string {
	if o.Err == nil {
		return o.Verdict.String()
	}
	return o.Err.Error()
}

var commands = []byte("{}") // an empty Commands

// answerHTTP answers with an empty Commands, or as Armeria (the OAP's server)
// renders an error.
func answerHTTP(o translate.Outcome) translate.Reply {
	status := http.StatusBadRequest
	switch o.Verdict {
	case translate.Taken:
		return translate.Reply{Status: http.StatusOK, Media: "application/json; charset=utf-8", Body: commands}
	case translate.TooLarge:
		status = http.StatusRequestEntityTooLarge
	case translate.WrongMedia:
		status = http.StatusUnsupportedMediaType
	case translate.Busy:
		status = http.StatusServiceUnavailable
	}
	return translate.Reply{Status: status, Media: "text/plain; charset=utf-8", Body: armeria(status, message(o))}
}
