// SPDX-License-Identifier: Apache-2.0

//go:build linux

package limit

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
)

// request is a body on its way.
type request struct {
	body        *bytes.Buffer
	path, media string
}

func (l *Limit) passHTTP(listener net.Listener, to string, j *journal) {
	bodies := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	queue := make(chan request, waiting)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, WriteBufferSize: 64 << 10, DisableCompression: true}}
	for range workers {
		go func() {
			for r := range queue {
				l.post(client, "http://"+to+r.path, r.media, r.body.Bytes())
				bodies.Put(r.body)
			}
		}()
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := bodies.Get().(*bytes.Buffer)
		b.Reset()
		if r.ContentLength > 0 {
			b.Grow(int(r.ContentLength) + bytes.MinRead)
		}
		if _, err := b.ReadFrom(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if j != nil {
			if err := j.write(b.Bytes()); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		queue <- request{b, r.URL.RequestURI(), r.Header.Get("Content-Type")}
		w.WriteHeader(http.StatusAccepted)
	})}
	l.stop = append(l.stop, func() { server.Close() })
	go func() { _ = server.Serve(listener) }()
}

// post sends a body, once.
func (l *Limit) post(client *http.Client, url, media string, body []byte) {
	answer, err := client.Post(url, media, bytes.NewReader(body))
	if err != nil {
		l.lost.Add(1)
		return
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode/100 != 2 {
		l.lost.Add(1)
	}
}
