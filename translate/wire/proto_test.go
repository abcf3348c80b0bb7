// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

func TestProtoFaults(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		p := ReadProto([]byte(in))
		for {
			field, typ, ok := p.Next()
			if !ok {
				break
			}
			p.Skip(field, typ)
		}
		got := ""
		if p.Err != nil {
			got = p.Err.Error()
		}
		if got != want {
			t.Errorf("%x: %q, want %q", in, got, want)
		}
		if field, typ, ok := p.Next(); ok {
			t.Errorf("%x: field %d of type %d after the end", in, field, typ)
		}
	}
	f("", "")
	f("\x08\x00", "")
	f("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "") // int32 -1
	f("\x09\x00\x00\x00\x00\x00\x00\x00\x00\x0d\x00\x00\x00\x00", "")
	f("\x0a\x02ab", "")
	f("\x0b\x0c", "")                  // a group
	f("\x0b\x13\x0a\x01a\x14\x0c", "") // a group in a group
	f("\x00", "byte 0: field number 0, want 1 to 536870911")
	f("\x80\x80\x80\x80\x80\x01", "byte 0: field number 4294967296, want 1 to 536870911")
	f("\x08", "byte 1: a cut or overlong varint, want 1 to 10 bytes")
	f("\x08\xff", "byte 1: a cut or overlong varint, want 1 to 10 bytes")
	f("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "byte 1: a cut or overlong varint, want 1 to 10 bytes")
	f("\x88", "byte 0: a cut or overlong varint, want 1 to 10 bytes")
	f("\x09\x00\x00", "byte 1: 2 bytes left, want 8 for a fixed64")
	f("\x0d\x00\x00", "byte 1: 2 bytes left, want 4 for a fixed32")
	f("\x0a\x02a", "byte 2: a length of 2, want at most the 1 bytes left")
	f("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "byte 11: a length of 18446744073709551615, want at most the 0 bytes left")
	f("\x0c", "byte 1: wire type 4 in field 1, want 0, 1, 2 or 5")
	f("\x0e", "byte 1: wire type 6 in field 1, want 0, 1, 2 or 5")
	f("\x0b", "byte 1: a group without an end, want its end tag")
	f("\x0b\x14", "byte 2: the end of group 2, want the end of group 1")
	f(strings.Repeat("\x0b", maxDepth)+strings.Repeat("\x0c", maxDepth), "")
	f(strings.Repeat("\x0b", maxDepth+1)+strings.Repeat("\x0c", maxDepth+1), "byte 101: groups more than 100 deep, want less")
}

// An embedded message ends where its length says, whatever lies behind it.
func TestProtoMessage(t *testing.T) {
	t.Parallel()
	p := ReadProto([]byte("\x0a\x02\x08\xff\x10\x01"))
	field, typ, ok := p.Next()
	if field != 1 || typ != TypeBytes || !ok {
		t.Fatal(field, typ, ok)
	}
	inner := p.Message()
	inner.Next()
	inner.Varint()
	if inner.Err == nil {
		t.Error("a varint was read beyond the end of its message")
	}
	if field, _, ok := p.Next(); field != 2 || !ok || p.Varint() != 1 {
		t.Error("the message around it is spoilt")
	}
	p.Adopt(&inner)
	if _, _, ok := p.Next(); ok || !errors.Is(p.Err, inner.Err) {
		t.Errorf("the fault was not adopted: %v", p.Err)
	}
}

func TestProtoIs(t *testing.T) {
	t.Parallel()
	p := ReadProto([]byte("\x0a\x01a\x10\x05"))
	field, typ, _ := p.Next()
	if p.Is(field, typ, TypeVarint) {
		t.Error("bytes are a varint")
	}
	field, typ, _ = p.Next()
	if !p.Is(field, typ, TypeVarint) || p.Varint() != 5 {
		t.Error("a field of another type was not stepped over")
	}
}

// protoField is a field written by both writers.
type protoField struct {
	n    int
	kind int
	bits uint64
	text string
	sub  []protoField
}

var protoFields = rapid.Custom(func(t *rapid.T) []protoField { return drawProtoFields(t, 0) })

func drawProtoFields(t *rapid.T, depth int) []protoField {
	var out []protoField
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		f := protoField{
			n:    rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(1, 1<<29-1)).Draw(t, "number"),
			kind: rapid.IntRange(0, 6).Draw(t, "kind"),
			bits: rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(0, 300), rapid.Uint64()).Draw(t, "bits"),
		}
		switch {
		case f.kind == 5:
			size := rapid.SampledFrom([]int{0, 1, 126, 127, 128, 129, 300, 20_000}).Draw(t, "size")
			f.text = strings.Repeat("x", size)
		case f.kind == 6 && depth < 4:
			f.sub = drawProtoFields(t, depth+1)
		}
		out = append(out, f)
	}
	return out
}

