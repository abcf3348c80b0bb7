// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package receivers

import "net"

// controlBytes is nothing: no such system says how many datagrams found no room.
var controlBytes = 0

// prepareSocket asks for a receive buffer; how large it is then is not known.
func prepareSocket(conn *net.UDPConn, want int) (size int) {
	_ = conn.SetReadBuffer(want)
	return want
}

func lostSoFar([]byte) (n uint32, ok bool) { return 0, false }
