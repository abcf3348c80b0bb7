// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/spanbridge/spanbridge/translate"
)

// TestBodiesArriveWhole: of any length, on a connection that is used again.
func TestBodiesArriveWhole(t *testing.T) {
	got := make(chan []byte, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- p
	}))
	defer server.Close()
	h, err := newHTTPSender(httpTarget(), Settings{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	body := make([]byte, 3<<20)
	for i := range body {
		body[i] = byte(i * i >> 8)
	}
	for _, n := range []int{0, 1, writeBuffer - 200, writeBuffer, writeBuffer + 1, lentPiece, lentPiece + writeBuffer, 2*lentPiece + 1, len(body)} {
		if _, err := h.send(t.Context(), []translate.Message{{Body: body[:n]}}, ""); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if p := <-got; !bytes.Equal(p, body[:n]) {
			t.Errorf("%d bytes came of %d, or others", len(p), n)
		}
	}
}

// TestLentReader: what reads a body by pieces and what writes it from where it lies
// agree, and neither does anything when the loan is over.
func TestLentReader(t *testing.T) {
	body := bytes.Repeat([]byte("body"), lentPiece)
	l := &loan{body: body}
	r := &lentReader{loan: l}
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	if n, err := r.writeTo(&rest, lentPiece+1); n != lentPiece+1 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if n, err := r.writeTo(&rest, int64(len(body))); n != int64(len(body)-5-lentPiece-1) || err != nil {
		t.Errorf("%d bytes of the rest, %v", n, err)
	}
	if !bytes.Equal(append(head, rest.Bytes()...), body) {
		t.Error("another body")
	}
	l.end()
	if n, err := (&lentReader{loan: l}).writeTo(&rest, 1); n != 0 || !errors.Is(err, errOver) {
		t.Errorf("when the loan is over: %d bytes, %v", n, err)
	}
}
