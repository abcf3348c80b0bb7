// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"

	"github.com/spanbridge/spanbridge/translate"
)

// maxDatagram is the most that a datagram can hold. Jaeger's agents read 65000
// bytes and lost what was longer.
const maxDatagram = 65535

// socketBuffer is asked for each UDP socket; the kernel may give less
// (net.core.rmem_max).
const socketBuffer = 8 << 20

func (s *Server) openUDP(o *openPort, listen Listen) error {
	addr, err := net.ResolveUDPAddr("udp", listen.Address)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return err
	}
	_ = conn.SetReadBuffer(socketBuffer)
	o.address = conn.LocalAddr()
	h := &udpHandler{intake: s.intake, protocol: o.protocol, terms: o.terms, formats: make(map[string]string)}
	for _, p := range s.opts.Protocols {
		for _, route := range p.UDP {
			h.formats[route.Method] = route.Format
		}
	}
	o.serve = func() error { return h.serve(conn) }
	o.refuse = func() { _ = conn.Close() }
	o.stop = func(context.Context) { _ = conn.Close() }
	return nil
}

type udpHandler struct {
	intake   *intake
	protocol string
	terms    *terms
	formats  map[string]string // by method
}

func (h *udpHandler) serve(conn *net.UDPConn) error {
	buf := make([]byte, maxDatagram)
	for {
		n, _, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			continue // a fault of one datagram, such as ICMP's port unreachable
		}
		h.take(slices.Clone(buf[:n]))
	}
}

// take takes a datagram. Nobody is answered, so everything is counted.
func (h *udpHandler) take(packet []byte) {
	defer func() {
		if p := recover(); p != nil {
			h.intake.opts.Set.Panics.WithLabelValues("udp").Inc()
			h.intake.opts.Log.Error("panic while taking a datagram", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	m := body{format: h.protocol, transport: "udp", strict: h.terms.now().strict}
	method, err := translate.DatagramMethod(packet)
	if err == nil {
		if m.format = h.formats[method]; m.format == "" {
			m.format = h.protocol
			err = fmt.Errorf("method %q, want one of those that agents call", method)
		}
	}
	if err != nil {
		h.intake.refuse(m, translate.BadBody, err)
		h.intake.opts.Log.Debug("a datagram was not understood", "err", err)
		return
	}
	share := h.intake.hold()
	defer share.end()
	if o := h.intake.take(context.Background(), m, packet, &share); o.Err != nil {
		h.intake.opts.Log.Debug("a datagram was not taken whole", "verdict", o.Verdict, "err", o.Err)
	}
}
