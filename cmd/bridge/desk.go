// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/pipeline"
)

// chosen says which dead letters are meant: those with one of the numbers, or if
// there are none, those of the target and with the reason, as far as given.
type chosen struct {
	IDs    []uint64          `json:"ids,omitempty"`
	Target string            `json:"target,omitempty"`
	Reason deadletter.Reason `json:"reason,omitempty"`
	// Within is how long the targets are waited for.
	Within time.Duration `json:"within,omitempty"`
}

func (c *chosen) has(id uint64, target string, reason deadletter.Reason) bool {
	if len(c.IDs) > 0 && !slices.Contains(c.IDs, id) {
		return false
	}
	return cmp.Or(c.Target, target) == target && cmp.Or(c.Reason, reason) == reason
}

// handled is what became of dead letters.
type handled struct {
	Letters int `json:"letters"`
	Spans   int `json:"spans"`
	pipeline.Revived
	Faults []string `json:"faults,omitempty"`
}

// mostFaultsTold bounds an answer.
const mostFaultsTold = 20

func (h *handled) fault(err error) {
	if len(h.Faults) < mostFaultsTold {
		h.Faults = append(h.Faults, err.Error())
	}
}

// desk does with dead letters what the admin port is asked for.
type desk struct {
	letters *deadletter.Letters
	set     *metrics.Set
	log     *slog.Logger

	turn chan struct{} // one sends at a time, so that none goes twice

	mu      sync.Mutex
	targets map[string]*pipeline.Target
	work    context.Context // while the targets run
	busy    sync.WaitGroup
}

func newDesk(letters *deadletter.Letters, set *metrics.Set, log *slog.Logger) *desk {
	return &desk{letters: letters, set: set, log: log, turn: make(chan struct{}, 1)}
}

// serves says which targets there are.
func (d *desk) serves(targets map[string]*pipeline.Target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.targets = targets
}

func (d *desk) open(work context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.work = work
}

// close waits for what is being sent; its context has ended.
func (d *desk) close() {
	d.mu.Lock()
	d.work = nil
	d.mu.Unlock()
	d.busy.Wait()
}

// begin gives a context that ends with ctx, or when the targets stop.
func (d *desk) begin(ctx context.Context) (context.Context, func(), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.work == nil || d.work.Err() != nil {
		return nil, nil, errors.New("the gateway is starting or stopping")
	}
	ctx, cancel := context.WithCancel(ctx)
	detach := context.AfterFunc(d.work, cancel)
	d.busy.Add(1)
	return ctx, func() {
		detach()
		cancel()
		d.busy.Done()
	}, nil
}

// retry sends letters again.
func (d *desk) retry(ctx context.Context, c chosen) (h handled, err error) {
	ctx, end, err := d.begin(ctx)
	if err != nil {
		return h, err
	}
	defer end()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return h, errors.New("dead letters are being sent already")
	}
	for _, b := range d.chosen(c) {
		h.Letters++
		h.Spans += b.Spans
		r, err := d.revive(ctx, b)
		if err != nil {
			h.fault(err)
		}
		h.Delivered += r.Delivered
		h.Dead += r.Dead
		h.Expired += r.Expired
		h.Held += r.Held
	}
	return h, nil
}

func (d *desk) revive(ctx context.Context, b deadletter.Brief) (pipeline.Revived, error) {
	stays := pipeline.Revived{Held: b.Spans}
	d.mu.Lock()
	t, ok := d.targets[b.Target]
	d.mu.Unlock()
	if !ok {
		return stays, fmt.Errorf("dead letter %d stays: there is no target %q any more", b.ID, b.Target)
	}
	select {
	case <-ctx.Done():
		return stays, nil
	default:
	}
	letter, err := d.letters.Get(b.ID)
	if err != nil {
		return stays, err
	}
	return t.Revive(ctx, letter)
}

// drop takes letters out for good.
func (d *desk) drop(c chosen) (h handled, err error) {
	var ids []uint64
	briefs := d.chosen(c)
	for _, b := range briefs {
		ids = append(ids, b.ID)
		h.Spans += b.Spans
	}
	if err := d.letters.Remove(ids...); err != nil {
		return handled{}, err
	}
	for _, b := range briefs {
		d.set.DeadLost.WithLabelValues(b.Target, "dropped").Add(float64(b.Spans))
	}
	h.Letters = len(ids)
	return h, nil
}

func (d *desk) chosen(c chosen) []deadletter.Brief {
	return slices.DeleteFunc(d.letters.Briefs(), func(b deadletter.Brief) bool { return !c.has(b.ID, b.Target, b.Reason) })
}

// again sends the letters that were marked while no gateway ran.
func (d *desk) again(ctx context.Context) {
	ids := d.letters.Again()
	if len(ids) == 0 {
		return
	}
	h, err := d.retry(ctx, chosen{IDs: ids})
	if err != nil {
		h.fault(err)
	}
	d.log.Info("dead letters were sent again, as they were marked", "letters", h.Letters, "delivered", h.Delivered, "dead", h.Dead, "stay", h.Held, "faults", h.Faults)
}

// serve adds the paths of the dead letters to the admin port.
func (d *desk) serve(r *mux.Router) {
	r.Path("/dead").Methods(http.MethodGet).HandlerFunc(d.list)
	r.Path("/dead/{id:[0-9]+}").Methods(http.MethodGet).HandlerFunc(d.show)
	r.Path("/dead/{id:[0-9]+}/message").Methods(http.MethodGet).HandlerFunc(d.message)
	r.Path("/dead/retry").Methods(http.MethodPost).HandlerFunc(ordered(func(ctx context.Context, c chosen) (handled, error) {
		if c.Within > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.Within)
			defer cancel()
		}
		return d.retry(ctx, c)
	}))
	r.Path("/dead/drop").Methods(http.MethodPost).HandlerFunc(ordered(func(_ context.Context, c chosen) (handled, error) { return d.drop(c) }))
}

// ordered reads an order. Its type must be JSON, which a page of another site
// cannot send to a port on loopback.
func ordered(f func(context.Context, chosen) (handled, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
			http.Error(w, "Content-Type: want application/json", http.StatusUnsupportedMediaType)
			return
		}
		var c chosen
		in := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<20))
		in.DisallowUnknownFields()
		if err := in.Decode(&c); err != nil {
			http.Error(w, "the order cannot be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		h, err := f(r.Context(), c)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		writeJSON(w, h)
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (d *desk) list(w http.ResponseWriter, r *http.Request) {
	c := chosen{Target: r.FormValue("target"), Reason: deadletter.Reason(r.FormValue("reason"))}
	letters := []*deadletter.Letter{}
	for _, b := range d.chosen(c) {
		if l, err := d.letters.Get(b.ID); err == nil {
			l.Body = nil
			letters = append(letters, l)
		}
	}
	writeJSON(w, letters)
}

func (d *desk) letter(w http.ResponseWriter, r *http.Request) *deadletter.Letter {
	id, _ := strconv.ParseUint(mux.Vars(r)["id"], 10, 64)
	l, err := d.letters.Get(id)
	if errors.Is(err, deadletter.ErrNoLetter) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return nil
	} else if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return nil
	}
	return l
}

func (d *desk) show(w http.ResponseWriter, r *http.Request) {
	if l := d.letter(w, r); l != nil {
		writeJSON(w, l)
	}
}

func (d *desk) message(w http.ResponseWriter, r *http.Request) {
	if l := d.letter(w, r); l != nil {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(l.Body)
	}
}
