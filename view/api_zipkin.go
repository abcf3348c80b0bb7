// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// zipkinAPI adds the routes of the server's query API below a prefix. Paths,
// statuses and texts are those of openzipkin/zipkin 3.5, asked itself.
func (v *View) zipkinAPI(r *mux.Router, prefix string) {
	get := func(path string, f func(http.ResponseWriter, *http.Request)) {
		r.Path(prefix + path).Methods(http.MethodGet).HandlerFunc(f)
	}
	get("/api/v2/services", v.getServices)
	get("/api/v2/spans", v.getNames(func(s string) []string { return v.store.spanNames(s) }))
	get("/api/v2/remoteServices", v.getNames(func(s string) []string { return v.store.remotes(s) }))
	get("/api/v2/traces", v.getTraces)
	get("/api/v2/trace/{id}", v.getTrace)
	get("/api/v2/traceMany", v.getTraceMany)
	get("/api/v2/dependencies", v.getDependencies)
	get("/api/v2/autocompleteKeys", v.getAutocompleteKeys)
	get("/api/v2/autocompleteValues", v.getAutocompleteValues)
}

// fewServices: up to that many the lists of names must not be cached, so that
// people who try things out see what they send.
const fewServices = 3

func (v *View) getServices(w http.ResponseWriter, r *http.Request) {
	list := v.store.services()
	writeNames(w, r, list, len(list) > fewServices)
}

func (v *View) getNames(names func(service string) []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if !q.Has("serviceName") {
			fail(w, http.StatusBadRequest, missing("serviceName").Error())
			return
		}
		writeNames(w, r, names(strings.ToLower(q.Get("serviceName"))), len(v.store.services()) > fewServices)
	}
}

func writeNames(w http.ResponseWriter, r *http.Request, list []string, cached bool) {
	if cached {
		w.Header().Set("Cache-Control", "max-age=300, must-revalidate")
	}
	writeJSON(w, r, list)
}

// maxAnswer is how long an answer with many traces may get: no more are added
// after that.
const maxAnswer = 32 << 20

func (v *View) getTraces(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query(), v.now())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	out := zipkinWriter{out: []byte{'['}, unique: wantsUnique(r)}
	v.work(w, r, func(ctx context.Context) error {
		return v.store.search(ctx, q, func(t trace) bool {
			out.addTrace(t)
			return out.traces < q.limit && len(out.out) < maxAnswer
		})
	}, func() { writeBody(w, r, append(out.out, ']')) })
}

func (w *zipkinWriter) addTrace(t trace) {
	if w.traces > 0 {
		w.out = append(w.out, ',')
	}
	w.trace(t)
}

// wantsUnique: the parameter ids=unique asks for spans that share no id.
func wantsUnique(r *http.Request) bool { return r.URL.Query().Get("ids") == "unique" }

func (v *View) getTrace(w http.ResponseWriter, r *http.Request) {
	t, status, err := v.find(pathText(r))
	if err != nil {
		fail(w, status, err.Error())
		return
	}
	out := zipkinWriter{unique: wantsUnique(r)}
	v.work(w, r, func(context.Context) error {
		out.trace(t)
		return nil
	}, func() { writeBody(w, r, out.out) })
}