// appendOurs and appendTheirs write the same fields; always is false for the
// functions that leave out zeros.
func appendOurs(d []byte, fields []protoField, always bool) []byte {
	for _, f := range fields {
		switch f.kind {
		case 0:
			if always {
				d = AppendVarintAlways(d, f.n, f.bits)
			} else {
				d = AppendVarint(d, f.n, f.bits)
			}
		case 1:
			d = AppendBool(d, f.n, f.bits != 0)
		case 2:
			if always {
				d = appendFixed64Always(d, f.n, f.bits)
			} else {
				d = AppendFixed64(d, f.n, f.bits)
			}
		case 3:
			d = AppendDoubleAlways(d, f.n, math.Float64frombits(f.bits))
		case 4:
			if always {
				d = appendFixed32Always(d, f.n, uint32(f.bits))
			} else {
				d = AppendFixed32(d, f.n, uint32(f.bits))
			}
		case 5:
			if always {
				d = AppendStringAlways(d, f.n, f.text)
			} else {
				d = AppendString(d, f.n, f.text)
			}
		default:
			var mark int
			d, mark = Open(d, f.n)
			d = Close(appendOurs(d, f.sub, always), mark)
		}
	}
	return d
}

func appendTheirs(d []byte, fields []protoField, always bool) []byte {
	for _, f := range fields {
		n := protowire.Number(f.n)
		switch f.kind {
		case 0:
			if always || f.bits != 0 {
				d = protowire.AppendVarint(protowire.AppendTag(d, n, protowire.VarintType), f.bits)
			}
		case 1:
			if f.bits != 0 {
				d = protowire.AppendVarint(protowire.AppendTag(d, n, protowire.VarintType), 1)
			}
		case 2:
			if always || f.bits != 0 {
				d = protowire.AppendFixed64(protowire.AppendTag(d, n, protowire.Fixed64Type), f.bits)
			}
		case 3:
			d = protowire.AppendFixed64(protowire.AppendTag(d, n, protowire.Fixed64Type), f.bits)
		case 4:
			if always || uint32(f.bits) != 0 {
				d = protowire.AppendFixed32(protowire.AppendTag(d, n, protowire.Fixed32Type), uint32(f.bits))
			}
		case 5:
			if always || f.text != "" {
				d = protowire.AppendString(protowire.AppendTag(d, n, protowire.BytesType), f.text)
			}
		default:
			d = protowire.AppendBytes(protowire.AppendTag(d, n, protowire.BytesType), appendTheirs(nil, f.sub, always))
		}
	}
	return d
}

func TestProtoAppend(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		fields := protoFields.Draw(rt, "fields")
		for _, always := range []bool{false, true} {
			got, want := appendOurs([]byte("before"), fields, always), appendTheirs([]byte("before"), fields, always)
			if !bytes.Equal(got, want) {
				rt.Fatalf("always %v: %x, want %x", always, got, want)
			}
		}
	})
}

// value reads the value of a field as the text that protowire's reader gives.
func value(p *Proto, field, typ int) (v uint64, text []byte) {
	switch typ {
	case TypeVarint:
		return p.Varint(), nil
	case TypeFixed64:
		return p.Fixed64(), nil
	case TypeFixed32:
		return uint64(p.Fixed32()), nil
	case TypeBytes:
		at, n := p.Bytes()
		return 0, p.Buf[at : at+n]
	}
	p.Skip(field, typ)
	return 0, nil
}

