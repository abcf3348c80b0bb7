// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
)

// apache is Apache's own writer or reader of a protocol.
func apache(body []byte, compact bool) (thrift.TProtocol, *thrift.TMemoryBuffer) {
	buf := thrift.NewTMemoryBuffer()
	buf.Write(body)
	if compact {
		return thrift.NewTCompactProtocolConf(buf, nil), buf
	}
	return thrift.NewTBinaryProtocolConf(buf, nil), buf
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// thriftNumbers are on both sides of every length of a varint.
var thriftNumbers = []int64{
	0, 1, -1, 63, 64, -64, -65, 8191, 8192, math.MaxInt16, math.MinInt16, 1 << 20, math.MaxInt32, math.MinInt32,
	1 << 40, -1 << 60, math.MaxInt64, math.MinInt64,
}

var thriftFloats = []float64{0, math.Copysign(0, -1), 1.5, math.Inf(1), math.NaN(), math.SmallestNonzeroFloat64}

// fieldNumbers go up by little, by much and down, which the compact protocol
// writes in different ways.
var fieldNumbers = []int16{1, 2, 17, 33, 32, -5, 300, math.MaxInt16, math.MinInt16, 3}

// Both writers give the same bytes, and the reader reads them back.
func TestThriftValues(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, compact := range []bool{false, true} {
		p, buf := apache(nil, compact)
		w := ThriftWriter{Compact: compact}
		must(t, p.WriteMessageBegin(ctx, "call", thrift.ONEWAY, 300), p.WriteStructBegin(ctx, "s"))
		w.Message("call", ThriftOneway, 300)
		w.StructBegin()
		for i, n := range fieldNumbers {
			must(t, p.WriteFieldBegin(ctx, "b", thrift.BOOL, n), p.WriteBool(ctx, i%2 == 0), p.WriteFieldEnd(ctx))
			w.BoolField(n, i%2 == 0)
			must(t, p.WriteFieldBegin(ctx, "s", thrift.STRUCT, n), p.WriteStructBegin(ctx, "in"),
				p.WriteFieldBegin(ctx, "i", thrift.I16, n), p.WriteI16(ctx, n), p.WriteFieldStop(ctx), p.WriteStructEnd(ctx))
			w.Field(ThriftStruct, n)
			w.StructBegin()
			w.Field(ThriftI16, n)
			w.I16(n)
			w.StructEnd()
		}
		for _, v := range thriftNumbers {
			must(t, p.WriteFieldBegin(ctx, "i", thrift.I64, 1), p.WriteI64(ctx, v), p.WriteFieldBegin(ctx, "i", thrift.I32, 2), p.WriteI32(ctx, int32(v)),
				p.WriteFieldBegin(ctx, "i", thrift.BYTE, 3), p.WriteByte(ctx, int8(v)))
			w.Field(ThriftI64, 1)
			w.I64(v)
			w.Field(ThriftI32, 2)
			w.I32(int32(v))
			w.Field(ThriftByte, 3)
			w.Byte(byte(v))
		}
		for _, v := range thriftFloats {
			must(t, p.WriteFieldBegin(ctx, "d", thrift.DOUBLE, 4), p.WriteDouble(ctx, v))
			w.Field(ThriftDouble, 4)
			w.Double(v)
		}
		for _, n := range []int{0, 1, 14, 15, 200} {
			text := strings.Repeat("é", n)
			must(t, p.WriteFieldBegin(ctx, "l", thrift.LIST, 5), p.WriteListBegin(ctx, thrift.STRING, n))
			w.Field(ThriftList, 5)
			w.List(ThriftString, n)
			for i := range n {
				if i%2 == 0 {
					must(t, p.WriteString(ctx, text))
					w.String(text)
				} else {
					must(t, p.WriteBinary(ctx, []byte(text)))
					w.Bytes([]byte(text))
				}
			}
			must(t, p.WriteFieldBegin(ctx, "l", thrift.LIST, 6), p.WriteListBegin(ctx, thrift.BOOL, n))
			w.Field(ThriftList, 6)
			w.List(ThriftBool, n)
			for i := range n {
				must(t, p.WriteBool(ctx, i%3 == 0))
				w.Bool(i%3 == 0)
			}
		}
		must(t, p.WriteFieldStop(ctx), p.WriteStructEnd(ctx), p.WriteMessageEnd(ctx), p.Flush(ctx))
		w.StructEnd()
		if !bytes.Equal(buf.Bytes(), w.Buf) {
			t.Fatalf("compact %v:\napache %x\nours   %x", compact, buf.Bytes(), w.Buf)
		}
		if compact != IsCompact(w.Buf) {
			t.Errorf("IsCompact says %v", !compact)
		}
		if got, want := readAll(w.Buf, compact), apacheReadAll(t, w.Buf, compact); got != want || got == "error" {
			t.Errorf("compact %v:\napache %s\nours   %s", compact, want, got)
		}
	}
}

// readAll reads a message with a struct whatever is in it, and says what it
// read. Structs, lists of any element and maps are read to any depth.
func readAll(body []byte, compact bool) string {
	r := &Thrift{Buf: body, Compact: compact}
	var out strings.Builder
	name, kind := r.Message()
	fmt.Fprintf(&out, "%q %d ", name, kind)
	if r.Err == nil {
		readValue(r, &out, ThriftStruct)
	}
	if r.Err != nil {
		return "error"
	}
	return out.String()
}

func readValue(r *Thrift, out *strings.Builder, typ byte) {
	switch typ {
	case ThriftBool:
		fmt.Fprint(out, r.Bool(), " ")
	case ThriftByte:
		fmt.Fprint(out, int8(r.Byte()), " ")
	case ThriftDouble:
		fmt.Fprintf(out, "%x ", math.Float64bits(r.Double()))
	case ThriftI16:
		fmt.Fprint(out, r.I16(), " ")
	case ThriftI32:
		fmt.Fprint(out, r.I32(), " ")
	case ThriftI64:
		fmt.Fprint(out, r.I64(), " ")
	case ThriftString:
		at, n := r.Bytes()
		fmt.Fprintf(out, "%q ", r.Buf[at:at+n])
	case ThriftStruct:
		r.StructBegin()
		for {
			f, id := r.Field()
			if f == ThriftStop {
				break
			}
			fmt.Fprintf(out, "%d:", id)
			readValue(r, out, f)
		}
		r.StructEnd()
	case ThriftList, ThriftSet:
		elem, n := r.List()
		fmt.Fprintf(out, "[%d ", n)
		for i := 0; i < n && r.Err == nil; i++ {
			readValue(r, out, elem)
		}
	default:
		at := r.Pos
		r.Skip(typ)
		fmt.Fprintf(out, "skipped %d ", r.Pos-at)
	}
}

func apacheReadAll(t testing.TB, body []byte, compact bool) string {
	t.Helper()
	p, buf := apache(body, compact)
	ctx := context.Background()
	var out strings.Builder
	name, kind, _, err := p.ReadMessageBegin(ctx)
	fmt.Fprintf(&out, "%q %d ", name, byte(kind))
	if err != nil || apacheValue(p, buf, &out, thrift.STRUCT, 0) != nil {
		return "error"
	}
	return out.String()
}

func apacheValue(p thrift.TProtocol, buf *thrift.TMemoryBuffer, out *strings.Builder, typ thrift.TType, depth int) error {
	ctx := context.Background()
	if depth > maxDepth {
		return fmt.Errorf("too deep")
	}
	switch typ {
	case thrift.BOOL:
		v, err := p.ReadBool(ctx)
		fmt.Fprint(out, v, " ")
		return err
	case thrift.BYTE:
		v, err := p.ReadByte(ctx)
		fmt.Fprint(out, v, " ")
		return err
	case thrift.DOUBLE:
		v, err := p.ReadDouble(ctx)
		fmt.Fprintf(out, "%x ", math.Float64bits(v))
		return err
	case thrift.I16:
		v, err := p.ReadI16(ctx)
		fmt.Fprint(out, v, " ")
		return err
	case thrift.I32:
		v, err := p.ReadI32(ctx)
		fmt.Fprint(out, v, " ")
		return err
	case thrift.I64:
		v, err := p.ReadI64(ctx)
		fmt.Fprint(out, v, " ")
		return err
	case thrift.STRING:
		v, err := p.ReadString(ctx)
		fmt.Fprintf(out, "%q ", v)
		return err
	case thrift.STRUCT:
		if _, err := p.ReadStructBegin(ctx); err != nil {
			return err
		}
		for {
			_, f, id, err := p.ReadFieldBegin(ctx)
			if err != nil {
				return err
			}
			if f == thrift.STOP {
				return p.ReadStructEnd(ctx)
			}
			fmt.Fprintf(out, "%d:", id)
			if err := apacheValue(p, buf, out, f, depth+1); err != nil {
				return err
			}
		}
	case thrift.LIST, thrift.SET:
		elem, n, err := p.ReadListBegin(ctx)
		if err != nil || n > buf.Len() {
			return fmt.Errorf("list: %w", err)
		}
		fmt.Fprintf(out, "[%d ", n)
		for range n {
			if err := apacheValue(p, buf, out, elem, depth+1); err != nil {
				return err
			}
		}
		return nil
	default:
		at := buf.Len()
		err := thrift.Skip(ctx, p, typ, maxDepth-depth)
		fmt.Fprintf(out, "skipped %d ", at-buf.Len())
		return err
	}
}

func TestThriftFaults(t *testing.T) {
	t.Parallel()
	f := func(body string, compact bool, want string) {
		t.Helper()
		r := &Thrift{Buf: []byte(body), Compact: compact}
		r.Skip(ThriftStruct)
		got := "nil"
		if r.Err != nil {
			got = r.Err.Error()
		}
		if got != want {
			t.Errorf("%x: got %s, want %s", body, got, want)
		}
	}
	f("", false, "byte 0: the end of the body, want a field or the end of the struct")
	f("\x00", true, "nil")
	f("\x08", false, "byte 1: 0 bytes left, want 2 for a field number")
	f("\x08\x00\x01\x00\x00", false, "byte 3: 2 bytes left, want 4 for an i32")
	f("\x1e", true, "byte 1: type 14, want 0 to 13")
	f("\x01\x00\x01", false, "byte 3: type 1, want a thrift type")
	f("\x18\x05abc\x00", true, "byte 1: a length of 5, want at most the 4 bytes left")
	f("\x0b\x00\x01\xff\xff\xff\xff", false, "byte 3: a length of -1, want at most the 0 bytes left")
	f("\x18\xff\xff\xff\xff\x7f", true, "byte 1: a length of 34359738367, want at most 2147483647")
	f("\x19\xf8\xff\xff\xff\xff\x07", true, "byte 1: a list of 2147483647 elements, want at most the 0 bytes left")
	f("\x1b\xff\x01\x88", true, "byte 1: a map of 255 entries, want at most the 0 bytes left")
	f("\x16"+strings.Repeat("\x80", 10)+"\x01\x00", true, "byte 1: a cut or overlong varint, want 1 to 10 bytes")
	f("\x1d"+strings.Repeat("x", 16)+"\x00", true, "nil")
	f("\x1d"+strings.Repeat("x", 15), true, "byte 1: 15 bytes left, want 16 for a uuid")
	f(strings.Repeat("\x1c", 99)+strings.Repeat("\x00", 100), true, "nil")
	f(strings.Repeat("\x1c", 100)+strings.Repeat("\x00", 101), true, "byte 100: structs more than 100 deep, want less")
	f("\x19"+strings.Repeat("\x19", 200), true, "byte 100: values more than 100 deep, want less")
}

// Whatever Apache's reader accepts is read, and says the same.
func FuzzThrift(f *testing.F) {
	for _, compact := range []bool{false, true} {
		w := ThriftWriter{Compact: compact}
		w.Message("emitBatch", ThriftCall, 1)
		w.StructBegin()
		w.BoolField(1, true)
		w.Field(ThriftList, 40)
		w.List(ThriftBool, 2)
		w.Bool(true)
		w.Bool(false)
		w.Field(ThriftStruct, 41)
		w.StructBegin()
		w.Field(ThriftString, 2)
		w.String("text")
		w.Field(ThriftDouble, 3)
		w.Double(0.1)
		w.Field(ThriftI64, 4)
		w.I64(-5)
		w.StructEnd()
		w.Field(ThriftMap, 42)
		if compact {
			w.Buf = append(w.Buf, 1, 0x81, 1, 'k', 1)
		} else {
			w.Buf = append(w.Buf, ThriftString, ThriftBool, 0, 0, 0, 1, 0, 0, 0, 1, 'k', 1)
		}
		w.StructEnd()
		f.Add(w.Buf, compact)
	}
	f.Add([]byte("\x00\x00\x00\x01m\x01\x00\x00\x00\x00\x00"), false)
	f.Fuzz(func(t *testing.T, body []byte, compact bool) {
		got := readAll(body, compact)
		want := apacheReadAll(t, body, compact)
		if want == got || want == "error" {
			return
		}
		r := &Thrift{Buf: body, Compact: compact}
		r.Message()
		r.Skip(ThriftStruct)
		// Apache's reader lets a varint overflow, takes a length modulo 2^32 and
		// bounds the depth by memory.
		if r.Err != nil {
			for _, stricter := range []string{"varint", "a length of", "a list of", "a map of", "deep"} {
				if strings.Contains(r.Err.Error(), stricter) {
					return
				}
			}
		}
		t.Errorf("\napache %s\nours   %s (%v)", want, got, r.Err)
	})
}

func BenchmarkThriftWriter(b *testing.B) {
	for _, compact := range []bool{false, true} {
		b.Run(fmt.Sprintf("compact=%v", compact), func(b *testing.B) {
			b.ReportAllocs()
			w := ThriftWriter{Compact: compact}
			for b.Loop() {
				w.Buf = w.Buf[:0]
				w.StructBegin()
				w.Field(ThriftString, 1)
				w.String("http.status_code")
				w.Field(ThriftI32, 2)
				w.I32(3)
				w.Field(ThriftI64, 6)
				w.I64(200)
				w.StructEnd()
			}
		})
	}
}
