// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// What is written as JSON is read as the same batch.
func TestJSON(t *testing.T) {
	t.Parallel()
	request, err := os.ReadFile("../testdata/samples/otel-go/006-POST-jaeger_api_v2_CollectorService_PostSpans.msg0.pb")
	if err != nil {
		t.Fatal(err)
	}
	want, err := decodeProto(request, span.Origin{Format: formatProto})
	if err != nil {
		t.Fatal(err)
	}
	text, err := AppendJSON(nil, request)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeJSON(text, span.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spantest.Dump(want), spantest.Dump(got)); diff != "" || want.Len() == 0 {
		t.Errorf("%d spans, -want +got:\n%s", want.Len(), diff)
	}
	for _, part := range []string{`{"batch":{"spans":[{"traceId":"`, `"startTime":"20`, `"vStr":"`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
}

func TestJSONFaults(t *testing.T) {
	t.Parallel()
	f := func(in string, spans int, want string) {
		t.Helper()
		b, err := DecodeJSON([]byte(in), span.Origin{})
		if err == nil || err.Error() != want || b.Len() != spans {
			t.Errorf("%s: %d spans, %v\nwant %d spans, %s", in, b.Len(), err, spans, want)
		}
	}
	const good = `{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002"}`
	f(`{"batch":{"spans":[`+good+`,{"startTime":7}]}}`, 1,
		`jaeger proto json: span 2: trace_id: nothing or zeros, want 16 bytes; byte 107: '7', want a string`)
	f(`{"batch":{"spans":[`+good+`,`, 1, `jaeger proto json: byte 94: the end of the body, want an element`)
	f(`{"batch":{"spans":[`+good+`]}} x`, 1, `jaeger proto json: byte 97: 'x', want the end of the body`)
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"batch":{"process":{"serviceName":"s"},"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","startTime":"2026-01-02T03:04:05.6Z","duration":"1.5s","tags":[{"key":"k","vType":"INT64","vInt64":"7"}]}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := DecodeJSON(body, span.Origin{})
		if b == nil && err == nil {
			t.Fatal("nothing")
		}
		if b == nil || b.Len() == 0 || err != nil {
			return
		}
		e := NewProtoEncoder(translate.EncoderOptions{})
		e.Add(spantest.Items(b))
		if _, err := AppendJSON(nil, e.Messages()[0].Body); err != nil {
			t.Fatal(err)
		}
	})
}
