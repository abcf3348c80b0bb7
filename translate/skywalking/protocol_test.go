// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	configurationv3 "skywalking.apache.org/repo/goapi/collect/agent/configuration/v3"
	commonv3 "skywalking.apache.org/repo/goapi/collect/common/v3"
	accesslogv3 "skywalking.apache.org/repo/goapi/collect/ebpf/accesslog/v3"
	processv3 "skywalking.apache.org/repo/goapi/collect/ebpf/profiling/process/v3"
	ebpfv3 "skywalking.apache.org/repo/goapi/collect/ebpf/profiling/v3"
	eventv3 "skywalking.apache.org/repo/goapi/collect/event/v3"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	agentcompat "skywalking.apache.org/repo/goapi/collect/language/agent/v3/compat"
	asyncv10 "skywalking.apache.org/repo/goapi/collect/language/asyncprofiler/v10"
	profilev3 "skywalking.apache.org/repo/goapi/collect/language/profile/v3"
	profilecompat "skywalking.apache.org/repo/goapi/collect/language/profile/v3/compat"
	logv3 "skywalking.apache.org/repo/goapi/collect/logging/v3"
	managementv3 "skywalking.apache.org/repo/goapi/collect/management/v3"
	managementcompat "skywalking.apache.org/repo/goapi/collect/management/v3/compat"
	meshv3 "skywalking.apache.org/repo/goapi/collect/servicemesh/v3"

	"github.com/spanbridge/spanbridge/translate"
)

// upstreamServices are the services of the published types, which are older
// than the protocol: they lack pprof and a few methods.
var upstreamServices = []grpc.ServiceDesc{
	agentv3.TraceSegmentReportService_ServiceDesc, agentv3.SpanAttachedEventReportService_ServiceDesc,
	agentv3.BrowserPerfService_ServiceDesc, agentv3.MeterReportService_ServiceDesc,
	agentv3.JVMMetricReportService_ServiceDesc, agentv3.CLRMetricReportService_ServiceDesc,
	agentcompat.TraceSegmentReportService_ServiceDesc, agentcompat.BrowserPerfService_ServiceDesc, agentcompat.MeterReportService_ServiceDesc,
	agentcompat.JVMMetricReportService_ServiceDesc, agentcompat.CLRMetricReportService_ServiceDesc,
	managementv3.ManagementService_ServiceDesc, managementcompat.ManagementService_ServiceDesc,
	profilev3.ProfileTask_ServiceDesc, profilecompat.ProfileTask_ServiceDesc, asyncv10.AsyncProfilerTask_ServiceDesc,
	eventv3.EventService_ServiceDesc, logv3.LogReportService_ServiceDesc, configurationv3.ConfigurationDiscoveryService_ServiceDesc,
	meshv3.ServiceMeshMetricService_ServiceDesc,
	processv3.EBPFProcessService_ServiceDesc, ebpfv3.EBPFProfilingService_ServiceDesc, ebpfv3.ContinuousProfilingService_ServiceDesc,
	accesslogv3.EBPFAccessLogService_ServiceDesc,
}

func routes() map[string]translate.GRPCRoute {
	m := make(map[string]translate.GRPCRoute)
	for _, r := range Protocol.GRPC {
		m[r.Method] = r
	}
	return m
}

// W4: every method of the protocol is served, with the shape it has upstream.
func TestW4EveryMethod(t *testing.T) {
	t.Parallel()
	served := routes()
	if len(served) != len(Protocol.GRPC) {
		t.Errorf("%d methods in %d routes", len(served), len(Protocol.GRPC))
	}
	f := func(method string, stream bool) {
		t.Helper()
		if r, ok := served[method]; !ok || r.Stream != stream || r.Port != grpcPort {
			t.Errorf("%s: served %v, stream %v, want %v", method, ok, r.Stream, stream)
		}
	}
	for _, d := range upstreamServices {
		for _, m := range d.Methods {
			f("/"+d.ServiceName+"/"+m.MethodName, false)
		}
		for _, m := range d.Streams {
			f("/"+d.ServiceName+"/"+m.StreamName, m.ClientStreams)
		}
	}
	f("/skywalking.v10.PprofTask/collect", true)
	f("/skywalking.v10.PprofTask/getPprofTaskCommands", false)
	f("/skywalking.v3.ProfileTask/goProfileReport", true)
	f("/skywalking.v3.BrowserPerfService/collectWebVitalsPerfData", false)
	f("/skywalking.v3.BrowserPerfService/collectResourcePerfData", false)
	f("/skywalking.v3.BrowserPerfService/collectWebInteractionsPerfData", false)
	// The empty answer is a valid one for every reply.
	for _, reply := range []proto.Message{
		&commonv3.Commands{}, &meshv3.MeshProbeDownstream{}, &accesslogv3.EBPFAccessLogDownstream{},
		&processv3.EBPFReportProcessDownstream{}, &asyncv10.AsyncProfilerCollectionResponse{},
	} {
		if err := proto.Unmarshal(nil, reply); err != nil {
			t.Error(err)
		}
	}
}

