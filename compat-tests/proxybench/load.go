// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// traffic is a kind of request.
type traffic struct {
	name  string
	h2c   bool
	body  int // bytes of a request's; 0 for a GET
	reply int
}

var traffics = []traffic{
	{"GET, HTTP/1.1, 512 bytes back", false, 0, 512},
	{"POST, HTTP/1.1, 4 KiB each way", false, 4 << 10, 4 << 10},
	{"POST, h2c, 512 bytes each way", true, 512, 512},
}

// service answers as many bytes as the query asks for, and counts requests with
// a header.
type service struct {
	server *http.Server
	url    string
	seen   atomic.Int64
	header atomic.Value // its name
}

var filler = []byte(strings.Repeat("x", 64<<10))

func newService() (*service, error) {
	s := &service{}
	s.header.Store("")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + l.Addr().String()
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.server = &http.Server{Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1000}, Handler: http.HandlerFunc(s.answer)}
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if name := s.header.Load().(string); r.Header.Get(name) != "" {
		s.seen.Add(1)
	}
	n := 0
	_, _ = fmt.Sscan(r.URL.RawQuery, &n)
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(filler[:n])
}

// send sends requests by so many connections and waits for all answers.
func (t *traffic) send(to string, requests, connections int) error {
	tr := &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true, Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(!t.h2c)
	tr.Protocols.SetUnencryptedHTTP2(t.h2c)
	defer tr.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(requests))
	errs := make(chan error, connections)
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for {
				n := left.Add(-1)
				if n < 0 {
					return
				}
				if err := t.one(tr, to, n); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs
}

func (t *traffic) one(tr *http.Transport, to string, n int64) error {
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if t.body > 0 {
		method, body = http.MethodPost, bytes.NewReader(filler[:t.body])
	}
	r, err := http.NewRequest(method, fmt.Sprintf("%s/orders/%d?%d", to, n, t.reply), body)
	if err != nil {
		return err
	}
	r.Header["X-B3-Traceid"] = []string{fmt.Sprintf("463ac35c9f6413ad%016x", n+1)}
	r.Header["X-B3-Spanid"] = []string{fmt.Sprintf("%016x", n+7)}
	r.Header["X-B3-Sampled"] = []string{"1"}
	r.Header["User-Agent"] = []string{"bench"}
	r.Header["Accept"] = []string{"*/*"}
	resp, err := tr.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if k, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK || k != int64(t.reply) {
		return fmt.Errorf("%s, %d bytes, %w", resp.Status, k, err)
	}
	return nil
}
