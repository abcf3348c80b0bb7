// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"pgregory.net/rapid"
)

// tableOf describes a message from its published descriptor.
func tableOf(d protoreflect.MessageDescriptor, known map[protoreflect.FullName]*ProtoMessage) *ProtoMessage {
	if m := known[d.FullName()]; m != nil {
		return m
	}
	m := &ProtoMessage{}
	known[d.FullName()] = m
	out := ProtoMessage{}
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		f := &ProtoField{Number: int(fd.Number()), Repeated: fd.IsList()}
		switch fd.Kind() {
		case protoreflect.StringKind:
			f.Kind = ProtoString
		case protoreflect.BytesKind:
			f.Kind = ProtoBytes
		case protoreflect.BoolKind:
			f.Kind = ProtoBool
		case protoreflect.EnumKind:
			f.Kind = ProtoEnum
			f.Enum = map[string]int32{}
			for j := range fd.Enum().Values().Len() {
				v := fd.Enum().Values().Get(j)
				f.Enum[string(v.Name())] = int32(v.Number())
			}
		case protoreflect.Fixed64Kind:
			f.Kind = ProtoFixed64
		case protoreflect.Fixed32Kind:
			f.Kind = ProtoFixed32
		case protoreflect.DoubleKind:
			f.Kind = ProtoDouble
		case protoreflect.MessageKind:
			f.Kind = ProtoSub
			f.Message = tableOf(fd.Message(), known)
		default:
			f.Kind = ProtoInt
		}
		out[fd.JSONName()] = f
	}
	*m = out.AddSnakeCase()
	return m
}

func table(m proto.Message) *ProtoMessage {
	return tableOf(m.ProtoReflect().Descriptor(), map[protoreflect.FullName]*ProtoMessage{})
}

var tracesTable = table(&tracepb.TracesData{})

// drawMessage fills a message with random values.
func drawMessage(t *rapid.T, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if rapid.IntRange(0, 2).Draw(t, "set") == 0 || fd.Message() != nil && depth > 8 {
			continue
		}
		if !fd.IsList() {
			m.Set(fd, drawScalar(t, m.NewField(fd), fd, depth))
			continue
		}
		list := m.Mutable(fd).List()
		for range rapid.IntRange(0, 2).Draw(t, "elements") {
			list.Append(drawScalar(t, list.NewElement(), fd, depth))
		}
	}
}

func drawScalar(t *rapid.T, v protoreflect.Value, fd protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.StringN(0, 10, 20).Draw(t, "string"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.Int32Range(-2, 9).Draw(t, "enum")))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, "int32"))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, "int64"))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "uint32"))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, "uint64"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, "double"))
	}
	drawMessage(t, v.Message(), depth+1)
	return v
}

// transcode is the message that a JSON text stands for.
func transcode(in []byte, m *ProtoMessage) (out []byte, t Transcoder, j *JSON) {
	j = &JSON{Buf: in}
	t = Transcoder{J: j}
	out = t.Append(nil, m)
	if j.Peek(); j.Err == nil && j.Pos < len(in) {
		j.Fail(j.Pos, j.Found(), "the end")
	}
	return out, t, j
}

