// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

var spansFlag = flag.Int("spans", 10_000, "spans over each pair")

// perCheck is how many spans one message has at most; on average it is half.
const perCheck = 20

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.checks", strconv.Itoa(max(1, *spansFlag/(perCheck/2)))); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// hop is a protocol that spans can go through.
type hop struct {
	name     string
	encode   func(items []span.Item) []byte
	decode   func(body []byte) (*span.Batch, error)
	encoder  func(translate.EncoderOptions) drafted
	protocol translate.Protocol
}

func newHop(p translate.Protocol, kind, format string) *hop {
	h := &hop{name: p.Name, protocol: p}
	var enc translate.Encoder
	for _, t := range p.Targets {
		if t.Kind == kind {
			enc = t.New(translate.EncoderOptions{})
			h.encoder = func(o translate.EncoderOptions) drafted { return t.New(o).(drafted) }
		}
	}
	h.encode = func(items []span.Item) []byte {
		enc := enc.Fork()
		enc.Reset()
		enc.Add(items)
		m := enc.Messages()
		if !enc.Losses().Empty() {
			return nil
		}
		return bytes.Clone(m[0].Body)
	}
	h.decode = decoder(p, format)
	return h
}

func decoder(p translate.Protocol, format string) func([]byte) (*span.Batch, error) {
	for _, f := range p.Formats {
		if f.Name == format {
			return func(body []byte) (*span.Batch, error) { return f.Decode(body, span.Origin{Format: format}) }
		}
	}
	panic(format)
}

var (
	viaZipkin = newHop(zipkin.Protocol, "zipkin", "zipkin.v2.json")
	viaJaeger = newHop(jaeger.New(nil), "jaeger", "jaeger.proto")
	viaOTLP   = newHop(otlp.Protocol, "otlp-grpc", "otlp.proto")
)

// source is a form that spans begin in.
type source struct {
	name string
	body func(*rapid.T) []byte
	// format is what the body is in; home is the hop that gives the normal form.
	decode func([]byte) (*span.Batch, error)
	home   *hop
	via    []*hop
}

var sources = []source{
	{"zipkin.v2.json", zipkinBody, decoder(zipkin.Protocol, "zipkin.v2.json"), viaZipkin, []*hop{viaJaeger, viaOTLP}},
	{"jaeger.proto", jaegerProtoBody, decoder(jaeger.New(nil), "jaeger.proto"), viaJaeger, []*hop{viaZipkin, viaOTLP}},
	{"jaeger.thrift", jaegerThriftBody, decoder(jaeger.New(nil), "jaeger.thrift"), viaJaeger, []*hop{viaZipkin, viaOTLP}},
	{"otlp.proto", otlpBody, decoder(otlp.Protocol, "otlp.proto"), viaOTLP, []*hop{viaZipkin, viaJaeger}},
}

// ofSources checks the spans of random bodies of each source, at the same time.
func ofSources(t *testing.T, check func(t *rapid.T, s source, b *span.Batch)) {
	t.Parallel()
	for _, s := range sources {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				b, err := s.decode(s.body(t))
				if err != nil {
					t.Fatal(err)
				}
				check(t, s, b)
			})
		})
	}
}

// items of a batch; the shared spans of Zipkin are split as they are on the way
// to others.
func items(b *span.Batch) []span.Item {
	list := spantest.Items(b)
	if b.Protocol() == span.Zipkin {
		assemble.Join(list)
	}
	return list
}

// normal is the normal form of the batch, which the hop that is at home writes:
// never by a copy of the bytes.
func normal(t rapid.TB, home *hop, b *span.Batch) (body []byte, form *span.Batch) {
	t.Helper()
	for i := range b.Spans() {
		b.Spans()[i].Has &^= span.Exact
	}
	for i := range b.Len() {
		if r := b.Resource(b.Spans()[i].Resource); r != nil {
			r.Raw = span.Text{}
		}
	}
	body = home.encode(spantest.Items(b))
	form, err := home.decode(body)
	if err != nil {
		t.Fatalf("normal form: %v\n%s", err, body)
	}
	return body, form
}

var resourceNumber = regexp.MustCompile(`(?m)^  resource \d+ `)

// dump shows a batch without the numbers of resources. An empty resource of
// Jaeger is none: a batch needs it where its other spans have a process.
func dump(b *span.Batch) string {
	lines := strings.SplitAfter(resourceNumber.ReplaceAllString(spantest.Dump(b), "  resource "), "\n")
	if b.Protocol() != span.Jaeger {
		return strings.Join(lines, "")
	}
	kept := lines[:0]
	for i, line := range lines {
		if line != "  resource schema - dropped 0\n" || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "    attr") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// over sends a batch over hops, and checks that its normal form comes back.
func over(t rapid.TB, s *source, b *span.Batch, hops ...*hop) {
	t.Helper()
	want, wantForm := normal(t, s.home, b)
	at := b
	var bodies [][]byte
	for i, h := range hops {
		list := spantest.Items(at)
		if i == 0 {
			list = items(at)
		}
		body := h.encode(list)
		if body == nil {
			t.Skip("a residue is beyond its bound")
		}
		bodies = append(bodies, body)
		var err error
		if at, err = h.decode(bytes.Clone(body)); err != nil {
			t.Fatalf("by %s: %v\n%s", h.name, err, body)
		}
	}
	got, gotForm := normal(t, s.home, at)
	if bytes.Equal(want, got) {
		return
	}
	if d := cmp.Diff(dump(wantForm), dump(gotForm)); d != "" {
		t.Fatalf("by %s (-want +got):\n%s\non the way:\n%s\n%q", hops[0].name, d, dump(at), bodies)
	}
}

// Rows 30, 31 and 32 of the checklist.
func TestRow30To32ThereAndBack(t *testing.T) {
	t.Parallel()
	for _, s := range sources {
		for _, h := range s.via {
			t.Run(s.name+" by "+h.name, func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					b, err := s.decode(s.body(t))
					if err != nil {
						t.Fatal(err)
					}
					over(t, &s, b, h)
				})
			})
		}
	}
}
