// SPDX-License-Identifier: Apache-2.0

//go:build linux

package limit

import (
	"encoding/binary"
	"net"
	"net/http"
	"time"
)

// Datagrams are joined to requests of so many, or what has come in that time.
// Each has its length in front of it, in four bytes.
const (
	joined     = 50
	joinFor    = 5 * time.Millisecond
	largest    = 64 << 10
	readBuffer = 8 << 20
)

func (l *Limit) passUDP(to string) error {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	if err := conn.SetReadBuffer(readBuffer); err != nil {
		conn.Close()
		return err
	}
	l.Address = conn.LocalAddr().String()
	l.stop = append(l.stop, func() { conn.Close() })
	full, empty := make(chan []byte, workers), make(chan []byte, 2*workers)
	for range 2 * workers {
		empty <- make([]byte, 0, joined*(4+largest))
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers, WriteBufferSize: 64 << 10, DisableCompression: true}}
	for range workers {
		go func() {
			for body := range full {
				l.post(client, "http://"+to+"/datagrams", "application/octet-stream", body)
				empty <- body[:0]
			}
		}()
	}
	go func() {
		defer close(full)
		for {
			body, err := join(conn, <-empty)
			if len(body) > 0 {
				full <- body
			}
			if err != nil {
				return
			}
		}
	}()
	return nil
}

// join reads datagrams into one body: the first one whenever it comes.
func join(conn *net.UDPConn, body []byte) ([]byte, error) {
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return body, err
	}
	for n := range joined {
		at := len(body)
		body = body[:at+4+largest]
		size, err := conn.Read(body[at+4:])
		if err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				err = nil
			}
			return body[:at], err
		}
		binary.BigEndian.PutUint32(body[at:], uint32(size))
		body = body[:at+4+size]
		if n == 0 {
			if err := conn.SetReadDeadline(time.Now().Add(joinFor)); err != nil {
				return body, err
			}
		}
	}
	return body, nil
}
