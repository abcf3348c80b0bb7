// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/skywalking"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// form is a way to write spans into a file. All of them can be read again under
// the same name.
type form struct {
	name  string
	short string // a word for the form that people want when they read it
	kind  string // of target whose encoder writes
	// join makes one file of the messages.
	join func([]translate.Message) ([]byte, error)
}

var forms = []form{
	{name: "zipkin.v2.json", short: "zipkin", kind: "zipkin", join: line},
	{name: jaegerJSON, short: "jaeger", kind: "jaeger", join: transcoded(jaeger.AppendJSON)},
	{name: "jaeger.proto", kind: "jaeger", join: bare},
	{name: "skywalking.segments.json", short: "skywalking", kind: "skywalking", join: segmentsJSON},
	{name: "skywalking.segments", kind: "skywalking", join: segments},
	{name: "otlp.json", short: "otlp", kind: "otlp-http", join: transcoded(otlp.AppendJSON)},
	{name: "otlp.proto", kind: "otlp-http", join: bare},
}

// jaegerJSON is a form for files alone.
const jaegerJSON = "jaeger.proto.json"

func formNamed(name string) (*form, error) {
	var names []string
	for i := range forms {
		f := &forms[i]
		if f.name == name || f.short == name {
			return f, nil
		}
		names = append(names, f.name)
	}
	return nil, fmt.Errorf("--to %s: no such form, want zipkin, jaeger, skywalking or otlp for text, or one of %s", name, strings.Join(names, ", "))
}

// fileFormats are the forms of bodies that clients send, and those of files.
func fileFormats(list []translate.Protocol) (all []translate.Format) {
	for _, p := range list {
		all = append(all, p.Formats...)
		if p.Name == "jaeger" {
			all = append(all, translate.Format{Name: jaegerJSON, Decode: jaeger.DecodeJSON})
		}
	}
	return all
}

// write writes all spans as one file; left is how many were not written.
func (f *form) write(batches []*span.Batch, opts translate.EncoderOptions) (file []byte, losses *translate.Losses, left int, err error) {
	t, _ := target(protocols(nil), f.kind)
	e := t.New(opts)
	e.Reset()
	all := items(batches, t.UniqueIDs)
	if o, ok := e.(translate.Observer); ok {
		o.Observe(all)
	}
	left = e.Add(all)
	file, err = f.join(e.Messages())
	return file, e.Losses(), left, err
}

// bare is the one message that there is.
func bare(messages []translate.Message) ([]byte, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	return messages[0].Body, nil
}

// line is a message that is text.
func line(messages []translate.Message) ([]byte, error) {
	if len(messages) == 0 {
		return []byte("[]\n"), nil
	}
	return append(messages[0].Body, '\n'), nil
}

// transcoded is a message in protobuf as text.
func transcoded(text func(dst, message []byte) ([]byte, error)) func([]translate.Message) ([]byte, error) {
	return func(messages []translate.Message) ([]byte, error) {
		body, _ := bare(messages)
		out, err := text(nil, body)
		return append(out, '\n'), err
	}
}

// segments are a SegmentCollection. What an encoder says of instances is for
// an OAP, not for a file.
func segments(messages []translate.Message) (out []byte, err error) {
	for _, m := range messages {
		if m.Spans > 0 {
			out = wire.AppendStringAlways(out, 1, string(m.Body))
		}
	}
	return out, nil
}

// segmentsJSON is a list with a line for each segment.
func segmentsJSON(messages []translate.Message) ([]byte, error) {
	out := []byte("[")
	for _, m := range messages {
		if m.Spans == 0 {
			continue
		}
		if len(out) > 1 {
			out = append(out, ",\n"...)
		}
		var err error
		if out, err = skywalking.AppendSegmentJSON(out, m.Body); err != nil {
			return nil, err
		}
	}
	return append(out, "]\n"...), nil
}
