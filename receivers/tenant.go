// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/translate"
)

// mostTenant is the longest name of a tenant: Mimir, Loki and Tempo have the same
// bound.
const mostTenant = 150

// tenantOf is the tenant that the values of the header name; "" for none. What is
// not a name is refused: a name that was cut would be another tenant's.
func tenantOf(header string, values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	name := values[0]
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("the header %s comes %d times, want once", header, len(values))
	case len(name) > mostTenant:
		return "", fmt.Errorf("the header %s has %d bytes, want at most %d", header, len(name), mostTenant)
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("the header %s is %q, want letters, digits and signs of ASCII without spaces", header, name)
	}
	return name, nil
}

// tenantHTTP is the tenant of a request. When it is false the client has been
// answered.
func (in *intake) tenantHTTP(w http.ResponseWriter, r *http.Request, m *body) bool {
	header := in.opts.TenantHeader
	if header == "" {
		return true
	}
	var err error
	if m.tenant, err = tenantOf(header, r.Header.Values(header)); err != nil {
		in.refuse(*m, translate.BadBody, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// tenant is the tenant of a call.
func (h *grpcHandler) tenant(ctx context.Context, m *grpcMethod) error {
	header := h.intake.opts.TenantHeader
	if header == "" {
		return nil
	}
	var err error
	if m.tenant, err = tenantOf(header, metadata.ValueFromIncomingContext(ctx, header)); err != nil {
		h.intake.refuse(h.body(*m), translate.BadBody, err)
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return nil
}
