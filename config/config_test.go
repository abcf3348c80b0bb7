// SPDX-License-Identifier: Apache-2.0

package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var known = Known{
	Ports: []Port{
		{Name: "zipkin", Listen: "127.0.0.1:9411"},
		{Name: "jaeger-compact", Listen: "127.0.0.1:6831", UDP: true},
		{Name: "skywalking-grpc", Listen: "127.0.0.1:11800"},
	},
	Kinds: []Kind{{Name: "zipkin", HTTP: true}, {Name: "skywalking"}, {Name: "otlp-grpc"}},
}

// TestBad reads every testdata/*.txtar: a file and variables that are wrong,
// and the message for all that is wrong with them.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var yaml []byte
			var environ []string
			want := ""
			for _, f := range a.Files {
				switch f.Name {
				case "bridge.yaml":
					yaml = f.Data
				case "environment":
					environ = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
				case "faults":
					want = string(f.Data)
				}
			}
			_, err = Parse("bridge.yaml", yaml, environ, known)
			if err == nil {
				t.Fatal("no fault")
			}
			got := err.Error() + "\n"
			if *update {
				for i := range a.Files {
					if a.Files[i].Name == "faults" {
						a.Files[i].Data = []byte(got)
					}
				}
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	for _, yaml := range []string{"", "# nothing\n", "view:\n", "targets:\n"} {
		c, err := Parse("", []byte(yaml), []string{"PATH=/bin", "BRIDGE_CONFIG=x"}, known)
		if err != nil {
			t.Fatalf("%q: %v", yaml, err)
		}
		if diff := cmp.Diff(Default(known), c); diff != "" {
			t.Errorf("%q: %s", yaml, diff)
		}
	}
}

