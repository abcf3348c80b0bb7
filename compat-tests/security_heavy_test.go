// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/access/accesstest"

	"github.com/spanbridge/spanbridge/compat-tests/java"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// TestRefusedJavaAgent: SkyWalking's Java agent reports nothing while its token is
// refused, and is let in, without a restart, when the token stands in the file.
func TestRefusedJavaAgent(t *testing.T) {
	auth, file := secrets(t, "another-token")
	b := startBridge(t, "security: {"+auth+"}\n")
	t.Setenv("JAVA_TOOL_OPTIONS", "-Dskywalking.agent.authentication="+theToken)
	_, service := java.Service(t, b.SkyWalkingGRPC, "refused-java")
	visit := func(ctx context.Context) error { return lab.Answers(service + "/stock")(ctx) }
	lab.Eventually(t, 2*time.Minute, "the refusal", func(ctx context.Context) error {
		n, err := b.Metric(ctx, "bridge_access_refused_total", `port="skywalking-grpc"`, `reason="wrong"`)
		if err == nil && n == 0 {
			err = errors.New("nobody was refused")
		}
		return errors.Join(visit(ctx), err)
	})
	if n, err := b.Metric(t.Context(), "bridge_spans_received_total"); err != nil || n != 0 {
		t.Errorf("%v spans were taken, %v", n, err)
	}
	writeTokens(t, file, theToken)
	lab.Eventually(t, 3*time.Minute, "spans of the agent", func(ctx context.Context) error {
		if err := visit(ctx); err != nil {
			return err
		}
		n, err := b.Metric(ctx, "bridge_spans_received_total", `protocol="skywalking"`)
		if err == nil && n == 0 {
			err = errors.New("no spans yet")
		}
		return err
	})
	noSecretIn(t, b, theToken, thePassword, "another-token")
	if resp, err := http.Get(b.Zipkin + "/api/v2/services"); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the view without a password: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
}

// TestJavaAgentWithCertificates: the agent over TLS with a certificate of its own
// and a token.
func TestJavaAgentWithCertificates(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	later := time.Now().Add(time.Hour)
	server, client := ca.Issue("bridge", later), ca.Issue("agent", later)
	auth, _ := secrets(t, theToken)
	b := startBridge(t, fmt.Sprintf("security: {tls: {cert_file: %q, key_file: %q, client_ca_file: %q}, %s}\n", server.CertFile, server.KeyFile, ca.File, auth))
	t.Setenv("JAVA_TOOL_OPTIONS", strings.Join([]string{
		"-Dskywalking.agent.authentication=" + theToken, "-Dskywalking.agent.force_tls=true", "-Dskywalking.agent.ssl_trusted_ca_path=" + above(ca.File),
		"-Dskywalking.agent.ssl_cert_chain_path=" + above(client.CertFile), "-Dskywalking.agent.ssl_key_path=" + above(client.KeyFile),
	}, " "))
	java.SkyWalking(t, b.SkyWalkingGRPC)
	web := &http.Client{Transport: authorized{&http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{client.Load(t)}}}}}
	lab.Eventually(t, time.Minute, "the services of the agents", func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, https(b.Zipkin)+"/api/v2/services", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := web.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var names []string
		if err := json.NewDecoder(resp.Body).Decode(&names); err != nil {
			return err
		}
		if !slices.Contains(names, "java-a") || !slices.Contains(names, "java-b") {
			return fmt.Errorf("services %q", names)
		}
		return nil
	})
	noSecretIn(t, b, theToken, thePassword)
}

// above is a path from the agent's folder: it takes every one for a path below that
// (TLSChannelBuilder).
func above(path string) string { return strings.Repeat("../", 30) + strings.TrimPrefix(path, "/") }
