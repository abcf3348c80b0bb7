// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"errors"
	"testing"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/spanbridge/spanbridge/translate"
)

func outcome(v translate.Verdict, media string, taken, refused int, err error) translate.Outcome {
	return translate.Outcome{Verdict: v, Media: media, Taken: taken, Refused: refused, Err: err}
}

var (
	errSpan = &translate.Malformed{Format: "otlp", Spans: 2, Faults: []translate.Fault{{Place: "span 1: \"é\xff", Found: "x"}}}
	errCut  = &translate.Malformed{Format: "otlp", Spans: 2, Cut: true, Faults: []translate.Fault{{Found: "the end of the body"}}}
	errFull = errors.New("the queue is full")
)

func TestAnswerHTTP(t *testing.T) {
	t.Parallel()
	f := func(o translate.Outcome, status int, media, body string) {
		t.Helper()
		r := answerHTTP(o)
		if r.Status != status || r.Media != media || string(r.Body) != body {
			t.Errorf("%+v: %d %s %q, want %d %s %q", o, r.Status, r.Media, r.Body, status, media, body)
		}
	}
	f(outcome(translate.Taken, mediaProto, 3, 0, nil), 200, mediaProto, "")
	f(outcome(translate.Taken, mediaJSON, 3, 0, nil), 200, mediaJSON, "{}")
	f(outcome(translate.BadBody, mediaProto, 3, 2, errSpan), 200, mediaProto, "\n\x1b\b\x02\x12\x17otlp: span 1: \"é\uFFFD: x")
	f(outcome(translate.BadBody, mediaJSON, 3, 2, errSpan), 200, mediaJSON,
		`{"partialSuccess":{"rejectedSpans":"2","errorMessage":"otlp: span 1: \"é`+"\uFFFD"+`: x"}}`)
	f(outcome(translate.BadBody, mediaJSON, 0, 2, errSpan), 400, mediaJSON, `{"code":3,"message":"otlp: span 1: \"é`+"\uFFFD"+`: x"}`)
	f(outcome(translate.BadBody, mediaJSON, 3, 2, errCut), 400, mediaJSON, `{"code":3,"message":"otlp: the end of the body"}`)
	f(outcome(translate.BadBody, mediaProto, 0, 0, errCut), 400, mediaProto, "\b\x03\x12\x19otlp: the end of the body")
	f(outcome(translate.TooLarge, mediaJSON, 0, 0, errFull), 413, mediaJSON, `{"code":8,"message":"the queue is full"}`)
	f(outcome(translate.Busy, mediaJSON, 0, 0, errFull), 503, mediaJSON, `{"code":14,"message":"the queue is full"}`)
	f(outcome(translate.WrongMedia, "text/plain", 0, 0, errors.New("text/plain")), 415, "text/plain; charset=utf-8",
		"text/plain: want application/x-protobuf or application/json\n")
	f(outcome(translate.WrongMedia, mediaJSON, 0, 0, errors.New("encoding br")), 415, mediaJSON, `{"code":3,"message":"encoding br"}`)
	f(outcome(translate.Busy, "", 0, 0, nil), 503, mediaProto, "\b\x0e")
}

func TestAnswerGRPC(t *testing.T) {
	t.Parallel()
	f := func(o translate.Outcome, code translate.Code, message, body string) {
		t.Helper()
		r := answerGRPC(o)
		if r.Code != code || r.Message != message || string(r.Body) != body {
			t.Errorf("%+v: %d %q %q, want %d %q %q", o, r.Code, r.Message, r.Body, code, message, body)
		}
	}
	f(outcome(translate.Taken, "", 3, 0, nil), translate.OK, "", "")
	f(outcome(translate.BadBody, "", 3, 2, errSpan), translate.OK, "", "\n\x1b\b\x02\x12\x17otlp: span 1: \"é\uFFFD: x")
	f(outcome(translate.BadBody, "", 0, 2, errSpan), translate.InvalidArgument, "otlp: span 1: \"é\uFFFD: x", "")
	f(outcome(translate.BadBody, "", 3, 2, errCut), translate.InvalidArgument, "otlp: the end of the body", "")
	f(outcome(translate.TooLarge, "", 0, 0, errFull), translate.ResourceExhausted, "the queue is full", "")
	f(outcome(translate.Busy, "", 0, 0, errFull), translate.Unavailable, "the queue is full", "")
}

// Failures are a google.rpc.Status, by its published type.
func TestStatusIsPublished(t *testing.T) {
	t.Parallel()
	want := &statuspb.Status{Code: 14, Message: errFull.Error()}
	for _, media := range []string{mediaProto, mediaJSON} {
		r := answerHTTP(outcome(translate.Busy, media, 0, 0, errFull))
		got := &statuspb.Status{}
		unmarshal := proto.Unmarshal
		if media == mediaJSON {
			unmarshal = protojson.Unmarshal
		}
		if err := unmarshal(r.Body, got); err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: %s, %v", media, prototext.Format(got), err)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	f := func(answer string, spans int, why string) {
		t.Helper()
		if n, text := Refused([]byte(answer)); n != spans || text != why {
			t.Errorf("%q: %d %q, want %d %q", answer, n, text, spans, why)
		}
	}
	f("", 0, "")
	f(string(appendPartial(nil, 300, "too old")), 300, "too old")
	f("\n\x00", 0, "")
	f("\n\x03\x12\x01w", 0, "w")                                                    // a warning
	f("\n\x0b\b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0, "")                    // -1
	f("\x10\x01\n\x02\b\x05", 5, "")                                                // an unknown field before
	f("\xff\xff", 0, "")                                                            // no protobuf
	f(string(answerHTTP(outcome(translate.BadBody, "", 1, 2, errCut)).Body), 0, "") // a Status
}

func TestOtherSignals(t *testing.T) {
	t.Parallel()
	const logs = "this gateway carries traces only: set OTEL_LOGS_EXPORTER=none, or OTEL_EXPORTER_OTLP_LOGS_ENDPOINT to a place that takes logs"
	found := 0
	for _, r := range Protocol.HTTP {
		if r.Path != "/v1/logs" {
			continue
		}
		found++
		if a := r.Respond(translate.Request{Body: []byte(" {\"resourceLogs\":[]}")}); a.Status != 404 || a.Media != mediaJSON ||
			string(a.Body) != `{"code":12,"message":"`+logs+`"}` {
			t.Errorf("%d %s %s", a.Status, a.Media, a.Body)
		}
		a := r.Respond(translate.Request{Body: []byte("\n\x00")})
		var s statuspb.Status
		if err := proto.Unmarshal(a.Body, &s); err != nil || a.Media != mediaProto || s.Message != logs {
			t.Errorf("%s %q, %v", a.Media, a.Body, err)
		}
	}
	for _, r := range Protocol.GRPC {
		if r.Method == "/opentelemetry.proto.collector.logs.v1.LogsService/Export" {
			found++
			if a := r.Respond(nil); a.Code != unimplemented || a.Message != logs {
				t.Errorf("%+v", a)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d routes for logs, want 2", found)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	f := func(media, want string) {
		t.Helper()
		if got := format(media); got != want {
			t.Errorf("%s: %q, want %q", media, got, want)
		}
	}
	f("application/x-protobuf", "otlp.proto")
	f("application/json", "otlp.json")
	f("text/plain", "")
	f("", "")
}
