// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/skywalking"
	"github.com/spanbridge/spanbridge/translate/wire"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// calls are those of rows 40 to 50, as Zipkin's clients report them.
var calls = map[string]string{
	"40": `[{"traceId":"1","id":"a","kind":"SERVER","name":"r","localEndpoint":@f},{"traceId":"1","parentId":"a","id":"b","kind":"CLIENT","name":"c","localEndpoint":@f},
		{"traceId":"1","parentId":"a","id":"b","kind":"SERVER","name":"s","localEndpoint":@b,"shared":true},{"traceId":"1","parentId":"b","id":"c","name":"x","localEndpoint":@b},
		{"traceId":"1","parentId":"b","id":"d","name":"y","localEndpoint":@f}]`,
	"43": `[{"traceId":"1","id":"b","kind":"CLIENT","name":"c","localEndpoint":@f},{"traceId":"1","id":"b","kind":"SERVER","name":"s","localEndpoint":@b},
		{"traceId":"1","parentId":"b","id":"c","kind":"CLIENT","name":"x","localEndpoint":@b}]`,
	"44": `[{"traceId":"1","id":"b","kind":"CLIENT","name":"c","localEndpoint":@f},{"traceId":"1","id":"b","kind":"SERVER","name":"s","localEndpoint":@b,"shared":true},
		{"traceId":"1","id":"b","kind":"SERVER","name":"t","localEndpoint":@o,"shared":true},{"traceId":"1","parentId":"b","id":"c","name":"x","localEndpoint":@b},
		{"traceId":"1","parentId":"b","id":"d","name":"y","localEndpoint":@o}]`,
	"45": `[{"traceId":"1","id":"b","kind":"CLIENT","name":"c","localEndpoint":@f},{"traceId":"1","id":"b","kind":"SERVER","name":"s","localEndpoint":@f,"shared":true},
		{"traceId":"1","parentId":"b","id":"c","name":"x","localEndpoint":@f}]`,
	"46": `[{"traceId":"1","id":"b","kind":"CLIENT","name":"c","localEndpoint":@f},{"traceId":"1","parentId":"b","id":"c","kind":"SERVER","name":"s","localEndpoint":@b}]`,
	"47": `[{"traceId":"1","id":"b","kind":"CLIENT","name":"c","timestamp":1000,"duration":100,"localEndpoint":@f},
		{"traceId":"1","id":"b","kind":"SERVER","name":"p","timestamp":1010,"duration":80,"localEndpoint":@b,"shared":true},
		{"traceId":"1","parentId":"b","id":"c","kind":"SERVER","name":"s","timestamp":1020,"duration":50,"localEndpoint":@o}]`,
	"48": `[{"traceId":"1","id":"b","kind":"CLIENT","name":"c","localEndpoint":@f},{"traceId":"f0000000000000001","id":"b","kind":"SERVER","name":"s","localEndpoint":@b,"shared":true}]`,
	"49": `[{"traceId":"1","parentId":"a","id":"b","kind":"SERVER","name":"s","localEndpoint":@b,"shared":true},{"traceId":"1","parentId":"b","id":"c","name":"x","localEndpoint":@b}]`,
	"50": `[{"traceId":"1","id":"b","kind":"PRODUCER","name":"c","localEndpoint":@f},{"traceId":"1","id":"b","kind":"CONSUMER","name":"s","localEndpoint":@b,"shared":true},
		{"traceId":"1","parentId":"b","id":"c","name":"x","localEndpoint":@b}]`,
}

func called(body string) []byte {
	return []byte(strings.NewReplacer("\n\t\t", "", "@f", `{"serviceName":"front","ipv4":"10.0.0.1"}`,
		"@b", `{"serviceName":"back","ipv4":"10.0.0.2"}`, "@o", `{"serviceName":"other","ipv4":"10.0.0.3"}`).Replace(body))
}

