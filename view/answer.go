// SPDX-License-Identifier: Apache-2.0

package view

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// work runs a question that may take a while, when it is its turn, and then its
// answer. A client that has gone away is not worked for.
func (v *View) work(w http.ResponseWriter, r *http.Request, question func(context.Context) error, answer func()) {
	ctx := r.Context()
	select {
	case v.queries <- struct{}{}:
	case <-ctx.Done():
		return
	}
	err := func() error {
		defer func() { <-v.queries }()
		return question(ctx)
	}()
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	answer()
}

// fail answers with a text.
func fail(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) //nolint:gosec // no browser takes it for markup
}

func writeJSON(w http.ResponseWriter, r *http.Request, value any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	writeBody(w, r, bytes.TrimSuffix(b.Bytes(), []byte{'\n'}))
}

// worthGzip is the length from which on an answer is compressed.
const worthGzip = 16 << 10

var gzips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return z
}}

// writeBody writes an answer in JSON.
func writeBody(w http.ResponseWriter, r *http.Request, body []byte) {
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept-Encoding")
	if len(body) < worthGzip || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
		return
	}
	h.Set("Content-Encoding", "gzip")
	z := gzips.Get().(*gzip.Writer)
	defer gzips.Put(z)
	z.Reset(w)
	_, _ = z.Write(body)
	_ = z.Close()
}
