// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/spanbridge/spanbridge/translate"
)

// watched tells of the end of what it reads before anybody hears of it.
type watched struct {
	io.Reader
	ended func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil {
		w.ended()
	}
	return n, err
}

// A client that sends zstd slowly has no memory for the window that it names: it gets
// that when all is there.
func TestZstdWindowWaitsForTheBody(t *testing.T) {
	const (
		window = 8 << 20
		head   = "\x28\xb5\x2f\xfd\x00\x68" // a frame with that window
		block  = "\x20\x00\x00[ ] "         // four bytes as they are
		last   = "\x01\x00\x00"
	)
	in := newIntake(Options{Limits: Limits{Body: 1 << 20, Inflated: 1 << 20}})
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	began := allocated()
	body := &watched{io.MultiReader(bytes.NewReader([]byte(head+block)), bytes.NewReader([]byte(last))), func() {
		if n := allocated() - began; n > window/2 {
			t.Errorf("%d bytes are taken before the body is there", n)
		}
	}}
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("Content-Encoding", "zstd")
	h := in.hold()
	f, verdict, err := in.readBody(r, false, &h)
	if err != nil || verdict != translate.Taken || string(f.Body) != "[ ] " {
		t.Fatalf("%v, %v", verdict, err)
	}
	if len(in.working) > 0 {
		t.Error("a turn is kept")
	}
}
