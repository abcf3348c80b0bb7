// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// encoder writes the ids of spans as one message, or one for each with a
// method; a span with id 13 has no form.
type encoder struct {
	method string
	body   []byte
	each   []translate.Message
	losses translate.Losses
}

func (e *encoder) Fork() translate.Encoder { return &encoder{method: e.method} }

func (e *encoder) Losses() *translate.Losses { return &e.losses }
func (e *encoder) Reset()                    { e.body, e.each = nil, nil; e.losses.Reset() }
func (e *encoder) Notices(*span.Batch) {
	e.each = append(e.each, translate.Message{Method: "/t.S/notice", Body: []byte("notice")})
}

func (e *encoder) Add(items []span.Item) (unwritten int) {
	for _, it := range items {
		if it.ID == 13 {
			unwritten++
			continue
		}
		if it.ID == 7 {
			e.losses.Add(span.Zipkin, translate.FieldKind)
		}
		e.body = append(e.body, it.ID.String()...)
		e.each = append(e.each, translate.Message{Method: e.method, Body: []byte(it.ID.String()), Spans: 1})
	}
	return unwritten
}

func (e *encoder) Messages() []translate.Message {
	if e.method != "" {
		return e.each
	}
	return []translate.Message{{Body: e.body}}
}

func httpTarget() translate.Target {
	return translate.Target{
		Kind: "t", Network: translate.HTTP, Path: "/path", Media: "text/ids", New: func(translate.EncoderOptions) translate.Encoder { return &encoder{} },
		Refused: func(answer []byte) (int, string) {
			n := 0
			_, _ = fmt.Sscanf(string(answer), "refused %d", &n)
			return n, string(answer)
		},
	}
}

func parcel(ids ...span.ID) span.Parcel {
	w := span.NewBuilder(nil, span.Origin{})
	for _, id := range ids {
		w.Span(span.Span{ID: id})
	}
	b := w.Batch()
	var p span.Parcel
	for i, id := range ids {
		p.Items = append(p.Items, span.Item{Batch: b, Index: i, Identity: span.Identity{ID: id}})
	}
	return p
}

func open(t *testing.T, target translate.Target, s Settings) *Exporter {
	t.Helper()
	if s.Timeout == 0 {
		s.Timeout = 30 * time.Second
	}
	e, err := New(target, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestHTTPAnswers(t *testing.T) {
	var answer func(http.ResponseWriter)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w)
	}))
	defer srv.Close()
	e := open(t, httpTarget(), Settings{Endpoint: srv.URL})
	f := func(status int, header, text string, want any) {
		t.Helper()
		answer = func(w http.ResponseWriter) {
			if k, v, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(k, v)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
		left, err := e.Consume(t.Context(), parcel(1, 2, 3))
		var again *TryAgain
		var refused *Refused
		switch want := want.(type) {
		case int: // refused spans of a parcel that was taken
			if err != nil || left.Refused.Total() != want {
				t.Errorf("%d %q: %+v, %v", status, text, left, err)
			}
		case time.Duration:
			if nothing := status < 500 && status != 408; !errors.As(err, &again) || again.NothingTaken() != nothing || again.RetryAfter() != want || !strings.Contains(err.Error(), text) {
				t.Errorf("%d %q: %v, want to try again after %v", status, text, err, want)
			}
		case string:
			if !errors.As(err, &refused) || errors.As(err, &again) || !strings.Contains(err.Error(), want) {
				t.Errorf("%d %q: %v, want %q refused", status, text, err, want)
			}
		}
	}
	f(202, "", "", 0)
	f(200, "", "refused 2", 2)
	f(200, "", "refused 200", 3) // more than it was sent
	f(200, "", "refused -5", 0)
	f(400, "", "bad span", "400 Bad Request: bad span")
	f(413, "", "", "413")
	f(415, "", "", "415")
	f(422, "", "", "422")
	for _, s := range []int{301, 401, 403, 404, 408, 429, 500, 502, 503} {
		f(s, "", "later", time.Duration(0))
	}
	f(429, "Retry-After: 7", "", 7*time.Second)
	f(503, "Retry-After: 100000000", "", mostWait)
	f(503, "Retry-After: -3", "", time.Duration(0))
	f(503, "Retry-After: soon", "", time.Duration(0))
	f(503, "Retry-After: "+time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), "", time.Duration(0))
}

