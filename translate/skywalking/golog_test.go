// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

var loggedBy = Go2skyLog{Service: "sky-logged", Instance: "sky-logged-1@10.9.8.7"}

func goLog(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "golog", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

var times = regexp.MustCompile(`start \d+ duration \d+`)

// G1: the lines give the spans that the same segments by gRPC give, with the
// times to the nanosecond.
func TestG1LogLinesAreTheSegments(t *testing.T) {
	t.Parallel()
	want := decode(t, formatSegments, goLog(t, "segments.bin"))
	got, err := loggedBy.Decode(goLog(t, "lines.log"), originOf(formatGo2skyLog))
	if err != nil {
		t.Fatal(err)
	}
	if want.Len() != 5 || got.Len() != 5 {
		t.Fatalf("%d and %d spans, want 5", want.Len(), got.Len())
	}
	exact := false
	for i := range want.Spans() {
		w, g := want.Spans()[i], got.Spans()[i]
		const ms = 1_000_000
		if g.Start/ms != w.Start/ms || (g.Start+g.Duration)/ms != (w.Start+w.Duration)/ms {
			t.Errorf("span %d: %d for %d, milliseconds %d for %d", i, g.Start, g.Duration, w.Start, w.Duration)
		}
		exact = exact || g.Start%1000 != 0
	}
	if !exact {
		t.Error("no start is finer than a microsecond")
	}
	dump := func(b *span.Batch) string { return times.ReplaceAllString(spantest.Dump(b), "times") }
	if diff := cmp.Diff(dump(want), dump(got)); diff != "" {
		t.Errorf("-grpc +lines:\n%s", diff)
	}
	const line = "start 1795258006685321499 duration 6760"
	if !strings.Contains(spantest.Dump(got), line) {
		t.Errorf("no %q in\n%s", line, spantest.Dump(got))
	}
}

// G2: what logs do to lines.
func TestG2LinesInLogs(t *testing.T) {
	t.Parallel()
	all := strings.Split(string(goLog(t, "lines.log")), "\n")
	one, two := all[0], all[1] // 2 and 3 spans
	wrap := func(line string) string {
		text, err := json.Marshal(map[string]string{"log": line + "\n", "stream": "stderr", "time": "2026-11-21T10:46:46.7Z"})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	f := func(name, body string, spans int, fault string) {
		t.Helper()
		b, err := loggedBy.Decode([]byte(body), originOf(formatGo2skyLog))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if b.Len() != spans || got != fault {
			t.Errorf("%s: %d spans, %q, want %d, %q", name, b.Len(), got, spans, fault)
		}
	}
	f("as it is", one+"\n"+two+"\n", 5, "")
	f("no end of line", one, 2, "")
	f("windows", one+"\r\n"+two+"\r\n", 5, "")
	f("containerd", "2026-11-21T05:01:58.123456789Z stderr F "+one+"\n", 2, "")
	f("kubectl --prefix", "[pod/order-7c/order] "+two, 3, "")
	f("json-file", wrap(one)+"\n"+wrap(two)+"\n"+wrap("hello")+"\n", 5, "")
	f("two in one line", one+two, 5, "")
	f("two in one line, another between", one+" GET /x 200 "+two+" more", 5, "")
	f("others", "hello\n\ngo2sky-log2026/11/21 10:46:50 Close log reporter\nSegment-x is fine\n"+one+"\nSegment-\nSegment-a b: [\n", 2, "")
	f("nothing", "", 0, "")
	f("not UTF-8", strings.Replace(one, "sold out", "s\xffld out", 1), 2, "")

	f("cut", one+"\n"+two[:400]+"\n"+one, 4, `go2sky log: line 2, byte 328: the end of the body, want the end of a string`)
	f("cut before another", two[:400]+one, 2, `go2sky log: line 1, byte 403: 'R', want ',' or '}'`)
	f("cut at the list", "Segment-x: \n"+one, 2, `go2sky log: line 1, byte 0: the end of the body, want an array`)
	f("empty", "Segment-x: []", 0, `go2sky log: segment 1: no spans, want at least one`)
	f("a bad time", strings.Replace(one, `"StartTime":"2026-`, `"StartTime":"yes`, 1), 1,
		`go2sky log: line 1: span 1: "yes11-21T10:46:46.68533615Z", want a time such as 2026-01-02T03:04:05.6Z`)
	f("a bad type", strings.Replace(one, `"SpanID":0`, `"SpanID":{}`, 1), 1, `go2sky log: line 1: span 2, byte 1175: "{}", want an integer of 64 bits`)
	f("no object", "Segment-x: [1,2]", 0, `go2sky log: line 1: span 1, byte 1: '1', want an object; line 1: span 2, byte 3: '2', want an object`)
}

// A line of its own: which ones are worth reading.
func TestHolds(t *testing.T) {
	t.Parallel()
	f := func(line string, want bool) {
		t.Helper()
		if got := (Go2skyLog{}).Holds([]byte(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
	f("go2sky-log2026/11/21 10:46:46 Segment-a: [{", true)
	f(`{"log":"Segment-a: [{\"SpanID\"","stream":"stderr"}`, true)
	f("Segment-a: ", true)
	f("Segment-a: x", false)
	f("Segment-a b: [", false)
	f("Segment-: [", false)
	f("Close log reporter", false)
	f("Segment-x says: Segment-a: [", true)
}

// What an OAP is given: the segment as the agent's gRPC reporter writes it.
func TestLogLinesPass(t *testing.T) {
	t.Parallel()
	b, err := loggedBy.Decode(goLog(t, "lines.log"), originOf(formatGo2skyLog))
	if err != nil {
		t.Fatal(err)
	}
	want := decode(t, formatSegments, goLog(t, "segments.bin"))
	raw := func(b *span.Batch) (all []string) {
		last := uint32(0)
		for i := range b.Spans() {
			if n := b.Spans()[i].Segment; n != last {
				last = n
				again := decode(t, formatSegments, collectionOf([]byte(b.Str(b.Segment(n).Raw))))
				all = append(all, spantest.Dump(again))
			}
		}
		return all
	}
	if diff := cmp.Diff(raw(want), raw(b)); diff != "" {
		t.Errorf("-grpc +lines:\n%s", diff)
	}
}

// collectionOf is a SegmentCollection of one segment.
func collectionOf(segment []byte) []byte {
	out := []byte{0x0a}
	n := len(segment)
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(append(out, byte(n)), segment...)
}

func FuzzGo2skyLog(f *testing.F) {
	f.Add(goLog(f, "lines.log"))
	f.Add([]byte("Segment-a: [{\"SpanID\":0,\"ParentSpanID\":-1,\"Refs\":[{}]}] Segment-b: [null]\n{\"log\":\"Segment-c: [\\u007b}]\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := loggedBy.Decode(bytes.Clone(body), span.Origin{Format: formatGo2skyLog})
		if b == nil {
			t.Fatal(err)
		}
		if b.Memory() > 1<<20+300*len(body) {
			t.Fatalf("%d bytes for %d", b.Memory(), len(body))
		}
		report, err := loggedBy.Report(b)
		if err == nil && report.Len() != b.Len() {
			t.Fatalf("%d spans of %d", report.Len(), b.Len())
		}
		_ = spantest.Dump(report)
	})
}

func BenchmarkGo2skyLog(b *testing.B) {
	body := bytes.Repeat(goLog(b, "lines.log"), 100)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := loggedBy.Decode(body, span.Origin{Format: formatGo2skyLog}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/span")
}

// What is sent on says the same when it is read, to the nanosecond, and is for
// an OAP the segment of the agent but for one tag.
func TestG1ReportKeepsNanoseconds(t *testing.T) {
	t.Parallel()
	want, err := loggedBy.Decode(goLog(t, "lines.log"), originOf(formatGo2skyLog))
	if err != nil {
		t.Fatal(err)
	}
	got, err := loggedBy.Report(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spantest.Dump(want), spantest.Dump(got)); diff != "" {
		t.Errorf("-lines +report:\n%s", diff)
	}
	for _, n := range []uint32{1, 2} {
		raw := got.Str(got.Segment(n).Raw)
		if !strings.Contains(raw, `{"v":1,`) {
			t.Errorf("segment %d has no residue: %q", n, raw)
		}
	}
}
