// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"

	"github.com/spanbridge/spanbridge/span"
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
	o.address = conn.LocalAddr()
	h := &udpHandler{
		intake: s.intake, protocol: o.protocol, port: o.Name, terms: o.terms, formats: make(map[string]string),
		buffer: prepareSocket(conn, socketBuffer),
	}
	if h.buffer < socketBuffer {
		s.opts.Log.Info("the kernel gives the socket a smaller buffer than is asked for: datagrams may be lost when many come at once (net.core.rmem_max)",
			"port", o.Name, "buffer", h.buffer, "asked", socketBuffer)
	}
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
	intake    *intake
	protocol  string
	port      string
	terms     *terms
	formats   map[string]string // by method
	buffer    int               // of the socket, in bytes
	lostSoFar uint32            // datagrams, as the kernel counts
}

// Datagrams are read by one goroutine, which has nothing else to do, and taken by
// others: to decode one and to write it to the disk takes longer than the socket has
// room for what comes meanwhile. When as many wait as there is room for, they wait in
// the socket.
const (
	datagramsWaiting = 256
	datagramTakers   = 16 // as many share one sync of the disk
)

func (h *udpHandler) serve(conn *net.UDPConn) error {
	waiting := make(chan *span.Buffer, datagramsWaiting)
	var takers sync.WaitGroup
	for range datagramTakers {
		takers.Go(func() {
			for packet := range waiting {
				h.take(packet)
			}
		})
	}
	defer takers.Wait()
	defer close(waiting)
	buf, control := make([]byte, maxDatagram), make([]byte, controlBytes)
	for {
		n, c, _, _, err := conn.ReadMsgUDPAddrPort(buf, control)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			continue // a fault of one datagram, such as ICMP's port unreachable
		}
		if now, ok := lostSoFar(control[:c]); ok {
			h.lost(now)
		}
		packet := span.NewBuffer(n)
		packet.Body = append(packet.Body, buf[:n]...)
		waiting <- packet
	}
}

// lost counts what found no room in the socket, and says so at times: nobody else
// knows.
func (h *udpHandler) lost(soFar uint32) {
	more := soFar - h.lostSoFar
	if more == 0 {
		return
	}
	h.lostSoFar = soFar
	h.intake.opts.Set.DatagramsLost.WithLabelValues(h.port).Add(float64(more))
	h.intake.opts.Log.Warn("datagrams were lost: the socket had no room for them", "port", h.port, "datagrams", more, "buffer", h.buffer)
}

// take takes a datagram. Nobody is answered, so everything is counted.
func (h *udpHandler) take(packet *span.Buffer) {
	defer func() {
		if p := recover(); p != nil {
			h.intake.opts.Set.Panics.WithLabelValues("udp").Inc()
			h.intake.opts.Log.Error("panic while taking a datagram", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	m := body{format: h.protocol, transport: "udp", strict: h.terms.now().strict}
	method, err := translate.DatagramMethod(packet.Body)
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
