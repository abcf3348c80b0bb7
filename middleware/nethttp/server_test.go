// SPDX-License-Identifier: Apache-2.0

package nethttp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// get makes a request and reads the answer; an error is given, not checked.
func do(t *testing.T, c *http.Client, method, url string, header ...string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func answer(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }

// The name of a server's span is method and route, and never a path.
func TestOperationOfServer(t *testing.T) {
	inner := http.NewServeMux()
	inner.HandleFunc("GET /orders/{id}", answer)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", answer)
	mux.HandleFunc("/files/", answer)
	mux.HandleFunc("example.com/hosted", answer)
	mux.Handle("/api/", http.StripPrefix("/api", inner))
	mux.Handle("/orders/", inner)
	mux.HandleFunc("/named/", func(w http.ResponseWriter, r *http.Request) {
		if !nethttp.SetOperation(r.Context(), "GET /named/{what}") {
			t.Error("no span to name")
		}
		answer(w, r)
	})
	mux.HandleFunc("/routed/", func(w http.ResponseWriter, r *http.Request) {
		if !nethttp.SetRoute(r, "/routed/{what}") {
			t.Error("no span to name")
		}
		answer(w, r)
	})
	chosen := nethttp.Operation(func(r *http.Request) string {
		if r.URL.Path == "/usual" {
			return ""
		}
		return "chosen"
	})
	behind := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) })
	for _, c := range []struct {
		name          string
		next          http.Handler
		option        nethttp.Option
		method, path  string
		want, route   string
		host          string
		wantedAtStart string // "" is the same
	}{
		{name: "pattern", next: mux, method: "GET", path: "/users/7", want: "GET /users/{id}", route: "/users/{id}"},
		{name: "HEAD", next: mux, method: "HEAD", path: "/users/7", want: "HEAD /users/{id}", route: "/users/{id}"},
		{name: "any method", next: mux, method: "POST", path: "/files/a/b/c", want: "POST /files/", route: "/files/"},
		{name: "host", next: mux, method: "GET", path: "/hosted", host: "example.com", want: "GET example.com/hosted", route: "/hosted"},
		{name: "not found", next: mux, method: "GET", path: "/nothing/here/1", want: "GET"},
		{name: "wrong method", next: mux, method: "DELETE", path: "/users/7", want: "DELETE"},
		{name: "odd method", next: mux, method: "EVIL42", path: "/nothing", want: "HTTP"},
		{name: "redirect", next: mux, method: "GET", path: "/files", want: "GET /files/", route: "/files/"},
		{name: "stripped", next: mux, method: "GET", path: "/api/orders/1", want: "GET /api/", route: "/api/"},
		{name: "mux in mux", next: mux, method: "GET", path: "/orders/1", want: "GET /orders/{id}", route: "/orders/{id}", wantedAtStart: "GET /orders/"},
		{name: "mux behind", next: behind, method: "GET", path: "/users/7", want: "GET /users/{id}", route: "/users/{id}", wantedAtStart: "GET"},
		{name: "SetOperation", next: mux, method: "GET", path: "/named/7", want: "GET /named/{what}", route: "/named/", wantedAtStart: "GET /named/"},
		{name: "SetRoute", next: mux, method: "GET", path: "/routed/7", want: "GET /routed/{what}", route: "/routed/{what}", wantedAtStart: "GET /routed/"},
		{name: "Operation and SetRoute", next: mux, option: chosen, method: "GET", path: "/routed/7", want: "chosen", route: "/routed/{what}"},
		{name: "Operation", next: mux, option: chosen, method: "GET", path: "/users/7", want: "chosen", route: "/users/{id}"},
		{name: "Operation, empty", next: mux, option: chosen, method: "GET", path: "/usual", want: "GET"},
		{name: "no mux", next: http.HandlerFunc(answer), method: "GET", path: "/users/7", want: "GET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sampler := &names{}
			tr, spans := recorded.NewTracer(tracer.WithSampler(sampler))
			var options []nethttp.Option
			if c.option != nil {
				options = append(options, c.option)
			}
			r := httptest.NewRequest(c.method, c.path, nil)
			if c.host != "" {
				r.Host = c.host
			}
			nethttp.Handler(tr, c.next, options...).ServeHTTP(httptest.NewRecorder(), r)
			s := spans.Only(t)
			if s.Operation != c.want || recorded.Tag(s, "http.route") != c.route {
				t.Errorf("operation %q, route %q, want %q, %q", s.Operation, recorded.Tag(s, "http.route"), c.want, c.route)
			}
			start := c.wantedAtStart
			if start == "" {
				start = c.want
			}
			if sampler.asked != start {
				t.Errorf("sampler was asked for %q, want %q", sampler.asked, start)
			}
		})
	}
}

