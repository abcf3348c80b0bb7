// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/translate"
)

// guard stands at a port and asks clients who they are.
type guard struct {
	gate   *access.Gate
	port   string
	denied translate.Code
	intake *intake
	seldom seldom
}

// refused counts and logs, without anything that the client gave.
func (g *guard) refused(from, what string, err error) {
	reason := "wrong"
	if errors.Is(err, access.ErrNoCredentials) {
		reason = "missing"
	}
	g.intake.opts.Set.AccessRefused.WithLabelValues(g.port, reason).Inc()
	g.seldom.log(func(before int) {
		g.intake.opts.Log.Warn("a client was refused", "port", g.port, "from", from, "for", what, "err", err, "others since the last such line", before)
	})
}

// admit judges a request, and answers one that is not let in.
func (g *guard) admit(w http.ResponseWriter, r *http.Request) bool {
	err := g.gate.Admit(r.Header.Values("Authorization"), r.Header.Values("Authentication"))
	if err == nil {
		return true
	}
	g.refused(r.RemoteAddr, r.URL.Path, err)
	Challenge(w, g.gate, err)
	return false
}

// Challenge answers a request that was not let in.
func Challenge(w http.ResponseWriter, gate *access.Gate, err error) {
	if gate.Basic() {
		w.Header().Add("WWW-Authenticate", `Basic realm="bridge", charset="UTF-8"`)
	}
	w.Header().Add("WWW-Authenticate", `Bearer realm="bridge"`)
	http.Error(w, err.Error(), http.StatusUnauthorized)
}

// errTokenless is for a call that comes without a token from clients that have one.
var errTokenless = errors.New("no token, as usual")

// call judges a call by gRPC; the error is for the client, but for errTokenless.
func (g *guard) call(ctx context.Context, method string, tokenless bool) error {
	md, _ := metadata.FromIncomingContext(ctx)
	err := g.gate.Admit(md.Get("authorization"), md.Get("authentication"))
	if err == nil {
		return nil
	}
	if tokenless && errors.Is(err, access.ErrNoCredentials) {
		return errTokenless
	}
	from := ""
	if p, ok := peer.FromContext(ctx); ok {
		from = p.Addr.String()
	}
	g.refused(from, method, err)
	code := codes.Unauthenticated
	if g.denied != translate.OK {
		code = codes.Code(g.denied)
	}
	return status.Error(code, err.Error())
}
