// SPDX-License-Identifier: Apache-2.0

package nethttp_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/middleware/nethttp"
)

// Writers with one ability each, and what was called.
type calls struct{ list []string }

func (c *calls) add(s string) { c.list = append(c.list, s) }

type (
	bare     struct{ *calls }
	flushing struct{ *calls }
	hijacks  struct{ *calls }
	pushing  struct{ *calls }
	reading  struct{ *calls }
)

func (bare) Header() http.Header           { return http.Header{} }
func (b bare) Write(p []byte) (int, error) { b.add("Write"); return len(p), nil }
func (b bare) WriteHeader(s int)           { b.add(fmt.Sprint("WriteHeader ", s)) }
func (f flushing) Flush()                  { f.add("Flush") }
func (h hijacks) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h.add("Hijack")
	return nil, nil, errors.New("not now")
}

func (p pushing) Push(string, *http.PushOptions) error { p.add("Push"); return http.ErrNotSupported }

func (r reading) ReadFrom(from io.Reader) (int64, error) {
	r.add("ReadFrom")
	return io.Copy(io.Discard, from)
}

// A response writer can what the one below can, no more and no less.
func TestWriters(t *testing.T) {
	c := new(calls)
	b, f, h, p, r := bare{c}, flushing{c}, hijacks{c}, pushing{c}, reading{c}
	for _, w := range []http.ResponseWriter{
		struct{ bare }{b},
		struct {
			bare
			flushing
		}{b, f},
		struct {
			bare
			hijacks
		}{b, h},
		struct {
			bare
			pushing
		}{b, p},
		struct {
			bare
			reading
		}{b, r},
		struct {
			bare
			flushing
			hijacks
		}{b, f, h},
		struct {
			bare
			flushing
			pushing
		}{b, f, p},
		struct {
			bare
			flushing
			reading
		}{b, f, r},
		struct {
			bare
			hijacks
			pushing
		}{b, h, p},
		struct {
			bare
			hijacks
			reading
		}{b, h, r},
		struct {
			bare
			pushing
			reading
		}{b, p, r},
		struct {
			bare
			flushing
			hijacks
			pushing
		}{b, f, h, p},
		struct {
			bare
			flushing
			hijacks
			reading
		}{b, f, h, r},
		struct {
			bare
			flushing
			pushing
			reading
		}{b, f, p, r},
		struct {
			bare
			hijacks
			pushing
			reading
		}{b, h, p, r},
		struct {
			bare
			flushing
			hijacks
			pushing
			reading
		}{b, f, h, p, r},
	} {
		t.Run(fmt.Sprintf("%T", w), func(t *testing.T) {
			*c = calls{}
			plain := use(w)
			want := c.list
			*c = calls{}
			tr, spans := recorded.NewTracer()
			var got string
			nethttp.Handler(tr, http.HandlerFunc(func(inner http.ResponseWriter, _ *http.Request) {
				got = use(inner)
				if u, ok := inner.(interface{ Unwrap() http.ResponseWriter }); !ok || u.Unwrap() != w {
					t.Error("Unwrap does not lead to the writer below")
				}
			})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if got != plain || strings.Join(c.list, ",") != strings.Join(want, ",") {
				t.Errorf("got %s, calls %v, want %s, calls %v", got, c.list, plain, want)
			}
			spans.Only(t)
		})
	}
}

// use uses all that a writer can.
func use(w http.ResponseWriter) string {
	var can []string
	if h, ok := w.(http.Hijacker); ok {
		_, _, err := h.Hijack()
		can = append(can, "hijack "+err.Error())
	}
	if p, ok := w.(http.Pusher); ok {
		can = append(can, "push "+p.Push("/x", nil).Error())
	}
	w.WriteHeader(http.StatusEarlyHints)
	w.WriteHeader(http.StatusCreated)
	n, _ := w.Write([]byte("abc"))
	can = append(can, fmt.Sprint("write ", n))
	if r, ok := w.(io.ReaderFrom); ok {
		n, _ := r.ReadFrom(strings.NewReader("defg"))
		can = append(can, fmt.Sprint("read from ", n))
	}
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
		can = append(can, "flush")
	}
	err := http.NewResponseController(w).Flush()
	can = append(can, fmt.Sprint("controller ", err))
	err = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return strings.Join(append(can, fmt.Sprint("deadline ", err)), "; ")
}

// With the writers of net/http, for HTTP/1.1 and HTTP/2.
func TestRealWriters(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint(http2), func(t *testing.T) {
			abilities := func(w http.ResponseWriter) string {
				_, f := w.(http.Flusher)
				_, h := w.(http.Hijacker)
				_, p := w.(http.Pusher)
				_, r := w.(io.ReaderFrom)
				_, s := w.(io.StringWriter)
				c := http.NewResponseController(w)
				return fmt.Sprint(f, h, p, r, s, c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}), c.EnableFullDuplex())
			}
			var plain, got string
			tr, spans := recorded.NewTracer()
			traced := nethttp.Handler(tr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = abilities(w)
				answer(w, r)
			}))
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				plain = abilities(w)
				traced.ServeHTTP(w, r)
			}))
			s.EnableHTTP2 = http2
			s.StartTLS()
			defer s.Close()
			if _, body, err := do(t, s.Client(), "GET", s.URL); body != "ok" {
				t.Fatalf("%q, %v", body, err)
			}
			spans.Only(t)
			if got != plain {
				t.Errorf("a traced writer can %s, the one below %s", got, plain)
			}
		})
	}
}
