// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanbridge/spanbridge/access/accesstest"
	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/internal/metrics"
)

var update = flag.Bool("update", false, "rewrite the golden files and the generated pages")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bridge": func() {
			os.Exit(run(os.Args[1:], &world{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}))
		},
	})
}

// TestScripts runs testdata/script/*.txtar, which are documentation too: what a
// person types and sees.
func TestScripts(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	pair := ca.Issue("bridge", time.Now().Add(time.Hour))
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			// Every receiver and the admin port at a free one, for scripts that start
			// the gateway.
			for _, p := range known(protocols(nil)).Ports {
				port, err := freePort(p.UDP)
				if err != nil {
					return err
				}
				name := strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_"))
				e.Setenv("FREE_"+name, fmt.Sprintf("127.0.0.1:%d", port))
			}
			for _, name := range []string{"ADMIN", "PROXY", "PROXY_FORWARD", "PROXY_ADMIN"} {
				port, err := freePort(false)
				if err != nil {
					return err
				}
				e.Setenv("FREE_"+name, fmt.Sprintf("127.0.0.1:%d", port))
			}
			e.Setenv("CA", ca.File)
			e.Setenv("CERT", pair.CertFile)
			e.Setenv("KEY", pair.KeyFile)
			source, err := filepath.Abs("../../translate")
			e.Setenv("TRANSLATE", source) // for its samples
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"useports": usePorts,
			"await":    await,
			"expect":   expect,
			"post":     post,
			"exitcode": exitCode,
			"status":   statusOf,
		},
	})
}

// given are the ports that were found free before in this process.
var given sync.Map

// freePort finds a port that nobody uses, below the range from which outgoing
// connections get theirs, and below that of bridge soak.
func freePort(udp bool) (int, error) {
	for range 1000 {
		port := 11000 + rand.IntN(firstSoakPort-11000)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		var free io.Closer
		var err error
		if udp {
			free, err = net.ListenPacket("udp", address)
		} else {
			free, err = net.Listen("tcp", address)
		}
		if err == nil {
			return port, free.Close()
		}
	}
	return 0, errors.New("no free port in 1000 tries")
}

// TestDocs holds docs/config.md and docs/metrics.md to the source.
func TestDocs(t *testing.T) {
	for name, want := range map[string]string{
		"config.md":  config.Markdown(known(protocols(nil))),
		"metrics.md": metrics.Markdown(),
	} {
		page(t, name, want)
	}
}

// page holds a page of docs to what the source says, or writes it.
func page(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", name)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("docs/%s is not what the source says: run make docs (-file +source)\n%s", name, diff)
	}
}

// TestReadmeBeginsWithTheTwoCommands: they are what a stranger types first.
func TestReadmeBeginsWithTheTwoCommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	head := string(readme[:min(len(readme), 600)])
	for _, command := range []string{"go run ./cmd/bridge", "make test"} {
		if !strings.Contains(head, command) {
			t.Errorf("README.md does not begin with %q", command)
		}
	}
}
