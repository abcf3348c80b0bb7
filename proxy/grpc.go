// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// isGRPC is true for calls of gRPC, but not of gRPC-Web, which is plain HTTP.
func isGRPC(h http.Header) bool {
	v := h["Content-Type"]
	if len(v) != 1 {
		return false
	}
	rest, ok := strings.CutPrefix(v[0], "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// Statuses of gRPC that the proxy answers with.
const (
	grpcCancelled        = "1"
	grpcDeadlineExceeded = "4"
	grpcUnavailable      = "14"
)

// grpcStatusOf is the status for an error of a transport. A server of gRPC that
// sees a deadline pass resets the stream; the caller would take it for a failure
// of the service if it heard of that first.
func grpcStatusOf(x *exchange, err error) string {
	switch {
	case x.deadline > 0 && time.Since(x.began) >= x.deadline-x.deadline/10:
		return grpcDeadlineExceeded
	case strings.Contains(err.Error(), "; CANCEL"), errors.Is(err, context.Canceled):
		return grpcCancelled
	default:
		return grpcUnavailable
	}
}

// grpcTimeout reads the header grpc-timeout; 0 without one.
func grpcTimeout(h http.Header) time.Duration {
	v := h["Grpc-Timeout"]
	if len(v) != 1 || len(v[0]) < 2 || len(v[0]) > 9 {
		return 0
	}
	n, err := strconv.ParseInt(v[0][:len(v[0])-1], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	switch v[0][len(v[0])-1] {
	case 'H':
		return time.Duration(n) * time.Hour
	case 'M':
		return time.Duration(n) * time.Minute
	case 'S':
		return time.Duration(n) * time.Second
	case 'm':
		return time.Duration(n) * time.Millisecond
	case 'u':
		return time.Duration(n) * time.Microsecond
	case 'n':
		return time.Duration(n)
	}
	return 0
}

// stream is the answer of a call of gRPC. One that breaks off ends with a status
// that says so; without one, net/http could only reset the stream, for which
// clients have no better word than an internal error.
type stream struct {
	io.ReadCloser
	response *http.Response
	x        *exchange
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	switch s.x.reason = reasonOf(err); {
	case s.x.body.failed.Load() || s.response.Request.Context().Err() != nil:
		s.x.reason = aborted
	case s.x.reason == protocol:
		s.x.reason = broken
	}
	if s.response.Trailer == nil {
		s.response.Trailer = make(http.Header)
	}
	s.response.Trailer["Grpc-Status"] = []string{grpcStatusOf(s.x, err)}
	s.response.Trailer["Grpc-Message"] = []string{percentEncode(fmt.Sprintf("bridge proxy: %s: the stream broke off: %v", s.response.Request.URL.Host, err))}
	return n, io.EOF
}

// percentEncode is the encoding of grpc-message (gRPC over HTTP2, Responses).
func percentEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
