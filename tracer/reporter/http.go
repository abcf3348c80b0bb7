// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// HTTP posts messages to one address. It may be used by one goroutine at a time.
type HTTP struct {
	client *http.Client
	url    string
	header http.Header
	host   string
	zip    *gzip.Writer // nil without compression
	buf    bytes.Buffer // the body as it is sent
}

// NewHTTP makes a client for an address, to which path is added if it has none.
func NewHTTP(address, path, media string, s *Settings) (*HTTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("reporter: address: %q, want a URL such as http://host:port%s", address, path)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	h := &HTTP{header: make(http.Header)}
	if u.User != nil {
		password, _ := u.User.Password()
		h.basicAuth(u.User.Username(), password)
		u.User = nil
	}
	h.url = u.String()
	h.client = &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:     s.TLS,
			TLSHandshakeTimeout: 10 * time.Second,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true,
			ForceAttemptHTTP2:   true,
			WriteBufferSize:     64 << 10,
		},
		// A redirect would turn the POST into a GET; the address is wrong.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	h.header.Set("Content-Type", media)
	h.header.Set("User-Agent", "spanbridge-tracer")
	if s.Gzip {
		h.zip, _ = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
		h.header.Set("Content-Encoding", "gzip")
	}
	if s.User != "" {
		h.basicAuth(s.User, s.Password)
	}
	for k, v := range s.Headers {
		if strings.EqualFold(k, "Host") {
			h.host = v
			continue
		}
		h.header.Set(k, v)
	}
	return h, nil
}

func (h *HTTP) basicAuth(user, password string) {
	var r http.Request
	r.Header = h.header
	r.SetBasicAuth(user, password)
}

// Close closes idle connections.
func (h *HTTP) Close() { h.client.CloseIdleConnections() }

// body is a request's body; used counts those that the transport still reads.
type body struct {
	bytes.Reader
	used   *atomic.Int32
	closed atomic.Bool
}

func (b *body) Close() error {
	if !b.closed.Swap(true) {
		b.used.Add(-1)
	}
	return nil
}

// mostAnswer is how much of an answer is read.
const mostAnswer = 64 << 10

// Post posts a message and gives the answer to it. Errors are as a Sender's.
func (h *HTTP) Post(ctx context.Context, message []byte) (answer []byte, err error) {
	h.buf.Reset()
	if h.zip == nil {
		_, _ = h.buf.Write(message)
	} else {
		h.zip.Reset(&h.buf)
		_, _ = h.zip.Write(message)
		_ = h.zip.Close()
	}
	var used atomic.Int32
	open := func() (io.ReadCloser, error) {
		used.Add(1)
		b := &body{used: &used}
		b.Reset(h.buf.Bytes())
		return b, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	req.Header = h.header
	if h.host != "" {
		req.Host = h.host
	}
	req.ContentLength, req.GetBody = int64(h.buf.Len()), open
	req.Body, _ = open()
	resp, err := h.client.Do(req)
	if err == nil {
		answer, _ = io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, mostAnswer))
		_ = resp.Body.Close()
	}
	if used.Load() != 0 {
		h.buf = bytes.Buffer{} // the transport still reads it, after an early answer
	}
	if err != nil {
		return nil, &TryAgain{Err: err}
	}
	return answer, judge(resp, answer)
}

// judge sorts an answer. A status that tells of a wrong address or token is
// final too: the spans of an application cannot wait for that to be mended.
func judge(resp *http.Response, answer []byte) error {
	code := resp.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	text := resp.Status
	if line := strings.TrimSpace(string(answer[:min(len(answer), 300)])); line != "" {
		text += ": " + strings.ToValidUTF8(line, "\uFFFD")
	}
	err := fmt.Errorf("%s answered %s", resp.Request.URL.Redacted(), text)
	switch {
	case code == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code == http.StatusTooEarly:
		return &TryAgain{Err: err, After: readRetryAfter(resp.Header.Get("Retry-After"))}
	}
	return err
}

// mostWait bounds what a backend can ask for.
const mostWait = time.Minute

// readRetryAfter reads seconds or a date (RFC 9110, 10.2.3).
func readRetryAfter(v string) time.Duration {
	if s, err := strconv.Atoi(v); err == nil {
		return min(max(time.Duration(min(s, 3600))*time.Second, 0), mostWait)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(time.Until(at), 0), mostWait)
	}
	return 0
}
