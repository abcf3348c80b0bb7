// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"net"
	"testing"
	"time"
)

// TestLostDatagrams: the socket tells of datagrams that found no room, with those
// that come when there is room again.
func TestLostDatagrams(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if size := prepareSocket(conn, 1<<14); size < 1<<14 {
		t.Fatalf("a buffer of %d bytes", size)
	}
	client, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const sent = 200
	datagram := make([]byte, 1000)
	for range sent {
		if _, err := client.Write(datagram); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	buf, control := make([]byte, maxDatagram), make([]byte, controlBytes)
	for read := 1; ; read++ {
		_, n, _, _, err := conn.ReadMsgUDPAddrPort(buf, control)
		if err != nil {
			t.Fatalf("after %d datagrams: %v", read-1, err)
		}
		if lost, ok := lostSoFar(control[:n]); ok {
			if int(lost) < sent/2 || int(lost) >= sent {
				t.Errorf("%d of %d were lost, it says", lost, sent)
			}
			return
		}
		if _, err := client.Write(datagram); err != nil { // there is room for one now
			t.Fatal(err)
		}
	}
}
