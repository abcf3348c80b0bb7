// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/openzipkin/zipkin-go/proto/zipkin_proto3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

// The types that protobuf's generator made of zipkin.proto are the oracle for proto3.
// What the server makes of the fields (doc.go) is said here once more, over those
// types.

// showGenerated writes down the spans of a list that the server takes.
func showGenerated(list *zipkin_proto3.ListOfSpans) string {
	var out strings.Builder
	for _, s := range list.GetSpans() {
		if one, ok := showOne(s); ok {
			out.WriteString(one)
		}
	}
	return out.String()
}

func showOne(s *zipkin_proto3.Span) (string, bool) {
	number := func(p []byte) (v uint64) { return binary.BigEndian.Uint64(append(make([]byte, 8), p...)[len(p):]) }
	trace := append(make([]byte, 16), s.GetTraceId()...)
	trace = trace[len(trace)-16:]
	id, parent := s.GetId(), s.GetParentId()
	start, duration := int64(s.GetTimestamp()), int64(s.GetDuration())
	switch {
	case len(s.GetTraceId()) > 16 || bytes.Count(trace, []byte{0}) == 16, len(id) > 8 || number(id) == 0, len(parent) > 8,
		!inRange(start) || !inRange(duration), s.GetLocalEndpoint().GetPort() > 65535 || s.GetRemoteEndpoint().GetPort() > 65535:
		return "", false
	}
	p := number(parent)
	if p == number(id) {
		p = 0
	}
	kind, ok := map[zipkin_proto3.Span_Kind]span.Kind{
		zipkin_proto3.Span_CLIENT: span.KindClient, zipkin_proto3.Span_SERVER: span.KindServer,
		zipkin_proto3.Span_PRODUCER: span.KindProducer, zipkin_proto3.Span_CONSUMER: span.KindConsumer,
	}[s.GetKind()]
	if !ok && s.GetTags()[tagKind] == "internal" {
		kind = span.KindInternal
	}
	var out strings.Builder
	fmt.Fprintf(&out, "span %x %x %x %q kind %s start %d duration %d debug %v shared %v\n", trace, number(id), p, s.GetName(), kind,
		max(start, 0)*1000, max(duration, 0)*1000, s.GetDebug(), s.GetShared() && kind != span.KindClient)
	for _, e := range []*zipkin_proto3.Endpoint{s.GetLocalEndpoint(), s.GetRemoteEndpoint()} {
		service := e.GetServiceName()
		if e == s.GetLocalEndpoint() && strings.EqualFold(service, noServiceName) {
			service = ""
		}
		var ours span.Endpoint
		setIPBytes(&ours, e.GetIpv4())
		setIPBytes(&ours, e.GetIpv6())
		fmt.Fprintf(&out, " end %q %v %v %d\n", service, ours.IP4(), ours.IP6(), max(e.GetPort(), 0))
	}
	var annotations []event
	for _, a := range s.GetAnnotations() {
		if !inRange(int64(a.GetTimestamp())) {
			return "", false
		}
		if a.GetTimestamp() != 0 && a.GetValue() != "" {
			annotations = append(annotations, event{int64(a.GetTimestamp()) * 1000, a.GetValue()})
		}
	}
	showEvents(&out, annotations)
	tags := maps.Clone(s.GetTags())
	delete(tags, "")
	showTags(&out, tags)
	return out.String(), true
}

type event struct {
	at   int64
	text string
}

// showEvents writes annotations in the order of the server, each once.
func showEvents(out *strings.Builder, list []event) {
	slices.SortFunc(list, func(a, b event) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.text, b.text)) })
	for _, e := range slices.Compact(list) {
		fmt.Fprintf(out, " event %d %q\n", e.at, e.text)
	}
}

func showTags(out *strings.Builder, tags map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		fmt.Fprintf(out, " tag %q %q\n", key, tags[key])
	}
}

// showSpans writes down a batch in the same words.
func showSpans(b *span.Batch) string {
	var out strings.Builder
	for i := range b.Spans() {
		s := &b.Spans()[i]
		trace := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, s.Trace.Hi), s.Trace.Lo)
		fmt.Fprintf(&out, "span %x %x %x %q kind %s start %d duration %d debug %v shared %v\n", trace, uint64(s.ID), uint64(s.Parent), b.Str(s.Name), s.Kind,
			s.Start, s.Duration, s.Sampling&span.Debug != 0, s.Has&span.Shared != 0)
		for _, e := range []*span.Endpoint{&s.Local, &s.Remote} {
			fmt.Fprintf(&out, " end %q %v %v %d\n", b.Str(e.Service), e.IP4(), e.IP6(), e.Port)
		}
		var events []event
		for _, e := range b.Events(s.Events) {
			events = append(events, event{e.Time, b.Str(e.Name)})
		}
		showEvents(&out, events)
		tags := make(map[string]string)
		for _, a := range b.Attrs(s.Attrs) {
			tags[b.Str(a.Key)] = b.Str(a.Text())
		}
		showTags(&out, tags)
	}
	return out.String()
}

