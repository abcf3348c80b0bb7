// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// states are the rows of the table: a decision with ids, and one alone.
var states = []struct {
	name string
	c    Context
}{
	{"defer", Context{}},
	{"deny", Context{Sampling: Deny}},
	{"accept", Context{Sampling: Accept}},
	{"debug", Context{Sampling: Debug}},
	{"firehose", Context{Sampling: Firehose}},
	{"deny alone", Context{Sampling: Deny}},
	{"accept alone", Context{Sampling: Accept}},
	{"debug alone", Context{Sampling: Debug}},
}

// columns are the formats in the order of the notes.
var columns = []Format{B3Multi, B3, Uber, W3C, SW8, OT}

// cell is one field of the table.
type cell struct {
	written string // headers, by their words
	read    string // the state that is read back from them
}

func (c cell) loss(state string) string {
	switch {
	case c.written == "nothing":
		return "not written"
	case c.read == state:
		return "kept"
	}
	return "lost"
}

// words makes headers readable: T and S are the ids, R the segment.
var words = strings.NewReplacer(
	"00-463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-", "00-T-S-",
	"463ac35c9f6413ad48485a3953bb6124", "T", "00f067aa0ba902b7", "S", "48485a3953bb6124", "low(T)", "463ac35c9f6413ad", "high(T)",
	"NDYzYWMzNWM5ZjY0MTNhZDQ4NDg1YTM5NTNiYjYxMjQ=", "T64", "ODM4MDU1MjgxNzYxYTNlODAwZjA2N2FhMGJhOTAyYjc=", "R64",
	"-ZnJvbnRlbmQ=-MTAuMC4wLjU=-R0VUOi9ob21l-b3JkZXI6ODA4MA==", "-…", "YjNk:MQ==", "b3d=1",
)

func headerLines(h http.Header) string {
	var lines []string
	for _, f := range AllFormats() {
		for _, name := range headersOf[f] {
			if vs, ok := h[name.canonical]; ok {
				if line := name.spec + ": " + words.Replace(vs[0]); !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
		}
	}
	if len(lines) == 0 {
		return "nothing"
	}
	return strings.Join(lines, ", ")
}

func stateOf(c *Context) string {
	if !c.HasIDs() && c.Sampling != Defer {
		return c.Sampling.String() + " alone"
	}
	return c.Sampling.String()
}

func fill(t *testing.T, row int, f Format, options ...Option) cell {
	c := states[row].c
	if !strings.HasSuffix(states[row].name, " alone") {
		c.Trace, c.Span, c.Long = span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}, 0xf067aa0ba902b7, true
	}
	p := New(append(options, Read(f), Write(f))...)
	h := http.Header{}
	p.Inject(&c, here, HTTP(h))
	if err := strict(h); err != nil {
		t.Errorf("%s in %s: %v", states[row].name, f, err)
	}
	back := p.Extract(HTTP(h))
	read := stateOf(&back)
	switch {
	case !back.HasIDs():
	case f == OT && p.unmarked && back.Trace.Hi == 0 && back.Trace.Lo == c.Trace.Lo:
		read += ", 64 bits"
	case back.Trace != c.Trace || back.Span != c.Span:
		t.Errorf("%s in %s: read back %+v", states[row].name, f, back)
	}
	return cell{headerLines(h), read}
}

