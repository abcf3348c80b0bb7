// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"crypto/tls"
	"net/http"
	"sync/atomic"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/translate"
)

// term is how a port takes what comes.
type term struct {
	strict bool
	busy   Busy
	guard  *guard      // nil: everybody is let in
	secure *tls.Config // nil: without TLS
}

// terms are the terms of a port, which may change while it is open: at once for
// requests and calls, for TLS with the next connection.
type terms struct{ current atomic.Pointer[term] }

func (t *terms) now() *term { return t.current.Load() }

// guarded lets requests through to a handler that the port admits.
func (t *terms) guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g := t.now().guard; g != nil && !g.admit(w, r) {
			return
		}
		h.ServeHTTP(w, r)
	})
}

// term reads the files that a port needs.
func (s *Server) term(port translate.Port, listen Listen) (*term, error) {
	t := &term{strict: listen.Strict, busy: listen.Busy}
	if port.Network == translate.UDP {
		return t, nil
	}
	if !listen.Auth.IsZero() {
		g, err := access.NewGate(listen.Auth, s.opts.Log)
		if err != nil {
			return nil, &admissionError{err}
		}
		t.guard = &guard{gate: g, port: port.Name, denied: port.Denied, intake: s.intake}
	}
	if listen.TLS != (access.Server{}) {
		var err error
		if t.secure, err = listen.TLS.Config(s.opts.Log, alpn[port.Network]...); err != nil {
			return nil, &admissionError{err}
		}
	}
	return t, nil
}
