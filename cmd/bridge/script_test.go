// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// usePorts sets the variables by which the gateway and its commands use the
// free ports.
func usePorts(ts *testscript.TestScript, _ bool, _ []string) {
	for _, p := range known(protocols(nil)).Ports {
		name := strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_"))
		ts.Setenv("BRIDGE_RECEIVERS_"+name+"_LISTEN", ts.Getenv("FREE_"+name))
	}
	ts.Setenv("BRIDGE_ADMIN_LISTEN", ts.Getenv("FREE_ADMIN"))
}

// await waits until a URL answers 200: await URL.
func await(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: await URL")
	}
	var last error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(args[0])
		if err != nil {
			last = err
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		last = fmt.Errorf("status %d", resp.StatusCode)
	}
	ts.Fatalf("%s: %v", args[0], last)
}

// expect waits until the answer of a URL has all the texts: expect URL TEXT…. It
// leaves the answer in the file answer.
func expect(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: expect URL TEXT…")
	}
	last := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(args[0])
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		last = string(body)
		if err == nil && !slices.ContainsFunc(args[1:], func(text string) bool { return !strings.Contains(last, text) }) {
			ts.Check(os.WriteFile(ts.MkAbs("answer"), body, 0o600))
			return
		}
	}
	ts.Fatalf("%s: %q not all in %s", args[0], args[1:], last)
}

// post sends a file: post URL FILE.
func post(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: post URL FILE")
	}
	resp, err := http.Post(args[0], "application/json", strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		ts.Fatalf("%s: %s", args[0], resp.Status)
	}
}

// statusOf asks a URL, which must answer with a status: status 401 URL.
func statusOf(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: status CODE URL")
	}
	resp, err := http.Get(args[1])
	ts.Check(err)
	resp.Body.Close()
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("%s: status %s, want %s", args[1], got, args[0])
	}
}

// exitCode runs a command that must end with a code: exitcode 78 bridge …. What
// it prints goes to the script's stdout and stderr files.
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("usage: exitcode CODE command …")
	}
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // as it comes
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	for _, f := range []string{"stdout", "stderr"} {
		if err := os.WriteFile(ts.MkAbs(f), []byte(ts.ReadFile(f)), 0o600); err != nil {
			ts.Fatalf("%v", err)
		}
	}
}
