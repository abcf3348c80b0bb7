// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Below the usual ephemeral range, which begins at 32768: an outgoing
// connection of anybody may hold a port in there.
const (
	firstPort = 20000
	lastPort  = 32767
)

var reserved = struct {
	sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// Port reserves a port of 127.0.0.1 that is free for TCP and UDP. No other call
// in this process ever gets it, and no other process that uses this package
// while the test runs.
func Port(t testing.TB) int {
	t.Helper()
	root, err := Dir()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !reserve(port) {
			continue
		}
		// A process that picked the port has not bound it yet: hence the file.
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		unlock, err := lockFile(ctx, filepath.Join(root, "ports", strconv.Itoa(port)))
		cancel()
		if err != nil {
			continue
		}
		if !free(port) {
			unlock()
			continue
		}
		t.Cleanup(unlock)
		return port
	}
	t.Fatalf("lab: no free port between %d and %d in 1000 tries", firstPort, lastPort)
	return 0
}

// Addr is a reserved port as 127.0.0.1:PORT.
func Addr(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", Port(t))
}

func reserve(port int) bool {
	reserved.Lock()
	defer reserved.Unlock()
	if reserved.ports[port] {
		return false
	}
	reserved.ports[port] = true
	return true
}

func free(port int) bool {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	defer l.Close()
	p, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	defer p.Close()
	return true
}
