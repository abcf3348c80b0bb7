// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/internal/compress"
	"github.com/spanbridge/spanbridge/translate"
)

// httpSender posts each message as a body.
type httpSender struct {
	client  *http.Client
	url     string
	header  http.Header
	tenant  string // the header that names the tenant; "": none
	host    string // of the header Host, when the settings give one
	coding  string // of bodies; "": none
	timeout time.Duration
	refused func([]byte) (int, string)
	// beforeGzip: see translate.Target.
	beforeGzip func(dst, body []byte) []byte
	badge      *access.Badge // nil: none
}

func newHTTPSender(target translate.Target, s Settings) (*httpSender, error) {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("endpoint: %q, want a URL such as http://host:port%s", s.Endpoint, target.Path)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = target.Path
	}
	badge, err := s.badge(target)
	if err != nil {
		return nil, err
	}
	current, err := s.TLS.Configs(s.logger())
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	h := &httpSender{
		url: u.String(), header: make(http.Header), tenant: s.TenantHeader, coding: s.coding(), timeout: s.Timeout, refused: target.Refused, beforeGzip: target.BeforeGzip, badge: badge,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         lending(dialer.DialContext),
				DialTLSContext:      dialTLS(dialer.DialContext, current),
				TLSClientConfig:     current(), // behind a proxy, with the files of the start
				TLSHandshakeTimeout: handshakeTimeout,
				MaxIdleConnsPerHost: max(s.Connections, 2),
				IdleConnTimeout:     90 * time.Second,
				DisableCompression:  true,
				ForceAttemptHTTP2:   true,
				WriteBufferSize:     writeBuffer,
			},
			// A redirect would turn the POST into a GET; the address is wrong.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	h.header.Set("Content-Type", target.Media)
	h.header.Set("User-Agent", s.UserAgent)
	if h.coding != "" {
		h.header.Set("Content-Encoding", h.coding)
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

const handshakeTimeout = 10 * time.Second

// writeBuffer is for the head of a request; what it has left is copied of the body, and
// by TLS every piece is.
const writeBuffer = 16 << 10

func (h *httpSender) close() { h.client.CloseIdleConnections() }

func (h *httpSender) send(ctx context.Context, messages []translate.Message, tenant string) (a answers, err error) {
	for i := range messages {
		answer, err := h.post(ctx, messages[i].Body, tenant)
		if err != nil && i > 0 {
			err = partly(err)
		}
		if err != nil {
			return a, err
		}
		if h.refused != nil {
			if n, why := h.refused(answer); n > 0 {
				a.refused += n
				a.why = why
			}
		}
	}
	return a, nil
}

// zipper has the memory for a compressed body; it is used again.
type zipper struct {
	plain []byte // the form that is compressed, if it is not the plain one
	buf   bytes.Buffer
}

var zippers = sync.Pool{New: func() any { return &zipper{} }}

// mostAnswer is how much of an answer is read.
const mostAnswer = 64 << 10

func (h *httpSender) post(ctx context.Context, body []byte, tenant string) (answer []byte, err error) {
	if h.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.timeout)
		defer cancel()
	}
	if h.coding != "" {
		z := zippers.Get().(*zipper)
		z.buf.Reset()
		w := compress.NewWriter(h.coding, &z.buf)
		if h.beforeGzip != nil {
			z.plain = h.beforeGzip(z.plain[:0], body)
			body = z.plain
		}
		_, _ = w.Write(body)
		_ = w.Close()
		w.Free()
		body = z.buf.Bytes()
		defer zippers.Put(z)
	}
	lent := &loan{body: body}
	defer lent.end()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	if len(body) > 0 {
		req.ContentLength, req.GetBody = int64(len(body)), lent.reader
		req.Body, _ = lent.reader()
	}
	req.Header = h.header
	named := tenant != "" && h.tenant != ""
	if h.badge != nil || named {
		req.Header = h.header.Clone()
	}
	if h.badge != nil {
		req.Header.Set(h.badge.Header())
	}
	if named {
		req.Header.Set(h.tenant, tenant)
	}
	if h.host != "" {
		req.Host = h.host
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, &TryAgain{Err: err, Nothing: neverSent(err)}
	}
	defer resp.Body.Close()
	answer, _ = io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, mostAnswer))
	return answer, judgeHTTP(resp, answer)
}

// judgeHTTP sorts an answer. Only statuses that blame the body refuse it: a
// wrong path or token is mended in the settings, and the spans wait for that.
func judgeHTTP(resp *http.Response, answer []byte) error {
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	text := resp.Status
	if line := strings.TrimSpace(string(answer[:min(len(answer), 300)])); line != "" {
		text += ": " + line
	}
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return &Refused{Answer: text, Large: resp.StatusCode == http.StatusRequestEntityTooLarge}
	}
	return &TryAgain{
		Err: fmt.Errorf("the target answered %s", text), After: readRetryAfter(resp.Header.Get("Retry-After")),
		// Who is between may say 5xx of what came through, and 408 is said to a slow
		// body or answer; the others come before the body is looked at.
		Nothing: resp.StatusCode < 500 && resp.StatusCode != http.StatusRequestTimeout,
	}
}

// neverSent is true for an error of connecting.
func neverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// mostWait bounds what a target can ask for.
const mostWait = 5 * time.Minute

// readRetryAfter reads seconds or a date (RFC 9110, 10.2.3).
func readRetryAfter(v string) time.Duration {
	if s, err := strconv.Atoi(v); err == nil {
		return min(max(time.Duration(s)*time.Second, 0), mostWait)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(time.Until(at), 0), mostWait)
	}
	return 0
}