// names samples all, and keeps for which operation.
type names struct{ asked string }

func (n *names) Sample(_ span.TraceID, operation string) tracer.Decision {
	n.asked = operation
	return tracer.Decision{Sampled: true}
}

func TestServerTags(t *testing.T) {
	tr, spans := recorded.NewTracer()
	s := serve(t, nethttp.Handler(tr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sp := opentracing.SpanFromContext(r.Context()); sp == nil || sp.Tracer() != tr {
			t.Error("no span in the request's context")
		}
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusProcessing) // informational: not the answer
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // superfluous
		io.WriteString(w, "short and stout")
	}), nethttp.Observe(func(s opentracing.Span, r *http.Request) { s.SetTag("agent", r.UserAgent()) }),
		nethttp.StartOptions(opentracing.Tag{Key: "zone", Value: "a"}), nethttp.Component("teapot")))
	r, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/pot?token=secret#f", strings.NewReader("water"))
	r.Header.Set("User-Agent", "kettle")
	r.Header.Set("uber-trace-id", "abc:def:0:1")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	got := spans.Only(t)
	if got.Trace != (span.TraceID{Lo: 0xabc}) || got.Parent != 0xdef || got.Kind != span.KindServer {
		t.Errorf("trace %v, parent %v, kind %v", got.Trace, got.Parent, got.Kind)
	}
	for key, want := range map[string]string{
		"component": "teapot", "http.method": "POST", "http.url": s.URL + "/pot", "http.status_code": "418", "agent": "kettle", "zone": "a",
		"http.request_size": "5", "http.response_size": "15", "error": "", "http.aborted": "",
	} {
		if v := recorded.Tag(got, key); v != want {
			t.Errorf("%s is %q, want %q", key, v, want)
		}
	}
	if _, err := net.ResolveTCPAddr("tcp", recorded.Tag(got, "peer.address")); err != nil || recorded.Tag(got, "peer.address") == "" {
		t.Errorf("peer.address %q: %v", recorded.Tag(got, "peer.address"), err)
	}
}

