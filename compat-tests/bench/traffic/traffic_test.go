// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"
	"github.com/openzipkin/zipkin-go/model"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
	segment "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
)

// read is what a test looks at in a span.
type read struct {
	trace, id, parent uint64 // without the upper half of the trace's
	start             time.Time
	tags              int
	shared            bool
}

// decode reads a request by the official library of its protocol.
func decode(t *testing.T, encoding string, r *Request) (all []read) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range r.Messages {
		switch encoding {
		case ZipkinJSON:
			var spans []model.SpanModel
			must(json.Unmarshal(m.Body, &spans))
			for _, s := range spans {
				one := read{trace: s.TraceID.Low, id: uint64(s.ID), start: s.Timestamp, tags: len(s.Tags), shared: s.Shared}
				if s.ParentID != nil {
					one.parent = uint64(*s.ParentID)
				}
				all = append(all, one)
			}
		case JaegerHTTP, JaegerUDP:
			buffer := thrift.NewTMemoryBuffer()
			buffer.Write(m.Body)
			batch := jaeger.NewBatch()
			if encoding == JaegerHTTP {
				must(batch.Read(t.Context(), thrift.NewTBinaryProtocolConf(buffer, nil)))
			} else {
				p := thrift.NewTCompactProtocolConf(buffer, nil)
				name, _, _, err := p.ReadMessageBegin(t.Context())
				must(err)
				if name != "emitBatch" {
					t.Fatalf("the datagram calls %q", name)
				}
				var call agent.AgentEmitBatchArgs
				must(call.Read(t.Context(), p))
				batch = call.Batch
			}
			for _, s := range batch.Spans {
				all = append(all, read{
					trace: uint64(s.TraceIdLow), id: uint64(s.SpanId), parent: uint64(s.ParentSpanId),
					start: time.UnixMicro(s.StartTime), tags: len(s.Tags),
				})
			}
		case JaegerGRPC:
			var request api_v2.PostSpansRequest
			must(request.Unmarshal(m.Body))
			for _, s := range request.Batch.Spans {
				one := read{trace: s.TraceID.Low, id: uint64(s.SpanID), start: s.StartTime, tags: len(s.Tags)}
				if len(s.References) > 0 {
					one.parent = uint64(s.References[0].SpanID)
				}
				all = append(all, one)
			}
		case SkyWalking:
			var object segment.SegmentObject
			must(proto.Unmarshal(m.Body, &object))
			number := func(name string) uint64 {
				v, err := strconv.ParseUint(name[:16], 16, 64)
				must(err)
				return v
			}
			for _, s := range object.GetSpans() {
				one := read{trace: number(object.GetTraceId()), id: number(object.GetTraceSegmentId()), start: time.UnixMilli(s.GetStartTime()), tags: len(s.GetTags())}
				if refs := s.GetRefs(); len(refs) > 0 {
					one.parent = number(refs[0].GetParentTraceSegmentId())
				}
				all = append(all, one)
			}
		case OTLP:
			var request collector.ExportTraceServiceRequest
			must(proto.Unmarshal(m.Body, &request))
			for _, rs := range request.GetResourceSpans() {
				for _, s := range rs.GetScopeSpans()[0].GetSpans() {
					one := read{
						trace: binary.BigEndian.Uint64(s.GetTraceId()[8:]), id: binary.BigEndian.Uint64(s.GetSpanId()),
						start: time.Unix(0, int64(s.GetStartTimeUnixNano())), tags: len(s.GetAttributes()),
					}
					if len(s.GetParentSpanId()) > 0 {
						one.parent = binary.BigEndian.Uint64(s.GetParentSpanId())
					}
					all = append(all, one)
				}
			}
		}
	}
	return all
}

