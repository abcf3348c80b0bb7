// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Jaeger is a running Jaeger v2 with storage in memory. Addresses are HOST:PORT,
// URLs begin with http://.
type Jaeger struct {
	Query      string // URL of the query API and page
	OTLPGRPC   string // address
	OTLPHTTP   string // URL without path
	GRPC       string // address of jaeger.api_v2.CollectorService
	ThriftHTTP string // URL of POST /api/traces
	Compact    string // UDP address, thrift compact
	Binary     string // UDP address, thrift binary
	Zipkin     string // URL of POST /api/v2/spans
	Sampling   string // URL of GET /sampling
	Process    *Process
}

var jaegerConfig = template.Must(template.New("jaeger").Parse(`
service:
  extensions: [jaeger_storage, jaeger_query, remote_sampling, healthcheckv2]
  pipelines:
    traces: {receivers: [otlp, jaeger, zipkin], exporters: [jaeger_storage_exporter]}
  telemetry: {metrics: {level: none}}
extensions:
  jaeger_storage: {backends: {mem: {memory: {max_traces: 20000}}}}
  jaeger_query:
    storage: {traces: mem}
    http: {endpoint: "{{.query}}"}
    grpc: {endpoint: "{{.querygrpc}}"}
  remote_sampling:
    file: {default_sampling_probability: 1}
    http: {endpoint: "{{.sampling}}"}
    grpc: {endpoint: "{{.samplinggrpc}}"}
  healthcheckv2: {use_v2: true, http: {endpoint: "{{.health}}"}}
receivers:
  otlp: {protocols: {grpc: {endpoint: "{{.otlpgrpc}}"}, http: {endpoint: "{{.otlphttp}}"}}}
  jaeger:
    protocols:
      grpc: {endpoint: "{{.grpc}}"}
      thrift_http: {endpoint: "{{.thrifthttp}}"}
      thrift_binary: {endpoint: "{{.binary}}"}
      thrift_compact: {endpoint: "{{.compact}}"}
  zipkin: {endpoint: "{{.zipkin}}"}
exporters: {jaeger_storage_exporter: {trace_storage: mem}}
`))

// StartJaeger starts Jaeger and waits until it is healthy.
func StartJaeger(t testing.TB) *Jaeger {
	t.Helper()
	binary := jaegerBinary(t)
	at := map[string]string{}
	for _, name := range []string{"query", "querygrpc", "sampling", "samplinggrpc", "health", "otlpgrpc", "otlphttp", "grpc", "thrifthttp", "binary", "compact", "zipkin"} {
		at[name] = Addr(t)
	}
	config := filepath.Join(t.TempDir(), "jaeger.yaml")
	var text strings.Builder
	if err := jaegerConfig.Execute(&text, at); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "--config", config)
	// It traces its own queries and would report them to the default port of OTLP,
	// where a stranger may listen.
	cmd.Env = append(os.Environ(), "OTEL_TRACES_SAMPLER=always_off")
	j := &Jaeger{
		Query: "http://" + at["query"], OTLPGRPC: at["otlpgrpc"], OTLPHTTP: "http://" + at["otlphttp"],
		GRPC: at["grpc"], ThriftHTTP: "http://" + at["thrifthttp"] + "/api/traces",
		Compact: at["compact"], Binary: at["binary"],
		Zipkin: "http://" + at["zipkin"] + "/api/v2/spans", Sampling: "http://" + at["sampling"] + "/sampling",
		Process: Start(t, "jaeger", cmd),
	}
	j.Process.Await(t, startLimit, "healthy", Answers("http://"+at["health"]+"/status"))
	j.Process.Await(t, startLimit, "answering queries", func(ctx context.Context) error {
		_, err := j.Services(ctx)
		return err
	})
	return j
}

// JaegerTrace is a trace as the query API shows it.
type JaegerTrace struct {
	TraceID   string                   `json:"traceID"`
	Spans     []JaegerSpan             `json:"spans"`
	Processes map[string]JaegerProcess `json:"processes"`
}