// forms are headers as they are met, by format, and what they say.
var forms = []struct {
	f     Format
	lines []string
}{
	{B3, []string{"b3: T-S", "b3: T-S-0", "b3: T-S-1", "b3: T-S-d", "b3: T-S-P", "b3: 0", "b3: 1", "b3: d", "b3: "}},
	{B3Multi, []string{
		"X-B3-TraceId: T|X-B3-SpanId: S", "X-B3-TraceId: T|X-B3-SpanId: S|X-B3-Sampled: 0", "X-B3-TraceId: T|X-B3-SpanId: S|X-B3-Sampled: 1",
		"X-B3-TraceId: T|X-B3-SpanId: S|X-B3-Sampled: True", "X-B3-TraceId: T|X-B3-SpanId: S|X-B3-Sampled: FALSE",
		"X-B3-TraceId: T|X-B3-SpanId: S|X-B3-Flags: 1", "X-B3-TraceId: T|X-B3-SpanId: S|X-B3-Sampled: 0|X-B3-Flags: 1",
		"X-B3-TraceId: T|X-B3-SpanId: S|X-B3-Sampled: 1|X-B3-Flags: 0", "X-B3-TraceId: T|X-B3-SpanId: S|X-B3-Sampled: maybe",
		"X-B3-TraceId: T|X-B3-Sampled: 0", "X-B3-TraceId: T", "X-B3-Sampled: 0", "X-B3-Sampled: 1", "X-B3-Flags: 1",
	}},
	{Uber, []string{
		"uber-trace-id: T:S:0:0", "uber-trace-id: T:S:0:1", "uber-trace-id: T:S:0:2", "uber-trace-id: T:S:0:3", "uber-trace-id: T:S:0:8",
		"uber-trace-id: T:S:0:9", "uber-trace-id: T:S:0:11", "uber-trace-id: T:S:0:01", "uber-trace-id: T%3AS%3A0%3A1", "uber-trace-id: T:S:0:256",
		"jaeger-debug-id: find+me", "uber-trace-id: T:S:0:0|jaeger-debug-id: x", "uber-trace-id: 0:0:0:0|jaeger-debug-id: x",
	}},
	{W3C, []string{
		"traceparent: 00-T-S-00", "traceparent: 00-T-S-01", "traceparent: 00-T-S-02", "traceparent: 00-T-S-03",
		"traceparent: 00-T-S-00|tracestate: br=?", "traceparent: 00-T-S-01|tracestate: br=d", "traceparent: 00-T-S-01|tracestate: a=b,br=f",
		"traceparent: 00-T-S-00|tracestate: br=d", "traceparent: 00-T-S-01|tracestate: br=?", "traceparent: 00-T-S-01|tracestate: br=d,,nonsense",
		"traceparent: cc-T-S-01-more", "traceparent: 00-T-S-01-more", "traceparent: ff-T-S-01", "tracestate: br=d",
	}},
	{SW8, []string{
		"sw8: 0-T64-R64-0-…", "sw8: 1-T64-R64-0-…", "sw8: 2-T64-R64-0-…", "sw8: 1-T64-R64-0-…|sw8-correlation: b3d=1",
		"sw8: 0-T64-R64-0-…|sw8-correlation: b3d=1", "sw8-correlation: b3d=1", "sw8: ", "sw8: 1-x", "sw8: 1-------",
	}},
	{OT, []string{
		"ot-tracer-traceid: T|ot-tracer-spanid: S", "ot-tracer-traceid: T|ot-tracer-spanid: S|ot-tracer-sampled: true",
		"ot-tracer-traceid: T|ot-tracer-spanid: S|ot-tracer-sampled: 0", "ot-tracer-traceid: T|ot-tracer-spanid: S|ot-tracer-sampled: true|ot-baggage-br: d",
		"ot-tracer-traceid: T|ot-tracer-spanid: S|ot-tracer-sampled: true|ot-baggage-br: f", "ot-tracer-traceid: T|ot-tracer-spanid: S|ot-tracer-sampled: false|ot-baggage-br: d",
		"ot-tracer-traceid: low(T)|ot-tracer-spanid: S|ot-baggage-br: h:high(T)", "ot-tracer-traceid: T|ot-tracer-spanid: S|ot-tracer-sampled: maybe", "ot-tracer-sampled: true",
	}},
	{LightStep, []string{"x-ot-span-context: T;S;P;cs"}},
}

var values = strings.NewReplacer(
	"low(T)", "48485a3953bb6124", "high(T)", "463ac35c9f6413ad", "T64", "NDYzYWMzNWM5ZjY0MTNhZDQ4NDg1YTM5NTNiYjYxMjQ=", "R64", "ODM4MDU1MjgxNzYxYTNlODAwZjA2N2FhMGJhOTAyYjc=",
	"-…", "-ZnJvbnRlbmQ=-MTAuMC4wLjU=-R0VUOi9ob21l-b3JkZXI6ODA4MA==", "b3d=1", "YjNk:MQ==",
	"T-", "463ac35c9f6413ad48485a3953bb6124-", "T;", "463ac35c9f6413ad48485a3953bb6124;", "T:", "463ac35c9f6413ad48485a3953bb6124:", "T%", "463ac35c9f6413ad48485a3953bb6124%",
	"S-", "00f067aa0ba902b7-", "S;", "00f067aa0ba902b7;", "S:", "00f067aa0ba902b7:", "S%", "00f067aa0ba902b7%", "P;", "48485a3953bb6124;",
)

