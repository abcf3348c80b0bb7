// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"
)

// What is written is what protojson reads as the same message, and what a
// Transcoder brings back.
func TestProtoNames(t *testing.T) {
	t.Parallel()
	both := []*ProtoNames{tracesTable.Names(false), tracesTable.Names(true)}
	rapid.Check(t, func(t *rapid.T) {
		want := &tracepb.TracesData{}
		drawMessage(t, want.ProtoReflect(), 0)
		in, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, names := range both {
			text, err := names.AppendJSON(nil, in)
			if err != nil {
				t.Fatalf("%x: %v", in, err)
			}
			got := &tracepb.TracesData{}
			if err := protojson.Unmarshal(text, got); err != nil || !proto.Equal(want, got) {
				t.Fatalf("%s: %v, %v, want %v", text, err, got, want)
			}
			back, tr, j := transcode(text, tracesTable)
			proto.Reset(got)
			if err := proto.Unmarshal(back, got); err != nil || j.Err != nil || tr.Bad != nil || !proto.Equal(want, got) {
				t.Fatalf("%s: %v %v %v, %v, want %v", text, err, j.Err, tr.Bad, got, want)
			}
		}
	})
}

func TestProtoNamesValues(t *testing.T) {
	t.Parallel()
	m := &ProtoMessage{}
	*m = ProtoMessage{
		"s": {Number: 1, Kind: ProtoString}, "h": {Number: 3, Kind: ProtoHex}, "i": {Number: 4, Kind: ProtoInt},
		"twoWords": {Number: 5, Kind: ProtoBool}, "e": {Number: 6, Kind: ProtoEnum, Enum: map[string]int32{"TWO": 2}},
		"d": {Number: 9, Kind: ProtoDouble}, "m": {Number: 10, Kind: ProtoSub, Message: m}, "l": {Number: 11, Kind: ProtoInt, Repeated: true},
		"at": {Number: 70, Kind: ProtoTime}, "took": {Number: 71, Kind: ProtoDuration},
	}
	m.AddSnakeCase()
	names := m.Names(false)
	f := func(in, want string) {
		t.Helper()
		got, err := names.AppendJSON(nil, []byte(in))
		text := string(got)
		if err != nil {
			text = err.Error()
		}
		if text != want {
			t.Errorf("%q: %s, want %s", in, text, want)
		}
	}
	f("", `{}`)
	f("\x0a\x00\x28\x01", `{"s":"","twoWords":true}`)
	f("\x0a\x01a\x0a\x01b", `{"s":"b"}`)
	f("\x1a\x02\x0a\xff", `{"h":"0aff"}`)
	f("\x58\x01\x20\x05\x58\x02", `{"i":5,"l":[1,2]}`)
	f("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", `{"i":-1}`)
	f("\x20\xff\xff\xff\xff\xff\xff\xff\xff\x7f", `{"i":"9223372036854775807"}`)
	f("\x30\x02\x52\x02\x30\x03", `{"e":"TWO","m":{"e":3}}`)
	f("\x7a\x01x\x20\x01", `{"i":1}`) // field 15 is unknown
	f("\x22\x01x\x20\x01", `{"i":1}`) // field 4 as bytes
	f("\x49\x00\x00\x00\x00\x00\x00\xf8\x7f", `{"d":"NaN"}`)
	f("\xb2\x04\x00\xba\x04\x00", `{"at":"1970-01-01T00:00:00Z","took":"0s"}`)
	f("\x0a\x05a", "byte 2: a length of 5, want at most the 1 bytes left")
	f("\x52\x02\x20\x80", "byte 3: a cut or overlong varint, want 1 to 10 bytes")
}

// Times and durations are what protojson makes of them, in both directions.
func TestProtoSeconds(t *testing.T) {
	t.Parallel()
	m := ProtoMessage{"at": {Number: 1, Kind: ProtoTime}, "took": {Number: 2, Kind: ProtoDuration}}
	names := m.Names(false)
	rapid.Check(t, func(t *rapid.T) {
		at := timestamppb.New(time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")))
		took := durationpb.New(time.Duration(rapid.Int64().Draw(t, "duration")))
		p1, _ := proto.Marshal(at)
		p2, _ := proto.Marshal(took)
		in := AppendStringAlways(AppendStringAlways(nil, 1, string(p1)), 2, string(p2))
		text, err := names.AppendJSON(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ At, Took json.RawMessage }
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		at2, took2 := &timestamppb.Timestamp{}, &durationpb.Duration{}
		if err := protojson.Unmarshal(got.At, at2); err != nil || !proto.Equal(at, at2) {
			t.Fatalf("%s: %v %v, want %v", text, err, at2, at)
		}
		if err := protojson.Unmarshal(got.Took, took2); err != nil || !proto.Equal(took, took2) {
			t.Fatalf("%s: %v %v, want %v", text, err, took2, took)
		}
		back, tr, j := transcode(text, &m)
		if string(back) != string(in) || tr.Bad != nil || j.Err != nil {
			t.Fatalf("%s: %x, want %x (%v, %v)", text, back, in, tr.Bad, j.Err)
		}
	})
	for _, bad := range []string{`{"at":1}`, `{"at":"noon"}`, `{"took":"1.5"}`, `{"took":"s"}`, `{"took":"1.0000000000s"}`, `{"took":"1.xs"}`, `{"took":"1h"}`} {
		if out, tr, j := transcode([]byte(bad), &m); tr.Bad == nil || j.Err != nil {
			t.Errorf("%s: %x %v", bad, out, j.Err)
		}
	}
}

func FuzzProtoNames(f *testing.F) {
	f.Add([]byte("\x0a\x10\x12\x0e\x12\x0c\x2a\x01n\x30\x02\x39\x01\x00\x00\x00\x00\x00\x00\x00"))
	names := tracesTable.Names(true)
	f.Fuzz(func(t *testing.T, in []byte) {
		text, err := names.AppendJSON(nil, in)
		if err == nil && !json.Valid(text) {
			t.Fatalf("%x: %s", in, text)
		}
	})
}

func BenchmarkProtoNames(b *testing.B) {
	one := &tracepb.Span{TraceId: make([]byte, 16), SpanId: make([]byte, 8), Name: "GET /", StartTimeUnixNano: 1, EndTimeUnixNano: 2}
	scope := &tracepb.ScopeSpans{}
	for range 1000 {
		scope.Spans = append(scope.Spans, one)
	}
	in, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{scope}}}})
	if err != nil {
		b.Fatal(err)
	}
	names := tracesTable.Names(true)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = names.AppendJSON(buf[:0], in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/span")
}
