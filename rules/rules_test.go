// SPDX-License-Identifier: Apache-2.0

package rules_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/rules"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/skywalking"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

var all = []translate.Protocol{zipkin.Protocol, jaeger.New(nil), skywalking.Protocol, otlp.Protocol}

func decode(t testing.TB, format, body string) *span.Batch {
	t.Helper()
	for _, p := range all {
		for _, f := range p.Formats {
			if f.Name != format {
				continue
			}
			b, err := f.Decode([]byte(body), span.Origin{Format: format, Transport: "http", Received: 1})
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatal("no format", format)
	return nil
}

// encode writes a batch as a target of a kind gets it.
func encode(t testing.TB, kind string, b *span.Batch) (out string) {
	t.Helper()
	for _, p := range all {
		for _, k := range p.Targets {
			if k.Kind != kind {
				continue
			}
			e := k.New(translate.EncoderOptions{Residue: translate.Plain})
			e.Reset()
			e.Notices(b)
			e.Add(spantest.Items(b))
			for _, m := range e.Messages() {
				out += string(m.Body) + "\n"
			}
			return out
		}
	}
	t.Fatal("no kind", kind)
	return ""
}

func rename(services, instances map[string]string, fold bool) *rules.Rules {
	return rules.New(rules.Options{
		Services: services, Instances: instances, IgnoreCase: fold, Keep: 1,
		Segment: skywalking.RenameSegment, Notice: skywalking.RenameNotice,
	})
}

const (
	zipkinBody = `[{"traceId":"1","id":"2","localEndpoint":{"serviceName":"order"},"remoteEndpoint":{"serviceName":"stock"},"tags":{"x":"order"}},` +
		`{"traceId":"1","id":"3","localEndpoint":{"serviceName":"shop"},"remoteEndpoint":{"serviceName":"order"}},` +
		`{"traceId":"1","id":"4","localEndpoint":{"serviceName":"shop"}}]`
	segmentBody = `{"traceId":"463ac35c9f6413ad48485a3953bb6124","traceSegmentId":"a.1","service":"order","serviceInstance":"i1",` +
		`"spans":[{"spanId":0,"parentSpanId":-1,"startTime":1700000000000,"endTime":1700000000001,"operationName":"order",` +
		`"refs":[{"refType":"CrossProcess","traceId":"463ac35c9f6413ad48485a3953bb6124","parentTraceSegmentId":"b","parentSpanId":1,` +
		`"parentService":"shop","parentServiceInstance":"i2","parentEndpoint":"order","networkAddressUsedAtPeer":"order:80"}]},` +
		`{"spanId":1,"parentSpanId":0,"spanType":"Exit","operationName":"x","peer":"order:80","startTime":1700000000000,"endTime":1700000000001}]}`
	otlpBody = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"order"}},` +
		`{"key":"service.instance.id","value":{"stringValue":"i1"}},{"key":"a","value":{"stringValue":"order"}}]},` +
		`"scopeSpans":[{"spans":[{"traceId":"463ac35c9f6413ad48485a3953bb6124","spanId":"0000000000000001","kind":3,"name":"order",` +
		`"startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{"key":"peer.service","value":{"stringValue":"shop"}}]}]}]}]}`
)

// renamed gives what the batches of a body look like before and after, as a
// list of the lines that differ.
func renamed(t testing.TB, r *rules.Rules, format, body string) (before, after []string) {
	t.Helper()
	was := decode(t, format, body)
	text := spantest.Dump(was)
	now, out := r.Apply(was)
	if out != 0 {
		t.Fatal("sampled out:", out)
	}
	if again := spantest.Dump(was); again != text {
		t.Fatalf("the batch changed: %s", cmp.Diff(text, again))
	}
	a, b := strings.Split(text, "\n"), strings.Split(spantest.Dump(now), "\n")
	if len(a) != len(b) {
		t.Fatalf("%d lines, %d before", len(b), len(a))
	}
	for i := range a {
		if a[i] != b[i] {
			before, after = append(before, strings.TrimSpace(a[i])), append(after, strings.TrimSpace(b[i]))
		}
	}
	return before, after
}

func TestRename(t *testing.T) {
	t.Parallel()
	r := rename(map[string]string{"order": "Order", "shop": "Shop", "Order": "never"}, map[string]string{"i1": "order-1", "i2": "shop-1"}, false)
	f := func(format, body string, want ...string) {
		t.Helper()
		_, got := renamed(t, r, format, body)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	f("zipkin.v2.json", zipkinBody, `local "Order"`, `local "Shop"`, `remote "Order"`, `local "Shop"`)
	f("skywalking.segment.json", segmentBody,
		`local "Order"`, `remote "Shop"`,
		`trace "463ac35c9f6413ad48485a3953bb6124" segment "b" number 1 service "Shop" instance "shop-1" endpoint "order" address "order:80"`,
		`segment "a.1" trace "463ac35c9f6413ad48485a3953bb6124" service "Order" instance "order-1" spans 2 limited false`,
		`local "Order"`, `remote "Order" port 80`,
		`segment "a.1" trace "463ac35c9f6413ad48485a3953bb6124" service "Order" instance "order-1" spans 2 limited false`)
	f("skywalking.properties.json", `{"service":"order","serviceInstance":"i1","properties":[{"key":"a","value":"order"}]}`,
		`instance properties service "Order" name "order-1" layer -`)
	f("otlp.json", otlpBody, `local "Order"`, `remote "Shop"`, `attr "peer.service" string "Shop" mirrored`,
		`attr "service.name" string "Order" mirrored`, `attr "service.instance.id" string "order-1"`)
}

// What leaves says the new names only, whichever way it leaves: also as bytes
// that would else be copied.
func TestRenamedLeaves(t *testing.T) {
	t.Parallel()
	r := rename(map[string]string{"order-service": "Order", "shop-service": "Shop"}, map[string]string{"i-1": "one", "i-2": "two"}, true)
	bodies := map[string]string{"zipkin.v2.json": zipkinBody, "skywalking.segment.json": segmentBody, "otlp.json": otlpBody}
	for format, body := range bodies {
		// Names that stand nowhere else.
		for old, name := range map[string]string{
			`"serviceName":"order"`:  `"serviceName":"order-service"`,
			`"serviceName":"shop"`:   `"serviceName":"Shop-Service"`,
			`"service":"order"`:      `"service":"ORDER-service"`,
			`"parentService":"shop"`: `"parentService":"shop-service"`,
			`"i1"`:                   `"i-1"`,
			`"i2"`:                   `"I-2"`,
			`"service.name","value":{"stringValue":"order"`: `"service.name","value":{"stringValue":"order-service"`,
			`"peer.service","value":{"stringValue":"shop"`:  `"peer.service","value":{"stringValue":"shop-service"`,
		} {
			body = strings.ReplaceAll(body, old, name)
		}
		b, _ := r.Apply(decode(t, format, body))
		for _, kind := range []string{"zipkin", "jaeger", "skywalking", "otlp-grpc"} {
			out := encode(t, kind, b)
			lower := strings.ToLower(out)
			for _, old := range []string{"order-service", "shop-service", "i-1", "i-2"} {
				if strings.Contains(lower, old) {
					t.Errorf("%s → %s: %s is still there: %q", format, kind, old, out)
				}
			}
			if !strings.Contains(lower, "order") || !strings.Contains(lower, "shop") {
				t.Errorf("%s → %s: %q", format, kind, out)
			}
		}
	}
}

// O4: what Zipkin's clients write in lower case and an agent as it is
// configured is one service.
func TestO4OneService(t *testing.T) {
	t.Parallel()
	r := rename(map[string]string{"order": "Order"}, nil, true)
	a, _ := r.Apply(decode(t, "zipkin.v2.json", zipkinBody))
	b, _ := r.Apply(decode(t, "skywalking.segment.json", strings.Replace(segmentBody, `"service":"order"`, `"service":"ORDER"`, 1)))
	for _, x := range []*span.Batch{a, b} {
		if got := x.Str(x.Spans()[0].Local.Service); got != "Order" {
			t.Errorf("%s: %q", x.Origin.Format, got)
		}
	}
	// The bytes of a native segment that has its name already are the bytes.
	native := decode(t, "skywalking.segment.json", strings.NewReplacer(`"order"`, `"Order"`, `"order:80"`, `"Order:80"`).Replace(segmentBody))
	if again, _ := rename(map[string]string{"order": "Order", "other": "x"}, nil, false).Apply(native); again != native {
		t.Error("a batch without anything to rename was copied")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Ab", 40)
	f := func(from, name string, fold, want bool) {
		t.Helper()
		r := rename(map[string]string{from: "new"}, nil, fold)
		w := span.NewBuilder(nil, span.Origin{})
		w.Span(span.Span{Trace: span.TraceID{Lo: 1}, ID: 2, Local: span.Endpoint{Service: w.Copy(name)}})
		now, _ := r.Apply(w.Batch())
		if got := now.Str(now.Spans()[0].Local.Service) == "new"; got != want {
			t.Errorf("%q for %q, fold %v: %v", name, from, fold, got)
		}
	}
	f("order", "order", false, true)
	f("order", "Order", false, false)
	f("order", "Order", true, true)
	f("Order", "order", true, true)
	f("Änderung", "ÄNDERUNG", true, true)
	f(long, strings.ToUpper(long), true, true)
	f(long, long+"x", true, false)
	f("order", "orders", true, false)
}

func TestNoRules(t *testing.T) { // not parallel: it counts allocations
	if r := rules.New(rules.Options{Keep: 1}); r != nil {
		t.Fatal("rules where there are none")
	}
	b := decode(t, "zipkin.v2.json", zipkinBody)
	var none *rules.Rules
	if got, out := none.Apply(b); got != b || out != 0 || !none.Keeps(span.TraceID{Lo: 7}) {
		t.Error("no rules did something")
	}
	if n := testing.AllocsPerRun(100, func() { none.Apply(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The share that is kept is the one asked for, for random ids and for ids that
// count up; the two widths of an id agree, and so do nodes.
func TestSamplingShare(t *testing.T) {
	t.Parallel()
	const n = 100_000
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, keep := range []float64{0.001, 0.1, 0.5, 0.999} {
		r, other := rules.New(rules.Options{Keep: keep}), rules.New(rules.Options{Keep: keep})
		random, counted := 0, 0
		for i := range n {
			id := span.TraceID{Hi: rnd.Uint64(), Lo: rnd.Uint64()}
			kept := r.Keeps(id)
			if kept != r.Keeps(span.TraceID{Lo: id.Lo}) || kept != other.Keeps(id) {
				t.Fatalf("%v: two verdicts", id)
			}
			if kept {
				random++
			}
			if r.Keeps(span.TraceID{Lo: 1_700_000_000_000_000 + uint64(i)}) {
				counted++
			}
		}
		sigma := math.Sqrt(n * keep * (1 - keep))
		for _, got := range []int{random, counted} {
			if math.Abs(float64(got)-n*keep) > 5*sigma+1 {
				t.Errorf("%v: %d of %d", keep, got, n)
			}
		}
	}
}

// The verdict is part of the contract between nodes: it must not change with a
// version.
func TestSamplingVerdict(t *testing.T) {
	t.Parallel()
	r := rules.New(rules.Options{Keep: 0.5})
	got := ""
	for i := range uint64(32) {
		got += map[bool]string{true: "1", false: "0"}[r.Keeps(span.TraceID{Hi: 99, Lo: i})]
	}
	if want := "11111001011111101000000000110000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSampling(t *testing.T) {
	t.Parallel()
	r := rules.New(rules.Options{Keep: 0.5})
	var kept, out span.TraceID
	for i := uint64(1); kept.IsZero() || out.IsZero(); i++ {
		if id := (span.TraceID{Lo: i}); r.Keeps(id) {
			kept = id
		} else {
			out = id
		}
	}
	body := fmt.Sprintf(`[{"traceId":"%s","id":"1"},{"traceId":"%s","id":"2"},{"traceId":"463ac35c9f6413ad%s","id":"3"},{"traceId":"%s","id":"4","debug":true}]`, out, kept, kept, out)
	b, n := r.Apply(decode(t, "zipkin.v2.json", body))
	ids := ""
	for i := range b.Spans() {
		ids += b.Spans()[i].ID.String()[15:]
	}
	if n != 1 || ids != "234" {
		t.Errorf("%d left out, spans %s", n, ids)
	}
	whole := decode(t, "zipkin.v2.json", fmt.Sprintf(`[{"traceId":"%s","id":"1"}]`, kept))
	if same, n := r.Apply(whole); same != whole || n != 0 {
		t.Error("a batch with nothing to leave out was copied")
	}
	none, n := r.Apply(decode(t, "zipkin.v2.json", fmt.Sprintf(`[{"traceId":"%s","id":"1"}]`, out)))
	if n != 1 || none.Len() != 0 {
		t.Errorf("%d left out, %d there", n, none.Len())
	}
	// A SkyWalking trace by the id that its name stands for.
	for i := range 100 {
		name := fmt.Sprintf("0e2c75d0a9c34e2b.57.1700000000%04d", i)
		b, n := r.Apply(decode(t, "skywalking.segment.json", strings.ReplaceAll(segmentBody, "463ac35c9f6413ad48485a3953bb6124", name)))
		if want := r.Keeps(span.TraceOf(name)); (n == 0) != want || b.Len() != 2-n {
			t.Errorf("%s: %d left out, want kept %v", name, n, want)
		}
	}
}

// Both at once, and the second time the same.
func TestApplyAgain(t *testing.T) {
	t.Parallel()
	r := rules.New(rules.Options{Keep: 0.5, Services: map[string]string{"order": "Order"}, Segment: skywalking.RenameSegment})
	var body strings.Builder
	for i := range 100 {
		fmt.Fprintf(&body, `,{"traceId":"%x","id":"%x","localEndpoint":{"serviceName":"order"}}`, i+1, i+1)
	}
	text := "[" + body.String()[1:] + "]"
	a, n := r.Apply(decode(t, "zipkin.v2.json", text))
	b, m := r.Apply(decode(t, "zipkin.v2.json", text))
	if n != m || n == 0 || n == 100 || spantest.Dump(a) != spantest.Dump(b) {
		t.Errorf("%d and %d left out", n, m)
	}
	if got := encode(t, "zipkin", a); strings.Contains(got, `"order"`) || strings.Count(got, `"Order"`) != 100-n {
		t.Error(got)
	}
}

func BenchmarkApply(b *testing.B) {
	var body strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&body, `,{"traceId":"463ac35c9f6413ad%016x","id":"%x","name":"get /order","localEndpoint":{"serviceName":"order"},"remoteEndpoint":{"serviceName":"stock"}}`, i/10+1, i+1)
	}
	batch := decode(b, "zipkin.v2.json", "["+body.String()[1:]+"]")
	f := func(name string, o rules.Options) {
		r := rules.New(o)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Apply(batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/span")
		})
	}
	f("none", rules.Options{Keep: 1})
	f("other names", rules.Options{Keep: 1, Services: map[string]string{"x": "X"}, IgnoreCase: true})
	f("every span", rules.Options{Keep: 1, Services: map[string]string{"order": "Order"}})
	f("half of the traces", rules.Options{Keep: 0.5})
}
