// SPDX-License-Identifier: Apache-2.0

package nethttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

func TestClientTags(t *testing.T) {
	tr, spans := recorded.NewTracer()
	s := serve(t, nethttp.Handler(tr, http.HandlerFunc(answer)))
	client := &http.Client{Transport: nethttp.NewTransport(tr, nil)}
	parent := tr.StartSpan("work")
	ctx := opentracing.ContextWithSpan(t.Context(), parent)
	r, _ := http.NewRequestWithContext(ctx, "POST", strings.Replace(s.URL, "http://", "http://me:secret@", 1)+"/a?b=c", bytes.NewReader(make([]byte, 10)))
	before := r.Header.Clone()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	spans.Wait(t, 1) // the server's; the client's waits for the body
	io.Copy(io.Discard, resp.Body)
	c, server := spans.Kind(t, 2, span.KindClient), spans.Kind(t, 2, span.KindServer)
	resp.Body.Close()
	parent.Finish()
	if c.Operation != "POST" || c.Parent != spans.Wait(t, 3)[2].ID || server.Parent != c.ID || server.Trace != c.Trace {
		t.Errorf("operation %q, parent %v, the server's %v", c.Operation, c.Parent, server.Parent)
	}
	for key, want := range map[string]string{
		"component": "net/http", "http.method": "POST", "http.url": s.URL + "/a", "http.status_code": "200",
		"http.request_size": "10", "http.response_size": "2", "peer.address": strings.TrimPrefix(s.URL, "http://"), "peer.hostname": "", "error": "",
	} {
		if v := recorded.Tag(c, key); v != want {
			t.Errorf("%s is %q, want %q", key, v, want)
		}
	}
	r.Header.Del("Authorization") // http.Client's own
	if len(r.Header) != len(before) {
		t.Errorf("the request was changed: %v", r.Header)
	}
}

// The header of SkyWalking names the address of the callee and our endpoint.
func TestAddressInSW8(t *testing.T) {
	read := propagation.New(propagation.Read(propagation.SW8))
	tr, spans := recorded.NewTracer(tracer.WithPropagator(propagation.New(propagation.Write(propagation.SW8))))
	var sw8 string
	back := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		sw8 = r.Header.Get("sw8")
		if c := read.Extract(propagation.HTTP(r.Header)); !c.HasIDs() {
			t.Errorf("sw8 %q cannot be read", sw8)
		}
	}))
	client := &http.Client{Transport: nethttp.NewTransport(tr, nil)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /front/{id}", func(_ http.ResponseWriter, r *http.Request) {
		out, _ := http.NewRequestWithContext(r.Context(), "GET", back.URL, nil)
		if resp, err := client.Do(out); err == nil {
			resp.Body.Close()
		}
	})
	front := serve(t, nethttp.Handler(tr, mux))
	if _, _, err := do(t, http.DefaultClient, "GET", front.URL+"/front/1"); err != nil {
		t.Fatal(err)
	}
	spans.Wait(t, 2)
	fields := strings.Split(sw8, "-")
	if len(fields) != 8 || base64Text(t, fields[6]) != "GET:/front/{id}" || base64Text(t, fields[7]) != strings.TrimPrefix(back.URL, "http://") {
		t.Errorf("sw8 %q", sw8)
	}
}

func TestPeer(t *testing.T) {
	for raw, want := range map[string][2]string{
		"http://example.com/x":      {"example.com", "example.com:80"},
		"https://example.com":       {"example.com", "example.com:443"},
		"https://example.com:8443/": {"example.com", "example.com:8443"},
		"http://[::1]/":             {"", "[::1]:80"},
		"http://[::1]:81/":          {"", "[::1]:81"},
		"http://10.0.0.1/":          {"", "10.0.0.1:80"},
	} {
		tr, spans := recorded.NewTracer()
		transport := nethttp.NewTransport(tr, roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
		}))
		r, _ := http.NewRequestWithContext(t.Context(), "", raw, nil)
		if _, err := transport.RoundTrip(r); err != nil {
			t.Fatal(err)
		}
		s := spans.Only(t)
		if recorded.Tag(s, "peer.hostname") != want[0] || recorded.Tag(s, "peer.address") != want[1] || s.Operation != "GET" {
			t.Errorf("%s: %v", raw, s.Tags)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// failing is a body that breaks off.
type failing struct{ io.Reader }

var errCut = errors.New("cut")

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF {
		err = errCut
	}
	return n, err
}
func (failing) Close() error { return nil }

