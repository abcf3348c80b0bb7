// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/residue"
)

// The types that jaeger-idl's generator made of collector.proto and model.proto,
// with which Jaeger itself reads PostSpans, are the oracle for protobuf.

// form says of a message which fields may repeat, and which are messages.
type form struct {
	many string // a letter for each: 'a' is field 1
	sub  map[protowire.Number]*form
}

func letter(n protowire.Number) string { return string(rune('a' + n - 1)) }

var (
	anyTime     = &form{}
	anyTag      = &form{}
	anyProcess  = &form{many: letter(2), sub: map[protowire.Number]*form{2: anyTag}}
	anyLog      = &form{many: letter(2), sub: map[protowire.Number]*form{1: anyTime, 2: anyTag}}
	anySpan     = &form{many: letter(4) + letter(8) + letter(9) + letter(12), sub: map[protowire.Number]*form{4: anyTag, 6: anyTime, 7: anyTime, 8: anyTag, 9: anyLog, 10: anyProcess}}
	anyBatch    = &form{many: letter(1), sub: map[protowire.Number]*form{1: anySpan, 2: anyProcess}}
	anyPostSpan = &form{sub: map[protowire.Number]*form{1: anyBatch}}
)

// repeats is true if a field stands twice that the generated types would merge.
func repeats(p []byte, f *form) bool {
	seen := map[protowire.Number]bool{}
	for len(p) > 0 {
		n, typ, size := protowire.ConsumeField(p)
		if size < 0 {
			return false
		}
		if n <= 15 && seen[n] && !strings.Contains(f.many, letter(n)) {
			return true
		}
		seen[n] = true
		if sub := f.sub[n]; sub != nil && typ == protowire.BytesType {
			_, _, head := protowire.ConsumeTag(p)
			content, _ := protowire.ConsumeBytes(p[head:size])
			if repeats(content, sub) {
				return true
			}
		}
		p = p[size:]
	}
	return false
}

// showProto writes down what the generated types hold, in the words of show. Spans
// that the gateway refuses are left out. It is false where the type of a value is
// none, which leaves it to the order of fields (TestProtoValues).
func showProto(b *model.Batch) (string, bool) {
	var out strings.Builder
	sound := true
	tags := func(head string, list []model.KeyValue) {
		for i := range list {
			v := "?"
			switch kv := &list[i]; kv.VType {
			case model.StringType:
				v = fmt.Sprintf("string %q", valid(kv.VStr))
			case model.BoolType:
				v = fmt.Sprint("bool ", kv.VBool)
			case model.Int64Type:
				v = fmt.Sprint("int ", kv.VInt64)
			case model.Float64Type:
				v = fmt.Sprintf("float %x", math.Float64bits(kv.VFloat64))
			case model.BinaryType:
				v = fmt.Sprintf("bytes %x", kv.VBinary)
			default:
				sound = false
			}
			fmt.Fprintf(&out, "%s %q %s\n", head, valid(list[i].Key), v)
		}
	}
	for _, s := range b.Spans {
		if s.TraceID == (model.TraceID{}) || s.SpanID == 0 || beyond(s) {
			continue
		}
		fmt.Fprintf(&out, "span %x %x %x %q %d %d %d\n", s.TraceID.High, s.TraceID.Low, uint64(s.SpanID),
			valid(s.OperationName), uint32(s.Flags), nanos(s.StartTime), int64(s.Duration))
		for _, r := range s.References {
			if r.TraceID == (model.TraceID{}) || r.SpanID == 0 {
				continue
			}
			kind := span.FollowsFrom
			if r.RefType == model.ChildOf {
				kind = span.ChildOf
			}
			fmt.Fprintf(&out, " ref %d %x %x %x\n", kind, r.TraceID.High, r.TraceID.Low, uint64(r.SpanID))
		}
		isWarning := func(kv model.KeyValue) bool { return kv.VType == model.StringType && kv.Key == tagWarning }
		tags(" tag", slices.DeleteFunc(slices.Clone(s.Tags), isWarning))
		tags(" tag", slices.DeleteFunc(slices.Clone(s.Tags), func(kv model.KeyValue) bool { return !isWarning(kv) }))
		for _, text := range s.Warnings {
			tags(" tag", []model.KeyValue{model.String(tagWarning, text)})
		}
		for _, l := range s.Logs {
			name := "-"
			var fields []model.KeyValue
			for _, kv := range l.Fields {
				if name == "-" && kv.VType == model.StringType && kv.Key == tagEvent {
					name = fmt.Sprintf("%q", valid(kv.VStr))
					continue
				}
				fields = append(fields, kv)
			}
			fmt.Fprintf(&out, " log %d %s\n", nanos(l.Timestamp), name)
			tags("  field", fields)
		}
		process := s.Process
		if process == nil {
			process = b.Process
		}
		if process == nil {
			process = &model.Process{}
		}
		service := process.ServiceName
		if service == noServiceName {
			service = ""
		}
		fmt.Fprintf(&out, " process %q\n", valid(service))
		tags("  tag", process.Tags)
	}
	return out.String(), sound
}

