// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"slices"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/java"
)

func javaClientsOfSpans() []spanClient {
	var all []spanClient
	for _, sender := range []string{"urlconnection", "okhttp"} {
		all = append(all, spanClient{"Brave 6.3.1 " + sender, false, "zipkin.v2.json", func(t *testing.T, c reportsTo) reporting {
			line, end := java.BraveLines(t, c.zipkin, sender)
			return reporting{line, end}
		}})
	}
	return append(all, spanClient{"SkyWalking Java 9.4.0", true, "skywalking.segments", func(t *testing.T, c reportsTo) reporting {
		return visited(java.Service(t, c.skyGRPC, "lines"))(t)
	}})
}

// TestFullClients: what docs/when-full.md says of each client is so.
func TestFullClients(t *testing.T) {
	for _, c := range slices.Concat(goClientsOfSpans(), pythonClientsOfSpans(), javaClientsOfSpans()) {
		t.Run(c.name, func(t *testing.T) { fates(t, c) })
	}
}

func TestFullGatewayEverywhere(t *testing.T) {
	for _, c := range slices.Concat(pythonClientsOfSpans(), javaClientsOfSpans()) {
		t.Run(c.name, func(t *testing.T) { meets(t, c) })
	}
}