func TestServerErrors(t *testing.T) {
	quiet := func(h http.HandlerFunc) http.Handler { return h }
	for _, c := range []struct {
		name                   string
		next                   http.Handler
		option                 nethttp.Option
		status, failed, logged string
		broken                 bool // the client gets no whole answer
	}{
		{name: "silent", next: quiet(func(http.ResponseWriter, *http.Request) {}), status: "200"},
		{name: "404", next: http.NotFoundHandler(), status: "404"},
		{name: "404 is an error", next: http.NotFoundHandler(), option: nethttp.Errors(func(s int) bool { return s >= 400 }), status: "404", failed: "true"},
		{name: "503", next: quiet(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }), status: "503", failed: "true"},
		{name: "panic", next: quiet(func(http.ResponseWriter, *http.Request) { panic("no luck") }), failed: "true", logged: "no luck", broken: true},
		{name: "panic late", next: quiet(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			w.(http.Flusher).Flush()
			panic(errors.New("gave up"))
		}), status: "201", failed: "true", logged: "gave up", broken: true},
		{name: "abort", next: quiet(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), failed: "true", logged: http.ErrAbortHandler.Error(), broken: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, spans := recorded.NewTracer()
			var options []nethttp.Option
			if c.option != nil {
				options = append(options, c.option)
			}
			again := make(chan any, 1)
			h := nethttp.Handler(tr, c.next, options...)
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					v := recover()
					if again <- v; v != nil {
						panic(http.ErrAbortHandler) // without noise
					}
				}()
				h.ServeHTTP(w, r)
			}))
			_, _, err := do(t, http.DefaultClient, "GET", s.URL)
			got := spans.Only(t)
			if v := <-again; (err != nil) != c.broken || (v != nil) != c.broken {
				t.Errorf("the client saw %v, the server %v", err, v)
			}
			if recorded.Tag(got, "http.status_code") != c.status || recorded.Tag(got, "error") != c.failed || recorded.Logged(got, "error", "message") != c.logged {
				t.Errorf("status %q, error %q, log %q", recorded.Tag(got, "http.status_code"), recorded.Tag(got, "error"), recorded.Logged(got, "error", "message"))
			}
			if strings.HasPrefix(c.name, "panic") && !strings.Contains(recorded.Logged(got, "error", "stack"), "server_test.go") {
				t.Errorf("stack without the place of the panic:\n%s", recorded.Logged(got, "error", "stack"))
			}
		})
	}
}

// A handler that ends its goroutine leaves a finished span.
func TestServerGoexit(t *testing.T) {
	tr, spans := recorded.NewTracer()
	done := make(chan struct{})
	go func() {
		defer close(done)
		nethttp.Handler(tr, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	<-done
	if got := spans.Only(t); recorded.Tag(got, "error") != "true" || recorded.Tag(got, "http.status_code") != "" {
		t.Errorf("tags %v", got.Tags)
	}
}

func TestClientAbort(t *testing.T) {
	tr, spans := recorded.NewTracer()
	begun := make(chan struct{})
	s := serve(t, nethttp.Handler(tr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		close(begun)
		<-r.Context().Done()
	})))
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
	go func() {
		<-begun
		cancel()
	}()
	if resp, err := http.DefaultClient.Do(r); err == nil {
		io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if got := spans.Only(t); recorded.Tag(got, "http.aborted") != "true" || recorded.Tag(got, "http.status_code") != "200" || recorded.Tag(got, "error") != "" {
		t.Errorf("tags %v", got.Tags)
	}
}

// An upgraded connection is one span, up to its end.
func TestUpgrade(t *testing.T) {
	tr, spans := recorded.NewTracer()
	s := serve(t, nethttp.Handler(tr, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		io.Copy(c, rw)
	})))
	client := &http.Client{Transport: nethttp.NewTransport(tr, nil)}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
	r.Header.Set("Connection", "keep-alive, Upgrade")
	r.Header.Set("Upgrade", "echo")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	rw, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatalf("body %T cannot be written", resp.Body)
	}
	io.WriteString(rw, "hello\n")
	line := make([]byte, 6)
	if _, err := io.ReadFull(rw, line); string(line) != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if n := len(spans.Records()); n != 0 {
		t.Errorf("%d spans ended before the connection", n)
	}
	// The other side sees the end of this direction, and its own end is seen.
	half, ok := resp.Body.(interface{ CloseWrite() error })
	if !ok {
		t.Fatalf("body %T cannot be closed for writing", resp.Body)
	}
	if err := half.CloseWrite(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(rw); len(rest) != 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	rw.Close()
	server := spans.Kind(t, 2, span.KindServer)
	client1 := spans.Kind(t, 2, span.KindClient)
	if recorded.Tag(server, "http.status_code") != "101" || recorded.Tag(client1, "http.status_code") != "101" || server.Parent != client1.ID {
		t.Errorf("server %v, client %v", server.Tags, client1.Tags)
	}
}

