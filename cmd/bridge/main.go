// SPDX-License-Identifier: Apache-2.0

// Command bridge is the gateway: it takes spans from Zipkin, Jaeger,
// SkyWalking and OpenTelemetry clients and sends them to any of their backends.
// Without arguments it serves.
package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/spanbridge/spanbridge/config"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
	exitConfig = 78 // EX_CONFIG of sysexits.h
)

type cli struct {
	Serve     serveCmd     `cmd:"" default:"withargs" help:"Receive, translate and forward spans (what bridge does without a command)."`
	Validate  validateCmd  `cmd:"" help:"Check a configuration and print what it would do. Opens nothing."`
	Reload    reloadCmd    `cmd:"" help:"Have a running bridge read its configuration again, without losing a span or a connection. Prints what has changed, or every fault; then the former one stays in force."`
	Send      sendCmd      `cmd:"" help:"Send an example trace by every protocol to a running bridge and read it back."`
	Status    statusCmd    `cmd:"" help:"Print the account of every span that a running bridge has received, by protocol and target."`
	Soak      soakCmd      `cmd:"" help:"Kill and break a bridge of its own under load, and account for every span that it acknowledged."`
	SoakServe soakServeCmd `cmd:"" hidden:""`
	Convert   convertCmd   `cmd:"" help:"Convert a file of spans from any protocol to any other."`
	Ingest    ingestCmd    `cmd:"" help:"Send spans that lie in logs to a running bridge."`
	Proxy     proxyCmd     `cmd:"" help:"Stand beside a service and turn the tracing headers of its requests into those that each side understands."`
	Dead      deadCmd      `cmd:"" help:"List, show, send again or drop the spans that a target refused for good."`
	Queue     queueCmd     `cmd:"" help:"Look into the queue on disk, check it, or cut off what a target has not got."`
	Header    headerCmd    `cmd:"" help:"Explain tracing headers and print them in every other format."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// world is what a command may touch besides the network.
type world struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
}

// open opens a file to read, or standard input for no name and for -.
func (w *world) open(file string) (io.ReadCloser, error) {
	if file == "" || file == "-" {
		return io.NopCloser(w.in), nil
	}
	return os.Open(file)
}

func main() {
	os.Exit(run(os.Args[1:], &world{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}))
}

// run runs a command and gives its exit code.
func run(args []string, w *world) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("bridge"),
		kong.Description("One whole, right trace out of mixed fleets: Zipkin, SkyWalking, Jaeger and OpenTelemetry."),
		kong.UsageOnError(),
		kong.Writers(w.out, w.err),
		kong.Exit(func(code int) { exit = code }),
		kong.Bind(w),
		kong.Vars{"soak_faults": strings.Join(slices.Sorted(maps.Keys(netFaults)), ", ")},
	)
	if err != nil {
		fmt.Fprintln(w.err, "bridge:", err)
		return exitFailed
	}
	ctx, err := parser.Parse(args)
	switch {
	case exit >= 0: // --help
		return exit
	case err != nil:
		fmt.Fprintln(w.err, "bridge:", err)
		return exitUsage
	}
	err = ctx.Run()
	var faults config.Faults
	var not *errNotReloaded
	switch {
	case err == nil:
		return 0
	case errors.As(err, &not):
		fmt.Fprintln(w.err, not)
		return exitConfig
	case errors.As(err, &faults):
		fmt.Fprintln(w.err, faults)
		return exitConfig
	default:
		fmt.Fprintln(w.err, "bridge:", err)
		return exitFailed
	}
}