// A request that was made fresh has as many spans as before, each with new ids
// and of now; parents are those of the request, and nothing else has changed.
func TestFresh(t *testing.T) {
	for _, encoding := range Encodings {
		t.Run(strings.ReplaceAll(encoding, " ", "-"), func(t *testing.T) {
			r, err := New(encoding, Options{Spans: 100}, 7)
			if err != nil {
				t.Fatal(err)
			}
			if r.Spans != 100 || encoding == SkyWalking && len(r.Messages) != 40 {
				t.Fatalf("%d spans in %d messages", r.Spans, len(r.Messages))
			}
			before := decode(t, encoding, r)
			other := r.Clone()
			nonce, now := Nonce(12345), time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.UTC)
			other.Fresh(nonce, now)
			after := decode(t, encoding, other)
			if len(before) != 100 || len(after) != 100 {
				t.Fatalf("%d and %d spans are read, want 100", len(before), len(after))
			}
			ids := make(map[uint64]bool)
			for _, s := range after {
				ids[s.id] = true
			}
			shared := 0
			for i, s := range after {
				was := before[i]
				for _, id := range []struct{ was, is uint64 }{{was.trace, s.trace}, {was.id, s.id}, {was.parent, s.parent}} {
					if id.was == 0 && id.is == 0 {
						continue
					}
					if uint32(id.was) != uint32(id.is) || id.is>>32 != uint64(nonce) {
						t.Errorf("span %d: an id was %x and is %x", i, id.was, id.is)
					}
				}
				if s.parent != 0 && !ids[s.parent] {
					t.Errorf("span %d: nobody is its parent %x", i, s.parent)
				}
				if late := s.start.Sub(now); late < -time.Second || late > time.Second {
					t.Errorf("span %d begins %v after now", i, late)
				}
				if s.tags != was.tags || s.shared != was.shared {
					t.Errorf("span %d: %+v was %+v", i, s, was)
				}
				if s.shared {
					shared++
				}
			}
			if encoding == ZipkinJSON && shared != 20 {
				t.Errorf("%d of 100 spans are shared, want 20", shared)
			}
			// Back again: all that had changed were ids and times.
			other.Fresh(sampleNonce, sampleTime)
			for i := range r.Messages {
				if !bytes.Equal(other.Messages[i].Body, r.Messages[i].Body) {
					t.Errorf("message %d is another one after the way back", i)
				}
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for _, encoding := range Encodings {
		for _, n := range []int{1, 7, 20} {
			r, err := New(encoding, Options{Spans: n, Tags: 12}, 1)
			if err != nil {
				t.Fatalf("%s: %d spans: %v", encoding, n, err)
			}
			spans := decode(t, encoding, r)
			if r.Spans != n || len(spans) != n {
				t.Errorf("%s: %d spans, counted as %d, want %d", encoding, len(spans), r.Spans, n)
			}
			for _, s := range spans {
				if s.tags < 12 || s.tags > 15 { // Jaeger has some of its own
					t.Errorf("%s: a span with %d tags, want 12", encoding, s.tags)
				}
			}
		}
	}
	r, err := New(ZipkinJSON, Options{Spans: 50, Orphans: true}, 1)
	if err != nil {
		t.Fatal(err)
	}
	traces, ids := make(map[uint64]bool), make(map[uint64]bool)
	spans := decode(t, ZipkinJSON, r)
	for _, s := range spans {
		traces[s.trace], ids[s.id] = true, true
	}
	for _, s := range spans {
		if s.parent == 0 || ids[s.parent] {
			t.Errorf("span %x has the parent %x, want one that is not there", s.id, s.parent)
		}
	}
	if len(traces) != 50 {
		t.Errorf("50 orphans of %d traces", len(traces))
	}
}

func TestNonce(t *testing.T) {
	seen := make(map[uint32]bool)
	for n := range uint32(1 << 16) {
		v := Nonce(n)
		if seen[v] || v>>30 != 1 {
			t.Fatalf("nonce %d is %x", n, v)
		}
		seen[v] = true
	}
}

// The least that is sent is what is written about in docs/performance.md.
func TestSizes(t *testing.T) {
	for _, encoding := range Encodings {
		r, err := New(encoding, Options{Spans: 100}, 1)
		if err != nil {
			t.Fatal(err)
		}
		size := fmt.Sprintf("%s: %d bytes a span", encoding, r.Size()/r.Spans)
		if t.Log(size); r.Size() < 200*r.Spans || r.Size() > 1000*r.Spans {
			t.Error(size)
		}
	}
}
