// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"encoding/binary"
	"net"
	"syscall"
	"unsafe"
)

// soRxqOvfl has the kernel say with a datagram how many it has thrown away
// (socket(7), SO_RXQ_OVFL).
const soRxqOvfl = 40

// controlBytes has room for that.
var controlBytes = syscall.CmsgSpace(4)

// prepareSocket asks for a receive buffer, beyond net.core.rmem_max where the process
// may (SO_RCVBUFFORCE), and for the count of datagrams that found no room. It gives
// the size of the buffer.
func prepareSocket(conn *net.UDPConn, want int) (size int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, want) != nil {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, want)
		}
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soRxqOvfl, 1)
		size, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	return size / 2 // the kernel doubles it for what it keeps beside the bytes
}

// lostSoFar reads from the control data of a datagram how many the socket has lost;
// ok is false when it does not say, as long as there are none. The count is of 32
// bits and starts anew after them.
func lostSoFar(control []byte) (n uint32, ok bool) {
	const head = int(unsafe.Sizeof(syscall.Cmsghdr{}))
	if len(control) < head+4 {
		return 0, false
	}
	h := (*syscall.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(control)))
	if h.Level != syscall.SOL_SOCKET || h.Type != soRxqOvfl {
		return 0, false
	}
	return binary.NativeEndian.Uint32(control[syscall.CmsgLen(0):]), true
}
