// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	configv3 "skywalking.apache.org/repo/goapi/collect/agent/configuration/v3"
	commonv3 "skywalking.apache.org/repo/goapi/collect/common/v3"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	profilev3 "skywalking.apache.org/repo/goapi/collect/language/profile/v3"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// TestW5CallsBehindTheGateway: what an agent asks and reports besides traces gets
// the same answer through the gateway as from OAP itself, and OAP has it.
func TestW5CallsBehindTheGateway(t *testing.T) {
	oap := lab.StartOAP(t)
	b := lab.StartBridge(t, fmt.Sprintf("targets:\n  oap: {kind: skywalking, endpoint: %q}\n", oap.GRPC))
	ask := func(address string) (answers []string) {
		t.Helper()
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "agent-version", "JAVA:9.4.0"), time.Minute)
		defer cancel()
		note := func(what string, answer *commonv3.Commands, err error) {
			for _, c := range answer.GetCommands() {
				for _, arg := range c.GetArgs() {
					if arg.GetKey() == "SerialNumber" {
						arg.Value = "" // another one each time
					}
				}
			}
			answers = append(answers, fmt.Sprintf("%s: %v, %v", what, answer.GetCommands(), err))
		}
		a, err := configv3.NewConfigurationDiscoveryServiceClient(conn).FetchConfigurations(ctx, &configv3.ConfigurationSyncRequest{Service: "behind"})
		note("configuration", a, err)
		a, err = profilev3.NewProfileTaskClient(conn).GetProfileTaskCommands(ctx, &profilev3.ProfileTaskCommandQuery{Service: "behind", ServiceInstance: "behind-1"})
		note("profile tasks", a, err)
		a, err = agentv3.NewJVMMetricReportServiceClient(conn).Collect(ctx, &agentv3.JVMMetricCollection{
			Service: "behind", ServiceInstance: "behind-1",
			Metrics: []*agentv3.JVMMetric{{Time: time.Now().UnixMilli(), Cpu: &commonv3.CPU{UsagePercent: 7}}},
		})
		note("metrics of the JVM", a, err)
		meters, err := agentv3.NewMeterReportServiceClient(conn).Collect(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := meters.Send(&agentv3.MeterData{
				Service: "behind", ServiceInstance: "behind-1", Timestamp: time.Now().UnixMilli(),
				Metric: &agentv3.MeterData_SingleValue{SingleValue: &agentv3.MeterSingleValue{Name: "m", Value: 1}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		a, err = meters.CloseAndRecv()
		note("meters", a, err)
		return answers
	}
	direct, through := ask(oap.GRPC), ask(b.SkyWalkingGRPC)
	for i := range direct {
		t.Log(direct[i])
		if direct[i] != through[i] {
			t.Errorf("through the gateway %q, from OAP %q", through[i], direct[i])
		}
	}
	if n, err := b.Metric(t.Context(), "bridge_forwarded_calls_total", "outcome", "answered"); err != nil || n != float64(len(direct)) {
		t.Errorf("%v calls forwarded, %v, want %d", n, err, len(direct))
	}
}
