// SPDX-License-Identifier: Apache-2.0

package view

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/mux"
)

// routes is everything that the view answers. It is what a port falls back to,
// so what belongs to a receiver never comes here.
func (v *View) routes() http.Handler {
	// Paths are taken as they are: an id may be any text, with slashes escaped.
	r := mux.NewRouter().UseEncodedPath().SkipClean(true)
	v.zipkinAPI(r, "")
	v.zipkinAPI(r, "/zipkin")
	v.viewAPI(r)
	r.Path("/health").Methods(http.MethodGet).HandlerFunc(v.getHealth)
	r.Path("/info").Methods(http.MethodGet).HandlerFunc(v.getInfo)
	r.Path("/zipkin/config.json").Methods(http.MethodGet).HandlerFunc(v.getLensConfig)
	v.pages(r)
	r.NotFoundHandler = http.HandlerFunc(notFound)
	r.MethodNotAllowedHandler = http.HandlerFunc(wrongMethod)
	return r
}

// pages are the page, its files, and where links to Zipkin's page lead.
func (v *View) pages(r *mux.Router) {
	get := func(path string, f http.HandlerFunc) {
		r.Path(path).Methods(http.MethodGet, http.MethodHead).HandlerFunc(f)
	}
	get("/", func(w http.ResponseWriter, r *http.Request) { v.page.serve(w, r, "index.html") })
	r.PathPrefix("/view/page/").Methods(http.MethodGet, http.MethodHead).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.page.serve(w, r, strings.TrimPrefix(r.URL.Path, "/view/page/"))
	})
	// Relative places, so that a proxy may put the port below a path of its own.
	get("/favicon.ico", redirect("view/page/icon.svg"))
	get("/zipkin", func(w http.ResponseWriter, r *http.Request) { redirect("./"+query2page(r))(w, r) })
	for _, path := range []string{"/zipkin/", "/zipkin/index.html", "/zipkin/dependency", "/zipkin/traceViewer"} {
		get(path, func(w http.ResponseWriter, r *http.Request) { redirect("../"+query2page(r))(w, r) })
	}
	get("/zipkin/traces/{id}", func(w http.ResponseWriter, r *http.Request) {
		redirect("../../?trace="+url.QueryEscape(pathText(r)))(w, r)
	})
}

// query2page keeps the question of a link to Zipkin's page: the parameters have
// the same names there.
func query2page(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return "?" + r.URL.RawQuery
}

// redirect leads to a place relative to the one asked for.
func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusNotFound, "404 Not Found")
}

// wrongMethod answers as Zipkin's server: below /api another method is a path
// that is not there.
func wrongMethod(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/zipkin/") {
		fail(w, http.StatusMethodNotAllowed, "405 Method Not Allowed")
		return
	}
	notFound(w, r)
}
