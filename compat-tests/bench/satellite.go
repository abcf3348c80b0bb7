// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const nameSatellite = "satellite"

// satellite is SkyWalking's own gateway, which sends segments on without decoding
// them. Its module cannot be had from the module proxy, so that it takes part only
// where -satellite names a program. Its file has the pipe for segments as its
// example has it, with a queue in memory, but one setting: by the example it takes
// no connections while the processors are busy by three quarters, as here they are.
func satellite() candidate {
	return candidate{name: nameSatellite, rival: true, optional: true, start: func(ctx context.Context, s *stage) (*gateway, error) {
		if s.programs.satellite == "" {
			return nil, errors.New("-satellite names no program")
		}
		prepare := func(listen, _ string) ([]string, error) {
			path := filepath.Join(s.dir, "satellite.yaml")
			return []string{"start", "--config", path}, os.WriteFile(path, fmt.Appendf(nil, satelliteYAML, s.sink.GRPC, listen), 0o600)
		}
		return serve(ctx, s, s.programs.satellite, prepare, func(listen, _ string) func() error { return accepts(listen) })
	}}
}

const satelliteYAML = `logger: {level: error}
telemetry: {export_type: none}
sharing:
  clients: [{plugin_name: grpc-client, server_addr: %q}]
  servers: [{plugin_name: grpc-server, address: %q, accept_limit: {cpu_utilization: 101, connection_count: 4000}}]
pipes:
  - common_config: {pipe_name: tracingpipe}
    gatherer:
      server_name: grpc-server
      receiver: {plugin_name: grpc-native-tracing-receiver}
      queue: {plugin_name: memory-queue, event_buffer_size: 5000, partition: 4}
    processor: {filters: }
    sender:
      fallbacker: {plugin_name: none-fallbacker}
      flush_time: 1000
      max_buffer_size: 200
      min_flush_events: 1
      client_name: grpc-client
      forwarders: [{plugin_name: native-tracing-grpc-forwarder}]
`
