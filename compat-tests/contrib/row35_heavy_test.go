// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package contrib

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/zipkin/zipkinv2"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// zipkinForms are the forms that the Collector's Zipkin exporter writes.
var zipkinForms = []struct {
	name string
	ptrace.Marshaler
}{
	{"zipkin.v2.json", zipkinv2.NewJSONTracesMarshaler()},
	{"zipkin.proto3", zipkinv2.NewProtobufTracesMarshaler()},
}

// writeZipkin is what the Collector's exporter sends, which must hold the texts
// that this row is about.
func writeZipkin(t *testing.T, m ptrace.Marshaler, td ptrace.Traces, texts ...string) []byte {
	t.Helper()
	body, err := m.MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if !bytes.Contains(bytes.ToLower(body), bytes.ToLower([]byte(text))) {
			t.Fatalf("no %s in %s", text, body)
		}
	}
	return body
}

// TestRow35Zipkin: the Collector's spans come back from its Zipkin exporter as
// they were. Both ways are OpenTelemetry's own data model, so the sample itself
// is what is wanted.
func TestRow35Zipkin(t *testing.T) {
	t.Parallel()
	for _, form := range zipkinForms {
		body := writeZipkin(t, form, sample(true), "STATUS_CODE_ERROR", "STATUS_CODE_OK", "otlp.link.0", "otlp.link.1", "|3", "w3c.tracestate", "otel.library.name")
		got := dump(readOTLP(t, convert(t, body, "--from", form.name, "--to", "otlp.proto")))
		if diff := cmp.Diff(dump(sample(true)), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", form.name, diff)
		}
	}
}

// TestRow35Twice: and so do they at the Collector behind the gateway, save what
// its reader refuses.
func TestRow35Twice(t *testing.T) {
	t.Parallel()
	f := func(pipes bool, want string) {
		t.Helper()
		for _, form := range zipkinForms {
			body := writeZipkin(t, form, sample(pipes))
			td, err := readZipkin(convert(t, body, "--from", form.name, "--to", "zipkin", "--residue", "otel"))
			if err != nil {
				t.Errorf("%s: %v", form.name, err)
				continue
			}
			expect(t, td, want)
		}
	}
	f(false, sampleAtCollector)
	f(true, sampleAtCollector+pipesAtCollector)
	if _, err := readZipkin(writeZipkin(t, zipkinForms[0], sample(true))); err == nil {
		t.Error("the Collector reads all that it writes")
	}
}

// TestRow35Event: an event with fields of every kind that the exporter can write
// is an event again, with the order of keys and the types that JSON has.
func TestRow35Event(t *testing.T) {
	t.Parallel()
	f := func(v pcommon.Value, want string) {
		t.Helper()
		td, ss := newTraces("shop")
		v.CopyTo(newEvent(newSpan(ss, "x"), "e").Attributes().PutEmpty("k"))
		for _, form := range zipkinForms {
			body := writeZipkin(t, form, td, `e|{`, "}|0")
			got := dump(readOTLP(t, convert(t, body, "--from", form.name, "--to", "otlp.proto")))
			if line := "  event \"e\" dropped 0 k=" + want + "\n"; !strings.HasSuffix(got, line) {
				t.Errorf("%s: %v:\n%swant\n%s", form.name, v.AsRaw(), got, line)
			}
		}
	}
	str := func(s string) { f(pcommon.NewValueStr(s), text(s)) }
	str("")
	str("|{}|0")
	str(`<&> "quoted" \back`)
	str("line\nnext\ttab\x01")
	str("grüße 😀")
	for _, d := range []float64{0.5, -1e-7, 5e-324, 1234567.5, 1e-6, 9.99e20, 1e20, 1e21, 1.5e300} {
		f(pcommon.NewValueDouble(d), text(d))
	}
	f(pcommon.NewValueDouble(2), "2")
	f(pcommon.NewValueInt(1<<62+1), "4611686018427387905")
	f(pcommon.NewValueBool(true), "true")
	list := pcommon.NewValueSlice()
	list.Slice().AppendEmpty().SetStr("<a>")
	list.Slice().AppendEmpty().SetEmptyMap().PutInt("b", 1)
	f(list, `["<a>",{"b":1}]`)
	raw := pcommon.NewValueBytes()
	raw.Bytes().FromRaw([]byte{1, 2, 255})
	f(raw, `"AQL/"`)
}

// TestRow35NoService: the name that the Collector invents for a service without
// one is no service, neither from Zipkin nor from Jaeger.
func TestRow35NoService(t *testing.T) {
	t.Parallel()
	f := func(form string, body []byte) {
		t.Helper()
		if !bytes.Contains(bytes.ToLower(body), []byte("otlpresourcenoservicename")) {
			t.Fatalf("%s: no invented name in %s", form, body)
		}
		for _, to := range []string{"otlp.proto", "otlp.json", "zipkin", "jaeger"} {
			out := convert(t, body, "--from", form, "--to", to, "--residue", "plain")
			if !bytes.Contains(out, []byte("no service")) || bytes.Contains(bytes.ToLower(out), []byte("noservicename")) {
				// Zipkin to Zipkin is a copy, which keeps what was sent.
				if to != "zipkin" || form != "zipkin.v2.json" {
					t.Errorf("%s to %s: %s", form, to, out)
				}
			}
		}
		expect(t, readOTLP(t, convert(t, body, "--from", form, "--to", "otlp.proto")), "no service unspecified 0000000000000001\n  scope lib 1.2\n")
	}
	td, ss := newTraces("")
	newSpan(ss, "no service")
	for _, form := range zipkinForms {
		f(form.name, writeZipkin(t, form, td))
	}
	f("jaeger.proto", writeJaeger(t, td))
}

// TestRow35Jaeger: the Collector's spans come back from what its translator for
// Jaeger writes, as it reads them itself.
func TestRow35Jaeger(t *testing.T) {
	t.Parallel()
	body := writeJaeger(t, sample(true))
	got := dump(readOTLP(t, convert(t, body, "--from", "jaeger.proto", "--to", "otlp.proto")))
	if diff := cmp.Diff(dump(readJaeger(t, body)), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRow35Gateway: a running gateway accepts what the exporter sends, and a
// target for OTLP gets it.
func TestRow35Gateway(t *testing.T) {
	t.Parallel()
	recorder := lab.NewRecorder(t)
	b := lab.StartBridge(t, fmt.Sprintf("targets:\n  otlp: {kind: otlp-http, endpoint: %q}\n", recorder.URL))
	want := dump(sample(true))
	for i, form := range zipkinForms {
		media := map[string]string{"zipkin.v2.json": "application/json", "zipkin.proto3": "application/x-protobuf"}[form.name]
		post(t, b.Zipkin+"/api/v2/spans", media, writeZipkin(t, form, sample(true)), http.StatusAccepted)
		lab.Eventually(t, time.Minute, "the spans of "+form.name, func(context.Context) error {
			bodies := recorder.Bodies("/v1/traces")
			if len(bodies) <= i {
				return fmt.Errorf("%d requests", len(bodies))
			}
			if diff := cmp.Diff(want, dump(readOTLP(t, bodies[i]))); diff != "" {
				return fmt.Errorf("(-want +got):\n%s", diff)
			}
			return nil
		})
	}
}
