// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// readBounded reads a file, unpacked, as far as a batch can point into it.
func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, span.MaxBody+1))
	if err == nil && bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
			data, err = io.ReadAll(io.LimitReader(z, span.MaxBody+1))
		}
	}
	if err == nil && len(data) > span.MaxBody {
		err = fmt.Errorf("more than %d bytes, want less", span.MaxBody)
	}
	return data, err
}

// documents splits a file into messages: several JSON values are one each, and
// a list of lists (the traces of Zipkin's query API) is one list. Whatever is
// not whole JSON is one message: its decoder finds the fault.
func documents(data []byte) (bodies [][]byte) {
	if c := first(data); c != '[' && c != '{' {
		return [][]byte{data}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		var one json.RawMessage
		switch err := d.Decode(&one); {
		case errors.Is(err, io.EOF):
			return bodies
		case err != nil && len(bodies) == 0:
			return [][]byte{data}
		case err != nil:
			return append(bodies, data[d.InputOffset():])
		}
		bodies = append(bodies, flat(one))
	}
}

// first is the first character of a text, 0 for none.
func first(data []byte) byte {
	if data = bytes.TrimLeft(data, " \t\r\n"); len(data) > 0 {
		return data[0]
	}
	return 0
}

// flat makes one list of a list of lists.
func flat(body []byte) []byte {
	if first(body) != '[' || first(bytes.TrimLeft(body, " \t\r\n")[1:]) != '[' {
		return body
	}
	var traces [][]json.RawMessage
	if json.Unmarshal(body, &traces) != nil {
		return body
	}
	out, err := json.Marshal(slices.Concat(traces...))
	if err != nil {
		return body
	}
	return out
}

// guess finds the form of a message, nil for none.
func guess(formats []translate.Format, body []byte) *translate.Format {
	name := ""
	switch c := first(body); {
	case c == '[':
		name = guessList(body)
	case c == '{':
		name = guessObject(body)
	case bytes.Contains(body, []byte("Segment-")) && bytes.Contains(body, []byte(`"ParentSegmentID"`)):
		name = "skywalking.go2sky.log"
	default:
		name = guessThrift(body)
	}
	if name == "" {
		return guessProto(formats, body)
	}
	f, err := formatNamed(formats, name)
	if err != nil {
		return nil
	}
	return f
}

// guessList looks at the keys of the spans of a list.
func guessList(body []byte) string {
	var spans []struct {
		Segment     json.RawMessage `json:"traceSegmentId"`
		Binary      json.RawMessage `json:"binaryAnnotations"`
		Annotations []struct {
			Endpoint json.RawMessage `json:"endpoint"`
		} `json:"annotations"`
	}
	// What is not of these types leaves the rest as it was read.
	_ = json.Unmarshal(body, &spans)
	for _, s := range spans {
		switch {
		case s.Segment != nil:
			return "skywalking.segments.json"
		case s.Binary != nil:
			return "zipkin.v1.json"
		}
		for _, a := range s.Annotations {
			if a.Endpoint != nil {
				return "zipkin.v1.json"
			}
		}
	}
	return "zipkin.v2.json"
}

// guessObject looks at the keys of an object. One that breaks off is told by
// what is there of it.
func guessObject(body []byte) string {
	var keys map[string]json.RawMessage
	has := func(key string) bool { _, ok := keys[key]; return ok }
	if json.Unmarshal(body, &keys) != nil {
		has = func(key string) bool { return bytes.Contains(body, []byte(`"`+key+`"`)) }
	}
	for _, k := range []struct{ key, name string }{
		{"resourceSpans", "otlp.json"},
		{"resource_spans", "otlp.json"},
		{"traceSegmentId", "skywalking.segment.json"},
		{"batch", jaegerJSON},
		{"properties", "skywalking.properties.json"},
		{"serviceInstance", "skywalking.ping.json"},
	} {
		if has(k.key) {
			return k.name
		}
	}
	return ""
}

// guessThrift knows the first bytes of Thrift messages and structs.
func guessThrift(body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte{0x82}), bytes.HasPrefix(body, []byte{0x80, 0x01}):
		switch method, _ := translate.DatagramMethod(body); method {
		case "emitBatch":
			return "jaeger.agent"
		case "emitZipkinBatch":
			return "zipkin.v1.agent"
		}
	case bytes.HasPrefix(body, []byte{12, 0, 1}): // field 1, a struct: the process
		return "jaeger.thrift"
	case bytes.HasPrefix(body, []byte{12, 0, 0}): // a list of structs
		return "zipkin.v1.thrift"
	}
	return ""
}

// guessProto tries the forms in protobuf. They look alike from the outside, but
// the ids of one are at the places of something else in the others.
func guessProto(formats []translate.Format, body []byte) (best *translate.Format) {
	most := 0
	for _, name := range []string{"otlp.proto", "jaeger.proto", "zipkin.proto3", "skywalking.segments"} {
		f, err := formatNamed(formats, name)
		if err != nil {
			continue
		}
		b, err := f.Decode(body, span.Origin{Format: name})
		if b == nil {
			continue
		}
		n := 2 * b.Len()
		if err == nil {
			n++
		}
		if b.Len() > 0 && n > most {
			best, most = f, n
		}
	}
	return best
}
