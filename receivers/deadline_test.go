// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// deadlines keeps those of the connection of a request.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

// atPut does something when a batch is put.
type atPut func()

func (f atPut) Put(context.Context, *span.Batch) error { f(); return nil }

// atRead does something when a body is read.
type atRead struct {
	*strings.Reader
	first func()
}

func (a *atRead) Read(p []byte) (int, error) {
	a.first()
	return a.Reader.Read(p)
}

// TestWaitingIsNotReading: the time that a client is kept waiting, for memory or for a
// queue, does not count as its own, in which a request must have come and its answer
// have gone.
func TestWaitingIsNotReading(t *testing.T) {
	began := time.Now()
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	const read = time.Hour
	reads, puts := 0, 0
	in := newIntake(Options{
		Protocols: []translate.Protocol{zipkin.Protocol}, Set: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
		Limits: Limits{Body: 1 << 20, Inflated: 1 << 20, Read: read},
		Sink: atPut(func() {
			puts++
			if least := began.Add(read + longestWait); w.read.Before(least) || w.write.Before(least) {
				t.Errorf("while it waits for a queue: to be read until %v and written until %v, want %v or later", w.read, w.write, least)
			}
		}),
	})
	body := &atRead{strings.NewReader(`[{"traceId":"1","id":"2"}]`), func() {
		reads++
		if least := began.Add(read); w.read.Before(least) || w.write.Before(least) {
			t.Errorf("when it has waited for memory: to be read until %v and written until %v, want %v or later", w.read, w.write, least)
		}
	}}
	terms := &terms{}
	terms.current.Store(&term{})
	r := httptest.NewRequest(http.MethodPost, "/api/v2/spans", body)
	in.httpRoute("zipkin", zipkin.Protocol.HTTP[0], terms)(w, r)
	if w.Code != http.StatusAccepted || reads == 0 || puts != 1 {
		t.Errorf("status %d, read %d times and put %d times", w.Code, reads, puts)
	}
}