// pathText is what the path says in the place of an id. It is escaped there.
func pathText(r *http.Request) string {
	text := mux.Vars(r)["id"]
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// find finds a trace by its id, or by whatever else a person may have at hand.
// Zipkin's own answers are given for what can be meant as an id only.
func (v *View) find(text string) (trace, int, error) {
	text = trim(text)
	id, plainErr := normalTraceID(text)
	if plainErr == nil {
		if t, ok := v.store.trace(id); ok {
			return t, http.StatusOK, nil
		}
		return trace{}, http.StatusNotFound, said(id.String() + " not found")
	}
	id, err := propagation.Identify(text)
	if err == nil {
		if t, ok := v.store.trace(id); ok {
			return t, http.StatusOK, nil
		}
		if strings.ContainsAny(text, "-:=. ") {
			return trace{}, http.StatusNotFound, said(id.String() + " not found")
		}
	}
	return trace{}, http.StatusBadRequest, plainErr
}

// normalTraceID reads a trace id as the server does: 1 to 32 digits, none of
// them in upper case.
func normalTraceID(s string) (span.TraceID, error) {
	switch {
	case s == "":
		return span.TraceID{}, said("traceId is empty")
	case len(s) > 32:
		return span.TraceID{}, said("traceId.length > 32")
	case strings.Trim(s, "0123456789abcdef") != "":
		return span.TraceID{}, said(s + " should be lower-hex encoded with no prefix")
	}
	id, err := span.ParseTraceID(s)
	if id.IsZero() {
		err = said("traceId is all zeros")
	}
	return id, err
}

// maxMany bounds the ids of one question.
const maxMany = 1000

func (v *View) getTraceMany(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	ids, err := traceIDs(q)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	out := zipkinWriter{out: []byte{'['}, unique: wantsUnique(r)}
	v.work(w, r, func(ctx context.Context) error {
		given := make(map[span.TraceID]bool)
		for _, id := range ids {
			t, ok := v.store.trace(id)
			if !ok || given[t.id] {
				continue
			}
			given[t.id] = true
			out.addTrace(t)
			if err := ctx.Err(); err != nil || len(out.out) >= maxAnswer {
				return err
			}
		}
		return nil
	}, func() { writeBody(w, r, append(out.out, ']')) })
}

func traceIDs(q url.Values) ([]span.TraceID, error) {
	text := q.Get("traceIds")
	switch {
	case !q.Has("traceIds"):
		return nil, missing("traceIds")
	case text == "":
		return nil, said("traceIds parameter is empty")
	}
	var ids []span.TraceID
	seen := make(map[span.TraceID]bool)
	for _, s := range strings.SplitN(text, ",", maxMany) {
		id, err := normalTraceID(s)
		if err != nil {
			return nil, err
		}
		if seen[id] {
			return nil, said("redundant traceId: " + s)
		}
		seen[id] = true
		ids = append(ids, id)
	}
	if len(ids) == 1 {
		return nil, said("Use /api/v2/trace/{traceId} endpoint to retrieve a single trace")
	}
	return ids, nil
}

func (v *View) getDependencies(w http.ResponseWriter, r *http.Request) {
	n := numbers{v: r.URL.Query()}
	endTs := n.required("endTs", 64)
	lookback, _ := n.optional("lookback", defaultLookback)
	switch {
	case n.err != nil:
	case endTs <= 0:
		n.err = said("endTs <= 0")
	case lookback <= 0:
		n.err = said("lookback <= 0")
	}
	if n.err != nil {
		fail(w, http.StatusBadRequest, n.err.Error())
		return
	}
	links := []link{}
	v.work(w, r, func(ctx context.Context) error {
		from, to := window(endTs, lookback)
		list, err := v.store.dependencies(ctx, from, to)
		links = append(links, list...)
		return err
	}, func() { writeJSON(w, r, links) })
}

func (v *View) getAutocompleteKeys(w http.ResponseWriter, r *http.Request) {
	writeNames(w, r, append([]string{}, v.opts.AutocompleteKeys...), true)
}

func (v *View) getAutocompleteValues(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	key := q.Get("key")
	switch {
	case !q.Has("key"):
		fail(w, http.StatusBadRequest, missing("key").Error())
		return
	case key == "":
		fail(w, http.StatusBadRequest, "key was empty")
		return
	}
	values := []string{}
	v.work(w, r, func(ctx context.Context) error {
		if !slices.Contains(v.opts.AutocompleteKeys, key) {
			return nil
		}
		list, err := v.store.values(ctx, key)
		values = append(values, list...)
		return err
	}, func() { writeNames(w, r, values, len(values) > fewServices) })
}

// getHealth says that the store is there: it has no way to be ill.
func (v *View) getHealth(w http.ResponseWriter, r *http.Request) {
	type health struct {
		Status  string            `json:"status"`
		Details map[string]health `json:"details,omitempty"`
	}
	writeJSON(w, r, struct {
		Status string `json:"status"`
		Zipkin health `json:"zipkin"`
	}{"UP", health{"UP", map[string]health{"view": {Status: "UP"}}}})
}

func (v *View) getInfo(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, r, map[string]any{"zipkin": map[string]string{"version": v.opts.Version, "commit": ""}})
}

// lensConfig is what Zipkin's own page asks for.
var lensConfig = json.RawMessage(`{
  "environment" : "",
  "queryLimit" : 10,
  "defaultLookback" : 900000,
  "searchEnabled" : true,
  "logsUrl" : null,
  "supportUrl" : null,
  "archivePostUrl" : null,
  "archiveUrl" : null,
  "dependency" : {
    "enabled" : true,
    "lowErrorRate" : 0.5,
    "highErrorRate" : 0.75
  }
}`)

func (v *View) getLensConfig(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=600")
	writeBody(w, r, lensConfig)
}
