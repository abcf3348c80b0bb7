// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
)

// zipkin reads a list of spans in Zipkin's JSON. The identity is as it is
// written: no half is told from another.
func (s *seen) zipkin(body []byte) error {
	var list []struct {
		TraceID  string `json:"traceId"`
		ID       string `json:"id"`
		ParentID string `json:"parentId"`
		Shared   bool   `json:"shared"`
		Tags     struct {
			Fleet string `json:"fleet.id"`
		} `json:"tags"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	s.Lock()
	defer s.Unlock()
	for _, z := range list {
		e := emitted{shared: z.Shared}
		var err error
		if cut := len(z.TraceID) - 16; cut > 0 {
			if e.trace.hi, err = parseHex(z.TraceID[:cut]); err != nil {
				return err
			}
			z.TraceID = z.TraceID[cut:]
		}
		if e.trace.lo, err = parseHex(z.TraceID); err != nil {
			return err
		}
		if e.id, err = parseHex(z.ID); err != nil {
			return err
		}
		if z.ParentID != "" {
			if e.parent, err = parseHex(z.ParentID); err != nil {
				return err
			}
		}
		if err := s.add(z.Tags.Fleet, e); err != nil {
			return err
		}
	}
	return nil
}

func parseHex(text string) (uint64, error) {
	var b [8]byte
	if len(text) != 16 || strings.ToLower(text) != text {
		return 0, fmt.Errorf("id %q, want 16 hex digits in lower case", text)
	}
	_, err := hex.Decode(b[:], []byte(text))
	return binary.BigEndian.Uint64(b[:]), err
}

// fields calls f for every field of a protobuf message.
func fields(b []byte, f func(field protowire.Number, value []byte, number uint64) error) error {
	for len(b) > 0 {
		field, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var value []byte
		var number uint64
		switch typ {
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(field, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := f(field, value, number); err != nil {
			return err
		}
	}
	return nil
}

// jaeger reads a PostSpansRequest: batch 1, in it spans 1.
func (s *seen) jaeger(body []byte) error {
	s.Lock()
	defer s.Unlock()
	return fields(body, func(field protowire.Number, batch []byte, _ uint64) error {
		if field != 1 {
			return nil
		}
		return fields(batch, func(field protowire.Number, span []byte, _ uint64) error {
			if field != 1 {
				return nil
			}
			return s.jaegerSpan(span)
		})
	})
}

// jaegerSpan reads a Span of api_v2/model.proto: trace_id 1, span_id 2,
// references 4 (trace_id 1, span_id 2, ref_type 3), tags 8 (key 1, v_str 3). The
// parent is the first reference CHILD_OF to the trace, else the first one, as
// Jaeger's own model has it.
func (s *seen) jaegerSpan(body []byte) error {
	var e emitted
	var fleet string
	var follows uint64
	type ref struct {
		trace   TraceID
		span    uint64
		follows bool
	}
	var refs []ref
	err := fields(body, func(field protowire.Number, value []byte, _ uint64) (err error) {
		switch field {
		case 1:
			e.trace, err = traceBytes(value)
		case 2:
			e.id, err = spanBytes(value)
		case 4:
			var r ref
			err = fields(value, func(field protowire.Number, value []byte, number uint64) (err error) {
				switch field {
				case 1:
					r.trace, err = traceBytes(value)
				case 2:
					r.span, err = spanBytes(value)
				case 3:
					r.follows = number != 0
				}
				return err
			})
			refs = append(refs, r)
		case 8:
			var key, text string
			err = fields(value, func(field protowire.Number, value []byte, _ uint64) error {
				switch field {
				case 1:
					key = string(value)
				case 3:
					text = string(value)
				}
				return nil
			})
			if key == idTag {
				fleet = text
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range refs {
		switch {
		case r.trace != e.trace:
		case !r.follows && e.parent == 0:
			e.parent = r.span
		case r.follows && follows == 0:
			follows = r.span
		}
	}
	if e.parent == 0 {
		e.parent = follows
	}
	return s.add(fleet, e)
}

func traceBytes(b []byte) (t TraceID, err error) {
	if len(b) != 16 {
		return t, fmt.Errorf("trace id of %d bytes, want 16", len(b))
	}
	return TraceID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, nil
}

func spanBytes(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("span id of %d bytes, want 8", len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}

func (s *seen) otlp(body []byte) error {
	var req collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return err
	}
	s.Lock()
	defer s.Unlock()
	for _, r := range req.ResourceSpans {
		for _, scope := range r.ScopeSpans {
			for _, o := range scope.Spans {
				var e emitted
				var err error
				if e.trace, err = traceBytes(o.TraceId); err != nil {
					return err
				}
				if e.id, err = spanBytes(o.SpanId); err != nil {
					return err
				}
				if len(o.ParentSpanId) > 0 {
					if e.parent, err = spanBytes(o.ParentSpanId); err != nil {
						return err
					}
				}
				fleet := ""
				for _, a := range o.Attributes {
					if a.Key == idTag {
						fleet = a.Value.GetStringValue()
					}
				}
				if err := s.add(fleet, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// skywalking reads a segment. The parent of a span that has none in the segment
// is the first reference that has the segment's own trace id.
func (s *seen) skywalking(body []byte) error {
	var g agentv3.SegmentObject
	if err := proto.Unmarshal(body, &g); err != nil {
		return err
	}
	return s.segment(&g)
}

func (s *seen) skywalkingTogether(body []byte) error {
	var all agentv3.SegmentCollection
	if err := proto.Unmarshal(body, &all); err != nil {
		return err
	}
	for _, g := range all.Segments {
		if err := s.segment(g); err != nil {
			return err
		}
	}
	return nil
}

func (s *seen) segment(g *agentv3.SegmentObject) error {
	s.Lock()
	defer s.Unlock()
	s.segments[hashOf(g.TraceSegmentId, -1)]++
	trace, name := traceOf(g.TraceId), hashOf(g.TraceId, -2)
	for _, o := range g.Spans {
		e := emitted{id: hashOf(g.TraceSegmentId, o.SpanId), trace: trace, name: name}
		if o.ParentSpanId >= 0 {
			e.parent = hashOf(g.TraceSegmentId, o.ParentSpanId)
		}
		for _, r := range o.Refs {
			if e.parent == 0 && r.TraceId == g.TraceId {
				e.parent = hashOf(r.ParentTraceSegmentId, r.ParentSpanId)
			}
		}
		fleet := ""
		for _, t := range o.Tags {
			if t.Key == idTag {
				fleet = t.Value
			}
		}
		if err := s.add(fleet, e); err != nil {
			return err
		}
	}
	return nil
}
