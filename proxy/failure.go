// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Reasons why a request has no whole answer.
const (
	refused     = "refused"
	unreachable = "unreachable"
	timeout     = "timeout"
	protocol    = "protocol"
	broken      = "broken"
	aborted     = "aborted"
)

// failed answers a request that the other side did not answer: 504 when time ran
// out, 502 otherwise, for gRPC a status that says the same.
func (h *handler) failed(w http.ResponseWriter, r *http.Request, err error) {
	x := w.(*exchange)
	x.reason = reasonOf(err)
	if x.body.failed.Load() || r.Context().Err() != nil {
		x.reason = aborted
	}
	if x.deadline > 0 && x.reason != aborted && grpcStatusOf(x, err) == grpcDeadlineExceeded {
		x.reason = timeout
	}
	if x.reason == aborted {
		x.w.WriteHeader(http.StatusBadGateway) // nobody reads it
		return
	}
	code := http.StatusBadGateway
	switch x.reason {
	case timeout:
		code = http.StatusGatewayTimeout
	case refused:
		code = http.StatusLoopDetected
	}
	text := fmt.Sprintf("bridge proxy: %s: %s", r.URL.Host, describe(x.reason, err, isGRPC(r.Header) || r.ProtoMajor == 2))
	h.proxy.complaints.say("a request was not answered", "direction", h.d.name, "method", r.Method, "to", r.URL.Host, "reason", x.reason, "err", err)
	if isGRPC(r.Header) {
		head := x.Header()
		head["Content-Type"] = []string{"application/grpc"}
		head["Grpc-Status"] = []string{grpcStatusOf(x, err)}
		head["Grpc-Message"] = []string{percentEncode(text)}
		x.WriteHeader(http.StatusOK)
		return
	}
	http.Error(x, text, code)
}

// reasonOf sorts an error of a transport.
func reasonOf(err error) string {
	var network net.Error
	var op *net.OpError
	switch {
	case errors.Is(err, errLoop):
		return refused
	case errors.Is(err, context.Canceled):
		return aborted
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return timeout
	case errors.As(err, &op) && op.Op == "dial":
		return unreachable
	case strings.Contains(err.Error(), "malformed HTTP"):
		return protocol
	case errors.As(err, &op), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return broken
	case strings.Contains(err.Error(), "server closed idle connection"), strings.Contains(err.Error(), "transport connection broken"):
		return broken
	default:
		return protocol
	}
}

func describe(reason string, err error, http2 bool) string {
	switch reason {
	case refused:
		return err.Error()
	case unreachable:
		return fmt.Sprintf("no connection: %v", err)
	case timeout:
		return fmt.Sprintf("no answer in time: %v", err)
	case broken:
		return fmt.Sprintf("the connection ended before the answer: %v", err)
	}
	if http2 {
		return fmt.Sprintf("no answer in HTTP/2, in which the request came (does the service speak it without TLS?): %v", err)
	}
	return fmt.Sprintf("no answer in HTTP: %v", err)
}