func TestTranscode(t *testing.T) {
	t.Parallel()
	spellings := []protojson.MarshalOptions{{}, {UseEnumNumbers: true}, {UseProtoNames: true}, {EmitUnpopulated: true, Indent: "\t"}}
	check := func(t *rapid.T, m *ProtoMessage, want, got proto.Message) {
		for _, o := range spellings {
			in, err := o.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			out, tr, j := transcode(in, m)
			if j.Err != nil || tr.Bad != nil {
				t.Fatalf("%s: %v, %v", in, j.Err, tr.Bad)
			}
			proto.Reset(got)
			if err := proto.Unmarshal(out, got); err != nil {
				t.Fatalf("%s: %v", in, err)
			}
			if !proto.Equal(want, got) {
				t.Fatalf("%s: %v, want %v", in, got, want)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := &tracepb.TracesData{}
		drawMessage(rt, m.ProtoReflect(), 0)
		check(rt, tracesTable, m, &tracepb.TracesData{})
	})
	// Kinds that OTLP does not have, such as int32 and lists of numbers.
	const path = "dependency"
	files := table(&descriptorpb.FileDescriptorProto{})
	rapid.Check(t, func(rt *rapid.T) {
		m := protodesc.ToFileDescriptorProto(tracepb.File_opentelemetry_proto_trace_v1_trace_proto)
		m.Dependency = append(m.Dependency, rapid.String().Draw(rt, path))
		for _, f := range m.MessageType[2].Field {
			f.OneofIndex = new(rapid.Int32().Draw(rt, "int32"))
		}
		m.SourceCodeInfo = &descriptorpb.SourceCodeInfo{Location: []*descriptorpb.SourceCodeInfo_Location{
			{Path: rapid.SliceOfN(rapid.Int32(), 0, 3).Draw(rt, "path")},
		}}
		m.Options = nil
		check(rt, files, m, &descriptorpb.FileDescriptorProto{})
	})
}

// What is lenient, and what is wrong: what is left of the message and what is
// said of it.
func TestTranscodeValues(t *testing.T) {
	t.Parallel()
	m := &ProtoMessage{}
	*m = ProtoMessage{
		"s": {Number: 1, Kind: ProtoString}, "b": {Number: 2, Kind: ProtoBytes}, "h": {Number: 3, Kind: ProtoHex},
		"i": {Number: 4, Kind: ProtoInt}, "t": {Number: 5, Kind: ProtoBool},
		"e":  {Number: 6, Kind: ProtoEnum, Enum: map[string]int32{"TWO": 2, "MINUS": -1}},
		"f8": {Number: 7, Kind: ProtoFixed64}, "f4": {Number: 8, Kind: ProtoFixed32}, "d": {Number: 9, Kind: ProtoDouble},
		"m": {Number: 10, Kind: ProtoSub, Message: m}, "l": {Number: 11, Kind: ProtoInt, Repeated: true},
		"u": {Number: 12, Kind: ProtoSub, Message: m, Repeated: true, Unit: true},
	}
	f := func(in, want, bad string) {
		t.Helper()
		out, tr, j := transcode([]byte(in), m)
		got := ""
		switch {
		case j.Err != nil:
			got = "cut: " + j.Err.Error()
		case tr.Bad != nil:
			got = tr.Bad.Error()
		}
		for _, u := range tr.BadUnits {
			got += "; unit " + string(rune('0'+u.Unit)) + " " + u.Field + ": " + u.Error()
		}
		if string(out) != want || got != bad {
			t.Errorf("%s: %q, %q\nwant %q, %q", in, out, got, want, bad)
		}
	}
	f(`{}`, "", "")
	f(`{"s":""}`, "\x0a\x00", "")
	f(`{"\u0073":"\u00e9\n"}`, "\x0a\x03é\n", "")
	f(`{"s":null,"m":null,"l":null}`, "", "")
	f(`{"x":[{"s":1}],"i":1}`, "\x20\x01", "")
	f(`{"b":"-_8","i":1}`, "\x12\x02\xfb\xff\x20\x01", "")
	f(`{"b":"+/8="}`, "\x12\x02\xfb\xff", "")
	f(`{"b":"AAA\u003d"}`, "\x12\x02\x00\x00", "")
	f(`{"h":"0aFF"}`, "\x1a\x02\x0a\xff", "")
	f(`{"i":"-1"}`, "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "")
	f(`{"i":18446744073709551615}`, "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "")
	f(`{"i":1e2}`, "\x20\x64", "")
	f(`{"e":"TWO"}`, "\x30\x02", "")
	f(`{"e":"MINUS"}`, "\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "")
	f(`{"e":"THREE"}`, "\x30\x00", "")
	f(`{"e":"7"}`, "\x30\x07", "")
	f(`{"f8":"1","f4":2}`, "\x39\x01\x00\x00\x00\x00\x00\x00\x00\x45\x02\x00\x00\x00", "")
	f(`{"d":"Infinity"}`, "\x49\x00\x00\x00\x00\x00\x00\xf0\x7f", "")
	f(`{"d":"-0"}`, "\x49\x00\x00\x00\x00\x00\x00\x00\x80", "")
	f(`{"l":[1,"2"]}`, "\x58\x01\x58\x02", "")

	f(`{"s":7,"i":1}`, "\x20\x01", "byte 5: '7', want a string")
	f(`{"s":"a\x","i":1}`, "\x0a\x01a\x20\x01", "byte 6: a string with a bad escape, want JSON's escapes")
	f(`{"b":"?","i":1}`, "\x20\x01", `byte 6: "?", want base64`)
	f(`{"b":7}`, "", "byte 5: '7', want a string")
	f(`{"h":"0"}`, "", `byte 6: "0", want hex digits`)
	f(`{"i":1.5}`, "\x20\x00", `byte 5: "1.5", want an integer of 64 bits`)
	f(`{"i":true}`, "\x20\x00", `byte 5: "true", want an integer of 64 bits`)
	f(`{"t":1}`, "", "byte 5: '1', want true or false")
	f(`{"d":"x"}`, "\x49\x00\x00\x00\x00\x00\x00\x00\x00", `byte 6: "x", want a number`)
	f(`{"d":true}`, "\x49\x00\x00\x00\x00\x00\x00\x00\x00", "byte 5: 't', want a number")
	f(`{"m":7,"l":8}`, "\x52\x00", "byte 5: '7', want an object")
	f(`7`, "", "byte 0: '7', want an object")
	f(`{"i":1`, "\x20\x01", `cut: byte 6: the end of the body, want ',' or '}'`)
	f(`{"m":{"i":1`, "\x52\x02\x20\x01", `cut: byte 11: the end of the body, want ',' or '}'`)

	f(`{"u":[{"i":1},{"i":1,"s":7,"b":8},{"m":{"t":"x"}},5,{"i":2}],"s":9}`, "\x62\x02\x20\x01\x62\x00\x62\x00\x62\x00\x62\x02\x20\x02",
		"byte 65: '9', want a string; unit 2 s: byte 25: '7', want a string; unit 3 t: byte 44: '\"', want true or false; unit 4 u: byte 50: '5', want an object")
	f(`{"u":[{"i":1},{"i":2,`, "\x62\x02\x20\x01", "cut: byte 21: the end of the body, want a key in double quotes")

	deep := strings.Repeat(`{"m":`, maxDepth+1) + `{}` + strings.Repeat(`}`, maxDepth+1)
	if _, tr, j := transcode([]byte(`{"u":[`+deep+`],"i":1}`), m); j.Err != nil || tr.Bad != nil || len(tr.BadUnits) != 1 {
		t.Errorf("deep: %v, %v, %v", j.Err, tr.Bad, tr.BadUnits)
	}
}

func FuzzTranscode(f *testing.F) {
	f.Add([]byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":{"intValue":"1"}}]},"scopeSpans":[{"scope":{"name":"n"},"spans":[{"traceId":"AAAA","name":"é\n","kind":2,"startTimeUnixNano":"7","flags":1,"events":[{}],"status":{"code":"STATUS_CODE_ERROR"},"attributes":[{"value":{"doubleValue":1e3}},{"value":{"kvlistValue":{"values":[{}]}}},{"value":{"bytesValue":"-_8"}},{"value":{"boolValue":true}}]}]}]}]}`))
	f.Add([]byte(`{"resource_spans":null,"x":[1,{}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, tr, j := transcode(in, tracesTable)
		if len(out) > 2*len(in)+16 {
			t.Fatalf("%d bytes for %d", len(out), len(in))
		}
		got := &tracepb.TracesData{}
		err := proto.Unmarshal(out, got)
		if err != nil && utf8.Valid(in) {
			t.Fatalf("%q: %x: %v", in, out, err)
		}
		want := &tracepb.TracesData{}
		if protojson.Unmarshal(in, want) != nil || !json.Valid(in) {
			return
		}
		if j.Err != nil || tr.Bad != nil {
			if strings.Count(string(in), "{") > maxDepth || bytes.Contains(in, []byte("deep")) {
				return
			}
			t.Fatalf("%q: %v, %v; protojson takes it", in, j.Err, tr.Bad)
		}
		if !proto.Equal(want, got) {
			t.Fatalf("%q: %v, want %v", in, got, want)
		}
	})
}
