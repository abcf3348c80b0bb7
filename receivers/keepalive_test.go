// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
)

// A client's connection is kept, by HTTP/1.1, whether what it sent was taken, refused or
// not understood; only who is told to come again with a body that was not read loses it.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	opened := 0
	trace := &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		if !got.Reused {
			opened++
		}
	}}
	for i := range 60 {
		want := []int{200, 400, 415}[i%3]
		body, media := list(3), "application/ids"
		switch want {
		case 400:
			body = []byte("rubbish")
		case 415:
			media = "text/plain"
		}
		request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodPost, b.url("ids-http", "/ids"), bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", media)
		answer, err := b.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != want || answer.ProtoMajor != 1 {
			t.Errorf("answered %s %s, want %d", answer.Proto, answer.Status, want)
		}
	}
	if opened != 1 {
		t.Errorf("%d connections for 60 requests one after the other", opened)
	}
}
