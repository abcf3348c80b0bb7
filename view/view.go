// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
)

// Options of a view.
type Options struct {
	// Memory bounds the spans and their index, in bytes.
	Memory int64
	// Strict keeps a trace id of 64 bits apart from the longer ids that end in
	// it. Otherwise they are one trace.
	Strict bool
	// Set gets the view's metrics; nil for none.
	Set *metrics.Set
	// Version is shown on the page and by /info.
	Version string
	// AutocompleteKeys are the tags whose values Zipkin's query API lists.
	AutocompleteKeys []string
	// Ports says where spans may be sent, for the page; nil for nowhere.
	Ports func() []Port
	// Account is the page of what became of every span, which the page links to;
	// nil: there is none.
	Account http.Handler
}

// Port is a place to send spans to.
type Port struct {
	Protocol string `json:"protocol"` // "zipkin", as a format's name begins
	Network  string `json:"network"`  // "http", "grpc", "http+grpc" or "udp"
	Address  string `json:"address"`  // host:port
	About    string `json:"about"`
}

// View keeps recent spans and answers questions about them.
type View struct {
	opts    Options
	store   *store
	page    *page
	queries chan struct{} // one for each question that is being worked on
	now     func() time.Time
}

// New makes an empty view.
func New(opts Options) *View {
	v := &View{
		opts:    opts,
		store:   newStore(opts.Memory, opts.Strict),
		page:    newPage(),
		queries: make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
		now:     time.Now,
	}
	if opts.Set != nil {
		opts.Set.View(v.store.held)
		v.store.onEvicted = func(n int) { opts.Set.ViewEvicted.Add(float64(n)) }
	}
	return v
}

// Change gives the view another bound of memory, and has it tell traces apart in
// another way.
func (v *View) Change(memory int64, strict bool) {
	v.store.strict.Store(strict)
	v.store.bound(memory)
}

// Consume takes the spans of a parcel. They can be found when it returns; it
// never fails.
func (v *View) Consume(_ context.Context, p span.Parcel) (span.LeftOut, error) {
	v.store.add(p.Items)
	return span.LeftOut{}, nil
}

// Close lets all spans go. What comes later is not kept.
func (v *View) Close() { v.store.close() }

// Handler answers Zipkin's query API, the page and the page's own API.
func (v *View) Handler() http.Handler { return v.routes() }
