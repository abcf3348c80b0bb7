// SPDX-License-Identifier: Apache-2.0

package receivers

import "net/http"

// routeTable finds the handler of a request by its method and its path as the
// client wrote it: no path of ours has parts that vary, and a pasted header in one
// may hold "//". Routers that could do more took a fifth of the allocations of a
// message.
type routeTable struct {
	paths       map[string]map[string]http.Handler // by method
	other       http.Handler                       // takes what has no route; nil: nobody
	wrongMethod int                                // the status for a path that is there with another method
}

func newRouteTable(other http.Handler, wrongMethod int) *routeTable {
	if wrongMethod == 0 {
		wrongMethod = http.StatusMethodNotAllowed
	}
	return &routeTable{paths: make(map[string]map[string]http.Handler), other: other, wrongMethod: wrongMethod}
}

func (t *routeTable) add(method, path string, h http.Handler) {
	if t.paths[path] == nil {
		t.paths[path] = make(map[string]http.Handler)
	}
	t.paths[path][method] = h
}

// ServeHTTP has the route's handler answer.
func (t *routeTable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	methods := t.paths[r.URL.Path]
	switch h := methods[r.Method]; {
	case h != nil:
		h.ServeHTTP(w, r)
	case t.other != nil:
		t.other.ServeHTTP(w, r)
	case methods != nil:
		w.WriteHeader(t.wrongMethod)
	default:
		http.NotFound(w, r)
	}
}
