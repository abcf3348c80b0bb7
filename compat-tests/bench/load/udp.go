// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"net"

	"github.com/spanbridge/spanbridge/compat-tests/bench/traffic"
)

type udpWay struct{ conn net.Conn }

func dialUDP(address string) (*udpWay, error) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return nil, err
	}
	return &udpWay{conn}, nil
}

func (w *udpWay) send(_ context.Context, r *traffic.Request) error {
	_, err := w.conn.Write(r.Messages[0].Body)
	return err
}

func (w *udpWay) close() { w.conn.Close() }
