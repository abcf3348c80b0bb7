// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/java"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// TestEveryMethodOfTheJavaAgent keeps a Java service under the agent until it has
// called everything that it calls in its life (heartbeats come after a minute).
// None of the calls is unknown to the gateway, and the agent has nothing to
// complain of.
func TestEveryMethodOfTheJavaAgent(t *testing.T) {
	b := startBridge(t, "")
	service, _ := java.Service(t, b.SkyWalkingGRPC, "java-long")
	lab.Eventually(t, 4*time.Minute, "all methods", func(ctx context.Context) error {
		for _, method := range []string{
			"/skywalking.v3.EventService/collect", "/skywalking.v3.JVMMetricReportService/collect",
			"/skywalking.v3.ProfileTask/getProfileTaskCommands", "/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations",
			"/skywalking.v10.AsyncProfilerTask/getAsyncProfilerTaskCommands",
		} {
			if n, err := b.Metric(ctx, "bridge_messages_aside_total", fmt.Sprintf("method=%q", method)); err != nil || n == 0 {
				return fmt.Errorf("%s: %v calls, %v", method, n, err)
			}
		}
		for _, format := range []string{"skywalking.properties", "skywalking.ping"} {
			if n, err := b.Metric(ctx, "bridge_messages_total", fmt.Sprintf("format=%q", format), `verdict="taken"`); err != nil || n == 0 {
				return fmt.Errorf("%s: %v messages, %v", format, n, err)
			}
		}
		return nil
	})
	if n, err := b.Metric(t.Context(), "bridge_unknown_calls_total"); err != nil || n != 0 {
		t.Errorf("%v calls of unknown methods, %v", n, err)
	}
	for line := range strings.Lines(service.Tail()) {
		if strings.HasPrefix(line, "ERROR") || strings.Contains(line, "UNIMPLEMENTED") {
			t.Errorf("the agent complains: %s", line)
		}
	}
}