// rewritten is true for a body with texts that stand for something else: residues,
// and what OpenTelemetry's exporters write into annotations.
func rewritten(body []byte) bool {
	return bytes.Contains(body, []byte("bridge.x")) || bytes.Contains(body, []byte("|{"))
}

// repeatsProto is true if a field stands twice that the generated types would merge.
func repeatsProto(p []byte, many string, sub func(protowire.Number) (string, bool)) bool {
	seen := map[protowire.Number]bool{}
	for len(p) > 0 {
		n, typ, size := protowire.ConsumeField(p)
		if size < 0 {
			return false
		}
		if seen[n] && n <= 13 && !strings.Contains(many, fmt.Sprintf(" %d ", n)) {
			return true
		}
		seen[n] = true
		if inner, ok := sub(n); ok && typ == protowire.BytesType {
			_, _, head := protowire.ConsumeTag(p)
			content, _ := protowire.ConsumeBytes(p[head:size])
			if repeatsProto(content, inner, func(protowire.Number) (string, bool) { return "", false }) {
				return true
			}
		}
		p = p[size:]
	}
	return false
}

// repeatsInSpans is repeatsProto for each span of a list.
func repeatsInSpans(body []byte) bool {
	for len(body) > 0 {
		n, typ, size := protowire.ConsumeField(body)
		if size < 0 {
			return false
		}
		if n == 1 && typ == protowire.BytesType {
			_, _, head := protowire.ConsumeTag(body)
			content, _ := protowire.ConsumeBytes(body[head:size])
			if repeatsProto(content, " 10 11 ", func(n protowire.Number) (string, bool) { return "", n >= 8 && n <= 11 }) {
				return true
			}
		}
		body = body[size:]
	}
	return false
}

func compareGenerated(t *testing.T, body []byte) {
	t.Helper()
	if rewritten(body) || repeatsInSpans(body) {
		return
	}
	var list zipkin_proto3.ListOfSpans
	upstream := proto.Unmarshal(body, &list)
	b, err := decode(t, formatProto3, bytes.Clone(body))
	switch {
	case upstream == nil:
		if d := gocmp.Diff(showGenerated(&list), showSpans(b)); d != "" {
			t.Fatalf("%x\n%v: -generated +ours:\n%s", body, err, d)
		}
		items := spantest.Items(b)
		for _, name := range []string{"copied", "anew"} {
			var again zipkin_proto3.ListOfSpans
			out := AppendProto3(nil, items)
			if err := proto.Unmarshal(out, &again); err != nil {
				t.Fatalf("%x\n%s: %x\nthe generated types say %v", body, name, out, err)
			}
			if d := gocmp.Diff(showSpans(b), showGenerated(&again)); d != "" {
				t.Fatalf("%x\n%s: %x\n-ours +generated:\n%s", body, name, out, d)
			}
			for i := range items {
				items[i].Span().Has &^= span.Exact
			}
		}
		for _, words := range []string{"byte ", "left", "varint"} {
			if err != nil && strings.Contains(err.Error(), words) && strings.Contains(err.Error(), ", byte") {
				t.Fatalf("%x\n%v, which the generated types take", body, err)
			}
		}
	case err == nil && !strings.Contains(upstream.Error(), "UTF-8"):
		// Text that is not UTF-8 is mended, as the server does.
		t.Fatalf("%x\nis taken, the generated types say %v", body, upstream)
	}
}

// FuzzProto3AgainstGenerated holds reader and writer against the generated types: the
// same answer, and the same refusal but for text that is not UTF-8.
func FuzzProto3AgainstGenerated(f *testing.F) {
	for _, s := range samples(f) {
		if s.format == formatProto3 {
			f.Add(s.body)
		}
	}
	f.Add(three()[formatProto3])
	f.Add(AppendProto3(nil, spantest.Items(sound(f, formatV2JSON, benchBody()))[:2]))
	for _, s := range []string{
		ids8, ids16 + field(8, field(2, "\x01\x02\x03\x04")+varint(4, 1<<64-1)), ids16 + field(10, fixed(1, 1)+field(2, "a")) + field(11, field(1, "a")),
		ids16 + field(8, varint(4, 65536)), ids16 + varint(4, 1<<64-1) + fixed(6, 1<<63) + varint(7, 1<<64-1) + varint(12, 2) + varint(13, 1<<63),
		ids16 + field(11, field(1, "k")+field(2, strings.Repeat("v", 200))) + field(11, field(2, "v")+field(1, "k")) + field(11, field(2, "v")),
		ids16 + field(9, field(1, "a")+field(3, strings.Repeat("\x00", 12)+"\x01\x02\x03\x04")) + field(8, field(1, noServiceName)) + field(8, field(1, noServiceName)),
	} {
		f.Add([]byte(field(1, s) + field(1, s)))
	}
	f.Fuzz(compareGenerated)
}
