// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when the traces of the tests begin: 2026-01-01, in µs.
const start = 1767225600_000000

// decode makes a batch of a body by one of Zipkin's formats.
func decode(t testing.TB, format, body string) *span.Batch {
	t.Helper()
	for _, f := range zipkin.Protocol.Formats {
		if f.Name == format {
			b, err := f.Decode([]byte(body), span.Origin{Format: format, Transport: "http", Received: start * 1000})
			if err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			return b
		}
	}
	t.Fatalf("no format %s", format)
	return nil
}

// batch makes a batch of spans in Zipkin's v2 JSON. START and START+n stand for
// times in µs.
func batch(t testing.TB, spans ...string) *span.Batch {
	t.Helper()
	return decode(t, "zipkin.v2.json", times("["+strings.Join(spans, ",")+"]"))
}

func times(s string) string {
	for {
		head, tail, ok := strings.Cut(s, "START")
		if !ok {
			return s
		}
		n, digits := 0, 0
		if strings.HasPrefix(tail, "+") {
			for digits = 1; tail[digits] >= '0' && tail[digits] <= '9'; digits++ {
				n = 10*n + int(tail[digits]-'0')
			}
		}
		s = head + fmt.Sprint(start+n) + tail[digits:]
	}
}

// newView makes a view with room for plenty, whose clock stands a minute after
// START.
func newView(opts Options) *View {
	if opts.Memory == 0 {
		opts.Memory = 1 << 30
	}
	v := New(opts)
	v.now = func() time.Time { return time.UnixMicro(start).Add(time.Minute) }
	return v
}

func consume(t testing.TB, v *View, batches ...*span.Batch) {
	t.Helper()
	for _, b := range batches {
		if left, err := v.Consume(context.Background(), span.Parcel{Items: spantest.Items(b)}); err != nil || left != (span.LeftOut{}) {
			t.Fatalf("%+v, %v", left, err)
		}
	}
}

// ask asks and gives status and body. Spaces and quotes of the target may stand
// as they are.
func ask(t testing.TB, v *View, method, target string) *http.Response {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	u := url.URL{Path: path, RawQuery: strings.NewReplacer(" ", "%20", `"`, "%22").Replace(query)}
	if plain, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = plain, path
	}
	r := httptest.NewRequest(method, "http://gateway:9411"+u.RequestURI(), nil)
	w := httptest.NewRecorder()
	v.Handler().ServeHTTP(w, r)
	return w.Result()
}

func get(t testing.TB, v *View, target string) (status int, body string) {
	t.Helper()
	w := ask(t, v, http.MethodGet, target)
	p, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, string(p)
}

// getJSON asks and reads the answer.
func getJSON[T any](t testing.TB, v *View, target string) (answer T) {
	t.Helper()
	status, body := get(t, v, target)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", target, status, body)
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%s: %v in %s", target, err, body)
	}
	return answer
}