// JaegerSpan is one span of a JaegerTrace.
type JaegerSpan struct {
	TraceID       string            `json:"traceID"`
	SpanID        string            `json:"spanID"`
	OperationName string            `json:"operationName"`
	References    []JaegerReference `json:"references"`
	StartTime     int64             `json:"startTime"`
	Duration      int64             `json:"duration"`
	Tags          []JaegerTag       `json:"tags"`
	Logs          []JaegerLog       `json:"logs"`
	ProcessID     string            `json:"processID"`
	Warnings      []string          `json:"warnings"`
}

// JaegerReference is CHILD_OF or FOLLOWS_FROM another span.
type JaegerReference struct {
	RefType string `json:"refType"`
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
}

// JaegerTag has a string, bool or number as its value.
type JaegerTag struct {
	Key   string `json:"key"`
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// JaegerLog is an event of a span.
type JaegerLog struct {
	Timestamp int64       `json:"timestamp"`
	Fields    []JaegerTag `json:"fields"`
}

// JaegerProcess is who reported a span.
type JaegerProcess struct {
	ServiceName string      `json:"serviceName"`
	Tags        []JaegerTag `json:"tags"`
}

// Services lists the service names.
func (j *Jaeger) Services(ctx context.Context) ([]string, error) {
	var answer struct{ Data []string }
	return answer.Data, getJSON(ctx, j.Query+"/api/services", &answer)
}

// Trace returns a trace by id. A trace that is not there is an error.
func (j *Jaeger) Trace(ctx context.Context, id string) (JaegerTrace, error) {
	var answer struct{ Data []JaegerTrace }
	if err := getJSON(ctx, j.Query+"/api/traces/"+url.PathEscape(id), &answer); err != nil {
		return JaegerTrace{}, err
	}
	if len(answer.Data) != 1 {
		return JaegerTrace{}, fmt.Errorf("trace %s: %d traces, want 1", id, len(answer.Data))
	}
	return answer.Data[0], nil
}

// Traces returns the last traces that a service took part in.
func (j *Jaeger) Traces(ctx context.Context, service string) ([]JaegerTrace, error) {
	var answer struct{ Data []JaegerTrace }
	query := url.Values{"service": {service}, "limit": {"1000"}, "lookback": {"1h"}}
	return answer.Data, getJSON(ctx, j.Query+"/api/traces?"+query.Encode(), &answer)
}

// Story asks for traces and returns their spans in the form that story.Diff
// compares.
func (j *Jaeger) Story(ctx context.Context, traces ...string) ([]story.Span, error) {
	var all []story.Span
	for _, id := range traces {
		trace, err := j.Trace(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, JaegerStory(trace)...)
	}
	return all, nil
}

// JaegerStory brings a trace into the form that story.Diff compares. The parent
// is the first CHILD_OF reference into the trace; all others are links.
func JaegerStory(trace JaegerTrace) []story.Span {
	var out []story.Span
	for _, s := range trace.Spans {
		v := story.Span{
			Key: s.TraceID + "/" + s.SpanID, Trace: s.TraceID, ID: s.SpanID,
			Service: trace.Processes[s.ProcessID].ServiceName, Name: s.OperationName,
			Tags: jaegerTags(trace.Processes[s.ProcessID].Tags),
		}
		for _, r := range s.References {
			to := r.TraceID + "/" + r.SpanID
			if v.Parent == "" && r.RefType == "CHILD_OF" && r.TraceID == s.TraceID {
				v.Parent = to
			} else {
				v.Links = append(v.Links, to)
			}
		}
		maps.Copy(v.Tags, jaegerTags(s.Tags))
		// OpenTelemetry's internal spans are local ones.
		if kind := v.Tags["span.kind"]; kind != "internal" {
			v.Kind = strings.ToUpper(kind)
		}
		v.Failed = v.Tags["error"] == "true"
		v.Error = v.Tags["otel.status_description"]
		for _, l := range s.Logs {
			fields := jaegerTags(l.Fields)
			v.Events = append(v.Events, fields["event"])
			if m := fields["message"]; v.Error == "" && fields["event"] == "error" {
				v.Error = m
			}
		}
		out = append(out, v)
	}
	return out
}

func jaegerTags(list []JaegerTag) map[string]string {
	tags := map[string]string{}
	for _, t := range list {
		tags[t.Key] = fmt.Sprint(t.Value)
	}
	return tags
}
