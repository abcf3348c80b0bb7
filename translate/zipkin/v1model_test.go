// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/zipkincore"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// The tests here hold what is read of version 1 before it is converted: against the
// types that Apache's generator made of zipkincore.thrift, and against encoding/json.
// What a span of version 1 means has tables of its own (v1_test.go).

// plainV1 is a span of version 1 as a reference has read it.
type plainV1 struct {
	traceHi, trace, id, parent uint64
	name                       string
	start, duration            int64 // microseconds
	debug                      bool
	annotations                []plainNote
	tags                       []plainNote
}

// plainNote is an annotation or a tag.
type plainNote struct {
	time        int64
	key, value  string
	kind        span.Type
	service, ip string
	port        uint16
}

func (n *plainNote) host() string { return fmt.Sprintf("%q %s %d", n.service, n.ip, n.port) }

// show writes it down in the order in which it is converted. What version 1 does not
// tell from nothing is left out: empty texts, and bools, of which the first type of
// an enum is one.
func (s *plainV1) show() string {
	var out strings.Builder
	fmt.Fprintf(&out, "span %x %x %x %x %q %d %d %v\n", s.traceHi, s.trace, s.id, s.parent, s.name, s.start, s.duration, s.debug)
	slices.SortStableFunc(s.annotations, func(a, b plainNote) int {
		return cmp.Or(cmp.Compare(a.time, b.time), strings.Compare(a.value, b.value))
	})
	for _, a := range s.annotations {
		if a.value != "" {
			fmt.Fprintf(&out, " at %d %q %s\n", a.time, a.value, a.host())
		}
	}
	slices.SortStableFunc(s.tags, func(a, b plainNote) int { return strings.Compare(a.key, b.key) })
	for _, t := range s.tags {
		if t.value != "" && t.key != "" && t.kind != span.Bool {
			fmt.Fprintf(&out, " tag %q %d %q %s\n", t.key, t.kind, t.value, t.host())
		}
	}
	return out.String()
}

// plain is what a reader has read, in the same form.
func (v *v1span) plain(w *span.Builder) *plainV1 {
	s := &plainV1{
		traceHi: v.trace.Hi, trace: v.trace.Lo, id: uint64(v.id), parent: uint64(v.parent), name: w.Str(v.name),
		start: v.start / 1000, duration: v.duration / 1000, debug: v.debug,
	}
	note := func(host *span.Endpoint) plainNote {
		return plainNote{service: w.Str(host.Service), ip: fmt.Sprint(host.IP4(), host.IP6()), port: host.Port}
	}
	for i := range v.annotations {
		n := note(&v.annotations[i].host)
		n.time, n.value = v.annotations[i].time/1000, w.Str(v.annotations[i].value)
		s.annotations = append(s.annotations, n)
	}
	for i := range v.binaries {
		n := note(&v.binaries[i].host)
		a := &v.binaries[i].attr
		n.key, n.kind, n.value = w.Str(a.Key), a.Type, "?"
		switch a.Type {
		case span.String, span.Bytes:
			n.value = w.Str(a.Text())
		case span.Int:
			n.value = fmt.Sprint(a.Int())
		case span.Float:
			n.value = fmt.Sprintf("%x", math.Float64bits(a.Float()))
		}
		s.tags = append(s.tags, n)
	}
	return s
}

