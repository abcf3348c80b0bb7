// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	common "skywalking.apache.org/repo/goapi/collect/common/v3"
	agent "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	management "skywalking.apache.org/repo/goapi/collect/management/v3"
)

// serverVariable makes the program the server that discards spans: a process of
// its own, so that its processor time does not count.
const serverVariable = "BENCH_SERVER"

// backend is the server's process: addresses of what it serves.
type backend struct {
	http, grpc string
	process    *exec.Cmd
	input      io.Closer
}

// startBackend starts this program once more as the server. It ends with its
// standard input, so also when this process dies.
func startBackend() (*backend, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &backend{process: exec.Command(self)}
	b.process.Env = append(os.Environ(), serverVariable+"=1")
	b.process.Stderr = os.Stderr
	out, err := b.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if b.input, err = b.process.StdinPipe(); err != nil {
		return nil, err
	}
	if err := b.process.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(err, b.stop())
	}
	if _, err := fmt.Sscan(line, &b.http, &b.grpc); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

func (b *backend) stop() error {
	b.input.Close()
	return b.process.Wait()
}

// count is how many spans have come so far.
func (b *backend) count(t *testing.B) int64 {
	resp, err := http.Get("http://" + b.http + "/count")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(body)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wait waits until all spans are there. None may be lost.
func (b *backend) wait(t *testing.B, until int64) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		switch n := b.count(t); {
		case n == until:
			return
		case n > until || time.Now().After(end):
			t.Fatalf("%d spans arrived, want %d", n, until)
		}
	}
}

// eachSpan is in every span that is reported here, once: a tag's value, since
// zipkin-go changes names.
const eachSpan = "http://shop/orders/17"

// discard is the server. It finds spans without decoding.
type discard struct {
	agent.UnimplementedTraceSegmentReportServiceServer
	management.UnimplementedManagementServiceServer
	spans atomic.Int64
}

func (d *discard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/count" {
		fmt.Fprintln(w, d.spans.Load())
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.spans.Add(int64(bytes.Count(body, []byte(eachSpan))))
	w.WriteHeader(http.StatusAccepted)
}

func (d *discard) Collect(stream agent.TraceSegmentReportService_CollectServer) error {
	for {
		segment, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&common.Commands{})
		}
		if err != nil {
			return err
		}
		d.spans.Add(int64(len(segment.GetSpans())))
	}
}

func (*discard) ReportInstanceProperties(context.Context, *management.InstanceProperties) (*common.Commands, error) {
	return &common.Commands{}, nil
}

func (*discard) KeepAlive(context.Context, *management.InstancePingPkg) (*common.Commands, error) {
	return &common.Commands{}, nil
}

func serve() error {
	d := new(discard)
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	rpc, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := grpc.NewServer(grpc.Creds(insecure.NewCredentials()))
	agent.RegisterTraceSegmentReportServiceServer(s, d)
	management.RegisterManagementServiceServer(s, d)
	go func() { _ = s.Serve(rpc) }()
	go func() { _ = http.Serve(web, d) }()
	fmt.Fprintln(os.Stdout, web.Addr(), rpc.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
