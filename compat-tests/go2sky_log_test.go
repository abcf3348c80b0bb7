// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// TestG1Go2skyLogLines: G1 with the real thing. go2sky reports each segment by its
// gRPC reporter to one gateway and by its log reporter into a pipe, from which
// bridge ingest sends it to another one: both show the same trace. The spans
// are there while the pipe is still open.
func TestG1Go2skyLogLines(t *testing.T) {
	t.Parallel()
	byGRPC, byLog := lab.StartBridge(t, ""), lab.StartBridge(t, "")
	program := filepath.Join(t.TempDir(), "go2skylog")
	if out, err := exec.Command("go", "build", "-o", program, "./go/go2skylog").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	lines, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	const service, instance = "sky-logged", "sky-logged-1@10.9.8.7"
	app := exec.Command(program, "-collector", byGRPC.SkyWalkingGRPC, "-service", service, "-instance", instance)
	app.Stderr = pipe
	end, err := app.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var summary text
	ingest := lab.BridgeCommand(t, "ingest", "go2sky-log", "--service", service, "--instance", instance, "--to", byLog.SkyWalkingGRPC)
	ingest.Stdin, ingest.Stderr = lines, &summary
	for _, c := range []*exec.Cmd{app, ingest} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill() })
	}
	pipe.Close() // the program has it

	traces := func(b *lab.Bridge) (spans []logSpan) {
		lab.Eventually(t, time.Minute, "the trace", func(ctx context.Context) error {
			var err error
			if spans, err = tracesOf(ctx, b.Zipkin, service); err == nil && len(spans) != 5 {
				err = fmt.Errorf("%d spans, want 5: %s", len(spans), summary.String())
			}
			return err
		})
		return spans
	}
	want, got := traces(byGRPC), traces(byLog)
	finer := false
	for _, spans := range [][]logSpan{want, got} {
		for i := range spans {
			finer = finer || spans[i].Timestamp%1000 != 0
			// By gRPC the times are in milliseconds.
			spans[i].Timestamp, spans[i].Duration = spans[i].Timestamp/1000, 0
		}
		// A trace's spans are answered as they came, and which of two segments comes
		// first go2sky leaves open.
		slices.SortFunc(spans, func(a, b logSpan) int { return strings.Compare(a.ID, b.ID) })
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-grpc +log:\n%s", diff)
	}
	if !finer {
		t.Error("no time is finer than a millisecond")
	}

	end.Close()
	if err := app.Wait(); err != nil {
		t.Error(err)
	}
	if err := ingest.Wait(); err != nil {
		t.Errorf("bridge ingest: %v\n%s", err, summary.String())
	}
	const counted = "3 lines read: 2 with segments, 0 malformed, 1 ignored; 5 spans sent, 0 lost"
	if !strings.Contains(summary.String(), counted) {
		t.Errorf("%q, want %q", summary.String(), counted)
	}
}

// logSpan is a span as Zipkin's query API answers.
type logSpan struct {
	ID, ParentID, Kind, Name string
	Timestamp, Duration      int64
	LocalEndpoint            map[string]any
	RemoteEndpoint           map[string]any
	Tags                     map[string]string
	Annotations              []struct{ Value string }
}

func tracesOf(ctx context.Context, base, service string) ([]logSpan, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v2/traces?serviceName="+service, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var traces [][]logSpan
	if err := json.NewDecoder(res.Body).Decode(&traces); err != nil || len(traces) != 1 {
		return nil, fmt.Errorf("%d traces, %v", len(traces), err)
	}
	return traces[0], nil
}

// text is what a process printed so far.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