func TestGood(t *testing.T) {
	c, err := Parse("bridge.yaml", []byte(`
security: {auth: {token_file: tokens}, tls: {cert_file: a.pem, key_file: a.key}}
receivers:
  zipkin: {listen: ":9411", strict: true, auth: {username: u}}
  jaeger-compact: {enabled: false}
limits: {body: 1.5MiB, read_timeout: 90s}
targets:
  store-1: &store
    kind: zipkin
    endpoint: http://zipkin:9411
    headers: {X-Tenant: "7"}
    auth: {token_file: out}
    queue: {max_bytes: 1GiB, when_full: drop_oldest}
  oap:
    kind: skywalking
    endpoint: https://oap:11800
    tls: {ca_file: ca.pem}
    gzip: true
    residue: plain
    wrap_exits: true
    unknown_caller: elsewhere
    window: {hold: 0s, settle: 500ms, max_bytes: 32MiB, max_remembered: 5000}
  small: {kind: skywalking, endpoint: 'oap:11800', queue: {max_bytes: 1MiB}}
view: {memory: 1GB}
rename:
  services: {order: Order, a.b: "7"}
  instances: {i: "i-1"}
  ignore_case: true
sampling: {gateway: 0.25}
`), []string{
		"BRIDGE_TARGETS_STORE_1_ENDPOINT=https://other:9411", "BRIDGE_LOG_LEVEL=debug", "BRIDGE_TARGETS_OTLP_KIND=otlp-grpc",
		"BRIDGE_TARGETS_OTLP_ENDPOINT=collector:4317", "BRIDGE_RECEIVERS_SKYWALKING_GRPC_LISTEN=0.0.0.0:11800", "BRIDGE_TARGETS_OTLP_BATCH_LINGER=1s",
		"BRIDGE_RECEIVERS_ZIPKIN_AUTH_PASSWORD=p", "BRIDGE_TARGETS_OTLP_RESIDUE=otel", "BRIDGE_TARGETS_OTLP_WINDOW_HOLD=3s",
	}, known)
	if err != nil {
		t.Fatal(err)
	}
	want := Default(known)
	want.Receivers["zipkin"].Listen, want.Receivers["zipkin"].Strict = ":9411", true
	want.Receivers["jaeger-compact"].Enabled = false
	want.Security.Auth.TokenFile = "tokens"
	want.Security.TLS = ListenTLS{CertFile: "a.pem", KeyFile: "a.key"}
	want.Receivers["zipkin"].Auth = Auth{Username: "u", Password: "p"}
	want.Receivers["skywalking-grpc"].Auth = want.Security.Auth
	want.Receivers["zipkin"].TLS, want.Receivers["skywalking-grpc"].TLS = want.Security.TLS, want.Security.TLS
	want.Receivers["skywalking-grpc"].Listen = "0.0.0.0:11800"
	want.Limits.Body, want.Limits.ReadTimeout = 3<<19, 90*time.Second
	want.View.Memory = 1e9
	want.Log.Level = "debug"
	want.Rename = Rename{map[string]string{"order": "Order", "a.b": "7"}, map[string]string{"i": "i-1"}, true}
	want.Sampling.Gateway = 0.25
	store, oap, otlp := defaultTarget(), defaultTarget(), defaultTarget()
	store.Kind, store.Endpoint, store.Headers = "zipkin", "https://other:9411", map[string]string{"X-Tenant": "7"}
	store.Auth.TokenFile = "out"
	store.Queue = TargetQueue{MaxBytes: 1 << 30, WhenFull: "drop_oldest"}
	oap.Kind, oap.Endpoint, oap.TLS.CAFile, oap.Gzip = "skywalking", "https://oap:11800", "ca.pem", true
	oap.Residue, oap.WrapExits, oap.UnknownCaller = "plain", true, "elsewhere"
	oap.Window.Hold, oap.Window.Settle, oap.Window.Remember = 0, 500*time.Millisecond, time.Minute
	oap.Window.MaxBytes, oap.Window.MaxRemembered = 32<<20, 5000
	small := defaultTarget()
	small.Kind, small.Endpoint, small.Queue.MaxBytes, small.Window.MaxBytes = "skywalking", "oap:11800", 1<<20, 1<<19
	otlp.Kind, otlp.Endpoint, otlp.Batch.Linger = "otlp-grpc", "collector:4317", time.Second
	otlp.Residue, otlp.Window.Hold = "otel", 3*time.Second
	want.Targets = map[string]*Target{"store-1": store, "oap": oap, "otlp": otlp, "small": small}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSize(t *testing.T) {
	f := func(in string, want Size, out string) {
		t.Helper()
		got, err := parseSize(in)
		if err != nil || got != want || got.String() != out {
			t.Errorf("%q: %d %v %s, want %d %s", in, got, err, got, want, out)
		}
	}
	f("0", 0, "0B")
	f("4096", 4096, "4KiB")
	f("10MiB", 10<<20, "10MiB")
	f("200MB", 200_000_000, "200MB")
	f("1.5 GiB", 3<<29, "1536MiB")
	f("17B", 17, "17B")
	for _, bad := range []string{"", "x", "-1", "10 apples", "1e40", "NaN", "10MIB"} {
		if v, err := parseSize(bad); err == nil {
			t.Errorf("%q: %d", bad, v)
		}
	}
}

// A YAML bomb of aliases must be an error, not a long wait.
func TestAliases(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := range 12 {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i+1, i+1, i, i, i, i, i, i, i, i)
	}
	if _, err := Parse("bomb.yaml", []byte(b.String()), nil, known); err == nil {
		t.Error("no fault")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("receivers: {zipkin: {listen: ':9411'}}\ntargets: {a: {kind: zipkin, endpoint: 'http://x'}}\n"), "BRIDGE_LOG_LEVEL=warn")
	f.Add([]byte("a: &a [*a]"), "BRIDGE_TARGETS_X_KIND=zipkin")
	f.Fuzz(func(t *testing.T, yaml []byte, env string) {
		c, err := Parse("fuzz.yaml", yaml, []string{env}, known)
		if (c == nil) == (err == nil) {
			t.Fatal(c, err)
		}
	})
}

// TestQueueOnDisk: more waits for a target on disk than in memory, unless it was
// said how much.
func TestQueueOnDisk(t *testing.T) {
	f := func(dir, target string, environ []string, want Size) {
		t.Helper()
		text := fmt.Sprintf("queue: {dir: %q}\ntargets: {store: {kind: zipkin, endpoint: 'http://a:1'%s}}", dir, target)
		c, err := Parse("bridge.yaml", []byte(text), environ, known)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Targets["store"].Queue.MaxBytes; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	f("", "", nil, 256<<20)
	f("/q", "", nil, 4<<30)
	f("/q", ", queue: {max_bytes: 8MiB}", nil, 8<<20)
	f("/q", "", []string{"BRIDGE_TARGETS_STORE_QUEUE_MAX_BYTES=9MiB"}, 9<<20)
	f("", "", []string{"BRIDGE_QUEUE_DIR=/q"}, 4<<30)
}