// compareProto reads a message by both readers.
func compareProto(t interface{ Fatalf(string, ...any) }, in []byte) {
	p := ReadProto(in)
	rest := in
	for {
		field, typ, ok := p.Next()
		if !ok && p.Err == nil {
			if len(rest) > 0 {
				t.Fatalf("%x: ended %d bytes early", in, len(rest))
			}
			return
		}
		n, wireType, size := protowire.ConsumeTag(rest)
		if !ok {
			// proto.Unmarshal refuses these, protowire leaves that to it.
			if size >= 0 && n <= protowire.MaxValidNumber {
				t.Fatalf("%x: %v, protowire reads the tag", in, p.Err)
			}
			return
		}
		if size < 0 || int(n) != field || int(wireType) != typ {
			t.Fatalf("%x: field %d of type %d, protowire %d of %d, %v", in, field, typ, n, wireType, protowire.ParseError(size))
		}
		rest = rest[size:]
		length := protowire.ConsumeFieldValue(n, wireType, rest)
		v, text := value(&p, field, typ)
		if (p.Err == nil) != (length >= 0) {
			// Fields in a group: proto.Unmarshal refuses these numbers too.
			if p.Err != nil && (strings.Contains(p.Err.Error(), "deep") || strings.Contains(p.Err.Error(), "field number")) {
				return
			}
			t.Fatalf("%x: %v, protowire %v", in, p.Err, protowire.ParseError(length))
		}
		if p.Err != nil {
			return
		}
		var wantV uint64
		var wantText []byte
		switch wireType {
		case protowire.VarintType:
			wantV, _ = protowire.ConsumeVarint(rest)
		case protowire.Fixed64Type:
			wantV, _ = protowire.ConsumeFixed64(rest)
		case protowire.Fixed32Type:
			w, _ := protowire.ConsumeFixed32(rest)
			wantV = uint64(w)
		case protowire.BytesType:
			wantText, _ = protowire.ConsumeBytes(rest)
		}
		if v != wantV || !bytes.Equal(text, wantText) {
			t.Fatalf("%x: field %d: %d %x, want %d %x", in, field, v, text, wantV, wantText)
		}
		rest = rest[length:]
		if p.Pos != len(in)-len(rest) {
			t.Fatalf("%x: field %d ends at %d, want %d", in, field, p.Pos, len(in)-len(rest))
		}
	}
}

func TestProtoRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		compareProto(rt, appendTheirs(nil, protoFields.Draw(rt, "fields"), true))
	})
}

func FuzzProto(f *testing.F) {
	for _, s := range []string{"\x08\x96\x01", "\x12\x07testing", "\x0b\x13\x0a\x01a\x14\x0c", "\x0d\x01\x02\x03\x04\x09\x01\x02\x03\x04\x05\x06\x07\x08", "\x80\x80\x00", "\x08\x80\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) { compareProto(t, in) })
}

// The widths that lengths are given room for do not show.
func TestOpenWide(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 127, 128, 300, 16383, 16384, 70000} {
		for width := 1; width <= 4; width++ {
			content := bytes.Repeat([]byte("content "), n/8+1)[:n]
			want, mark := Open([]byte("before"), 7)
			want = Close(append(want, content...), mark)
			got, mark := OpenWide([]byte("before"), 7, width)
			got = CloseWide(append(got, content...), mark, width)
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes, width %d", n, width)
			}
		}
	}
}

// A pair that is read at once is the one that its fields say.
func samePair(t *testing.T, body []byte) {
	t.Helper()
	p := ReadProto(body)
	pair, ok := p.Pair()
	q := ReadProto(body)
	m := q.Message()
	var content [3]string
	order := ""
	for {
		field, typ, more := m.Next()
		if !more {
			break
		}
		order += fmt.Sprintf("%d/%d ", field, typ)
		if field > 2 || typ != TypeBytes {
			m.Skip(field, typ)
			continue
		}
		at, n := m.Bytes()
		content[field] = string(body[at : at+n])
	}
	if !ok {
		if p.Pos != 0 || p.Err != nil {
			t.Errorf("% x: at %d, %v", body, p.Pos, p.Err)
		}
		return
	}
	if order != "1/2 2/2 " || q.Err != nil || m.Err != nil || p.Pos != q.Pos ||
		string(body[pair.First:pair.FirstEnd]) != content[1] || string(body[pair.Second:pair.SecondEnd]) != content[2] {
		t.Errorf("% x: %+v, want %s: %q %q", body, pair, order, content[1], content[2])
	}
}

func TestPair(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "k", "http.method", strings.Repeat("k", 127), strings.Repeat("k", 128)} {
		for _, value := range []string{"", "v", strings.Repeat("v", 120), strings.Repeat("v", 300), strings.Repeat("v", 20_000)} {
			m := AppendStringAlways(AppendStringAlways(nil, 1, key), 2, value)
			body := append(binary.AppendUvarint(nil, uint64(len(m))), m...)
			p := ReadProto(append(body, "rest"...))
			if _, ok := p.Pair(); ok != (len(key) < 128 && len(value) < 16_000) {
				t.Errorf("%d and %d bytes: %v", len(key), len(value), ok)
			}
			samePair(t, body)
			for at := range min(len(body), 300) {
				samePair(t, body[:at])
				other := bytes.Clone(body)
				for _, v := range []byte{0, 1, 0x12, 0xff} {
					other[at] = v
					samePair(t, other)
				}
			}
		}
	}
}

func FuzzPair(f *testing.F) {
	f.Add([]byte("\x06\x0a\x01k\x12\x01v"))
	f.Add([]byte("\x88\x00\x0a\x01k\x12\x81\x00v"))
	f.Fuzz(samePair)
}