func TestHTTPRequest(t *testing.T) {
	var mu sync.Mutex
	var got *http.Request
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		in := io.Reader(r.Body)
		switch r.Header.Get("Content-Encoding") {
		case "gzip":
			in, _ = gzip.NewReader(r.Body)
		case "zstd":
			z, _ := zstd.NewReader(r.Body)
			defer z.Close()
			in = z
		}
		p, _ := io.ReadAll(in)
		got, body = r, string(p)
	}))
	defer srv.Close()
	f := func(s Settings, path, host string) {
		t.Helper()
		e := open(t, httpTarget(), s)
		left, err := e.Consume(t.Context(), parcel(1, 13, 2))
		if err != nil || left.NoForm.Total() != 1 || left.Why == "" {
			t.Errorf("%+v, %v", left, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if want := span.ID(1).String() + span.ID(2).String(); body != want {
			t.Errorf("body %q, want %q", body, want)
		}
		if got.URL.Path != path || got.Method != http.MethodPost || got.Header.Get("Content-Type") != "text/ids" || got.Host != host {
			t.Errorf("%s %s to %s of %s", got.Method, got.URL.Path, got.Host, got.Header.Get("Content-Type"))
		}
		if encoding := got.Header.Get("Content-Encoding"); (encoding == "gzip") != s.Gzip || (encoding == "zstd") != s.Zstd {
			t.Errorf("encoding %q", encoding)
		}
		for k, v := range s.Headers {
			if got.Header.Get(k) != v && k != "Host" {
				t.Errorf("header %s: %q, want %q", k, got.Header.Get(k), v)
			}
		}
	}
	host := strings.TrimPrefix(srv.URL, "http://")
	f(Settings{Endpoint: srv.URL}, "/path", host)
	f(Settings{Endpoint: srv.URL + "/"}, "/path", host)
	f(Settings{Endpoint: srv.URL + "/own/path", Gzip: true}, "/own/path", host)
	f(Settings{Endpoint: srv.URL, Zstd: true}, "/path", host)
	f(Settings{Endpoint: srv.URL, Headers: map[string]string{"authorization": "secret", "Host": "store"}}, "/path", "store")
}

// A target that is not there has nothing.
func TestHTTPGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	e := open(t, httpTarget(), Settings{Endpoint: "http://" + address})
	var again *TryAgain
	if _, err := e.Consume(t.Context(), parcel(1)); !errors.As(err, &again) || !again.NothingTaken() {
		t.Errorf("%v", err)
	}
	e = open(t, grpcTarget("/t.S/stream"), Settings{Endpoint: address})
	if _, err := e.Consume(t.Context(), parcel(1)); !errors.As(err, &again) || !again.NothingTaken() {
		t.Errorf("%v", err)
	}
}

func TestHTTPTimeout(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	e := open(t, httpTarget(), Settings{Endpoint: srv.URL, Timeout: 50 * time.Millisecond})
	var again *TryAgain
	if _, err := e.Consume(t.Context(), parcel(1)); !errors.As(err, &again) || again.NothingTaken() || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestHTTPTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(tls TLS, good bool) {
		t.Helper()
		e := open(t, httpTarget(), Settings{Endpoint: srv.URL, TLS: tls})
		if _, err := e.Consume(t.Context(), parcel(1)); (err == nil) != good {
			t.Errorf("%+v: %v", tls, err)
		}
	}
	f(TLS{}, false)
	f(TLS{CAFile: ca}, true)
	f(TLS{CAFile: ca, ServerName: "other.host"}, false)
	f(TLS{InsecureSkipVerify: true}, true)
}

