// SPDX-License-Identifier: Apache-2.0

package reporter_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/zipkin"
)

// lines is a Sender that prints a line for each span.
type lines struct{ records []*tracer.Record }

func (l *lines) Write(records []*tracer.Record) reporter.Written {
	l.records = records
	return reporter.Written{Records: len(records)}
}

func (l *lines) Send(context.Context) error {
	for _, r := range l.records {
		fmt.Println(r.Process.Service, r.Operation)
	}
	return nil
}

func (l *lines) Close() error { return nil }

// A reporter in a form of one's own: the queue, the batches and the counters are
// there already.
func ExampleNew() {
	r := reporter.New(&lines{}, reporter.NewSettings(
		reporter.WithQueue(1000),
		reporter.WithBatch(100, 64<<10),
		reporter.WithInterval(200*time.Millisecond),
		reporter.WithRetry(10*time.Second),
		reporter.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil)))))
	t := tracer.New("shop", tracer.WithReporter(r))
	t.StartSpan("GET /cart").Finish()

	if err := r.Flush(context.Background()); err != nil { // not needed before Close
		fmt.Println(err)
	}
	if err := t.Close(); err != nil {
		fmt.Println(err)
	}
	c := r.Counts()
	fmt.Println(c.Reported, "reported,", c.Sent, "sent,", c.QueueFull+c.Failed+c.Refused, "lost")
	// Output:
	// shop GET /cart
	// 1 reported, 1 sent, 0 lost
}

// A Sender says of an error that it is for a while.
func ExampleTryAgain() {
	var err error = &reporter.TryAgain{Err: errors.New("the backend is starting"), After: time.Second}
	var again *reporter.TryAgain
	fmt.Println(errors.As(err, &again), again.After, err)
	// Output: true 1s the backend is starting
}

// A Sender says how many spans of a message the backend did not want.
func ExamplePartly() {
	fmt.Println(&reporter.Partly{Refused: 2, Why: "too old"})
	// Output: the backend refused 2 spans of a message: too old
}

// Records become spans that any encoder of translate/zipkin writes.
func ExampleConverter() {
	c := reporter.NewConverter("zipkin.v2.json")
	c.Reset()
	c.Add(&tracer.Record{ID: 7, Operation: "GET /cart", Process: &tracer.Process{Service: "shop"}, Tags: []tracer.Tag{{Key: "error", Value: true}}})
	it := c.Items()[0]
	fmt.Println(it.Batch.Str(it.Span().Local.Service), it.Batch.Str(it.Span().Name), it.Batch.Find(it.Span().Attrs, "error") != nil)
	// Output: shop GET /cart true
}

// HTTP posts messages with the headers that the settings ask for.
func ExampleNewHTTP() {
	_, err := reporter.NewHTTP("collector", "/spans", "text/plain", reporter.NewSettings())
	fmt.Println(err)
	// Output: reporter: address: "collector", want a URL such as http://host:port/spans
}

// What a backend behind a proxy may ask for.
func ExampleWithHeader() {
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		fmt.Println(r.Header.Get("X-Tenant"), user, r.Header.Get("Content-Encoding"))
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	r, err := zipkin.New(server.URL,
		reporter.WithHeader("X-Tenant", "acme"),
		reporter.WithBasicAuth("me", "secret"),
		reporter.WithTLS(&tls.Config{RootCAs: roots}),
		reporter.WithTimeout(5*time.Second),
		reporter.WithGzip())
	if err != nil {
		fmt.Println(err)
		return
	}
	t := tracer.New("shop", tracer.WithReporter(r))
	t.StartSpan("GET /cart").Finish()
	fmt.Println(t.Close(), r.Counts().Dropped())
	// Output:
	// acme me gzip
	// <nil> 0
}
