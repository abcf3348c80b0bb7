// SPDX-License-Identifier: Apache-2.0

package faultnet

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// DatagramFaults is what a Relay does to datagrams.
type DatagramFaults struct {
	// Delay is how long each datagram waits.
	Delay time.Duration
	// LoseEvery loses each datagram whose number, from 1 on, is a multiple of it;
	// TwiceEvery sends such a one twice. 0: none.
	LoseEvery, TwiceEvery int64
	// Cut takes datagrams to at most that many bytes; 0: whole.
	Cut int
}

// Relay stands before a UDP port and passes datagrams on, one way: those who send
// spans by UDP hear nothing back.
type Relay struct {
	in, out *net.UDPConn
	faults  atomic.Pointer[DatagramFaults]
	seen    atomic.Int64
	lost    atomic.Int64
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup
}

// NewRelay opens a UDP port on loopback before target, which is host:port.
func NewRelay(target string) (*Relay, error) {
	in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	out, err := d.DialContext(context.Background(), "udp", target)
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	r := &Relay{in: in, out: out.(*net.UDPConn)}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.faults.Store(&DatagramFaults{})
	r.running.Go(r.pass)
	return r, nil
}

// Addr is where clients send to, as host:port.
func (r *Relay) Addr() string { return r.in.LocalAddr().String() }

// Set changes the faults.
func (r *Relay) Set(f DatagramFaults) { r.faults.Store(&f) }

// Counts says how many datagrams came and how many of them the relay has lost.
func (r *Relay) Counts() (came, lost int64) { return r.seen.Load(), r.lost.Load() }

// Close ends the relay.
func (r *Relay) Close() error {
	r.stop()
	err := r.in.Close()
	r.running.Wait()
	_ = r.out.Close()
	return err
}

func (r *Relay) pass() {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.in.Read(buf)
		if r.ctx.Err() != nil {
			return
		}
		if err != nil {
			continue
		}
		number, f := r.seen.Add(1), r.faults.Load()
		if f.LoseEvery > 0 && number%f.LoseEvery == 0 {
			r.lost.Add(1)
			continue
		}
		if f.Cut > 0 {
			n = min(n, f.Cut)
		}
		if f.Delay > 0 {
			timer := time.NewTimer(f.Delay)
			select {
			case <-timer.C:
			case <-r.ctx.Done():
				timer.Stop()
				return
			}
		}
		// An error says that nobody listens, which is nothing a sender would hear.
		_, _ = r.out.Write(buf[:n])
		if f.TwiceEvery > 0 && number%f.TwiceEvery == 0 {
			_, _ = r.out.Write(buf[:n])
		}
	}
}