// Responses stream, and files are sent by the kernel where they were before.
func TestStreaming(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	tr, spans := recorded.NewTracer()
	next := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(file)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if n, err := w.(io.ReaderFrom).ReadFrom(f); n != 1<<20 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		for range 3 {
			io.WriteString(w, "tick\n")
			if err := c.Flush(); err != nil {
				t.Error(err)
			}
			<-next
		}
	})
	s := serve(t, nethttp.Handler(tr, mux))
	if _, body, err := do(t, http.DefaultClient, "GET", s.URL+"/file"); err != nil || len(body) != 1<<20 {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	if got := spans.Only(t); recorded.Tag(got, "http.response_size") != "1048576" {
		t.Errorf("tags %v", got.Tags)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/stream", nil)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for range 3 { // each comes while the handler still runs
		if line, err := lines.ReadString('\n'); line != "tick\n" {
			t.Fatalf("%q, %v", line, err)
		}
		next <- struct{}{}
	}
	if got := spans.Wait(t, 2)[1]; recorded.Tag(got, "http.response_size") != "15" {
		t.Errorf("tags %v", got.Tags)
	}
}

func TestWithoutSpan(t *testing.T) {
	tr, spans := recorded.NewTracer()
	seen := 0
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen++
		if opentracing.SpanFromContext(r.Context()) != nil {
			t.Errorf("%s has a span", r.URL)
		}
		if nethttp.SetOperation(r.Context(), "x") || nethttp.SetRoute(r, "/x") {
			t.Error("a name was set without a span")
		}
	})
	odd := nethttp.Filter(func(r *http.Request) bool { return r.Method != "OPTIONS" })
	h := nethttp.Handler(tr, next, nethttp.Skip("/healthz", "/metrics"), odd)
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", "/healthz", nil), httptest.NewRequest("GET", "/metrics", nil), httptest.NewRequest("OPTIONS", "/users", nil),
	} {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	nethttp.Handler(opentracing.NoopTracer{}, next).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	nethttp.Handler(nil, next).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) // the global tracer does nothing
	if seen != 5 || len(spans.Records()) != 0 {
		t.Errorf("%d requests, %d spans", seen, len(spans.Records()))
	}
}

// Two handlers around each other make one span.
func TestNested(t *testing.T) {
	tr, spans := recorded.NewTracer()
	h := nethttp.Handler(tr, nethttp.Handler(tr, http.HandlerFunc(answer)))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	spans.Only(t)
}

func TestURL(t *testing.T) {
	tr, spans := recorded.NewTracer()
	h := nethttp.Handler(tr, http.HandlerFunc(answer), nethttp.URL((*url.URL).Redacted))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/a%2Fb?q=1", nil))
	if got := recorded.Tag(spans.Only(t), "http.url"); got != "http://example.com/a%2Fb?q=1" {
		t.Errorf("http.url %q", got)
	}
	r := httptest.NewRequest("GET", "/"+strings.Repeat("x", 5000), nil)
	nethttp.Handler(tr, http.HandlerFunc(answer)).ServeHTTP(httptest.NewRecorder(), r)
	if got := recorded.Tag(spans.Wait(t, 2)[1], "http.url"); len(got) != 2048 {
		t.Errorf("http.url of %d bytes", len(got))
	}
}

// Whoever sets sampling.priority within a handler gets the whole span.
func TestPrioritySetLate(t *testing.T) {
	tr, spans := recorded.NewTracer(recorded.Never)
	h := nethttp.Handler(tr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		opentracing.SpanFromContext(r.Context()).SetTag("sampling.priority", 1)
		w.WriteHeader(500)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/late", nil))
	if got := spans.Only(t); recorded.Tag(got, "http.url") != "http://example.com/late" || recorded.Tag(got, "http.status_code") != "500" || recorded.Tag(got, "error") != "true" {
		t.Errorf("tags %v", got.Tags)
	}
}