// wireForm shows the identity that Zipkin gets of each span.
func wireForm(list []span.Item) string {
	var lines []string
	body := viaZipkin.encode(list)
	b, err := viaZipkin.decode(body)
	if err != nil {
		return err.Error()
	}
	for i := range b.Spans() {
		s := &b.Spans()[i]
		lines = append(lines, fmt.Sprintf("%s %s/%s below %s shared %v", b.Str(s.Name), s.Trace, s.ID, s.Parent, s.Has&span.Shared != 0))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The calls of rows 40 to 50, split for the others, are at Zipkin again what its
// clients sent: at once, after a detour, and span by span.
func TestRow51BackToZipkin(t *testing.T) {
	t.Parallel()
	for row, body := range calls {
		b, err := viaZipkin.decode(called(body))
		if err != nil {
			t.Fatal(row, err)
		}
		want := wireForm(spantest.Items(b))
		split := items(b)
		seen := make(map[span.ID]bool)
		for _, it := range split {
			if seen[it.ID] {
				t.Errorf("row %s: two spans with id %s", row, it.ID)
			}
			seen[it.ID] = true
		}
		check := func(how string, list []span.Item) {
			t.Helper()
			if got := wireForm(list); got != want {
				t.Errorf("row %s %s:\n%s\nwant\n%s", row, how, got, want)
			}
		}
		check("at once", split)
		for _, way := range ways {
			check("by "+named(way), spantest.Items(travel(t, split, way)))
			var apart []span.Item
			for i := range split {
				apart = append(apart, spantest.Items(travel(t, split[i:i+1], way))...)
			}
			check("span by span by "+named(way), apart)
		}
		check("by SkyWalking", spantest.Items(bySegments(t, split)))
	}
}

// bySegments sends items over SkyWalking.
func bySegments(t *testing.T, list []span.Item) *span.Batch {
	t.Helper()
	enc := skywalking.NewEncoder(translate.EncoderOptions{})
	enc.Reset()
	if n := enc.Add(list); n != 0 {
		t.Fatalf("%d spans have no form", n)
	}
	var body []byte
	for _, m := range enc.Messages() {
		if m.Spans > 0 {
			body = wire.AppendString(body, 1, string(m.Body))
		}
	}
	b, err := decoder(skywalking.Protocol, "skywalking.segments")(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A span of version 1 holds both halves: they are split as those that came
// apart.
func TestRow50V1Merged(t *testing.T) {
	t.Parallel()
	f := func(annotations string) {
		t.Helper()
		const front, back = `"endpoint":{"serviceName":"front","ipv4":"10.0.0.1"}`, `"endpoint":{"serviceName":"back","ipv4":"10.0.0.2"}`
		body := strings.NewReplacer("@f", front, "@b", back).Replace(`[{"traceId":"1","parentId":"a","id":"b","name":"n","annotations":[` + annotations + `]},` +
			`{"traceId":"1","parentId":"b","id":"c","name":"x","binaryAnnotations":[{"key":"lc","value":"","endpoint":{"serviceName":"back","ipv4":"10.0.0.2"}}]}]`)
		b, err := decoder(zipkin.Protocol, "zipkin.v1.json")([]byte(body))
		if err != nil || b.Len() != 3 {
			t.Fatalf("%d spans, %v", b.Len(), err)
		}
		list := spantest.Items(b)
		want := wireForm(list)
		assemble.Join(list)
		half := span.ServerHalf(0xb, "back", b.Spans()[1].Local.IP())
		if list[0].ID != 0xb || list[0].Parent != 0xa || list[1].ID != half || list[1].Parent != 0xb || list[2].Parent != half {
			t.Errorf("%s: %v %v %v", annotations, list[0].Identity, list[1].Identity, list[2].Identity)
		}
		for _, h := range []*hop{viaJaeger, viaOTLP} {
			back, err := h.decode(bytes.Clone(h.encode(list)))
			if err != nil {
				t.Fatal(err)
			}
			if got := wireForm(spantest.Items(back)); got != want {
				t.Errorf("by %s:\n%s\nwant\n%s", h.name, got, want)
			}
		}
	}
	f(`{"timestamp":10,"value":"cs",@f},{"timestamp":15,"value":"sr",@b},{"timestamp":25,"value":"ss",@b},{"timestamp":30,"value":"cr",@f}`)
	f(`{"timestamp":10,"value":"ms",@f},{"timestamp":12,"value":"ws",@f},{"timestamp":20,"value":"wr",@b},{"timestamp":25,"value":"mr",@b}`)
}
