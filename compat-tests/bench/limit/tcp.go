// SPDX-License-Identifier: Apache-2.0

//go:build linux

package limit

import (
	"io"
	"net"
)

func (l *Limit) passTCP(listener net.Listener, to string) {
	l.stop = append(l.stop, func() { listener.Close() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go l.splice(in, to)
		}
	}()
}

func (l *Limit) splice(in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		l.lost.Add(1)
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(in, out)
		in.Close()
	}()
	_, _ = io.Copy(out, in)
}
