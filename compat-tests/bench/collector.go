// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

// The ways of a Collector to keep what it has acknowledged.
type collectorQueue int

const (
	inMemory  collectorQueue = iota // batch processor, queue in memory: the usual configuration
	onDisk                          // each request into file_storage before the answer
	onDiskNow                       // the same with fsync
)

// collectorReceivers are its receivers, by what they take.
var collectorReceivers = map[string]string{
	traffic.ZipkinJSON: "  zipkin: {endpoint: %q}\n",
	traffic.JaegerHTTP: "  jaeger: {protocols: {thrift_http: {endpoint: %q}}}\n",
	traffic.JaegerGRPC: "  jaeger: {protocols: {grpc: {endpoint: %q}}}\n",
	traffic.JaegerUDP:  "  jaeger: {protocols: {thrift_compact: {endpoint: %q}}}\n",
	traffic.SkyWalking: "  skywalking: {protocols: {grpc: {endpoint: %q}}}\n",
	traffic.OTLP:       "  otlp: {protocols: {grpc: {endpoint: %q}}}\n",
}

func collector(name string, queue collectorQueue) candidate {
	return candidate{name: name, rival: true, start: func(ctx context.Context, s *stage) (*gateway, error) {
		program, err := s.programs.collector(ctx)
		if err != nil {
			return nil, err
		}
		prepare := func(listen, admin string) ([]string, error) {
			text, err := collectorYAML(s, queue, listen, admin)
			if err != nil {
				return nil, err
			}
			path := filepath.Join(s.dir, "otelcol.yaml")
			return []string{"--config", "file:" + path}, os.WriteFile(path, []byte(text), 0o600)
		}
		return serve(ctx, s, program, prepare, func(listen, admin string) func() error {
			if s.encoding == traffic.JaegerUDP {
				return accepts(admin)
			}
			return accepts(listen)
		})
	}}
}

// collectorYAML is its configuration. The second address is of a receiver that
// nobody uses but to see whether it has started.
func collectorYAML(s *stage, queue collectorQueue, listen, spare string) (string, error) {
	receiver, ok := collectorReceivers[s.encoding]
	if !ok {
		return "", fmt.Errorf("otelcol has no receiver for %s", s.encoding)
	}
	kind, exporter := "otlp", fmt.Sprintf("    endpoint: %q\n    compression: none\n    tls: {insecure: true}\n", s.sink.GRPC)
	if s.target == targetZipkin {
		kind, exporter = "zipkin", fmt.Sprintf("    endpoint: http://%s/api/v2/spans\n", s.sink.HTTP)
	}
	used := "zipkin"
	switch s.encoding {
	case traffic.ZipkinJSON:
	case traffic.SkyWalking:
		used = "skywalking"
	case traffic.OTLP:
		used = "otlp"
	default:
		used = "jaeger"
	}
	list := used
	text := "receivers:\n" + fmt.Sprintf(receiver, listen)
	if s.encoding == traffic.JaegerUDP {
		text += fmt.Sprintf("  zipkin: {endpoint: %q}\n", spare)
		list += ", zipkin"
	}
	extensions, processors := "", ""
	if queue == inMemory {
		text += "processors:\n  batch: {}\n"
		processors = "processors: [batch], "
	} else {
		dir := filepath.Join(s.dir, "storage")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		text += fmt.Sprintf("extensions:\n  file_storage: {directory: %q, fsync: %v}\n", dir, queue == onDiskNow)
		extensions = "  extensions: [file_storage]\n"
		exporter += "    sending_queue: {storage: file_storage, batch: {flush_timeout: 200ms, min_size: 8192, sizer: items}}\n"
	}
	return text + fmt.Sprintf("exporters:\n  %s:\n%sservice:\n%s  telemetry: {metrics: {level: none}, logs: {level: error}}\n  pipelines:\n    traces: {receivers: [%s], %sexporters: [%s]}\n",
		kind, exporter, extensions, list, processors, kind), nil
}

// buildCollector builds the module in otelcol once for each of its versions, into
// the cache of the other programs that tests build.
func buildCollector(ctx context.Context) (string, error) {
	sum := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		text, err := os.ReadFile(filepath.Join("otelcol", name))
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	root, err := cacheDirectory()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "otelcol")
	path := filepath.Join(dir, hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	fmt.Fprintln(os.Stderr, "building the OpenTelemetry Collector, once: this takes some minutes")
	unfinished := fmt.Sprintf("%s.%d", path, os.Getpid())
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", unfinished, ".")
	build.Dir = "otelcol"
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("building otelcol: %w: %s", err, out), os.RemoveAll(unfinished))
	}
	return path, os.Rename(unfinished, path)
}

// cacheDirectory is that of compat-tests/lab.
func cacheDirectory() (string, error) {
	if dir := os.Getenv("BRIDGE_LAB_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory, set BRIDGE_LAB_DIR: %w", err)
	}
	return filepath.Join(cache, "spanbridge-lab"), nil
}