// However a request ends, its span does.
func TestClientEnds(t *testing.T) {
	with := func(status int, body io.ReadCloser) roundTripper {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: body}, nil
		}
	}
	text := func(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }
	read := func(r *http.Response) { io.ReadAll(r.Body) }
	closed := func(r *http.Response) { r.Body.Close() }
	nothing := func(*http.Response) {}
	for _, c := range []struct {
		name          string
		next          roundTripper
		use           func(*http.Response)
		failed, size  string
		message, stat string
	}{
		{name: "read", next: with(200, text("abc")), use: read, size: "3", stat: "200"},
		{name: "closed", next: with(200, text("abc")), use: closed, stat: "200"},
		{name: "cut", next: with(200, failing{strings.NewReader("ab")}), use: read, size: "2", failed: "true", message: "cut", stat: "200"},
		{name: "no body", next: with(204, http.NoBody), use: nothing, stat: "204"},
		{name: "nil body", next: with(200, nil), use: nothing, stat: "200"},
		{name: "500", next: with(500, text("")), use: read, failed: "true", stat: "500"},
		{name: "404", next: with(404, text("")), use: read, stat: "404"},
		{name: "error", next: func(*http.Request) (*http.Response, error) { return nil, errCut }, failed: "true", message: "cut"},
		{
			name: "neither", next: func(*http.Request) (*http.Response, error) { return nil, nil }, failed: "true",
			message: "the transport gave neither a response nor an error",
		},
		{name: "panic", next: func(*http.Request) (*http.Response, error) { panic("x") }, failed: "true", message: "the transport panicked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, spans := recorded.NewTracer()
			func() {
				defer func() {
					if again := recover(); (again != nil) != (c.name == "panic") {
						t.Errorf("recovered %v", again)
					}
				}()
				r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://example.com", nil)
				if resp, err := nethttp.NewTransport(tr, c.next).RoundTrip(r); err == nil && resp != nil {
					c.use(resp)
					c.use(resp) // again: nothing more happens
				}
			}()
			s := spans.Only(t)
			if recorded.Tag(s, "error") != c.failed || recorded.Tag(s, "http.response_size") != c.size || recorded.Logged(s, "error", "message") != c.message || recorded.Tag(s, "http.status_code") != c.stat {
				t.Errorf("tags %v, logs %v", s.Tags, s.Logs)
			}
		})
	}
}

func TestClientCancel(t *testing.T) {
	tr, spans := recorded.NewTracer()
	release := make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "begin")
		w.(http.Flusher).Flush()
		<-release
	}))
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
	resp, err := (&http.Client{Transport: nethttp.NewTransport(tr, nil)}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.ReadFull(resp.Body, make([]byte, 5))
	cancel()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got := spans.Only(t); recorded.Tag(got, "error") != "true" || recorded.Logged(got, "error", "message") != "context canceled" || recorded.Tag(got, "http.response_size") != "5" {
		t.Errorf("tags %v, logs %v", got.Tags, got.Logs)
	}
}

