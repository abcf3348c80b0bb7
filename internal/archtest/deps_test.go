// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// light are the packages that everyone builds into a service. What needs gRPC,
// Kafka or another tracer is a package of its own beside them, which brings along
// nothing else.
var light = []struct {
	name      string
	ours      []string // besides itself
	libraries []string // by module
}{
	{"propagation", []string{"span"}, nil},
	{"propagation/payload", []string{"propagation", "span"}, nil},
	{"tracer", []string{"propagation", "span"}, []string{"github.com/opentracing/opentracing-go"}},
	{"tracer/reporter", reporting, []string{"github.com/opentracing/opentracing-go"}},
	{"tracer/reporter/zipkin", append([]string{"tracer/reporter", "translate/zipkin"}, reporting...), []string{"github.com/opentracing/opentracing-go"}},
	{"tracer/reporter/jaeger", append([]string{"tracer/reporter", "translate/jaeger"}, reporting...), []string{"github.com/opentracing/opentracing-go"}},
	{"tracer/reporter/otlp", append([]string{"tracer/reporter", "tracer/reporter/internal/otlprequest", "translate/otlp"}, reporting...), []string{"github.com/opentracing/opentracing-go"}},
	{"middleware/nethttp", []string{"middleware"}, []string{"github.com/opentracing/opentracing-go"}},
	{"middleware/gorillamux", []string{"middleware", "middleware/nethttp"}, []string{"github.com/opentracing/opentracing-go", "github.com/gorilla/mux"}},
	{"middleware/databasesql", []string{"middleware"}, []string{"github.com/opentracing/opentracing-go"}},
	{"middleware/grpcgo", []string{"middleware"}, []string{"github.com/opentracing/opentracing-go", "google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto", "golang.org/x"}},
	{"middleware/franzgo", []string{"middleware"}, []string{"github.com/opentracing/opentracing-go", "github.com/twmb/franz-go", "github.com/klauspost/compress", "github.com/pierrec/lz4", "golang.org/x"}},
}

// reporting is what a reporter without gRPC needs.
var reporting = []string{"propagation", "span", "tracer", "translate", "translate/residue", "translate/wire"}

// TestLightDependencies asks the go command for all that a light package brings
// along: neither Kafka nor gRPC nor any part of the gateway.
func TestLightDependencies(t *testing.T) {
	// A look at each file makes the result of this test one of them, so that it
	// does not come from the cache after an edit.
	for _, file := range append(sources(t), "go.mod") {
		if _, err := os.ReadFile(filepath.Join(root, file)); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range light {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./"+p.name)
		cmd.Dir = root
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list -deps ./%s: %v", p.name, err)
		}
		deps := strings.Fields(string(out))
		if !slices.Contains(deps, module+p.name) {
			t.Errorf("go list -deps ./%s: %v, want itself among them", p.name, deps)
		}
		for _, dep := range deps {
			name, own := strings.CutPrefix(dep, module)
			switch {
			case own && name != p.name && !slices.Contains(p.ours, name):
				t.Errorf("%s brings along %s, want of ours no more than %v", p.name, name, p.ours)
			case !own && !library(dep, p.libraries):
				t.Errorf("%s brings along %s, want besides the standard library no more than %v", p.name, dep, p.libraries)
			}
		}
	}
}
