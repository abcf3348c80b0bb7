// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/receivers"
)

// TestTenant: the header of a request, and the metadata of a call or stream, name
// the tenant of what it brings. What is no name is refused and says why.
func TestTenant(t *testing.T) {
	const header = "X-Scope-OrgID"
	for _, tt := range []struct {
		name   string
		values []string
		want   string
		fault  string
	}{
		{"none", nil, "", ""},
		{"one", []string{"team-a"}, "team-a", ""},
		{"several in one", []string{"a|b"}, "a|b", ""},
		{"empty", []string{""}, "", ""},
		{"longest", []string{strings.Repeat("x", 150)}, strings.Repeat("x", 150), ""},
		{"too long", []string{strings.Repeat("x", 151)}, "", "151 bytes, want at most 150"},
		{"space", []string{"a b"}, "", "without spaces"},
		{"twice", []string{"a", "b"}, "", "comes 2 times"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, func(o *receivers.Options) { o.TenantHeader = header })
			req, _ := http.NewRequest(http.MethodPost, b.url("zipkin", "/api/v2/spans"), strings.NewReader("["+oneSpan+"]"))
			md := metadata.MD{}
			for _, v := range tt.values {
				req.Header.Add(header, v)
				md.Append(header, v)
			}
			res, err := b.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if want := map[bool]int{true: 202, false: 400}[tt.fault == ""]; res.StatusCode != want {
				t.Errorf("HTTP: %d, want %d", res.StatusCode, want)
			}
			ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(t.Context(), md), time.Minute)
			defer cancel()
			conn := b.dial(t, "ids-grpc")
			var answer rawgrpc.Message
			unary := conn.Invoke(ctx, "/ids.Service/unary", rawgrpc.New(list(1)), &answer)
			stream := func() error {
				s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, "/ids.Service/stream")
				if err != nil {
					return err
				}
				_ = s.SendMsg(rawgrpc.New(id(1))) // the end says why, if it is refused
				_ = s.CloseSend()
				return s.RecvMsg(&answer)
			}()
			for _, err := range []error{unary, stream} {
				if tt.fault == "" && err != nil || tt.fault != "" && (status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), tt.fault)) {
					t.Errorf("gRPC: %v, want %q", err, tt.fault)
				}
			}
			if tt.fault != "" {
				if n := b.sink.got(); n != 0 {
					t.Errorf("%d spans were taken", n)
				}
				return
			}
			b.sink.wait(t, 3)
			b.sink.mu.Lock()
			defer b.sink.mu.Unlock()
			for _, batch := range b.sink.batches {
				if got := batch.Origin.Tenant; got != tt.want {
					t.Errorf("%s: tenant %q, want %q", batch.Origin.Format, got, tt.want)
				}
			}
		})
	}
}
