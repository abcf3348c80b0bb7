// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

// post sends JSON and wants a status of 200 or 202.
func post(t *testing.T, url, body string) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusAccepted {
		answer, _ := io.ReadAll(res.Body)
		t.Fatalf("%s: status %d, want 200 or 202: %s", url, res.StatusCode, answer)
	}
}

func zipped(p string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(p))
	_ = w.Close()
	return b.Bytes()
}
