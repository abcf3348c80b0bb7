// SPDX-License-Identifier: Apache-2.0

// Command proxybench measures what bridge proxy costs beside a plain reverse
// proxy, Go's httputil.ReverseProxy with the same settings, for the same
// requests in one run. Each round goes through all proxies by turns, so that a
// noisy neighbour hits them alike; each turn is a process of its own, whose
// processor time the kernel tells when it has ended (getrusage). What an idle
// process costs is taken off.
//
//	go run ./proxybench -rounds 8 -requests 30000
//
// It prints CPU-seconds per million requests, and the ratio to the plain proxy of
// the same round: the median, the lowest and the highest.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	rounds := flag.Int("rounds", 8, "rounds, each with all proxies by turns")
	requests := flag.Int("requests", 30_000, "requests of a turn")
	connections := flag.Int("connections", 16, "requests that are open at a time")
	plain := flag.String("plain", "", "be the plain proxy to this URL (what the program starts itself with)")
	listen := flag.String("listen", "", "where the plain proxy listens")
	flag.Parse()
	err := error(nil)
	if *plain != "" {
		err = servePlain(*listen, *plain)
	} else {
		err = run(*rounds, *requests, *connections)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxybench:", err)
		os.Exit(1)
	}
}

func run(rounds, requests, connections int) error {
	dir, err := os.MkdirTemp("", "proxybench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bridge := filepath.Join(dir, "bridge")
	build := exec.Command("go", "build", "-o", bridge, "./cmd/bridge")
	build.Dir = ".." // a module of its own
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building bridge (run this in compat-tests): %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b, err := newBench(bridge, self, requests, connections)
	if err != nil {
		return err
	}
	defer b.close()
	return b.run(rounds, os.Stdout)
}
