// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// rememberer is an encoder that remembers what it wrote.
type rememberer struct {
	encoder
	wrote *[]span.ID
}

func (e *rememberer) Fork() translate.Encoder { return &rememberer{wrote: e.wrote} }
func (e *rememberer) Observe([]span.Item)     {}

func (e *rememberer) Add(items []span.Item) int {
	for _, it := range items {
		*e.wrote = append(*e.wrote, it.ID)
	}
	return e.encoder.Add(items)
}

// What an earlier process has sent is written for the encoder's memory, and not sent.
func TestLearn(t *testing.T) {
	var bodies []string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(p))
	}))
	defer srv.Close()
	var wrote []span.ID
	target := httpTarget()
	target.New = func(translate.EncoderOptions) translate.Encoder { return &rememberer{wrote: &wrote} }
	e := open(t, target, Settings{Endpoint: srv.URL})
	e.Learn(parcel(1, 2).Items)
	if _, err := e.Consume(t.Context(), parcel(3)); err != nil {
		t.Fatal(err)
	}
	if want := []span.ID{1, 2, 3}; !slices.Equal(wrote, want) || len(bodies) != 1 || bodies[0] != span.ID(3).String() {
		t.Errorf("wrote %v and sent %q", wrote, bodies)
	}
	other := open(t, httpTarget(), Settings{Endpoint: srv.URL})
	other.Learn(parcel(1).Items) // it has no memory
}
