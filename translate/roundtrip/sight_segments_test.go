// SPDX-License-Identifier: Apache-2.0

package roundtrip

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

// sameSegments is sameByDraft for SkyWalking's encoder, of which each encoder has a
// memory of its own here.
func sameSegments(t rapid.TB, list []span.Item, mode translate.Residue) {
	t.Helper()
	write := func(drafts bool) (body []byte, losses string) {
		e := skywalking.NewEncoder(translate.EncoderOptions{Residue: mode, Drafts: drafts})
		e.Reset()
		e.Add(list)
		for _, m := range e.Messages() {
			body = append(append(body, m.Body...), '\n')
		}
		for l := range e.Losses().All() {
			losses += fmt.Sprintln(l)
		}
		return body, losses
	}
	want, wantLosses := write(true)
	got, gotLosses := write(false)
	if !bytes.Equal(got, want) {
		t.Fatalf("%q\nwithout a sight:\n%q", got, want)
	}
	if gotLosses != wantLosses {
		t.Fatalf("loses\n%s\nwithout a sight\n%s", gotLosses, wantLosses)
	}
}

// Segments are the same whether their attributes are told of or compared.
func TestSightOfSegments(t *testing.T) {
	ofSources(t, func(t *rapid.T, _ source, b *span.Batch) {
		if rapid.Bool().Draw(t, "detour") {
			var err error
			if b, err = detour(t, b); err != nil {
				t.Fatal(err)
			}
		}
		sameSegments(t, items(b), rapid.SampledFrom([]translate.Residue{translate.Exact, translate.Exact, translate.Plain}).Draw(t, "mode"))
	})
	for name, b := range usual(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sameSegments(t, items(b), translate.Exact)
			sameSegments(t, items(b), translate.Plain)
		})
	}
}
