// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package contrib

import (
	"bytes"
	"os"
	"testing"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/zipkin/zipkinv2"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// start is when the spans of the sample begin.
const start = pcommon.Timestamp(1767225600_000_000_000)

// convert runs bridge convert, which must read and write every span.
func convert(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := lab.BridgeCommand(t, append([]string{"convert"}, args...)...)
	var out, fault bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &fault
	if err := cmd.Run(); err != nil {
		t.Fatalf("bridge convert %v: %v\n%s", args, err, fault.String())
	}
	return out.Bytes()
}

// otlp is traces as the gateway reads them.
func otlp(t *testing.T, td ptrace.Traces) []byte {
	t.Helper()
	body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// readOTLP is what the Collector finds in OTLP.
func readOTLP(t *testing.T, body []byte) ptrace.Traces {
	t.Helper()
	td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(body)
	if err != nil {
		t.Fatal(err)
	}
	return td
}

// readZipkin is what the Collector's Zipkin receiver finds in a body; an error is
// its answer 400.
func readZipkin(body []byte) (ptrace.Traces, error) {
	return zipkinv2.NewJSONTracesUnmarshaler(false).UnmarshalTraces(body)
}

// readJaeger is what its Jaeger receiver finds in a PostSpansRequest.
func readJaeger(t *testing.T, body []byte) ptrace.Traces {
	t.Helper()
	var req api_v2.PostSpansRequest
	if err := req.Unmarshal(body); err != nil {
		t.Fatal(err)
	}
	td, err := jaeger.ProtoToTraces([]*model.Batch{&req.Batch})
	if err != nil {
		t.Fatal(err)
	}
	return td
}

// writeJaeger is a PostSpansRequest with the first of the batches that the
// Collector makes of traces.
func writeJaeger(t *testing.T, td ptrace.Traces) []byte {
	t.Helper()
	batches := jaeger.ProtoFromTraces(td)
	if len(batches) != 1 {
		t.Fatalf("%d batches", len(batches))
	}
	body, err := (&api_v2.PostSpansRequest{Batch: *batches[0]}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// newTraces are traces of one scope.
func newTraces(service string) (ptrace.Traces, ptrace.ScopeSpans) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	if service != "" {
		rs.Resource().Attributes().PutStr("service.name", service)
	}
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("lib")
	ss.Scope().SetVersion("1.2")
	return td, ss
}

// newSpan adds a span; all but the first are its children.
func newSpan(ss ptrace.ScopeSpans, name string) ptrace.Span {
	s := ss.Spans().AppendEmpty()
	s.SetName(name)
	s.SetTraceID(pcommon.TraceID{0: 1, 15: 1})
	s.SetSpanID(pcommon.SpanID{7: byte(ss.Spans().Len())})
	if ss.Spans().Len() > 1 {
		s.SetParentSpanID(pcommon.SpanID{7: 1})
	}
	s.SetStartTimestamp(start)
	s.SetEndTimestamp(start + 5000)
	return s
}

func newEvent(s ptrace.Span, name string) ptrace.SpanEvent {
	e := s.Events().AppendEmpty()
	e.SetName(name)
	e.SetTimestamp(start + pcommon.Timestamp(s.Events().Len())*1000)
	return e
}

func newLink(s ptrace.Span, id byte, state string) ptrace.SpanLink {
	l := s.Links().AppendEmpty()
	l.SetTraceID(pcommon.TraceID{15: 2})
	l.SetSpanID(pcommon.SpanID{7: id})
	l.TraceState().FromRaw(state)
	return l
}

// sample has what Zipkin has no field for. With pipes it has the separator of
// the translators' own texts wherever OpenTelemetry allows it.
func sample(pipes bool) ptrace.Traces {
	td, ss := newTraces("shop")
	s := newSpan(ss, "failed")
	s.SetKind(ptrace.SpanKindServer)
	s.Status().SetCode(ptrace.StatusCodeError)
	s.Status().SetMessage("out of stock")
	s.TraceState().FromRaw("vendor=a|b,other=x")
	s = newSpan(ss, "failed silently")
	s.SetKind(ptrace.SpanKindClient)
	s.Status().SetCode(ptrace.StatusCodeError)
	s.Attributes().PutStr("peer.service", "db")
	s = newSpan(ss, "good")
	s.SetKind(ptrace.SpanKindInternal)
	s.Status().SetCode(ptrace.StatusCodeOk)
	s = newSpan(ss, "links")
	l := newLink(s, 9, "k=v")
	l.Attributes().PutStr("why", "a|b <&>")
	l.Attributes().PutInt("n", 3)
	l.SetDroppedAttributesCount(2)
	newLink(s, 8, "")
	s = newSpan(ss, "events")
	newEvent(s, "plain")
	e := newEvent(s, "exception")
	e.Attributes().PutStr("exception.message", "<init> & a|b")
	e.Attributes().PutDouble("small", 1e-7)
	e.Attributes().PutDouble("big", 1234567.5)
	e.SetDroppedAttributesCount(3)
	if !pipes {
		return td
	}
	s = newSpan(ss, "pipes")
	newLink(s, 7, "k=v|{w")
	newEvent(s, "one|pipe")
	newEvent(s, "two|pipes|here")
	newEvent(s, "||")
	newEvent(s, "named|with|pipes").Attributes().PutStr("a", "b")
	return td
}
