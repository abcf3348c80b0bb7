// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// Zipkin's server reads a compressed request in blocks of 8 KiB, and breaks a
// character that lies on a border: what a gateway sends it has none there.
func TestGzipAtZipkin(t *testing.T) {
	z := lab.StartZipkin(t)
	b := lab.StartBridge(t, fmt.Sprintf("targets:\n  zipkin: {kind: zipkin, endpoint: %q, gzip: true}\n", z.URL))
	for shift := range 4 {
		id := fmt.Sprintf("%032x", 0xa000+shift)
		text := strings.Repeat("x", shift) + strings.Repeat("🚀", 8000)
		body, err := json.Marshal([]map[string]any{{
			"traceId": id, "id": "0000000000000001", "name": "a", "timestamp": time.Now().UnixMicro(), "duration": 5,
			"localEndpoint": map[string]string{"serviceName": "s"}, "tags": map[string]string{"text": text},
		}})
		if err != nil {
			t.Fatal(err)
		}
		post(t, b.Zipkin+zipkinPath, string(body))
		lab.Eventually(t, visible, id, func(ctx context.Context) error {
			spans, err := z.Story(ctx, id)
			if err != nil {
				return err
			}
			if len(spans) != 1 {
				return fmt.Errorf("%d spans, want 1", len(spans))
			}
			if got := spans[0].Tags["text"]; got != text {
				t.Errorf("shift %d: %d bytes came as %d, %d of them U+FFFD", shift, len(text), len(got), strings.Count(got, "\uFFFD"))
			}
			return nil
		})
	}
}
