// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/spanbridge/spanbridge/"
)

// mayImport is the import table. A package may import the packages of ours that
// stand behind it and the libraries that its layer has use for; what is not
// listed is not allowed. A name that ends in /* stands for the packages below.
var mayImport = []struct{ from, ours, libraries string }{
	{"span", "", ""},
	{"span/spantest", "span", ""},
	{"queue", "", ""},
	{"queue/queuetest", "queue", ""},
	{"deadletter", "queue", ""},
	{"config", "", "go.yaml.in/yaml/v3"},
	{"internal/metrics", "", "github.com/prometheus/client_golang"},
	{"internal/rawgrpc", "", "google.golang.org/grpc google.golang.org/protobuf/encoding/protowire"},
	{"internal/compress", "", "github.com/klauspost/compress google.golang.org/grpc"},
	{"internal/faultnet", "internal/rawgrpc", "google.golang.org/grpc"},
	{"internal/archtest", "", ""},
	{"propagation", "span", ""},
	{"tracer", "span propagation", "github.com/opentracing/opentracing-go"},
	{"propagation/payload", "propagation", ""},
	{"propagation/propagationtest", "propagation span", "github.com/google/go-cmp"},
	{"propagation/jaegerclient", "propagation span", "github.com/uber/jaeger-client-go github.com/opentracing/opentracing-go"},
	{"propagation/zipkingo", "propagation span", "github.com/openzipkin/zipkin-go"},
	{"propagation/otel", "propagation span", "go.opentelemetry.io/otel"},
	{"propagation/go2sky", "propagation span", "github.com/SkyAPM/go2sky"},
	{"tracer/env", "propagation tracer tracer/reporter tracer/reporter/jaeger", "github.com/opentracing/opentracing-go"},
	{"tracer/reporter", "span propagation tracer translate", ""},
	{"tracer/reporter/internal/rpc", "tracer/reporter internal/rawgrpc", "google.golang.org/grpc"},
	{"tracer/reporter/jaeger", "tracer tracer/reporter translate/jaeger", ""},
	{"tracer/reporter/internal/otlprequest", "tracer tracer/reporter translate translate/otlp", ""},
	{"tracer/reporter/otlp", "tracer tracer/reporter tracer/reporter/internal/otlprequest", ""},
	{"tracer/reporter/otlpgrpc", "tracer tracer/reporter tracer/reporter/internal/otlprequest tracer/reporter/internal/rpc", ""},
	{"tracer/reporter/skywalking", "tracer tracer/reporter tracer/reporter/internal/rpc translate translate/skywalking", ""},
	{"tracer/reporter/zipkin", "tracer tracer/reporter translate translate/zipkin", ""},
	{"middleware", "", "github.com/opentracing/opentracing-go"},
	{"middleware/internal/recorded", "span tracer", ""},
	{"middleware/nethttp", "middleware", "github.com/opentracing/opentracing-go"},
	{"middleware/gorillamux", "middleware/nethttp", "github.com/opentracing/opentracing-go github.com/gorilla/mux"},
	{"middleware/grpcgo", "middleware", "github.com/opentracing/opentracing-go google.golang.org/grpc"},
	{"middleware/databasesql", "middleware", "github.com/opentracing/opentracing-go"},
	{"middleware/franzgo", "middleware", "github.com/opentracing/opentracing-go github.com/twmb/franz-go"},
	{"propagation/grpcmetadata", "propagation", "google.golang.org/grpc/metadata"},
	{"propagation/franz", "propagation", "github.com/twmb/franz-go/pkg/kgo"},
	{"examples/shop", "*", "*"},
	{"rules", "span", ""},
	{"assemble", "span", ""},
	{"translate/wire", "", ""},
	{"translate", "span translate/wire", ""},
	{"translate/residue", "span translate translate/wire", ""},
	{"translate/roundtrip", "", ""},
	{"translate/*", "span propagation translate translate/wire translate/residue", ""},
	{"pipeline", "span queue deadletter assemble internal/metrics", "github.com/cenkalti/backoff github.com/prometheus/client_golang"},
	{"receivers", "span translate internal/metrics internal/rawgrpc internal/compress access", "github.com/klauspost/compress google.golang.org/grpc google.golang.org/genproto google.golang.org/protobuf"},
	{"exporters", "span translate internal/metrics internal/rawgrpc internal/compress access", "google.golang.org/grpc google.golang.org/genproto"},
	{"access", "", ""},
	{"access/accesstest", "", ""},
	{"view", "span assemble propagation translate translate/zipkin internal/metrics", "github.com/gorilla/mux"},
	{"view/page", "", ""},
	{"proxy", "span propagation propagation/payload tracer internal/metrics", "github.com/prometheus/client_golang"},
	{"examples/mixed-fleet", "*", "*"},
	{"cmd/bridge", "*", "*"},
}

// neverImported are packages that only a command may know.
var neverImported = []string{"cmd/bridge"}

func allowed(from string) (ours, libraries []string, ok bool) {
	for _, rule := range mayImport {
		below, wild := strings.CutSuffix(rule.from, "/*")
		if rule.from == from || wild && strings.HasPrefix(from, below+"/") {
			return strings.Fields(rule.ours), strings.Fields(rule.libraries), true
		}
	}
	return nil, nil, false
}

// A second line for a package would never be read.
func TestOneLineForEachPackage(t *testing.T) {
	seen := make(map[string]bool)
	for _, rule := range mayImport {
		if seen[rule.from] {
			t.Errorf("package %s is twice in the table of imports", rule.from)
		}
		seen[rule.from] = true
	}
}

func TestImports(t *testing.T) {
	for _, file := range sources(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		from := filepath.ToSlash(filepath.Dir(file))
		ours, libraries, ok := allowed(from)
		if !ok {
			t.Errorf("%s: package %s is not in the table of imports: give it a line there, and an ADR if it is in internal/", file, from)
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			switch name, own := strings.CutPrefix(path, module); {
			case own && slices.Contains(neverImported, name):
				t.Errorf("%s imports %s, which nobody may", file, name)
			case own && !slices.Contains(ours, name) && !slices.Contains(ours, "*"):
				t.Errorf("%s imports %s; %s may import of ours: %s", file, name, from, strings.Join(ours, ", "))
			case !own && !standard(path) && !library(path, libraries):
				t.Errorf("%s imports %s; %s may import besides the standard library: %s", file, path, from, strings.Join(libraries, ", "))
			}
			if strings.HasPrefix(from, "translate") && (path == "net" || path == "net/http" && !strings.HasSuffix(file, "protocol.go") || path == "os") {
				// net/http is for the names of methods and statuses alone.
				if !namesOnly(t, file) {
					t.Errorf("%s imports %s: formats do no I/O", file, path)
				}
			}
		}
	}
}

// namesOnly is true for a file that uses nothing of net/http but constants.
func namesOnly(t *testing.T, file string) bool {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range strings.Split(string(src), "http.")[1:] {
		if !strings.HasPrefix(use, "Status") && !strings.HasPrefix(use, "Method") {
			return false
		}
	}
	return true
}

func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func library(path string, allowed []string) bool {
	for _, a := range allowed {
		if a == "*" || path == a || strings.HasPrefix(path, a+"/") {
			return true
		}
	}
	return false
}

// sources are the Go files of the main module, relative to the root.
func sources(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || isModule(path)) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("%d Go files found, want the whole tree", len(files))
	}
	return files
}

// isModule is true for a folder that is a module of its own.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
