// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

const (
	zipkinArtifact = "io.zipkin:zipkin-server:3.5.1:jar:exec"
	// A start takes 6 s on an idle machine and was seen to take 24 s on a loaded one.
	startLimit = 3 * time.Minute
)

// Zipkin is a running Zipkin server with storage in memory.
type Zipkin struct {
	URL     string // http://127.0.0.1:PORT, for posts and queries
	Process *Process
}

// ZipkinSpan is a span as the query API shows it.
type ZipkinSpan struct {
	TraceID        string             `json:"traceId"`
	ID             string             `json:"id"`
	ParentID       string             `json:"parentId"`
	Kind           string             `json:"kind"`
	Name           string             `json:"name"`
	Timestamp      int64              `json:"timestamp"`
	Duration       int64              `json:"duration"`
	Shared         bool               `json:"shared"`
	Debug          bool               `json:"debug"`
	LocalEndpoint  ZipkinEndpoint     `json:"localEndpoint"`
	RemoteEndpoint *ZipkinEndpoint    `json:"remoteEndpoint"`
	Annotations    []ZipkinAnnotation `json:"annotations"`
	Tags           map[string]string  `json:"tags"`
}

// ZipkinEndpoint is one side of a span.
type ZipkinEndpoint struct {
	ServiceName string `json:"serviceName"`
	IPv4        string `json:"ipv4"`
	IPv6        string `json:"ipv6"`
	Port        int    `json:"port"`
}

// ZipkinAnnotation is an event with its time in microseconds.
type ZipkinAnnotation struct {
	Timestamp int64  `json:"timestamp"`
	Value     string `json:"value"`
}

// StartZipkin starts a Zipkin server and waits until it is healthy. Settings are
// environment variables such as "COLLECTOR_GRPC_ENABLED=true".
func StartZipkin(t testing.TB, settings ...string) *Zipkin {
	t.Helper()
	jar := Jar(t, zipkinArtifact)
	port := Port(t)
	// Armeria's own setting decides what is bound; QUERY_PORT alone would listen
	// on all addresses.
	cmd := JVM("256m",
		"-Darmeria.ports[0].address=127.0.0.1", fmt.Sprintf("-Darmeria.ports[0].port=%d", port), "-Darmeria.ports[0].protocols[0]=http",
		"-jar", jar)
	cmd.Env = append(os.Environ(), fmt.Sprintf("QUERY_PORT=%d", port))
	cmd.Env = append(cmd.Env, settings...)
	z := &Zipkin{URL: fmt.Sprintf("http://127.0.0.1:%d", port), Process: Start(t, "zipkin", cmd)}
	z.Process.Await(t, startLimit, "healthy", Answers(z.URL+"/health"))
	return z
}

// Services lists the service names, in lower case as Zipkin keeps them.
func (z *Zipkin) Services(ctx context.Context) ([]string, error) {
	var names []string
	return names, getJSON(ctx, z.URL+"/api/v2/services", &names)
}

// Trace returns the spans of a trace in no special order. A trace that is not
// there is an error.
func (z *Zipkin) Trace(ctx context.Context, id string) ([]ZipkinSpan, error) {
	var spans []ZipkinSpan
	return spans, getJSON(ctx, z.URL+"/api/v2/trace/"+url.PathEscape(id), &spans)
}

// Traces searches; the query has the parameters of GET /api/v2/traces.
func (z *Zipkin) Traces(ctx context.Context, query url.Values) ([][]ZipkinSpan, error) {
	var traces [][]ZipkinSpan
	return traces, getJSON(ctx, z.URL+"/api/v2/traces?"+query.Encode(), &traces)
}

// Dependencies lists the links between services of the last day as
// "parent→child", made from the spans in memory.
func (z *Zipkin) Dependencies(ctx context.Context) ([]string, error) {
	var links []struct{ Parent, Child string }
	query := url.Values{"endTs": {fmt.Sprint(time.Now().Add(time.Minute).UnixMilli())}, "lookback": {fmt.Sprint(24 * time.Hour.Milliseconds())}}
	if err := getJSON(ctx, z.URL+"/api/v2/dependencies?"+query.Encode(), &links); err != nil {
		return nil, err
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Parent+"→"+l.Child)
	}
	return names, nil
}

// Story asks for traces and returns their spans in the form that story.Diff
// compares.
func (z *Zipkin) Story(ctx context.Context, traces ...string) ([]story.Span, error) {
	var all []story.Span
	for _, id := range traces {
		spans, err := z.Trace(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, ZipkinStory(spans)...)
	}
	return all, nil
}

// ZipkinStory brings the spans of one trace into the form that story.Diff
// compares. Where the halves of a call share an id, children of the service that
// was called belong to the server half.
func ZipkinStory(spans []ZipkinSpan) []story.Span {
	key := func(s ZipkinSpan) string {
		if s.Shared {
			return s.TraceID + "/" + s.ID + "/shared"
		}
		return s.TraceID + "/" + s.ID
	}
	sharedBy := map[string]string{} // span id → service of the shared half
	present := map[string]bool{}
	for _, s := range spans {
		present[key(s)] = true
		if s.Shared {
			sharedBy[s.ID] = s.LocalEndpoint.ServiceName
		}
	}
	var out []story.Span
	for _, s := range spans {
		client := s.TraceID + "/" + s.ID
		parent := ""
		switch service, shared := sharedBy[s.ParentID]; {
		case s.Shared && present[client]:
			parent = client
		case s.ParentID == "":
		case shared && service == s.LocalEndpoint.ServiceName:
			parent = s.TraceID + "/" + s.ParentID + "/shared"
		default:
			parent = s.TraceID + "/" + s.ParentID
		}
		message, failed := s.Tags["error"]
		v := story.Span{
			Key: key(s), Parent: parent, Trace: s.TraceID, ID: s.ID, Shared: s.Shared,
			Service: s.LocalEndpoint.ServiceName, Name: s.Name, Kind: s.Kind,
			Failed: failed, Error: message, Tags: s.Tags,
		}
		for _, a := range s.Annotations {
			v.Events = append(v.Events, a.Value)
		}
		if r := s.RemoteEndpoint; r != nil {
			v.Remote = &story.Endpoint{Service: r.ServiceName, IP: r.IPv4 + r.IPv6, Port: r.Port}
		}
		out = append(out, v)
	}
	return out
}

func getJSON(ctx context.Context, url string, v any) error {
	body, err := get(ctx, url)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s: %w in %.200q", url, err, strings.TrimSpace(string(body)))
	}
	return nil
}