// Each request that follows a redirect is a span, all of one trace; connections
// are used again.
func TestRedirectAndReuse(t *testing.T) {
	tr, spans := recorded.NewTracer()
	var mu sync.Mutex
	from := make(map[string]bool)
	var parents []string
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		from[r.RemoteAddr] = true
		parents = append(parents, r.Header.Get("uber-trace-id"))
		if n := len(r.Header["Uber-Trace-Id"]); n != 1 {
			t.Errorf("%d headers", n)
		}
		if r.URL.Path == "/end" {
			answer(w, r)
			return
		}
		http.Redirect(w, r, "/end", http.StatusFound)
	})
	s := serve(t, mux)
	client := &http.Client{Transport: nethttp.NewTransport(tr, &http.Transport{})}
	defer client.CloseIdleConnections()
	parent := tr.StartSpan("work")
	r, _ := http.NewRequestWithContext(opentracing.ContextWithSpan(t.Context(), parent), "GET", s.URL+"/begin", nil)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(resp.Body)
	resp.Body.Close()
	list := spans.Wait(t, 2)
	if len(from) != 1 || list[0].Parent != list[1].Parent || list[0].ID == list[1].ID {
		t.Errorf("%d connections, spans %v %v", len(from), list[0], list[1])
	}
	if len(parents) != 2 || parents[0] == parents[1] {
		t.Errorf("headers %v", parents)
	}
	if recorded.Tag(list[0], "http.status_code") != "302" || recorded.Tag(list[1], "http.status_code") != "200" || !strings.HasSuffix(recorded.Tag(list[1], "http.url"), "/end") {
		t.Errorf("%v, %v", list[0].Tags, list[1].Tags)
	}
}

func TestEvents(t *testing.T) {
	tr, spans := recorded.NewTracer()
	s := serve(t, http.HandlerFunc(answer))
	client := &http.Client{Transport: nethttp.NewTransport(tr, &http.Transport{}, nethttp.Events())}
	defer client.CloseIdleConnections()
	for i := range 2 {
		if _, _, err := do(t, client, "GET", s.URL); err != nil {
			t.Fatal(err)
		}
		got := spans.Wait(t, i+1)[i]
		if recorded.Logged(got, "GotConn", "reused") != []string{"false", "true"}[i] || recorded.Logged(got, "GotConn", "address") != strings.TrimPrefix(s.URL, "http://") {
			t.Errorf("request %d: logs %v", i, got.Logs)
		}
	}
	refused := httptest.NewServer(nil)
	refused.Close()
	if _, _, err := do(t, client, "GET", refused.URL); err == nil {
		t.Fatal("a closed server answered")
	}
	if got := spans.Wait(t, 3)[2]; recorded.Logged(got, "ConnectDone", "message") == "" {
		t.Errorf("logs %v", got.Logs)
	}
}

type idle struct {
	roundTripper
	closed bool
}

func (i *idle) CloseIdleConnections() { i.closed = true }

func TestTransportBelow(t *testing.T) {
	tr, spans := recorded.NewTracer()
	below := &idle{roundTripper: func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("uber-trace-id") != "" {
			t.Error("a request without a span has headers")
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}}
	transport := nethttp.NewTransport(tr, below, nethttp.Skip("/healthz"))
	if transport.Unwrap() != http.RoundTripper(below) {
		t.Error("Unwrap gives another transport")
	}
	(&http.Client{Transport: transport}).CloseIdleConnections()
	if !below.closed {
		t.Error("CloseIdleConnections did not arrive")
	}
	// Nothing is added to what is skipped, nor for a tracer that does nothing.
	r := &http.Request{URL: &url.URL{Scheme: "http", Host: "x", Path: "/healthz"}}
	transport.RoundTrip(r)
	nethttp.NewTransport(opentracing.NoopTracer{}, below).RoundTrip(r)
	(&http.Client{Transport: nethttp.NewTransport(tr, roundTripper(func(*http.Request) (*http.Response, error) { return nil, errCut }))}).CloseIdleConnections()
	if n := len(spans.Records()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

// pipe is the body of a connection that was upgraded, of a transport that cannot
// close one direction.
type pipe struct{ io.ReadWriter }

func (pipe) Close() error { return nil }

// A body can what it could.
func TestBodies(t *testing.T) {
	tr, _ := recorded.NewTracer()
	for body, want := range map[io.ReadCloser]string{
		io.NopCloser(strings.NewReader("")): "false false",
		pipe{new(bytes.Buffer)}:             "true false",
	} {
		transport := nethttp.NewTransport(tr, roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 101, Body: body}, nil
		}))
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://example.com", nil)
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, writes := resp.Body.(io.Writer)
		_, closes := resp.Body.(interface{ CloseWrite() error })
		if got := fmt.Sprint(writes, closes); got != want {
			t.Errorf("%T: %s, want %s", body, got, want)
		}
		resp.Body.Close()
	}
}
