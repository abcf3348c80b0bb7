// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"mime"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// serveHTTP makes an HTTP server of a port with the routes that all protocols
// state for it.
func (s *Server) serveHTTP(o *openPort, l net.Listener) {
	srv := &http.Server{
		Handler:           s.intake.recover(s.routes(o)),
		ReadHeaderTimeout: s.opts.Limits.Header,
		ReadTimeout:       s.opts.Limits.Read,
		WriteTimeout:      2 * s.opts.Limits.Read, // from the head of the request on
		IdleTimeout:       s.opts.Limits.Idle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.With("port", o.Name).Handler(), slog.LevelDebug),
	}
	o.serve = func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
	o.stop = func(ctx context.Context) {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
		_ = l.Close() // Shutdown leaves it open when Serve was never called
	}
}

func (s *Server) routes(o *openPort) http.Handler {
	port := o.Port
	t := newRouteTable(s.opts.Other[port.Name], port.WrongMethod)
	for _, p := range s.opts.Protocols {
		for _, route := range p.HTTP {
			if route.Port == port.Name {
				t.add(route.Method, route.Path, s.intake.httpRoute(p.Name, route, o.terms))
			}
		}
	}
	h := o.terms.guarded(t)
	if port.CORS {
		return cors(h, s.opts.TenantHeader) // outside: a browser asks before it sends a token
	}
	return h
}

// recover answers 500 for a handler that panicked.
func (in *intake) recover(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if aborted(p) {
				panic(p) // for the server, which knows it
			}
			if p != nil {
				in.opts.Set.Panics.WithLabelValues("http").Inc()
				in.opts.Log.Error("panic while answering", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		h.ServeHTTP(w, r)
	})
}

