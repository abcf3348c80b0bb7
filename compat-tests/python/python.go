// SPDX-License-Identifier: Apache-2.0

// Package python runs tracing clients written in Python. Their programs and the
// lists of what they need are part of this package.
package python

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
	"github.com/spanbridge/spanbridge/compat-tests/visit"
)

//go:embed *.py requirements-*.txt
var files embed.FS

// A loaded machine needs long to import what these programs import.
const limit = 2 * time.Minute

// Aiozipkin plays the story of aiozipkin_app.py against a collector, the URL of
// POST /api/v2/spans, and returns when all has been sent.
func Aiozipkin(t testing.TB, collector string) story.Story {
	t.Helper()
	cmd, err := command(t, "aiozipkin_app.py", "requirements-3.txt", "3.11", "3")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, "--zipkin", collector,
		"--shop-port", fmt.Sprint(lab.Port(t)), "--stock-port", fmt.Sprint(lab.Port(t)))
	s, err := story.Parse(lab.Run(t, "aiozipkin", cmd, limit))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// SanicZipkin plays the story of sanic_zipkin_app.py, as Aiozipkin does. It needs
// Python 3.8; the error wraps lab.ErrNoPython if there is none.
func SanicZipkin(t testing.TB, collector string) (story.Story, error) {
	t.Helper()
	var outs [2]bytes.Buffer
	start := func(service string, out *bytes.Buffer, more ...string) (*lab.Process, string, error) {
		cmd, err := command(t, "sanic_zipkin_app.py", "requirements-38.txt", "3.8")
		if err != nil {
			return nil, "", err
		}
		address := lab.Addr(t)
		_, port, _ := net.SplitHostPort(address)
		cmd.Args = append(cmd.Args, "--service", service, "--zipkin", collector, "--port", port)
		cmd.Args = append(cmd.Args, more...)
		cmd.Stdout = out
		p := lab.Start(t, "sanic-"+service, cmd)
		awaitListening(t, p, address)
		return p, "http://" + address, nil
	}
	stock, stockURL, err := start("stock", &outs[0])
	if err != nil {
		return story.Story{}, err
	}
	shop, shopURL, err := start("shop", &outs[1], "--other", stockURL)
	if err != nil {
		return story.Story{}, err
	}
	// One request: the plug-in keeps its state between requests in one place.
	if err := lab.Answers(shopURL + "/")(t.Context()); err != nil {
		t.Fatal(err)
	}
	shop.End(t)
	stock.End(t)

	return join(outs[1].String(), outs[0].String())
}

// join makes one story of the parts that two processes tell.
func join(parts ...string) (story.Story, error) {
	var whole story.Story
	for _, part := range parts {
		s, err := story.ParsePart(part)
		if err != nil {
			return story.Story{}, err
		}
		whole.Client = s.Client
		whole.Spans = append(whole.Spans, s.Spans...)
	}
	return whole, whole.Check()
}

// SkyWalkingWith is SkyWalking with more variables for the agents, each
// NAME=value, such as the one for a token.
func SkyWalkingWith(t *testing.T, collector, protocol string, environ ...string) story.Story {
	t.Helper()
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return SkyWalking(t, collector, protocol)
}

// SkyWalking runs two services under the SkyWalking agent, plays the story of
// package visit and returns when all has been sent. The protocol is grpc or http,
// the collector HOST:PORT.
func SkyWalking(t testing.TB, collector, protocol string) story.Story {
	t.Helper()
	stock, stockURL := Service(t, collector, protocol, "py-stock")
	shop, shopURL := Service(t, collector, protocol, "py-shop", stockURL)
	s, err := visit.Play(t.Context(), shopURL, visit.Form{
		Client:    "apache-skywalking 1.2.0 " + protocol,
		EntryName: func(path string) string { return path },
		EntryTags: func(_ string, status int) map[string]string {
			return map[string]string{"http.method": "GET", "http.status_code": fmt.Sprint(status), "unicode": "世界 🚀"}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	shop.End(t)
	stock.End(t)
	return s
}

// Service starts one service under the SkyWalking agent and returns when it
// listens. Other is the URL of the service that it calls.
func Service(t testing.TB, collector, protocol, name string, other ...string) (p *lab.Process, url string) {
	t.Helper()
	cmd, err := command(t, "skywalking_app.py", "requirements-3.txt", "3.11", "3")
	if err != nil {
		t.Fatal(err)
	}
	address := lab.Addr(t)
	_, port, _ := net.SplitHostPort(address)
	cmd.Args = append(cmd.Args, "--service", name, "--collector", collector, "--protocol", protocol, "--port", port)
	for _, o := range other {
		cmd.Args = append(cmd.Args, "--other", o)
	}
	p = lab.Start(t, name, cmd)
	awaitListening(t, p, address)
	return p, "http://" + address
}

// command runs one of the programs, written out where an interpreter finds it.
func command(t testing.TB, program, requirements string, versions ...string) (*exec.Cmd, error) {
	t.Helper()
	needs, err := files.ReadFile(requirements)
	if err != nil {
		return nil, err
	}
	interpreter, err := lab.Python(t, string(needs), versions...)
	if err != nil {
		return nil, err
	}
	source, err := files.ReadFile(program)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(t.TempDir(), program)
	if err := os.WriteFile(path, source, 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(interpreter, path)
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1")
	return cmd, nil
}

// awaitListening makes no request: that would be a span in the story.
func awaitListening(t testing.TB, p *lab.Process, address string) {
	t.Helper()
	p.Await(t, limit, "listening", func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// AiozipkinLines starts a program that reports a span for each line, named by it.
func AiozipkinLines(t testing.TB, collector string) (line func(string), end func()) {
	t.Helper()
	cmd, err := command(t, "aiozipkin_lines.py", "requirements-3.txt", "3.11", "3")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, "--zipkin", collector)
	return lab.Lines(t, "aiozipkin-lines", cmd)
}
