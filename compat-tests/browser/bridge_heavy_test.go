// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package browser

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// bridge is a running gateway.
type bridge struct {
	Page       string // http://127.0.0.1:PORT/, which is the Zipkin port
	SkyWalking string // http://127.0.0.1:PORT of SkyWalking's JSON
	OTLP       string // http://127.0.0.1:PORT of OTLP over HTTP
}

// binary is the program to test: $BRIDGE_BINARY, or one built from the module
// around this one.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("BRIDGE_BINARY"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "bridge-browser")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "bridge")
	build := exec.Command("go", "build", "-o", path, "./cmd/bridge")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

var listening = regexp.MustCompile(`(?m)^(127\.0\.0\.1:\d+)\S*\s.*receivers\.([a-z-]+)$`)

// startBridge starts the gateway with every port chosen by the system, and
// stops it with the test. It reads the addresses from the table that the
// gateway prints.
func startBridge(t testing.TB) bridge {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "serve")
	cmd.Env = append(os.Environ(), "BRIDGE_ADMIN_ENABLED=false", "BRIDGE_LOG_LEVEL=warn")
	for _, name := range []string{"ZIPKIN", "SKYWALKING_HTTP", "OTLP_HTTP"} {
		cmd.Env = append(cmd.Env, "BRIDGE_RECEIVERS_"+name+"_LISTEN=127.0.0.1:0")
	}
	for _, name := range []string{"JAEGER_COMPACT", "JAEGER_BINARY", "JAEGER_ZIPKIN_COMPACT", "JAEGER_HTTP", "JAEGER_GRPC", "JAEGER_SAMPLING", "SKYWALKING_GRPC", "OTLP_GRPC"} {
		cmd.Env = append(cmd.Env, "BRIDGE_RECEIVERS_"+name+"_ENABLED=false")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	table := make(chan string, 1)
	go func() {
		var all strings.Builder
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			all.WriteString(lines.Text() + "\n")
			if strings.HasPrefix(lines.Text(), "The queue") {
				table <- all.String()
			}
		}
	}()
	var text string
	select {
	case text = <-table:
	case <-time.After(time.Minute):
		t.Fatal("the gateway printed no table of ports")
	}
	at := make(map[string]string)
	for _, m := range listening.FindAllStringSubmatch(text, -1) {
		at[m[2]] = "http://" + m[1]
	}
	b := bridge{Page: at["zipkin"] + "/", SkyWalking: at["skywalking-http"], OTLP: at["otlp-http"]}
	if len(at) != 3 {
		t.Fatalf("no addresses in %s", text)
	}
	return b
}
