// SPDX-License-Identifier: Apache-2.0

// Command go2skylog is a service traced by go2sky that reports every segment
// twice: by go2sky's gRPC reporter and, on standard error, by its log reporter.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/SkyAPM/go2sky"
	"github.com/SkyAPM/go2sky/reporter"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
)

func main() {
	collector := flag.String("collector", "", "where the gRPC reporter sends")
	service := flag.String("service", "sky-logged", "")
	instance := flag.String("instance", "sky-logged-1@10.9.8.7", "")
	flag.Parse()
	if err := run(*collector, *service, *instance); err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
}

func run(collector, service, instance string) error {
	grpc, err := reporter.NewGRPCReporter(collector, reporter.WithCheckInterval(time.Second), reporter.WithLogger(log.New(io.Discard, "", 0)))
	if err != nil {
		return err
	}
	lines, err := reporter.NewLogReporter()
	if err != nil {
		return err
	}
	b := &both{Reporter: grpc, lines: lines, sent: make(chan struct{}, 100)}
	t, err := go2sky.NewTracer(service, go2sky.WithReporter(b), go2sky.WithInstance(instance), go2sky.WithCorrelation(3, 128))
	if err != nil {
		return err
	}
	if err := play(t); err != nil {
		return err
	}
	for range 2 { // segments: a span is reported in a goroutine of its own
		<-b.sent
	}
	fmt.Fprintln(os.Stdout, "done")
	// The gRPC reporter tells nobody when it has sent: the caller ends the
	// process when it has seen the spans.
	_, err = io.Copy(io.Discard, os.Stdin)
	lines.Close()
	return err
}

// both reports by two reporters.
type both struct {
	go2sky.Reporter
	lines go2sky.Reporter
	sent  chan struct{}
}

func (b *both) Send(spans []go2sky.ReportedSpan) {
	b.lines.Send(spans)
	b.Reporter.Send(spans)
	b.sent <- struct{}{}
}

// play makes two segments: a request, its database call, and the call of the
// service by itself, which fails.
func play(t *go2sky.Tracer) error {
	entry, ctx, err := t.CreateEntrySpan(context.Background(), "/GET/cart", func(string) (string, error) { return "", nil })
	if err != nil {
		return err
	}
	entry.SetSpanLayer(agent.SpanLayer_Http)
	entry.SetComponent(5004)
	entry.Tag(go2sky.TagHTTPMethod, "GET")
	entry.Tag("unicode", "世界 🚀 <&>\n\"]: Segment-x: [")
	entry.Tag("empty", "")
	entry.Log(time.Now(), "event", "cache miss", "half")
	go2sky.PutCorrelation(ctx, "user", "bob")

	db, _, err := t.CreateExitSpanWithContext(ctx, "Mysql/select", "10.1.2.3:3306", func(string, string) error { return nil })
	if err != nil {
		return err
	}
	db.SetSpanLayer(agent.SpanLayer_Database)
	db.SetComponent(5)
	db.Tag(go2sky.TagDBType, "sql")
	db.End()

	headers := make(map[string]string)
	call, _, err := t.CreateExitSpanWithContext(ctx, "/self", "10.9.8.7:80", func(k, v string) error {
		headers[k] = v
		return nil
	})
	if err != nil {
		return err
	}
	call.SetComponent(5005)
	called, inside, err := t.CreateEntrySpan(context.Background(), "/GET/self", func(k string) (string, error) { return headers[k], nil })
	if err != nil {
		return err
	}
	local, _, err := t.CreateLocalSpan(inside, go2sky.WithOperationName("count"))
	if err != nil {
		return err
	}
	local.Error(time.Now(), "event", "error", "message", "sold out ünï")
	local.End()
	called.End()
	call.End()
	entry.End()
	return nil
}