// nanos is a time as the gateway has it: the time that Go programs never set is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()*1_000_000_000 + int64(t.Nanosecond())
}

// beyond is true for a span whose times 64-bit nanoseconds cannot say.
func beyond(s *model.Span) bool {
	far := func(t time.Time) bool { return !t.IsZero() && (t.Unix() > maxSeconds || t.Unix() < -maxSeconds) }
	sec := int64(s.Duration / time.Second)
	return far(s.StartTime) || sec > maxSeconds || sec < -maxSeconds ||
		slices.ContainsFunc(s.Logs, func(l model.Log) bool { return far(l.Timestamp) })
}

// laxer are the words of faults that the generated types find and the gateway does
// not: a known field of another wire type is stepped over, as protobuf has it, and
// a field that says nothing to the gateway, such as an enum's, is not looked into.
var laxer = []string{"wireType", "wiretype", "illegal tag", "length for"}

// stricterProto are the words of faults that the gateway finds, as protobuf has it,
// and the generated types do not: they count the ends of groups and do not look whose
// they are, take numbers of fields modulo 2^32 and varints modulo 2^64.
var stricterProto = []string{"group", "field number", "varint"}

// compareProto holds what is made of a body against what the generated types made.
func compareProto(t *testing.T, body []byte) {
	t.Helper()
	if bytes.Contains(body, []byte(residue.Key)) || repeats(body, anyPostSpan) {
		return
	}
	b, err := decodeProto(bytes.Clone(body), span.Origin{Format: formatProto})
	if err != nil && slices.ContainsFunc(stricterProto, func(words string) bool { return strings.Contains(err.Error(), words) }) {
		return
	}
	var upstream api_v2.PostSpansRequest
	switch bad := upstream.Unmarshal(body); {
	case bad == nil:
		want, sound := showProto(&upstream.Batch)
		if !sound {
			return
		}
		if d := cmp.Diff(want, show(b)); d != "" {
			t.Errorf("%x\n%v: -generated +ours:\n%s", body, err, d)
		}
		items := spantest.Items(b)
		for _, name := range []string{"copied", "anew"} {
			var again api_v2.PostSpansRequest
			out := encodeProto(items)
			if err := again.Unmarshal(out); err != nil {
				t.Fatalf("%x\n%s: %x\nthe generated types say %v", body, name, out, err)
			}
			got, _ := showProto(&again.Batch)
			if d := cmp.Diff(show(b), got); d != "" {
				t.Errorf("%x\n%s: -ours +generated:\n%s", body, name, d)
			}
			for i := range items {
				items[i].Span().Has &^= span.Exact
			}
		}
		// A fault is one of the gateway's own rules.
		if err != nil && !strings.Contains(err.Error(), "nothing or zeros") && !strings.Contains(err.Error(), "seconds up to") {
			t.Errorf("%x\n%v, which the generated types take", body, err)
		}
	case err == nil && !slices.ContainsFunc(laxer, func(words string) bool { return strings.Contains(bad.Error(), words) }):
		t.Errorf("%x\nis taken, the generated types say %v", body, bad)
	}
}

func TestProtoAgainstGenerated(t *testing.T) {
	t.Parallel()
	for _, body := range usualProtos(t) {
		compareProto(t, body)
		for cut := 0; cut < min(len(body), 2000); cut += 7 {
			compareProto(t, body[:cut])
		}
	}
	compareProto(t, sample(t, "otel-go/006-POST-jaeger_api_v2_CollectorService_PostSpans.msg0.pb"))
}

func FuzzProtoAgainstGenerated(f *testing.F) {
	f.Add(sample(f, "otel-go/006-POST-jaeger_api_v2_CollectorService_PostSpans.msg0.pb"))
	for _, b := range []*span.Batch{zipkinBatch(), otlpBatch(), skywalkingBatch()} {
		f.Add(encodeProto(spantest.Items(b)))
	}
	for _, body := range usualProtos(f) {
		f.Add(body)
	}
	f.Fuzz(compareProto)
}
