// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"net/http"

	"github.com/spanbridge/spanbridge/translate"
)

// method is an rpc of the collect protocol. All of them answer with a message
// whose empty form is no bytes: Commands, MeshProbeDownstream,
// EBPFAccessLogDownstream, EBPFReportProcessDownstream.
type method struct {
	service, name string
	stream        bool // the client streams
	// compat: old agents call it without a package too; these are the methods of
	// the protocol's *Compat.proto files.
	compat bool
	format string
	answer func(translate.Outcome) translate.GRPCReply
}

const (
	v3  = "skywalking.v3."
	v10 = "skywalking.v10."
)

// methods are all services of skywalking-data-collect-protocol (cf9cc443).
//
// The two methods collect of v10 stream both ways. Their replies are a status,
// of which the empty message is the success, so one at the end of the stream
// is a valid answer. An agent that waits for it before it sends on would wait
// until its deadline; but none calls them without a task, and tasks come only
// by the two methods get…TaskCommands, whose empty answer holds none.
var methods = []method{
	{v3 + "TraceSegmentReportService", "collect", true, true, formatSegments, answerSegments},
	{v3 + "TraceSegmentReportService", "collectInSync", false, true, formatSegments, answerSegments},
	{v3 + "ManagementService", "reportInstanceProperties", false, true, formatProperties, answerNotice},
	{v3 + "ManagementService", "keepAlive", false, true, formatPing, answerNotice},

	{v3 + "SpanAttachedEventReportService", "collect", true, false, "", nil},
	{v3 + "JVMMetricReportService", "collect", false, true, "", nil},
	{v3 + "CLRMetricReportService", "collect", false, true, "", nil},
	{v3 + "MeterReportService", "collect", true, true, "", nil},
	{v3 + "MeterReportService", "collectBatch", true, false, "", nil},
	{v3 + "LogReportService", "collect", true, false, "", nil},
	{v3 + "EventService", "collect", true, false, "", nil},
	{v3 + "ConfigurationDiscoveryService", "fetchConfigurations", false, false, "", nil},
	{v3 + "ProfileTask", "getProfileTaskCommands", false, true, "", nil},
	{v3 + "ProfileTask", "collectSnapshot", true, true, "", nil},
	{v3 + "ProfileTask", "goProfileReport", true, false, "", nil},
	{v3 + "ProfileTask", "reportTaskFinish", false, true, "", nil},
	{v10 + "AsyncProfilerTask", "collect", true, false, "", nil},
	{v10 + "AsyncProfilerTask", "getAsyncProfilerTaskCommands", false, false, "", nil},
	{v10 + "PprofTask", "collect", true, false, "", nil},
	{v10 + "PprofTask", "getPprofTaskCommands", false, false, "", nil},
	{v3 + "BrowserPerfService", "collectPerfData", false, true, "", nil},
	{v3 + "BrowserPerfService", "collectWebVitalsPerfData", false, false, "", nil},
	{v3 + "BrowserPerfService", "collectResourcePerfData", false, false, "", nil},
	{v3 + "BrowserPerfService", "collectWebInteractionsPerfData", false, false, "", nil},
	{v3 + "BrowserPerfService", "collectErrorLogs", true, true, "", nil},
	{v3 + "ServiceMeshMetricService", "collect", true, false, "", nil},
	{v3 + "EBPFProcessService", "reportProcesses", false, false, "", nil},
	{v3 + "EBPFProcessService", "keepAlive", false, false, "", nil},
	{v3 + "EBPFProfilingService", "queryTasks", false, false, "", nil},
	{v3 + "EBPFProfilingService", "collectProfilingData", true, false, "", nil},
	{v3 + "ContinuousProfilingService", "queryPolicies", false, false, "", nil},
	{v3 + "ContinuousProfilingService", "reportProfilingTask", false, false, "", nil},
	{v3 + "EBPFAccessLogService", "collect", true, false, "", nil},
}

func grpcRoutes() []translate.GRPCRoute {
	var routes []translate.GRPCRoute
	for _, m := range methods {
		r := translate.GRPCRoute{
			Port: grpcPort, Method: "/" + m.service + "/" + m.name,
			Stream: m.stream, Format: m.format, Answer: m.answer,
		}
		if m.format == formatSegments {
			r.Wait = wait
		}
		// go2sky asks this one without its token, every 20 seconds.
		r.Tokenless = m.name == "fetchConfigurations"
		if m.stream && m.format == formatSegments {
			r.Wrap = 1 // SegmentCollection.segments
		}
		routes = append(routes, r)
		if m.compat {
			r.Method = "/" + m.service[len(v3):] + "/" + m.name
			routes = append(routes, r)
		}
	}
	return routes
}

// counted are the paths of reports that carry no spans.
var counted = []string{
	"/v3/logs", "/v3/events",
	"/browser/perfData", "/browser/perfData/webVitals", "/browser/perfData/webInteractions", "/browser/perfData/resources",
	"/browser/errorLog", "/browser/errorLogs",
}

func httpRoutes() []translate.HTTPRoute {
	post := func(path, format string) translate.HTTPRoute {
		r := translate.HTTPRoute{
			Port: httpPort, Method: http.MethodPost, Path: path, Answer: answerHTTP,
			// Bodies are JSON whatever they are called.
			Format: func(string) string { return format },
		}
		if format == formatSegmentJSON || format == formatSegmentsJSON {
			r.Wait = wait
		}
		return r
	}
	routes := []translate.HTTPRoute{
		post("/v3/segment", formatSegmentJSON),
		post("/v3/segments", formatSegmentsJSON),
		post("/v3/management/reportProperties", formatPropertiesJSON),
		post("/v3/management/keepAlive", formatPingJSON),
		{Port: httpPort, Method: http.MethodGet, Path: "/healthcheck", Respond: healthy},
	}
	for _, path := range counted {
		routes = append(routes, translate.HTTPRoute{
			Port: httpPort, Method: http.MethodPost, Path: path,
			Respond: func(translate.Request) translate.Reply { return answerHTTP(translate.Outcome{}) },
		})
	}
	return routes
}

func healthy(translate.Request) translate.Reply {
	return translate.Reply{Status: http.StatusOK, Media: "text/plain; charset=utf-8", Body: []byte("200 OK")}
}

// armeria is the text of an error as ServerErrorHandler.renderStatus of Armeria
// writes it.
func armeria(status int, text string) []byte {
	return fmt.Appendf(nil, "Status: %d\nDescription: %s\nMessage: %s\n", status, http.StatusText(status), text)
}
