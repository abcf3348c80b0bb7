// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// blanks is a body without an end.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestBadInput sends a running gateway what is wrong, too long or hostile. Each
// gets a clear answer and is counted, the memory stays bounded, and spans that
// come between are taken as ever.
func TestBadInput(t *testing.T) {
	b := startBridge(t, "")
	good := 0
	goodSpan := func() {
		t.Helper()
		good++
		post(t, b.Zipkin+zipkinPath, fmt.Sprintf(`[{"traceId":"%x","id":"1","name":"good"}]`, good))
	}
	answer := func(url string, body io.Reader, headers ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range headers {
			k, v, _ := strings.Cut(h, ": ")
			req.Header.Set(k, v)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			// A client that goes on sending after the answer may find the
			// connection closed.
			return 0, err.Error()
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	refused := func(name string, want int, words string, status int, text string) {
		t.Helper()
		if status != want || !strings.Contains(text, words) {
			t.Errorf("%s: %d %q, want %d with %q", name, status, text, want, words)
		}
		goodSpan()
	}
	zipkin := b.Zipkin + zipkinPath
	status, text := answer(zipkin, strings.NewReader(`[{"traceId":"a1","id":"1"},{"traceId":"x","id":"1"},{"traceId":"a2","id":"1"}]`))
	refused("one wrong span", 400, `zipkin v2 json: span 2: traceId: 'x' at digit 1`, status, text)
	good += 2 // the other two of it
	status, text = answer(zipkin, strings.NewReader(`[{"traceId":"a3","id":"1"},{"traceId":`))
	refused("a cut body", 400, "end of the body", status, text)
	good++ // the one before the cut
	status, text = answer(b.JaegerHTTP+"/api/traces", strings.NewReader("{}"), "Content-Type: application/json")
	refused("a wrong content type", 400, "application/json", status, text)
	status, text = answer(b.OTLPHTTP+"/v1/traces", strings.NewReader("{}"), "Content-Type: text/plain")
	refused("a wrong content type", 415, "text/plain", status, text)
	status, text = answer(zipkin, bytes.NewReader(zipped("["+strings.Repeat(" ", 64<<20)+"]")), "Content-Encoding: gzip")
	refused("a gzip bomb", 413, "after decompression", status, text)
	status, text = answer(zipkin, strings.NewReader("not gzip"), "Content-Encoding: gzip")
	refused("not gzip", 400, "decompress", status, text)
	if status, text = answer(zipkin, io.LimitReader(blanks{}, 200_000_000)); status != 0 {
		refused("200 MB", 413, "bytes", status, text)
	}
	status, text = answer(b.Zipkin+"/api/v1/spans", bytes.NewReader([]byte{12, 0x7f, 0xff, 0xff, 0xff}), "Content-Type: application/x-thrift")
	refused("a list that claims 2^31 elements", 400, "a list of 2147483647 elements", status, text)
	status, text = answer(b.JaegerHTTP+"/api/traces", bytes.NewReader(append([]byte{15, 0, 2, 12}, 0x7f, 0xff, 0xff, 0xff)), "Content-Type: application/x-thrift")
	refused("a list that claims 2^31 elements", 400, "a list of 2147483647 elements", status, text)
	status, text = answer(b.OTLPHTTP+"/v1/traces", strings.NewReader(strings.Repeat("[", 100_000)), "Content-Type: application/json")
	refused("deep JSON", 400, "otlp json", status, text)

	for _, address := range []string{b.JaegerCompact, b.JaegerBinary, b.JaegerZipkin} {
		c, err := net.Dial("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		head := append(binary.BigEndian.AppendUint32([]byte{0x80, 0x01, 0x00, 0x04}, 15), "emitZipkinBatch\x00\x00\x00\x01"...)
		for _, packet := range [][]byte{
			append(bytes.Clone(head), 15, 0, 1, 12, 0, 0), // the 34 bytes that end the OpenTelemetry Collector
			append(bytes.Clone(head), 15, 0, 1, 12, 0x7f, 0xff, 0xff, 0xff),
			[]byte("\x82\x81\x00\x09emitBatch"), bytes.Repeat([]byte{0xff}, 60_000), nil,
		} {
			if _, err := c.Write(packet); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
		goodSpan()
	}
	lab.Eventually(t, visible, "the counters", func(ctx context.Context) error {
		if n, err := b.Metric(ctx, "bridge_messages_total", `transport="udp"`); err != nil || n != 15 {
			return fmt.Errorf("%v datagrams counted, want 15, %v", n, err)
		}
		for verdict, least := range map[string]float64{"malformed": 15, "too_large": 1, "wrong_media": 2} {
			if n, err := b.Metric(ctx, "bridge_messages_total", fmt.Sprintf("verdict=%q", verdict)); err != nil || n < least {
				return fmt.Errorf("%v messages %s, want at least %v, %v", n, verdict, least, err)
			}
		}
		if n, err := b.Metric(ctx, "bridge_spans_received_total"); err != nil || int(n) != good {
			return fmt.Errorf("%v spans received, want %d, %v", n, good, err)
		}
		return nil
	})
	if peak := peakMemory(t, b.Process.PID); peak > 400<<20 {
		t.Errorf("the gateway took %d MiB at its peak", peak>>20)
	}
}

// peakMemory is the greatest resident memory of a process, in bytes.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		kb := 0
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// TestDeadTarget has a gateway with targets that nobody listens at. The view
// gets every span; when the queue of the target that refuses is full, clients are
// told to come again, and everything is counted.
func TestDeadTarget(t *testing.T) {
	gone := lab.Addr(t)
	b := startBridge(t, fmt.Sprintf(`
targets:
  dead: {kind: zipkin, endpoint: "http://%[1]s", queue: {max_bytes: 1MiB, when_full: refuse}}
  drops: {kind: otlp-grpc, endpoint: %[1]q, queue: {max_bytes: 1MiB, when_full: drop_oldest}}
shutdown: {drain: 1s}
`, gone))
	tag := strings.Repeat("x", 10_000)
	taken := 0
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.Zipkin+zipkinPath, strings.NewReader(
			fmt.Sprintf(`[{"traceId":"%x","id":"1","tags":{"x":%q}}]`, taken+1, tag)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "curl/8.5.0") // those of Go have their connection broken
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			if res.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "dead") {
				t.Errorf("busy: %v %q, want the name of the target and when to come again", res.Header, text)
			}
			break
		}
		if res.StatusCode != http.StatusAccepted || taken > 1000 {
			t.Fatalf("%d %q after %d spans", res.StatusCode, text, taken)
		}
		taken++
	}
	if taken < 50 {
		t.Errorf("the queue of 1 MiB was full after %d spans of 10 kB", taken)
	}
	lab.Eventually(t, visible, "the counters", func(ctx context.Context) error {
		for _, c := range []struct {
			metric string
			labels []string
			want   float64
		}{
			{"bridge_spans_received_total", nil, float64(taken)},
			{"bridge_export_spans_total", []string{`target="view"`, `outcome="delivered"`}, float64(taken)},
			{"bridge_spans_held", []string{`target="dead"`}, float64(taken)},
			{"bridge_spans_rejected_total", []string{`reason="busy"`}, 1},
			{"bridge_target_failing", []string{`target="dead"`}, 1},
			{"bridge_target_failing", []string{`target="drops"`}, 1},
		} {
			if got, err := b.Metric(ctx, c.metric, c.labels...); err != nil || got != c.want {
				return fmt.Errorf("%s%v is %v, want %v, %v", c.metric, c.labels, got, c.want, err)
			}
		}
		return nil
	})
}