// plainOf is what the generated types hold; false for a span that is refused.
func plainOf(z *zipkincore.Span) (*plainV1, bool) {
	ok := z.TraceID != 0 && z.ID != 0 && inRange(z.GetTimestamp()) && inRange(z.GetDuration())
	s := &plainV1{
		traceHi: uint64(z.GetTraceIDHigh()), trace: uint64(z.TraceID), id: uint64(z.ID), parent: uint64(z.GetParentID()), name: valid(z.Name),
		start: z.GetTimestamp(), duration: z.GetDuration(), debug: z.Debug,
	}
	note := func(e *zipkincore.Endpoint) plainNote {
		var ours span.Endpoint
		if e == nil {
			e = &zipkincore.Endpoint{}
		}
		if v := uint32(e.GetIpv4()); v != 0 {
			ours.SetIP4([4]byte(binary.BigEndian.AppendUint32(nil, v)))
		}
		setIPBytes(&ours, e.GetIpv6())
		return plainNote{service: valid(e.GetServiceName()), ip: fmt.Sprint(ours.IP4(), ours.IP6()), port: uint16(e.GetPort())}
	}
	for _, a := range z.Annotations {
		ok = ok && inRange(a.Timestamp)
		n := note(a.Host)
		if n.time, n.value = a.Timestamp, valid(a.Value); n.time != 0 {
			s.annotations = append(s.annotations, n)
		}
	}
	for _, b := range z.BinaryAnnotations {
		n := note(b.Host)
		if n.key = valid(b.Key); b.AnnotationType != zipkincore.AnnotationType_STRING && isAddress(n.key) {
			continue // of another type than a string it says true, or nothing
		}
		signed := func(kind zipkincore.AnnotationType, size int) bool {
			return b.AnnotationType == kind && len(b.Value) == size
		}
		switch p := b.Value; {
		case b.AnnotationType == zipkincore.AnnotationType_STRING:
			n.kind, n.value = span.String, valid(string(p))
		case b.AnnotationType == zipkincore.AnnotationType_BYTES:
			n.kind, n.value = span.Bytes, string(p)
		case signed(zipkincore.AnnotationType_I16, 2):
			n.kind, n.value = span.Int, fmt.Sprint(int16(binary.BigEndian.Uint16(p)))
		case signed(zipkincore.AnnotationType_I32, 4):
			n.kind, n.value = span.Int, fmt.Sprint(int32(binary.BigEndian.Uint32(p)))
		case signed(zipkincore.AnnotationType_I64, 8):
			n.kind, n.value = span.Int, fmt.Sprint(int64(binary.BigEndian.Uint64(p)))
		case signed(zipkincore.AnnotationType_DOUBLE, 8):
			n.kind, n.value = span.Float, fmt.Sprintf("%x", binary.BigEndian.Uint64(p))
		default:
			continue
		}
		s.tags = append(s.tags, n)
	}
	return s, ok
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// apacheSpans reads a list of spans by the generated types.
func apacheSpans(p thrift.TProtocol) (list []*zipkincore.Span, err error) {
	ctx := context.Background()
	_, n, err := p.ReadListBegin(ctx)
	for range n {
		s := zipkincore.NewSpan()
		if err = s.Read(ctx, p); err != nil {
			break
		}
		list = append(list, s)
	}
	return list, err
}

// unlikeServer is true where the generated types read otherwise than the server: of a
// list that stands twice they keep the last, and they take the elements of any list
// for structs.
func unlikeServer(p thrift.TProtocol) (unlike bool) {
	ctx := context.Background()
	_, n, err := p.ReadListBegin(ctx)
	for i := 0; i < n && err == nil; i++ {
		lists := map[int16]bool{}
		_, _ = p.ReadStructBegin(ctx)
		for err == nil {
			var typ thrift.TType
			var id int16
			if _, typ, id, err = p.ReadFieldBegin(ctx); err != nil || typ == thrift.STOP {
				break
			}
			if typ != thrift.LIST {
				err = p.Skip(ctx, typ)
				continue
			}
			elem, n, bad := p.ReadListBegin(ctx)
			unlike = unlike || lists[id] || n > 0 && elem != thrift.STRUCT
			lists[id], err = true, bad
			for i := 0; i < n && err == nil; i++ {
				err = p.Skip(ctx, elem)
			}
		}
		_ = p.ReadStructEnd(ctx)
	}
	return unlike
}

func apacheProtocol(body []byte, compact bool) thrift.TProtocol {
	buf := thrift.NewTMemoryBuffer()
	buf.Write(body)
	conf := &thrift.TConfiguration{MaxMessageSize: 1 << 16} // they set memory aside for what a list says
	if compact {
		return thrift.NewTCompactProtocolConf(buf, conf)
	}
	return thrift.NewTBinaryProtocolConf(buf, conf)
}

// compareApache holds the reader of a list against the generated types.
func compareApache(t *testing.T, body []byte, compact bool) {
	t.Helper()
	list, upstream := apacheSpans(apacheProtocol(body, compact))
	r := &thriftReader{Thrift: &wire.Thrift{Buf: bytes.Clone(body), Compact: compact}, w: span.NewBuilder(body, span.Origin{})}
	elem, n := r.List()
	if n > 0 && elem != wire.ThriftStruct || unlikeServer(apacheProtocol(body, compact)) {
		return // TestThriftBad
	}
	var want, got string
	for i := 0; i < n && r.Err == nil; i++ {
		r.faulty = false
		r.span()
		if r.Err == nil && !r.faulty || r.fault == tooManyServices {
			got += r.v.plain(r.w).show()
		}
		r.fault.Place = ""
	}
	if upstream != nil {
		if r.Err == nil {
			t.Fatalf("%x\nis taken, the generated types say %v", body, upstream)
		}
		return
	}
	if r.Err != nil {
		// Apache's reader takes lengths that nothing follows, and types that are none.
		for _, words := range []string{"varint", "a length of", "a list of", "a map of", "deep", "type "} {
			if strings.Contains(r.Err.Error(), words) {
				return
			}
		}
		t.Fatalf("%x\n%v, which the generated types take", body, r.Err)
	}
	for _, z := range list {
		if s, ok := plainOf(z); ok {
			want += s.show()
		}
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Fatalf("%x\n-apache +ours:\n%s", body, d)
	}
}

// FuzzV1ThriftAgainstApache holds the reader of version 1's Thrift, in both protocols,
// against the generated types: the same answer, and the same refusal.
func FuzzV1ThriftAgainstApache(f *testing.F) {
	for _, s := range samples(f) {
		if s.format == formatV1Thrift {
			f.Add(s.body, false)
		}
	}
	odd := &zipkincore.Span{
		TraceID: -1, TraceIDHigh: new(int64(-2)), ID: 3, ParentID: new(int64(3)), Name: "n\xff", Debug: true, Timestamp: new(int64(-5)), Duration: new(int64(maxMicros)),
		Annotations: []*zipkincore.Annotation{{Timestamp: 2, Value: "b", Host: frontend}, {Timestamp: 1, Value: "b"}, {Value: "x"}},
	}
	for kind := range int64(9) {
		odd.BinaryAnnotations = append(odd.BinaryAnnotations, &zipkincore.BinaryAnnotation{
			Key: "k", Value: []byte("\xf1\xf2345678")[:[]int{1, 3, 2, 4, 8, 8, 5, 2, 2}[kind]], AnnotationType: zipkincore.AnnotationType(kind), Host: frontend,
		})
	}
	for _, compact := range []bool{false, true} {
		write := func(spans ...*zipkincore.Span) []byte {
			return thriftBody(compact, func(p thrift.TProtocol) error { return writeSpans(p, spans) })
		}
		f.Add(write(benchV1(f)[:2]...), compact)
		f.Add(write(odd, &zipkincore.Span{TraceID: 1}, odd), compact)
		f.Add(write(), compact)
	}
	f.Fuzz(compareApache)
}
