// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Bridge is a running gateway, the program that is tested here. Each field is
// the address of a receiver: host:port, or a URL where it says so.
type Bridge struct {
	Zipkin         string // URL of the receiver, of the query API and of the page
	JaegerCompact  string
	JaegerBinary   string
	JaegerZipkin   string
	JaegerHTTP     string // URL
	JaegerGRPC     string
	JaegerSampling string // URL
	SkyWalkingGRPC string
	SkyWalkingHTTP string
	OTLPGRPC       string
	OTLPHTTP       string // URL
	Admin          string // URL

	Process *Process
	killed  bool
}

// StartBridge starts the gateway with every receiver at a free port. More is
// YAML for its configuration, such as targets. When the test ends the sums of
// its ledger must agree, and it must end by itself when asked.
func StartBridge(t testing.TB, more string) *Bridge {
	t.Helper()
	binary := bridgeBinary(t)
	b := &Bridge{}
	var file strings.Builder
	file.WriteString("receivers:\n")
	for _, p := range []struct {
		name string
		at   *string
		url  bool
	}{
		{"zipkin", &b.Zipkin, true},
		{"jaeger-compact", &b.JaegerCompact, false},
		{"jaeger-binary", &b.JaegerBinary, false},
		{"jaeger-zipkin-compact", &b.JaegerZipkin, false},
		{"jaeger-http", &b.JaegerHTTP, true},
		{"jaeger-grpc", &b.JaegerGRPC, false},
		{"jaeger-sampling", &b.JaegerSampling, true},
		{"skywalking-grpc", &b.SkyWalkingGRPC, false},
		{"skywalking-http", &b.SkyWalkingHTTP, false},
		{"otlp-grpc", &b.OTLPGRPC, false},
		{"otlp-http", &b.OTLPHTTP, true},
	} {
		*p.at = Addr(t)
		fmt.Fprintf(&file, "  %s: {listen: %q}\n", p.name, *p.at)
		if p.url {
			*p.at = "http://" + *p.at
		}
	}
	admin := Addr(t)
	b.Admin = "http://" + admin
	fmt.Fprintf(&file, "admin: {listen: %q}\n%s", admin, more)
	config := filepath.Join(t.TempDir(), "bridge.yaml")
	if err := os.WriteFile(config, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "--config", config)
	// $BRIDGE_BINARY and $BRIDGE_LAB_DIR are for this package: the gateway takes
	// every BRIDGE_… for a setting, and refuses those that it does not know.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BRIDGE_") })
	b.Process = Start(t, "bridge", cmd)
	t.Cleanup(func() {
		if !t.Failed() && !b.killed {
			b.checkLedger(t)
			b.Process.End(t)
		}
	})
	b.Process.Await(t, startLimit, "ready", Answers(b.Admin+"/readyz"))
	return b
}

// Kill ends the gateway at once, as a crash would.
func (b *Bridge) Kill() {
	b.killed = true
	b.Process.Kill()
}

// programs are what was built of this repository, by folder.
var programs = struct {
	sync.Mutex
	paths map[string]string
	dir   string
}{paths: map[string]string{}}

// Main is for TestMain: it runs the tests and removes what was built for them.
func Main(m *testing.M) int {
	defer func() {
		if programs.dir != "" {
			_ = os.RemoveAll(programs.dir)
		}
	}()
	return m.Run()
}

// bridgeBinary is $BRIDGE_BINARY, or the program built from the sources of this
// repository.
func bridgeBinary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("BRIDGE_BINARY"); path != "" {
		return path
	}
	return Program(t, "cmd/bridge")
}

// Repository is the path of a folder or file of the main module.
func Repository(path string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", filepath.FromSlash(path))
}

// Program builds a command of the main module, named by its folder, once for each
// test process.
func Program(t testing.TB, folder string) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	if path := programs.paths[folder]; path != "" {
		return path
	}
	if programs.dir == "" {
		// It outlives the test that builds it.
		dir, err := os.MkdirTemp("", "bridge-") //nolint:usetesting // see above
		if err != nil {
			t.Fatal(err)
		}
		programs.dir = dir
	}
	path := filepath.Join(programs.dir, filepath.Base(folder))
	cmd := exec.Command("go", "build", "-o", path, "./"+folder)
	cmd.Dir = Repository(".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("lab: build of %s: %v\n%s", folder, err, out)
	}
	programs.paths[folder] = path
	return path
}

// Story asks the gateway's own view for traces, with the ids that make every
// span unique.
func (b *Bridge) Story(ctx context.Context, traces ...string) ([]story.Span, error) {
	var all []story.Span
	for _, id := range traces {
		var spans []ZipkinSpan
		if err := getJSON(ctx, b.Zipkin+"/api/v2/trace/"+url.PathEscape(id)+"?ids=unique", &spans); err != nil {
			return nil, err
		}
		all = append(all, ZipkinStory(spans)...)
	}
	return all, nil
}

// Metric is the sum of a metric over the series that have the labels, each
// given as name="value".
func (b *Bridge) Metric(ctx context.Context, name string, labels ...string) (float64, error) {
	page, err := get(ctx, b.Admin+"/metrics")
	if err != nil {
		return 0, err
	}
	sum := 0.0
	lines := bufio.NewScanner(strings.NewReader(string(page)))
series:
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(rest, l) {
				continue series
			}
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", lines.Text(), err)
		}
		sum += v
	}
	return sum, nil
}

// checkLedger waits until every span that was received is accounted for, of each
// protocol and at every target, and the bridge's own account says so too.
func (b *Bridge) checkLedger(t testing.TB) {
	t.Helper()
	EventuallyAfter(t, 2*time.Minute, "the ledger", func(ctx context.Context) error {
		page, err := get(ctx, b.Admin+"/metrics")
		if err != nil {
			return err
		}
		if err := accounted(string(page)); err != nil {
			return err
		}
		if panics, err := b.Metric(ctx, "bridge_panics_total"); err != nil || panics > 0 {
			return fmt.Errorf("%v panics, %v", panics, err)
		}
		status, err := get(ctx, b.Admin+"/status.json")
		if err != nil {
			return err
		}
		if !strings.Contains(string(status), `"agree": true`) {
			return fmt.Errorf("the bridge's own account does not agree: %s", status)
		}
		return nil
	})
}
