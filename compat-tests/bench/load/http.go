// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

// answerLimit is how long a request may take: a gateway that hangs must not hang
// the benchmark.
const answerLimit = time.Minute

// httpWay writes requests as they are and reads answers: net/http's client takes
// so much of the one core that fast gateways would wait for it.
type httpWay struct {
	address string
	head    []byte
	conn    net.Conn
	answers *bufio.Reader
}

func dialHTTP(address, path, media string, r *traffic.Request) (*httpWay, error) {
	w := &httpWay{address: address}
	w.head = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, address, media, r.Size())
	return w, w.open()
}

func (w *httpWay) open() (err error) {
	if w.conn, err = net.DialTimeout("tcp", w.address, answerLimit); err != nil {
		return err
	}
	w.answers = bufio.NewReader(w.conn)
	return nil
}

func (w *httpWay) send(_ context.Context, r *traffic.Request) error {
	if w.conn == nil {
		if err := w.open(); err != nil {
			return err
		}
	}
	keep, err := w.exchange(r)
	if err != nil || !keep {
		w.close()
	}
	return err
}

func (w *httpWay) exchange(r *traffic.Request) (keep bool, err error) {
	if err := w.conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return false, err
	}
	buffers := net.Buffers{w.head, r.Messages[0].Body}
	if _, err := buffers.WriteTo(w.conn); err != nil {
		return false, err
	}
	answer, err := http.ReadResponse(w.answers, nil)
	if err != nil {
		return false, err
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return false, err
	}
	if answer.StatusCode/100 != 2 {
		return !answer.Close, fmt.Errorf("%s: %.200s", answer.Status, text)
	}
	return !answer.Close, nil
}

func (w *httpWay) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}
