// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// viewAPI adds the routes of the page's own API; the package comment describes
// it.
func (v *View) viewAPI(r *mux.Router) {
	get := func(path string, f http.HandlerFunc) {
		r.Path("/view/" + path).Methods(http.MethodGet).HandlerFunc(sameOrigin(f))
	}
	get("status", v.viewStatus)
	if v.opts.Account != nil {
		r.Path("/"+accountPath).Methods(http.MethodGet, http.MethodHead).HandlerFunc(sameOrigin(v.opts.Account.ServeHTTP))
	}
	get("names", v.viewNames)
	get("identify", v.viewIdentify)
	get("traces", v.viewTraces)
	get("trace/{id}", v.viewTrace)
	get("trace/{id}/match", v.viewMatch)
	get("trace/{id}/span/{span}", v.viewSpan)
}

// accountPath is where the page of all spans is, below the view's own place.
const accountPath = "status"

// sameOrigin takes back what the port allows to pages of any origin: they may
// send spans, not read them by this API.
func sameOrigin(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Del("Access-Control-Allow-Origin")
		w.Header().Set("Cache-Control", "no-store")
		f(w, r)
	}
}

func (v *View) viewStatus(w http.ResponseWriter, r *http.Request) {
	traces, spans, bytes := v.store.held()
	account := ""
	if v.opts.Account != nil {
		account = accountPath
	}
	taken, gone := v.store.counts()
	ports := []Port{}
	if v.opts.Ports != nil {
		ports = v.opts.Ports()
	}
	writeJSON(w, r, struct {
		Version string `json:"version"`
		Strict  bool   `json:"strict,omitempty"`
		Traces  int64  `json:"traces"`
		Spans   int64  `json:"spans"`
		Bytes   int64  `json:"bytes"`
		Memory  int64  `json:"memory"`
		Taken   uint64 `json:"taken"`
		Gone    uint64 `json:"gone"`
		Ports   []Port `json:"ports"`
		Account string `json:"account,omitempty"`
	}{v.opts.Version, v.store.strict.Load(), traces, spans, bytes, v.store.memory(), taken, gone, ports, account})
}

func (v *View) viewNames(w http.ResponseWriter, r *http.Request) {
	service := strings.ToLower(r.URL.Query().Get("service"))
	writeJSON(w, r, map[string][]string{
		"services": v.store.services(), "names": v.store.spanNames(service), "remotes": v.store.remotes(service),
	})
}

func (v *View) viewIdentify(w http.ResponseWriter, r *http.Request) {
	id, err := propagation.Identify(r.URL.Query().Get("text"))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	t, ok := v.store.trace(id)
	if ok {
		id = t.id
	}
	writeJSON(w, r, map[string]any{"trace": id.String(), "found": ok})
}

func (v *View) viewTraces(w http.ResponseWriter, r *http.Request) {
	params := r.URL.Query()
	q, err := parseQuery(params, v.now())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	q.always = params.Get("lookback") == "" && params.Get("endTs") == ""
	answer := struct {
		Traces []summary `json:"traces"`
		More   bool      `json:"more,omitempty"` // there may be others that match
	}{Traces: []summary{}}
	v.work(w, r, func(ctx context.Context) error {
		return v.store.search(ctx, q, func(t trace) bool {
			if len(answer.Traces) == q.limit {
				answer.More = true
				return false
			}
			answer.Traces = append(answer.Traces, summarize(grow(t)))
			return true
		})
	}, func() { writeJSON(w, r, answer) })
}

func (v *View) viewTrace(w http.ResponseWriter, r *http.Request) {
	v.withTree(w, r, func(g *tree) any { return rowsOf(g) })
}

func (v *View) viewSpan(w http.ResponseWriter, r *http.Request) {
	id, err := span.ParseID(mux.Vars(r)["span"])
	if err != nil {
		fail(w, http.StatusBadRequest, "span id: "+err.Error())
		return
	}
	v.withTree(w, r, func(g *tree) any {
		list, more := reports(g, id)
		if len(list) == 0 {
			return nil
		}
		return map[string]any{"reports": list, "more": more}
	})
}

func (v *View) viewMatch(w http.ResponseWriter, r *http.Request) {
	v.withTree(w, r, func(g *tree) any {
		return map[string][]string{"ids": (&finder{}).spans(g, r.URL.Query().Get("text"))}
	})
}

// withTree answers what f makes of the trace that the path names.
func (v *View) withTree(w http.ResponseWriter, r *http.Request, f func(*tree) any) {
	t, status, err := v.find(pathText(r))
	if err != nil {
		fail(w, status, err.Error())
		return
	}
	var answer any
	v.work(w, r, func(context.Context) error {
		answer = f(grow(t))
		return nil
	}, func() {
		if answer == nil {
			fail(w, http.StatusNotFound, "span not found")
			return
		}
		writeJSON(w, r, answer)
	})
}