// aborted tells the panic by which a handler cuts its connection off.
func aborted(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// cors lets pages of any origin report, as the real servers do whose ports say
// so: what is written there carries no credentials. They may name a tenant.
func cors(h http.Handler, tenant string) http.Handler {
	allowed := "content-type,x-grpc-web,authorization"
	if tenant != "" {
		allowed += "," + strings.ToLower(tenant)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				w.Header().Set("Access-Control-Allow-Methods", "GET,POST")
				w.Header().Set("Access-Control-Allow-Headers", allowed)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

func (in *intake) httpRoute(protocol string, route translate.HTTPRoute, terms *terms) http.HandlerFunc {
	if route.Respond != nil {
		return in.httpQuestion(protocol, route)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		media := mediaType(r.Header.Get("Content-Type"))
		now := terms.now()
		m := body{format: route.Format(media), transport: "http", media: media, strict: now.strict, wait: route.Wait}
		if m.format == "" {
			m.format = protocol
			err := fmt.Errorf("content type %q is not taken at %s", r.Header.Get("Content-Type"), route.Path)
			write(w, route.Answer(in.refuse(m, translate.WrongMedia, err)), nil)
			return
		}
		if !in.tenantHTTP(w, r, &m) {
			return
		}
		share := in.hold()
		defer share.end()
		var f *span.Buffer
		verdict, err := translate.Busy, in.enter(r.Context(), route.Wait, &share, firstBytes(r))
		if route.Wait > 0 {
			in.afresh(w, 0)
		}
		if err == nil {
			f, verdict, err = in.readBody(r, route.AnyEncoding, &share)
		}
		if err != nil {
			o := in.refuse(m, verdict, err)
			now.busy.breaks(o, r, route)
			if verdict == translate.TooLarge || verdict == translate.Busy {
				// The rest of the body is not worth reading.
				w.Header().Set("Connection", "close")
			}
			write(w, route.Answer(o), err)
			return
		}
		if route.Wait > 0 {
			in.afresh(w, max(route.Wait, longestWait))
		}
		o := in.take(r.Context(), m, f, &share)
		now.busy.breaks(o, r, route)
		write(w, route.Answer(o), o.Err)
	}
}

// mediaType is what a Content-Type names, lower case, without parameters.
func mediaType(header string) string {
	if isPlainMedia(header) {
		return header
	}
	media, _, _ := mime.ParseMediaType(header)
	return media
}

// isPlainMedia is true for a media type that is written as it is read, as most are.
func isPlainMedia(s string) bool {
	slash := strings.IndexByte(s, '/')
	if slash <= 0 || slash == len(s)-1 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; i != slash && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' {
			return false
		}
	}
	return true
}

// httpQuestion answers what carries no spans.
func (in *intake) httpQuestion(protocol string, route translate.HTTPRoute) http.HandlerFunc {
	aside := in.opts.Set.Aside.WithLabelValues(protocol, route.Path)
	return func(w http.ResponseWriter, r *http.Request) {
		aside.Inc()
		q := translate.Request{Query: r.URL.Query()}
		if r.Method != http.MethodGet {
			var verdict translate.Verdict
			var err error
			share := in.hold()
			defer share.end()
			var f *span.Buffer
			if f, verdict, err = in.readBody(r, route.AnyEncoding, &share); err != nil {
				status := http.StatusBadRequest
				switch verdict {
				case translate.TooLarge:
					status = http.StatusRequestEntityTooLarge
				case translate.Busy:
					status = http.StatusServiceUnavailable
				}
				http.Error(w, err.Error(), status)
				return
			}
			q.Body = f.Body
		}
		write(w, route.Respond(q), nil)
	}
}

func write(w http.ResponseWriter, a translate.Reply, err error) {
	if a.Media != "" {
		w.Header().Set("Content-Type", a.Media)
	}
	if after := translate.RetryAfter(err); after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// firstRead is how much memory is set aside on a client's word that its body is
// that long.
const firstRead = 1 << 20

func firstBytes(r *http.Request) int64 { return min(max(r.ContentLength, 0), firstRead) }

// readBody reads and decompresses a body within the limits; h holds it.
func (in *intake) readBody(r *http.Request, anyEncoding bool, h *hold) (*span.Buffer, translate.Verdict, error) {
	limits := in.limits()
	if r.ContentLength > limits.Body {
		return nil, translate.TooLarge, fmt.Errorf("the body has %d bytes, want at most %d", r.ContentLength, limits.Body)
	}
	sent := sentBodies.Get().(*sentBody)
	*sent = sentBody{body: r.Body, most: limits.Body + 1}
	judge := func(err error) (translate.Verdict, error) {
		switch {
		case errors.Is(err, errNoMemory):
			return translate.Busy, err
		case sent.n > limits.Body:
			return translate.TooLarge, fmt.Errorf("the body has more than %d bytes", limits.Body)
		case errors.Is(err, io.ErrUnexpectedEOF) && sent.n < r.ContentLength:
			return translate.BadBody, fmt.Errorf("the body ends after %d bytes, want %d", sent.n, r.ContentLength)
		case err != nil:
			return translate.BadBody, fmt.Errorf("cannot read the body (%s): %w", encodingName(r), err)
		}
		return translate.Taken, nil
	}
	encoding, size := r.Header.Get("Content-Encoding"), firstBytes(r)
	body := io.Reader(sent)
	if isZstd(encoding) && !anyEncoding {
		// A decompressor takes some MiB for the window that the client names, so it
		// waits for the whole body, and few have one.
		share := in.hold()
		defer share.end()
		packed, err := readAll(sent, int(size)+1, limits.Body, &share)
		if verdict, err := judge(err); err != nil {
			return nil, verdict, err
		}
		defer packed.Release()
		in.working <- struct{}{}
		defer func() { <-in.working }()
		body = bytes.NewReader(packed.Body)
	}
	from, done, err := decompress(encoding, body, anyEncoding)
	if err != nil {
		if _, ok := errors.AsType[*badStream](err); ok {
			return nil, translate.BadBody, err
		}
		return nil, translate.WrongMedia, err
	}
	defer done()
	most, plain := limits.Inflated, from == io.Reader(sent)
	if plain {
		most = limits.Body
		defer sent.giveBack() // a decompressor keeps what it has read from
	}
	f, err := readAll(from, int(size)+1, most, h)
	if verdict, err := judge(err); err != nil {
		return nil, verdict, err
	}
	if int64(len(f.Body)) > most {
		return nil, translate.TooLarge, fmt.Errorf("the body has more than %d bytes after decompression", most)
	}
	if plain {
		_ = r.Body.Close() // it is at its end: else net/http looks for more
	}
	return f, translate.Taken, nil
}

func encodingName(r *http.Request) string {
	if e := r.Header.Get("Content-Encoding"); e != "" {
		return "content encoding " + strings.ToLower(e)
	}
	return "not encoded"
}

// readAll is io.ReadAll with a first size, inside a budget. It ends a byte behind the
// most that is wanted.
func readAll(r io.Reader, size int, most int64, h *hold) (*span.Buffer, error) {
	if err := h.set(int64(span.BufferSize(size))); err != nil {
		return nil, err
	}
	f := span.NewBuffer(size)
	h.buffer(f)
	for p := f.Body; int64(len(p)) <= most; f.Body = p {
		n, err := r.Read(p[len(p):min(int64(cap(p)), most+1)])
		p = p[:len(p)+n]
		if err == io.EOF {
			f.Body = p
			return f, nil
		}
		if err != nil {
			f.Release()
			return nil, err
		}
		if len(p) < cap(p) {
			continue
		}
		// Both are there while one is copied into the other.
		more := max(cap(p)/2, 512)
		if err := h.set(int64(f.Memory() + span.BufferSize(cap(p)+more))); err != nil {
			f.Release()
			return nil, err
		}
		f.Body = p
		f = f.Grow(more)
		p = f.Body
		h.buffer(f)
	}
	return f, nil
}

// sentBody reads a body as it was sent, up to a bound, and counts.
type sentBody struct {
	body    io.Reader
	n, most int64
}

var sentBodies = sync.Pool{New: func() any { return new(sentBody) }}

func (s *sentBody) giveBack() {
	s.body = nil
	sentBodies.Put(s)
}

// Read reads what is within the bound.
func (s *sentBody) Read(p []byte) (int, error) {
	if s.n >= s.most {
		return 0, io.EOF
	}
	n, err := s.body.Read(p[:min(int64(len(p)), s.most-s.n)])
	s.n += int64(n)
	return n, err
}
