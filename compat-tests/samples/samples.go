// SPDX-License-Identifier: Apache-2.0

// Package samples reads the requests that were captured from real clients (they
// lie in translate/testdata/samples) and sends them again, byte for byte.
package samples

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Request is one captured request or datagram.
type Request struct {
	Name   string // client/NNN-…
	Method string // of HTTP; "" for a datagram
	Path   string // with the query
	Header http.Header
	Body   []byte // as sent, gRPC frames included
	Port   int    // the port of the agent that a datagram was meant for: 6831, 6832 or 5775
}

// Answer is what a server said.
type Answer struct {
	Status int    // of HTTP
	GRPC   string // the grpc-status of a gRPC call
	Body   string
}

// String is the answer in short.
func (a Answer) String() string {
	if a.GRPC != "" {
		return "grpc-status " + a.GRPC
	}
	return fmt.Sprintf("%d %.200q", a.Status, a.Body)
}

// IsGRPC tells a gRPC call.
func (r *Request) IsGRPC() bool { return r.Header.Get("Content-Type") == "application/grpc" }

// Load reads all requests below a folder that a backend gets, in the order of
// their capture. What a client sent to third parties is left out.
func Load(root string) (all []Request, err error) {
	files, err := filepath.Glob(filepath.Join(root, "*", "*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), ".meta.json")
		switch {
		case strings.HasSuffix(file, ".meta.json"):
			r, err := request(file)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			if r.Name = name; !strings.HasPrefix(r.Path, "/propagation") {
				all = append(all, r)
			}
		case datagram.MatchString(file):
			body, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			// The capture listened 23000 above the real ports.
			port, _ := strconv.Atoi(datagram.FindStringSubmatch(file)[1])
			all = append(all, Request{Name: name, Body: body, Port: port - 23000})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no captured requests in %s", root)
	}
	return all, nil
}

var datagram = regexp.MustCompile(`-udp(\d+)\.bin$`)

func request(meta string) (r Request, err error) {
	data, err := os.ReadFile(meta)
	if err != nil {
		return r, err
	}
	var m struct {
		Method   string      `json:"method"`
		Path     string      `json:"path"`
		Headers  http.Header `json:"headers"`
		BodyFile string      `json:"body_file"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return r, err
	}
	r = Request{Method: m.Method, Path: m.Path, Header: m.Headers}
	if m.BodyFile != "" {
		r.Body, err = os.ReadFile(filepath.Join(filepath.Dir(meta), m.BodyFile))
	}
	return r, err
}

// clients speak HTTP/1.1 and HTTP/2 without TLS.
var clients = func() (c [2]*http.Client) {
	for i := range c {
		p := new(http.Protocols)
		p.SetHTTP1(i == 0)
		p.SetUnencryptedHTTP2(i == 1)
		c[i] = &http.Client{Transport: &http.Transport{Protocols: p, DisableCompression: true}}
	}
	return c
}()

// CloseIdle closes the connections of requests that were sent.
func CloseIdle() {
	for _, c := range clients {
		c.CloseIdleConnections()
	}
}

// Send sends a request to a server, given as host:port.
func (r *Request) Send(ctx context.Context, address string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://"+address+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	for k, v := range r.Header {
		if k != "Host" && k != "Content-Length" {
			req.Header[k] = v
		}
	}
	client := clients[0]
	if r.IsGRPC() {
		client = clients[1]
		req.Header.Del("Grpc-Timeout")
	}
	res, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: res.StatusCode, Body: string(body)}
	if r.IsGRPC() {
		// An answer without a message has it among the headers.
		if a.GRPC = res.Trailer.Get("grpc-status"); a.GRPC == "" {
			a.GRPC = res.Header.Get("grpc-status")
		}
		if a.GRPC == "" {
			return a, fmt.Errorf("%s: no grpc-status, HTTP status %d", r.Name, a.Status)
		}
	}
	return a, nil
}

// SendDatagram sends a datagram.
func (r *Request) SendDatagram(ctx context.Context, address string) error {
	c, err := new(net.Dialer).DialContext(ctx, "udp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write(r.Body)
	return err
}
