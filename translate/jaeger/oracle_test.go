// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/agent"
	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/spanbridge/spanbridge/span"
)

// The types that Apache's generator made of jaeger.thrift are the oracle for
// both protocols of Thrift.

func apacheProtocol(buf *thrift.TMemoryBuffer, compact bool) thrift.TProtocol {
	// Apache's types set memory aside for what a list says that it holds.
	conf := &thrift.TConfiguration{MaxMessageSize: 1 << 16}
	if compact {
		return thrift.NewTCompactProtocolConf(buf, conf)
	}
	return thrift.NewTBinaryProtocolConf(buf, conf)
}

// apacheWrite writes a struct.
func apacheWrite(v thrift.TStruct, compact bool) []byte {
	buf := thrift.NewTMemoryBuffer()
	if err := v.Write(context.Background(), apacheProtocol(buf, compact)); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// apacheRead reads a Batch.
func apacheRead(body []byte, compact bool) (*thriftgen.Batch, error) {
	buf := thrift.NewTMemoryBuffer()
	buf.Write(body)
	b := thriftgen.NewBatch()
	err := b.Read(context.Background(), apacheProtocol(buf, compact))
	return b, err
}

// apacheMessage writes a call of emitBatch.
func apacheMessage(b *thriftgen.Batch, compact bool, kind thrift.TMessageType, strict bool) []byte {
	buf := thrift.NewTMemoryBuffer()
	p := apacheProtocol(buf, compact)
	if !compact {
		p = thrift.NewTBinaryProtocolConf(buf, &thrift.TConfiguration{TBinaryStrictWrite: &strict})
	}
	ctx := context.Background()
	if err := p.WriteMessageBegin(ctx, "emitBatch", kind, 7); err != nil {
		panic(err)
	}
	args := agent.AgentEmitBatchArgs{Batch: b}
	if err := args.Write(ctx, p); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// apacheReadMessage reads a call of emitBatch.
func apacheReadMessage(body []byte, compact bool) (*thriftgen.Batch, thrift.TMessageType, error) {
	buf := thrift.NewTMemoryBuffer()
	buf.Write(body)
	p := apacheProtocol(buf, compact)
	ctx := context.Background()
	name, kind, _, err := p.ReadMessageBegin(ctx)
	if err != nil {
		return nil, kind, err
	}
	if name != "emitBatch" {
		return nil, kind, fmt.Errorf("method %q", name)
	}
	args := agent.NewAgentEmitBatchArgs()
	err = args.Read(ctx, p)
	return args.Batch, kind, err
}

// showThrift writes down what the generated types hold, in the words of show.
// Spans that the gateway refuses are left out.
func showThrift(b *thriftgen.Batch) string {
	var out strings.Builder
	for _, s := range b.Spans {
		if s.TraceIdHigh == 0 && s.TraceIdLow == 0 || s.SpanId == 0 || tooFar(s) {
			continue
		}
		fmt.Fprintf(&out, "span %x %x %x %q %d %d %d\n", uint64(s.TraceIdHigh), uint64(s.TraceIdLow), uint64(s.SpanId),
			valid(s.OperationName), uint32(s.Flags), s.StartTime*1000, s.Duration*1000)
		for _, r := range s.References {
			if r.TraceIdHigh == 0 && r.TraceIdLow == 0 || r.SpanId == 0 {
				continue
			}
			kind := span.FollowsFrom
			if r.RefType == thriftgen.SpanRefType_CHILD_OF {
				kind = span.ChildOf
			}
			fmt.Fprintf(&out, " ref %d %x %x %x\n", kind, uint64(r.TraceIdHigh), uint64(r.TraceIdLow), uint64(r.SpanId))
		}
		showThriftTags(&out, " tag", s.Tags)
		for _, l := range s.Logs {
			fields := make([]*thriftgen.Tag, 0, len(l.Fields))
			name := "-"
			for _, f := range l.Fields {
				if name == "-" && f.Key == "event" && thriftType(f) == thriftgen.TagType_STRING {
					name = fmt.Sprintf("%q", valid(f.GetVStr()))
					continue
				}
				fields = append(fields, f)
			}
			fmt.Fprintf(&out, " log %d %s\n", l.Timestamp*1000, name)
			showThriftTags(&out, "  field", fields)
		}
		service := b.Process.ServiceName
		if service == noServiceName {
			service = ""
		}
		fmt.Fprintf(&out, " process %q\n", valid(service))
		showThriftTags(&out, "  tag", b.Process.Tags)
	}
	return out.String()
}

func tooFar(s *thriftgen.Span) bool {
	far := func(v int64) bool { return v > math.MaxInt64/1000 || v < -math.MaxInt64/1000 }
	bad := far(s.StartTime) || far(s.Duration)
	for _, l := range s.Logs {
		bad = bad || far(l.Timestamp)
	}
	return bad
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// thriftType is the type of a tag; a number that is none leaves it to the last
// value.
func thriftType(t *thriftgen.Tag) thriftgen.TagType {
	if t.VType >= 0 && t.VType <= thriftgen.TagType_BINARY {
		return t.VType
	}
	return -1
}

func showThriftTags(out *strings.Builder, head string, tags []*thriftgen.Tag) {
	for _, t := range tags {
		v := "?"
		switch thriftType(t) {
		case thriftgen.TagType_STRING:
			v = fmt.Sprintf("string %q", valid(t.GetVStr()))
		case thriftgen.TagType_BOOL:
			v = fmt.Sprint("bool ", t.GetVBool())
		case thriftgen.TagType_DOUBLE:
			v = fmt.Sprintf("float %x", math.Float64bits(t.GetVDouble()))
		case thriftgen.TagType_LONG:
			v = fmt.Sprint("int ", t.GetVLong())
		case thriftgen.TagType_BINARY:
			v = fmt.Sprintf("bytes %x", t.VBinary)
		}
		fmt.Fprintf(out, "%s %q %s\n", head, valid(t.Key), v)
	}
}

// show writes down what a batch holds of that which Thrift says. The parent is
// left out: it is a rule's result, tested elsewhere.
func show(b *span.Batch) string {
	var out strings.Builder
	for i := range b.Spans() {
		s := &b.Spans()[i]
		fmt.Fprintf(&out, "span %x %x %x %q %d %d %d\n", s.Trace.Hi, s.Trace.Lo, uint64(s.ID),
			b.Str(s.Name), s.Sampling, s.Start, s.Duration)
		for _, r := range b.Refs(s.Refs) {
			fmt.Fprintf(&out, " ref %d %x %x %x\n", r.Kind, r.Trace.Hi, r.Trace.Lo, uint64(r.Span))
		}
		showAttrs(&out, b, " tag", s.Attrs)
		for _, e := range b.Events(s.Events) {
			name := "-"
			if e.Name.Present() {
				name = fmt.Sprintf("%q", b.Str(e.Name))
			}
			fmt.Fprintf(&out, " log %d %s\n", e.Time, name)
			showAttrs(&out, b, "  field", e.Attrs)
		}
		fmt.Fprintf(&out, " process %q\n", b.Str(s.Local.Service))
		if r := b.Resource(s.Resource); r != nil {
			showAttrs(&out, b, "  tag", r.Attrs)
		}
	}
	return out.String()
}

func showAttrs(out *strings.Builder, b *span.Batch, head string, r span.Range) {
	attrs := b.Attrs(r)
	for i := range attrs {
		a := &attrs[i]
		var v string
		switch a.Type {
		case span.String:
			v = fmt.Sprintf("string %q", b.Str(a.Text()))
		case span.Bool:
			v = fmt.Sprint("bool ", a.Bool())
		case span.Float:
			v = fmt.Sprintf("float %x", math.Float64bits(a.Float()))
		case span.Int:
			v = fmt.Sprint("int ", a.Int())
		case span.Bytes:
			v = fmt.Sprintf("bytes %x", b.Str(a.Text()))
		default:
			v = "?"
		}
		fmt.Fprintf(out, "%s %q %s\n", head, b.Str(a.Key), v)
	}
}