// meet makes the headers of a line.
func meet(line string) http.Header {
	h := http.Header{}
	for l := range strings.SplitSeq(line, "|") {
		k, v, _ := strings.Cut(l, ": ")
		switch v += "\x00"; { // a letter at the end stands for an id as well
		case strings.HasSuffix(v, "T\x00"):
			v = v[:len(v)-2] + "463ac35c9f6413ad48485a3953bb6124\x00"
		case strings.HasSuffix(v, "S\x00"):
			v = v[:len(v)-2] + "00f067aa0ba902b7\x00"
		case strings.HasSuffix(v, "P\x00"):
			v = v[:len(v)-2] + "48485a3953bb6124\x00"
		}
		h.Add(k, strings.TrimSuffix(values.Replace(v), "\x00"))
	}
	return h
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (make golden rewrites it):\n%s", file, diff)
	}
}

// The table of sampling states: what each format makes of each, and what is read
// back from it.
func TestSamplingTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Sampling states in each format, and what is read back. T and S are the ids of trace and span,\n" +
		"# R the segment that a gateway gives the span, 64 stands for base64.\n")
	table := func(options ...Option) {
		for row := range states {
			b.WriteString("\n")
			for _, f := range columns {
				c := fill(t, row, f, options...)
				fmt.Fprintf(&b, "%-12s | %-7s | %-16s | %-11s | %s\n", states[row].name, f, c.read, c.loss(states[row].name), c.written)
			}
		}
	}
	fmt.Fprintf(&b, "\n%-12s | %-7s | %-16s | %-11s | %s\n", "state", "format", "read back", "it is", "written")
	table()
	b.WriteString("\n# The same without marks (WithoutMarks).\n")
	table(WithoutMarks())
	b.WriteString("\n# Undecided ids in uber-trace-id, if asked for (KeepUndecided).\n\n")
	c := fill(t, 0, Uber, KeepUndecided())
	fmt.Fprintf(&b, "%-12s | %-7s | %-16s | %-11s | %s\n", "defer", Uber, c.read, c.loss("defer"), c.written)
	b.WriteString("\n# Headers as they are met, and what they say.\n")
	for _, form := range forms {
		b.WriteString("\n")
		for _, line := range form.lines {
			p := New(Read(form.f))
			c := p.Extract(HTTP(meet(line)))
			said := stateOf(&c)
			if !c.HasIDs() && c.Sampling == Defer {
				said = "nothing"
			}
			if n := p.Counts().Malformed[form.f]; n > 0 {
				said += ", malformed"
			}
			fmt.Fprintf(&b, "%-9s | %-22s | %s\n", form.f, said, strings.ReplaceAll(line, "|", ", "))
		}
	}
	golden(t, "testdata/sampling.txt", b.String())
}

// withoutIDs leaves what says the decision of headers that have ids apart.
var withoutIDs = strings.NewReplacer("X-B3-TraceId: T, ", "", "X-B3-SpanId: S, ", "", "ot-tracer-traceid: low(T), ", "", "ot-tracer-spanid: S, ", "",
	"ot-baggage-br: h:high(T), ", "", "&h:high(T)", "")

// docs/headers.md has the same table, made here.
func TestSamplingTableInDocs(t *testing.T) {
	const page, begin, end = "../docs/headers.md", "<!-- sampling: begin -->\n", "<!-- sampling: end -->"
	var b strings.Builder
	b.WriteString("\n| decision |")
	for _, f := range columns {
		fmt.Fprintf(&b, " `%s` |", f)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for row := range states {
		fmt.Fprintf(&b, "| %s |", states[row].name)
		for _, f := range columns {
			c := fill(t, row, f)
			if c.written == "nothing" {
				b.WriteString(" – |")
				continue
			}
			said := withoutIDs.Replace(c.written + ", ")
			if said = strings.TrimSuffix(said, ", "); said == "" {
				b.WriteString(" ids alone")
			} else {
				fmt.Fprintf(&b, " `%s`", strings.ReplaceAll(said, ", ", "`, `"))
			}
			if c.read != states[row].name {
				fmt.Fprintf(&b, " (%s)", c.read)
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table: %s", page, begin)
	}
	golden(t, page, before+begin+b.String()+end+after)
}