// W1, W2: reports come with and without the package, streams joined under the
// field of SegmentCollection.
func TestW2TraceRoutes(t *testing.T) {
	t.Parallel()
	served := routes()
	f := func(method, format string, wrap int) {
		t.Helper()
		for _, pkg := range []string{"/skywalking.v3.", "/"} {
			if r := served[pkg+method]; r.Format != format || r.Wrap != wrap || r.Answer == nil {
				t.Errorf("%s%s: %+v", pkg, method, r)
			}
		}
	}
	f("TraceSegmentReportService/collect", formatSegments, 1)
	f("TraceSegmentReportService/collectInSync", formatSegments, 0)
	f("ManagementService/reportInstanceProperties", formatProperties, 0)
	f("ManagementService/keepAlive", formatPing, 0)
	for _, r := range served {
		if r.Format == "" && (r.Answer != nil || r.Respond != nil || r.Wrap != 0) {
			t.Errorf("%s: %+v", r.Method, r)
		}
	}
}

// W12: a client that may try again is told so by a code that it survives.
func TestW12Answers(t *testing.T) {
	t.Parallel()
	served := routes()
	fault := errors.New("why")
	f := func(method string, v translate.Verdict, want translate.Code) {
		t.Helper()
		got := served[method].Answer(translate.Outcome{Verdict: v, Err: fault})
		if got.Code != want || len(got.Body) != 0 || (got.Message == "why") != (want != translate.OK) {
			t.Errorf("%s %v: %+v", method, v, got)
		}
	}
	for _, method := range []string{methodCollect, "/TraceSegmentReportService/collectInSync"} {
		f(method, translate.Taken, translate.OK)
		f(method, translate.BadBody, translate.OK)
		f(method, translate.Busy, translate.Aborted)
		f(method, translate.TooLarge, translate.ResourceExhausted)
	}
	f(methodKeepAlive, translate.Taken, translate.OK)
	f(methodKeepAlive, translate.Busy, translate.Aborted)
	f(methodProperties, translate.BadBody, translate.InvalidArgument)
	if got := answerSegments(translate.Outcome{Verdict: translate.Busy}); got.Message != "busy" {
		t.Errorf("got %+v", got)
	}
}

func TestHTTPRoutes(t *testing.T) {
	t.Parallel()
	formats := map[string]string{
		"/v3/segment": formatSegmentJSON, "/v3/segments": formatSegmentsJSON,
		"/v3/management/reportProperties": formatPropertiesJSON, "/v3/management/keepAlive": formatPingJSON,
	}
	seen := 0
	for _, r := range Protocol.HTTP {
		if r.Port != httpPort || r.AnyEncoding {
			t.Errorf("%s: %+v", r.Path, r)
		}
		if want, ok := formats[r.Path]; ok {
			seen++
			if got := r.Format("application/json"); got != want || r.Method != http.MethodPost {
				t.Errorf("%s %s: %s, want %s", r.Method, r.Path, got, want)
			}
			continue
		}
		if got := r.Respond(translate.Request{}); got.Status != http.StatusOK || r.Path != "/healthcheck" && string(got.Body) != "{}" {
			t.Errorf("%s: %+v", r.Path, got)
		}
	}
	if seen != len(formats) || len(Protocol.HTTP) != seen+1+len(counted) {
		t.Errorf("%d routes with formats of %d", seen, len(Protocol.HTTP))
	}
	f := func(v translate.Verdict, status int, body string) {
		t.Helper()
		got := answerHTTP(translate.Outcome{Verdict: v, Err: errors.New("why")})
		if got.Status != status || string(got.Body) != body || (status == 200) != strings.HasPrefix(got.Media, "application/json") {
			t.Errorf("%v: %+v %s", v, got, got.Body)
		}
	}
	f(translate.Taken, 200, "{}")
	f(translate.BadBody, 400, "Status: 400\nDescription: Bad Request\nMessage: why\n")
	f(translate.TooLarge, 413, "Status: 413\nDescription: Request Entity Too Large\nMessage: why\n")
	f(translate.WrongMedia, 415, "Status: 415\nDescription: Unsupported Media Type\nMessage: why\n")
	f(translate.Busy, 503, "Status: 503\nDescription: Service Unavailable\nMessage: why\n")
}

func TestFormatsAreNamed(t *testing.T) {
	t.Parallel()
	formats := make(map[string]bool)
	for _, f := range Protocol.Formats {
		if f.Decode == nil || formats[f.Name] {
			t.Errorf("format %s", f.Name)
		}
		formats[f.Name] = true
	}
	for _, r := range Protocol.GRPC {
		if r.Format != "" && !formats[r.Format] {
			t.Errorf("%s: no format %s", r.Method, r.Format)
		}
	}
	target := Protocol.Targets[0]
	if !target.UniqueIDs || target.New == nil {
		t.Errorf("target %+v", target)
	}
	for _, m := range []string{methodCollect, methodProperties, methodKeepAlive} {
		if r := routes()[m]; target.Methods[m] != r.Stream {
			t.Errorf("%s: stream %v", m, target.Methods[m])
		}
	}
}