// grpcServer answers by method and keeps what it got.
type grpcServer struct {
	mu   sync.Mutex
	got  []string
	md   metadata.MD
	fail error
}

func (s *grpcServer) handle(_ any, ss grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(ss)
	var all []string
	for {
		var m rawgrpc.Message
		if err := ss.RecvMsg(&m); err != nil {
			break
		}
		all = append(all, string(m.Copy()))
		m.Free()
		if method != "/t.S/stream" {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.md, _ = metadata.FromIncomingContext(ss.Context())
	if s.fail != nil {
		return s.fail
	}
	s.got = append(s.got, method+" "+strings.Join(all, ","))
	return ss.SendMsg(rawgrpc.New(nil))
}

func (s *grpcServer) start(t *testing.T, opts ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer(append(opts, grpc.ForceServerCodecV2(rawgrpc.Codec{}), grpc.UnknownServiceHandler(s.handle))...)
	done := make(chan struct{})
	go func() {
		_ = srv.Serve(l)
		close(done)
	}()
	t.Cleanup(func() {
		srv.Stop()
		<-done
	})
	return l.Addr().String()
}

func grpcTarget(method string) translate.Target {
	return translate.Target{
		Kind: "t", Network: translate.GRPC, Methods: map[string]bool{"/t.S/stream": true, "/t.S/unary": false},
		New: func(translate.EncoderOptions) translate.Encoder { return &encoder{method: method} },
	}
}

func TestGRPC(t *testing.T) {
	s := &grpcServer{}
	address := s.start(t)
	f := func(method string, settings Settings, want ...string) {
		t.Helper()
		s.mu.Lock()
		s.got = nil
		s.mu.Unlock()
		settings.Endpoint = address
		settings.Headers = map[string]string{"Authentication": "token"}
		e := open(t, grpcTarget(method), settings)
		p := parcel(1, 2)
		p.Notices = []*span.Batch{p.Items[0].Batch}
		if _, err := e.Consume(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if fmt.Sprint(s.got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", s.got, want)
		}
		if a := s.md.Get("authentication"); len(a) != 1 || a[0] != "token" {
			t.Errorf("metadata %v", s.md)
		}
	}
	f("/t.S/stream", Settings{}, "/t.S/notice notice", "/t.S/stream 0000000000000001,0000000000000002")
	f("/t.S/stream", Settings{Gzip: true}, "/t.S/notice notice", "/t.S/stream 0000000000000001,0000000000000002")
	f("/t.S/stream", Settings{Zstd: true}, "/t.S/notice notice", "/t.S/stream 0000000000000001,0000000000000002")
	f("/t.S/unary", Settings{Zstd: true}, "/t.S/notice notice", "/t.S/unary 0000000000000001", "/t.S/unary 0000000000000002")
	f("/t.S/unary", Settings{}, "/t.S/notice notice", "/t.S/unary 0000000000000001", "/t.S/unary 0000000000000002")
}

// A server that does not take so long a message says the same as one that is busy; to
// try it again would never help.
func TestTooLarge(t *testing.T) {
	s := &grpcServer{}
	e := open(t, grpcTarget("/t.S/stream"), Settings{Endpoint: s.start(t, grpc.MaxRecvMsgSize(10))})
	var refused *Refused
	if _, err := e.Consume(t.Context(), parcel(1)); !errors.As(err, &refused) || !refused.TooLarge() {
		t.Errorf("a message of 16 bytes where 10 are taken: %v", err)
	}
	for text, large := range map[string]bool{
		"grpc: received message larger than max (5000000 vs. 4194304)": true,
		"gRPC message exceeds maximum size 4194304: 5000000":           true,
		"Error, message length too large: found 5000000 bytes":         true,
		"the queue is full": false,
	} {
		if err := judgeGRPC("m", status.Error(codes.ResourceExhausted, text)); errors.As(err, &refused) != large {
			t.Errorf("%q: %v", text, err)
		}
	}
	for code, large := range map[int]bool{http.StatusRequestEntityTooLarge: true, http.StatusBadRequest: false} {
		err := judgeHTTP(&http.Response{StatusCode: code, Status: http.StatusText(code)}, nil)
		if !errors.As(err, &refused) || refused.TooLarge() != large {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestGRPCAnswers(t *testing.T) {
	s := &grpcServer{}
	e := open(t, grpcTarget("/t.S/stream"), Settings{Endpoint: s.start(t)})
	nothing := false
	f := func(err error, refuse bool, after time.Duration) {
		t.Helper()
		s.mu.Lock()
		s.fail = err
		s.mu.Unlock()
		_, got := e.Consume(t.Context(), parcel(1))
		var again *TryAgain
		var refused *Refused
		if errors.As(got, &refused) != refuse || errors.As(got, &again) == refuse {
			t.Errorf("%v: %v", err, got)
		}
		if again != nil && again.RetryAfter() != after {
			t.Errorf("%v: again after %v, want %v", err, again.RetryAfter(), after)
		}
		if again != nil && again.NothingTaken() != nothing {
			t.Errorf("%v: %v, want the contrary", err, again.NothingTaken())
		}
	}
	f(status.Error(codes.InvalidArgument, "bad"), true, 0)
	f(status.Error(codes.FailedPrecondition, "bad"), true, 0)
	for _, c := range []codes.Code{codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.Unknown, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented} {
		// The others may come after a part of the stream was taken.
		nothing = c == codes.PermissionDenied || c == codes.Unauthenticated || c == codes.Unimplemented
		f(status.Error(c, "later"), false, 0)
	}
	nothing = false
	busy, _ := status.New(codes.Unavailable, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	f(busy.Err(), false, 3*time.Second)
	s.mu.Lock()
	s.fail = nil
	s.mu.Unlock()
	if _, err := e.Consume(t.Context(), parcel(1)); err != nil {
		t.Error(err)
	}
}

func TestGRPCTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &grpcServer{}
	address := s.start(t, grpc.Creds(credentials.NewServerTLSFromCert(&web.TLS.Certificates[0])))
	f := func(endpoint string, tls TLS, good bool) {
		t.Helper()
		e := open(t, grpcTarget("/t.S/unary"), Settings{Endpoint: endpoint, TLS: tls})
		if _, err := e.Consume(t.Context(), parcel(1)); (err == nil) != good {
			t.Errorf("%s %+v: %v", endpoint, tls, err)
		}
	}
	f(address, TLS{}, false)
	f("https://"+address, TLS{}, false)
	f("https://"+address, TLS{CAFile: ca}, true)
	f(address, TLS{CAFile: ca}, true)
	f(address, TLS{InsecureSkipVerify: true}, true)
}

func TestWrongSettings(t *testing.T) {
	f := func(target translate.Target, s Settings, want string) {
		t.Helper()
		e, err := New(target, s)
		if err == nil {
			e.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
	f(httpTarget(), Settings{Endpoint: "zipkin:9411"}, "want a URL")
	f(httpTarget(), Settings{Endpoint: "ftp://zipkin"}, "want a URL")
	f(grpcTarget(""), Settings{Endpoint: "oap"}, "want host:port")
	f(httpTarget(), Settings{Endpoint: "http://a", TLS: TLS{CAFile: "/nowhere.pem"}}, "tls.ca_file")
	f(grpcTarget(""), Settings{Endpoint: "a:1", TLS: TLS{CertFile: "x"}}, "belong together")
	f(grpcTarget(""), Settings{Endpoint: "a:1", TLS: TLS{CertFile: "x", KeyFile: "y"}}, "tls.cert_file")
	f(translate.Target{Network: translate.UDP, New: httpTarget().New}, Settings{}, "cannot be sent")
}
