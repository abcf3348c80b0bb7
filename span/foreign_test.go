// SPDX-License-Identifier: Apache-2.0

package span

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestTraceOf(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		got := TraceOf(name)
		if hex := string(got.AppendHex32(nil)); hex != want {
			t.Errorf("TraceOf(%q) = %s, want %s", name, hex, want)
		}
	}
	f("de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "de5980b8fce34a37aab9b4ac3af7eedd")
	f("DE5980B8-FCE3-4A37-AAB9-B4AC3AF7EEDD", "de5980b8fce34a37aab9b4ac3af7eedd")
	f("463ac35c9f6413ad48485a3953bb6124", "463ac35c9f6413ad48485a3953bb6124")
	f("463ac35c9f6413ad", "0000000000000000463ac35c9f6413ad")
	f("56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001", "5741ef14a11c13bf5919387eb2d5b5f7")
	f(TraceOf("any text").String(), TraceOf("any text").String())
	for _, odd := range []string{
		"", "0", strings.Repeat("0", 16), strings.Repeat("0", 32), "00000000-0000-0000-0000-000000000000",
		strings.Repeat("x", 150), "317043982749817323402834092834", "order-7f3a/tenant α", "a.b.c", "-",
	} {
		if TraceOf(odd).IsZero() {
			t.Errorf("TraceOf(%q) is zero", odd)
		}
	}
}

func TestSpanOf(t *testing.T) {
	const (
		trace   = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"
		segment = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002"
	)
	f := func(tid TraceID, segment string, n int32, want string) {
		t.Helper()
		if got := SpanOf(tid, segment, n).String(); got != want {
			t.Errorf("SpanOf(%s, %q, %d) = %s, want %s", tid, segment, n, got, want)
		}
	}
	j := TraceOf(trace)
	f(j, segment, 2, "dd13ca1c79f8e987")
	f(j, strings.Replace(segment, "30002", "30003", 1), 3, "ded8b8fbbca3f592")
	f(TraceOf("463ac35c9f6413ad48485a3953bb6124"), "0b1d2c3e4f5a4b6c8d7e9f0a1b2c3d4e.31.16563474296510000", 1, "d5aa5482aa1294c6")
	f(TraceOf("463ac35c9f6413ad48485a3953bb6124"), "838055281761a3e800f067aa0ba902b7", 0, "00f067aa0ba902b7")
	// The pair of issue apache/opentelemetry-collector-contrib#21081.
	if SpanOf(j, segment, 1) == SpanOf(j, strings.Replace(segment, "30002", "30003", 1), 0) {
		t.Error("neighbouring segments meet")
	}
}

func TestSegmentName(t *testing.T) {
	z := TraceOf("463ac35c9f6413ad48485a3953bb6124")
	if got, want := SegmentName(z, 0x00f067aa0ba902b7), "838055281761a3e800f067aa0ba902b7"; got != want {
		t.Errorf("SegmentName = %s, want %s", got, want)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		tid := TraceID{rng.Uint64(), rng.Uint64()}
		id := ID(rng.Uint64() | 1)
		if got := SpanOf(tid, SegmentName(tid, id), 0); got != id {
			t.Fatalf("SpanOf(SegmentName(%s, %s)) = %s", tid, id, got)
		}
	}
}

var neighbours = flag.Int("neighbours", 200, "segments of one thread whose span ids are compared; 1000000 take 3 GB")

// Java agents count segment names of one thread up one by one.
func TestNeighbouringSegmentsDiffer(t *testing.T) {
	const spans = 300
	tid := TraceOf("9c6d714b8b4c4be0bff5a8e65919605e.34.17952380396940001")
	ids := make([]ID, 0, *neighbours*spans)
	for seg := range *neighbours {
		name := fmt.Sprintf("9c6d714b8b4c4be0bff5a8e65919605e.34.%d", 17952380396940000+seg)
		for n := range int32(spans) {
			ids = append(ids, SpanOf(tid, name, n))
		}
	}
	slices.Sort(ids)
	if len(ids) > 0 && ids[0] == 0 {
		t.Error("a span has id 0")
	}
	if different := len(slices.Compact(ids)); different != *neighbours*spans {
		t.Errorf("%d ids of %d spans", different, *neighbours*spans)
	}
}

// sameSegmentIDs holds what is done once for a segment against what is done for
// each of its spans.
func sameSegmentIDs(t *testing.T, tid TraceID, segment string, n int32) {
	t.Helper()
	var g SegmentIDs
	g.Reset(TraceID{Lo: 1}, "another segment with a name that is longer than what there is room for, which is no more than a hundred bytes")
	g.Reset(tid, segment)
	for _, n := range []int32{n, 0, 1, n} {
		if got, want := g.Of(n), SpanOf(tid, segment, n); got != want {
			t.Errorf("%s, span %d of %q: %s, want %s", tid, n, segment, got, want)
		}
	}
	want := ID(0)
	if id := SpanOf(tid, segment, 0); SegmentName(tid, id) == segment {
		want = id
	}
	if got := g.Made(); got != want {
		t.Errorf("%s: %q was made for %s, want %s", tid, segment, got, want)
	}
}

func TestSegmentIDs(t *testing.T) {
	tid := TraceOf("463ac35c9f6413ad48485a3953bb6124")
	made := SegmentName(tid, 0x00f067aa0ba902b7)
	for _, segment := range []string{
		"", made, strings.ToUpper(made), made[:31], made + "0", made[:16] + strings.Repeat("0", 16), strings.Repeat("0", 32),
		"9c6d714b8b4c4be0bff5a8e65919605e.34.17952380396940000", strings.Repeat("long", 100),
	} {
		for _, n := range []int32{0, 1, -1, 31, math.MaxInt32, math.MinInt32} {
			sameSegmentIDs(t, tid, segment, n)
			sameSegmentIDs(t, TraceID{}, segment, n)
		}
	}
}

func FuzzTraceOf(f *testing.F) {
	f.Add("56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001", "838055281761a3e800f067aa0ba902b7", int32(0))
	f.Fuzz(func(t *testing.T, name, segment string, n int32) {
		tid := TraceOf(name)
		if tid.IsZero() {
			t.Fatal("zero trace id")
		}
		if again := TraceOf(string(tid.AppendHex32(nil))); again != tid {
			t.Fatalf("TraceOf(hex(TraceOf(%q))) = %s, want %s", name, again, tid)
		}
		if SpanOf(tid, segment, n) == 0 {
			t.Fatal("zero span id")
		}
		sameSegmentIDs(t, tid, segment, n)
	})
}
