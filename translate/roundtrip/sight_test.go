// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/jaeger"
	"github.com/spanbridge/spanbridge/translate/otlp"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

// drafted is an encoder that says how many spans it needed a draft for.
type drafted interface {
	translate.Encoder
	Drafted() int
}

var sightTargets = []*hop{viaZipkin, viaJaeger, viaOTLP}

// sameByDraft checks that an encoder writes what it writes when every residue
// comes from a draft, with the same losses.
func sameByDraft(t rapid.TB, to *hop, list []span.Item, mode translate.Residue) {
	t.Helper()
	write := func(drafts bool) (body []byte, losses string) {
		e := to.encoder(translate.EncoderOptions{Residue: mode, Drafts: drafts})
		for range 2 { // what is remembered of the first call must not show
			e.Reset()
			e.Add(list)
		}
		for l := range e.Losses().All() {
			losses += fmt.Sprintln(l)
		}
		return bytes.Clone(e.Messages()[0].Body), losses
	}
	want, wantLosses := write(true)
	got, gotLosses := write(false)
	if !bytes.Equal(got, want) {
		t.Fatalf("%s:\n%q\nby drafts:\n%q", to.name, got, want)
	}
	if got, want := gotLosses, wantLosses; got != want {
		t.Fatalf("%s loses\n%s\nby drafts\n%s", to.name, got, want)
	}
}

// What is written in sight of the decoder's rules is what a draft gives.
func TestSightIsDraft(t *testing.T) {
	ofSources(t, func(t *rapid.T, _ source, b *span.Batch) {
		mode := rapid.SampledFrom([]translate.Residue{translate.Exact, translate.Exact, translate.Plain}).Draw(t, "mode")
		for _, to := range sightTargets {
			sameByDraft(t, to, items(b), mode)
		}
	})
}

// The same of spans that came on a detour, and of SkyWalking's, mixed.
func TestSightIsDraftOnDetours(t *testing.T) {
	t.Parallel()
	segments := decoder(skywalking.Protocol, "skywalking.segments")
	rapid.Check(t, func(t *rapid.T) {
		var list []span.Item
		for range rapid.IntRange(1, 2).Draw(t, "batches") {
			var b *span.Batch
			var err error
			s := rapid.SampledFrom(sources).Draw(t, "source")
			switch rapid.IntRange(0, 3).Draw(t, "way") {
			case 0:
				b, err = segments(segmentsBody(t))
			case 1:
				b, err = s.decode(s.body(t))
			default:
				if b, err = s.decode(s.body(t)); err == nil {
					b, err = detour(t, b)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, items(b)...)
		}
		for _, to := range sightTargets {
			sameByDraft(t, to, list, translate.Exact)
		}
	})
}

func detour(t *rapid.T, b *span.Batch) (*span.Batch, error) {
	by := rapid.SampledFrom(sightTargets).Draw(t, "by")
	body := by.encode(items(b))
	if body == nil {
		t.Skip("a residue is beyond its bound")
	}
	return by.decode(body)
}

// Spans as they usually are need no draft.
func TestUsualSpansInSight(t *testing.T) {
	t.Parallel()
	for name, b := range usual(t) {
		for _, to := range sightTargets {
			if to.name == b.Protocol().String() {
				continue
			}
			e := to.encoder(translate.EncoderOptions{})
			e.Reset()
			list := items(b)
			e.Add(list)
			if n := e.Drafted(); n > 0 {
				t.Errorf("%s: %s needs drafts for %d of %d spans", name, to.name, n, len(list))
			}
			sameByDraft(t, to, list, translate.Exact)
			sameByDraft(t, to, list, translate.Plain)
		}
	}
}

// Keys that are made up for each span make the encoders forget those that they
// knew, which changes nothing.
func TestSightOfNewKeys(t *testing.T) {
	t.Parallel()
	var body []byte
	for i := range 12_000 {
		key := fmt.Sprintf("made up %d", i)
		if i%4 == 0 {
			key = "usual"
		}
		body = fmt.Appendf(body, `,{"traceId":"1","id":"%x","tags":{"first":"a","%s":"b","last":"c"}}`, i+1, key)
	}
	body[0] = '['
	b, err := viaZipkin.decode(append(body, ']'))
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range sightTargets[1:] {
		sameByDraft(t, to, items(b), translate.Exact)
	}
	key := strings.Repeat("long ", 100)
	if b, err = viaZipkin.decode([]byte(`[{"traceId":"1","id":"2","tags":{"` + key + `":"b"}}]`)); err != nil {
		t.Fatal(err)
	}
	for _, to := range sightTargets[1:] {
		sameByDraft(t, to, items(b), translate.Exact)
	}
}

// usual are messages as clients send them.
func usual(t testing.TB) map[string]*span.Batch {
	t.Helper()
	a, err := txtar.ParseFile("testdata/usual/usual.txtar")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*span.Batch)
	for _, file := range a.Files {
		decode := map[string]func([]byte) (*span.Batch, error){
			"zipkin.v2.json": viaZipkin.decode,
			"otlp.json":      decoder(otlp.Protocol, "otlp.json"),
			"jaeger": func(body []byte) (*span.Batch, error) {
				return jaeger.DecodeJSON(body, span.Origin{Format: "jaeger.proto"})
			},

			"skywalking.segments.json": decoder(skywalking.Protocol, "skywalking.segments.json"),
		}[file.Name]
		b, err := decode(bytes.TrimSpace(file.Data))
		if err != nil || b.Len() != 20 {
			t.Fatal(file.Name, b.Len(), err)
		}
		all[file.Name] = b
	}
	return all
}

// The same of whatever can be read.
func FuzzSight(f *testing.F) {
	decode := []func([]byte) (*span.Batch, error){
		viaZipkin.decode, viaJaeger.decode, viaOTLP.decode, decoder(jaeger.New(nil), "jaeger.thrift"), decoder(skywalking.Protocol, "skywalking.segments"),
	}
	for _, b := range usual(f) {
		for i, to := range sightTargets {
			f.Add(uint8(i), to.encode(items(b)[:3]))
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		b, err := decode[int(n)%len(decode)](body)
		if b == nil || b.Len() == 0 || err != nil && b.Len() > 100 {
			return
		}
		for _, to := range sightTargets {
			sameByDraft(t, to, items(b), translate.Exact)
			sameByDraft(t, to, items(b), translate.Plain)
		}
	})
}

// What it costs to write usual spans for another protocol, what it does when all
// residues come from drafts, and what it does without any.
func BenchmarkForeign(b *testing.B) { benchForeign(b, translate.EncoderOptions{}) }

func BenchmarkForeignByDraft(b *testing.B) { benchForeign(b, translate.EncoderOptions{Drafts: true}) }

func BenchmarkForeignBare(b *testing.B) {
	benchForeign(b, translate.EncoderOptions{Residue: translate.None})
}

func benchForeign(b *testing.B, opts translate.EncoderOptions) {
	all := usual(b)
	for _, from := range slices.Sorted(maps.Keys(all)) {
		for _, to := range sightTargets {
			list := items(all[from])
			if to.name == list[0].Batch.Protocol().String() {
				continue
			}
			b.Run(from+" to "+to.name, func(b *testing.B) {
				e := to.encoder(opts)
				b.ReportAllocs()
				for b.Loop() {
					e.Reset()
					e.Add(list)
					e.Messages()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(list)), "ns/span")
				b.ReportMetric(float64(len(e.Messages()[0].Body))/float64(len(list)), "B/span")
			})
		}
	}
}
