// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

const visible = 2 * time.Minute // what was sent must be found within this

const (
	zipkinPath  = "/api/v2/spans"
	segmentPath = "/skywalking.v3.TraceSegmentReportService/collect"
)

func matches(want story.Story, got []story.Span, o story.Options) error {
	faults := story.Diff(want.Spans, got, o)
	if len(faults) == 0 {
		return nil
	}
	return errors.New(want.Client + ":\n  " + strings.Join(faults, "\n  "))
}

// awaitZipkin waits until the story is whole in posts of JSON or protobuf.
func awaitZipkin(t *testing.T, r *lab.Recorder, want story.Story) {
	t.Helper()
	r.Await(t, zipkinPath, func(bodies [][]byte) error {
		traces := map[string][]lab.ZipkinSpan{}
		for _, body := range bodies {
			spans, err := zipkinSpans(body)
			if err != nil {
				return err
			}
			for _, s := range spans {
				traces[s.TraceID] = append(traces[s.TraceID], s)
			}
		}
		var got []story.Span
		for _, spans := range traces {
			got = append(got, lab.ZipkinStory(spans)...)
		}
		// Some clients write names in lower case themselves.
		return matches(want, got, story.Options{FoldCase: true})
	})
}

func zipkinSpans(body []byte) ([]lab.ZipkinSpan, error) {
	if bytes.HasPrefix(body, []byte("[")) {
		var spans []lab.ZipkinSpan
		return spans, json.Unmarshal(body, &spans)
	}
	var list zipkin_proto3.ListOfSpans
	if err := proto.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	var spans []lab.ZipkinSpan
	for _, s := range list.GetSpans() {
		v := lab.ZipkinSpan{
			TraceID: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetId()), ParentID: parentID(s.GetParentId()),
			Name: s.GetName(), Shared: s.GetShared(), Tags: s.GetTags(),
			LocalEndpoint: *zipkinEndpoint(s.GetLocalEndpoint()),
		}
		if s.GetKind() != zipkin_proto3.Span_SPAN_KIND_UNSPECIFIED {
			v.Kind = s.GetKind().String()
		}
		if s.GetRemoteEndpoint() != nil {
			v.RemoteEndpoint = zipkinEndpoint(s.GetRemoteEndpoint())
		}
		for _, a := range s.GetAnnotations() {
			v.Annotations = append(v.Annotations, lab.ZipkinAnnotation{Value: a.GetValue()})
		}
		spans = append(spans, v)
	}
	return spans, nil
}

// parentID reads a parent of eight zero bytes, which zipkin-go writes for roots,
// as none.
func parentID(b []byte) string {
	if bytes.Equal(b, make([]byte, len(b))) {
		return ""
	}
	return hex.EncodeToString(b)
}

func zipkinEndpoint(e *zipkin_proto3.Endpoint) *lab.ZipkinEndpoint {
	v := &lab.ZipkinEndpoint{ServiceName: e.GetServiceName(), Port: int(e.GetPort())}
	if ip := e.GetIpv4(); len(ip) > 0 {
		v.IPv4 = net.IP(ip).String()
	}
	if ip := e.GetIpv6(); len(ip) > 0 {
		v.IPv6 = net.IP(ip).String()
	}
	return v
}

// awaitSegments waits until the story is whole in segments, sent by gRPC or as
// JSON to a path of HTTP.
func awaitSegments(t *testing.T, r *lab.Recorder, path string, want story.Story) {
	t.Helper()
	r.Await(t, path, func(bodies [][]byte) error {
		var got []lab.OAPSpan
		for _, body := range bodies {
			spans, err := segmentSpans(body)
			if err != nil {
				return err
			}
			got = append(got, spans...)
		}
		return matches(want, lab.OAPStory(got), story.Options{})
	})
}

func segmentSpans(body []byte) ([]lab.OAPSpan, error) {
	var segment agent.SegmentObject
	var err error
	if bytes.HasPrefix(body, []byte("{")) {
		err = protojson.Unmarshal(body, &segment)
	} else {
		err = proto.Unmarshal(body, &segment)
	}
	if err != nil {
		return nil, err
	}
	var spans []lab.OAPSpan
	for _, s := range segment.GetSpans() {
		v := lab.OAPSpan{
			TraceID: segment.GetTraceId(), SegmentID: segment.GetTraceSegmentId(), Service: segment.GetService(),
			Instance: segment.GetServiceInstance(), SpanID: int(s.GetSpanId()), ParentSpanID: int(s.GetParentSpanId()),
			Endpoint: s.GetOperationName(), Type: s.GetSpanType().String(), Layer: s.GetSpanLayer().String(),
			Peer: s.GetPeer(), IsError: s.GetIsError(),
		}
		for _, ref := range s.GetRefs() {
			v.Refs = append(v.Refs, lab.OAPRef{ParentSegmentID: ref.GetParentTraceSegmentId(), ParentSpanID: int(ref.GetParentSpanId())})
		}
		for _, tag := range s.GetTags() {
			v.Tags = append(v.Tags, lab.OAPKeyValue{Key: tag.GetKey(), Value: tag.GetValue()})
		}
		for _, l := range s.GetLogs() {
			var log lab.OAPLog
			for _, d := range l.GetData() {
				log.Data = append(log.Data, lab.OAPKeyValue{Key: d.GetKey(), Value: d.GetValue()})
			}
			v.Logs = append(v.Logs, log)
		}
		spans = append(spans, v)
	}
	return spans, nil
}

// namesIn is a weaker check, for forms that only a backend decodes here: the
// names of all spans and services are somewhere in the bytes.
func namesIn(want story.Story, bodies [][]byte) error {
	all := bytes.Join(bodies, nil)
	for _, s := range want.Spans {
		if !bytes.Contains(all, []byte(s.Name)) || !bytes.Contains(all, []byte(s.Service)) {
			return fmt.Errorf("%s: %q of %q is not in %d bytes", want.Client, s.Name, s.Service, len(all))
		}
	}
	return nil
}
