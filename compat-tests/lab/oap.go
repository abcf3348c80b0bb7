// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	oapconfig "github.com/spanbridge/spanbridge/compat-tests/oap-config"
)

const (
	oapArtifact = "org.apache.skywalking:server-starter:10.1.0"
	oapMain     = "org.apache.skywalking.oap.server.starter.OAPServerStartUp"
)

// OAP is a running SkyWalking OAP with storage in memory. What was sent can be
// found about four seconds later.
type OAP struct {
	GRPC    string // address for agents
	URL     string // http://127.0.0.1:PORT, for agents with HTTP and for GraphQL
	Process *Process
}

// StartOAP starts OAP and waits until it answers queries. Each start has an
// empty database.
func StartOAP(t testing.TB) *OAP {
	t.Helper()
	classpath := Classpath(t, "oap", oapArtifact)
	config := t.TempDir()
	if err := os.CopyFS(config, oapconfig.Files()); err != nil {
		t.Fatalf("lab: oap config: %v", err)
	}
	httpPort, grpcPort := Port(t), Port(t)
	cmd := JVM("512m", "-cp", config+string(filepath.ListSeparator)+classpath, oapMain)
	cmd.Env = append(os.Environ(), fmt.Sprintf("LAB_OAP_HTTP_PORT=%d", httpPort), fmt.Sprintf("LAB_OAP_GRPC_PORT=%d", grpcPort))
	o := &OAP{
		GRPC:    fmt.Sprintf("127.0.0.1:%d", grpcPort),
		URL:     fmt.Sprintf("http://127.0.0.1:%d", httpPort),
		Process: Start(t, "oap", cmd),
	}
	o.Process.Await(t, startLimit, "answering queries", func(ctx context.Context) error {
		return o.Ask(ctx, `{version}`, nil, &struct{}{})
	})
	return o
}

// Ask sends a GraphQL query and decodes its data into answer.
func (o *OAP) Ask(ctx context.Context, query string, variables map[string]any, answer any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	got, err := do(req)
	if err != nil {
		return err
	}
	var reply struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(got, &reply); err != nil {
		return fmt.Errorf("graphql: %w in %.200q", err, got)
	}
	if len(reply.Errors) > 0 {
		var messages []string
		for _, e := range reply.Errors {
			messages = append(messages, e.Message)
		}
		return errors.New("graphql: " + strings.Join(messages, "; "))
	}
	return json.Unmarshal(reply.Data, answer)
}
