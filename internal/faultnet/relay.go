// SPDX-License-Identifier: Apache-2.0

package faultnet

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// DatagramFaults is what a Relay does to datagrams.
type DatagramFaults struct {
	// Delay is how long each datagram waits.
	Delay time.Duration
	// LoseEvery loses each datagram whose number, from 1 on, is a multiple of it;
	// TwiceEvery sends such a one twice, SwapEvery after the next one, and CutEvery
	// without its second half. 0: none.
	LoseEvery, TwiceEvery, SwapEvery, CutEvery int64
}

// DatagramCounts is what became of datagrams.
type DatagramCounts struct {
	Came, Lost int64
	// Passed went on, those that were sent twice as two. Cut of them were cut,
	// Swapped were late.
	Passed, Cut, Swapped int64
}

// Relay stands before a UDP port and passes datagrams on, one way: those who send
// spans by UDP hear nothing back.
type Relay struct {
	in, out *net.UDPConn
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	faults DatagramFaults
	counts DatagramCounts
	late   [][]byte // swapped
}

// NewRelay opens a UDP port on loopback before target, which is host:port.
func NewRelay(target string) (*Relay, error) {
	in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	_ = in.SetReadBuffer(4 << 20) // as far as the kernel gives it
	out, err := d.DialContext(context.Background(), "udp", target)
	if err != nil {
		_ = in.Close()
		return nil, err
	}
	r := &Relay{in: in, out: out.(*net.UDPConn)}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.running.Go(r.pass)
	return r, nil
}

// Addr is where clients send to, as host:port.
func (r *Relay) Addr() string { return r.in.LocalAddr().String() }

// Set changes the faults, and says what became of the datagrams up to then. What is
// late goes on before that.
func (r *Relay) Set(f DatagramFaults) DatagramCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	r.faults = f
	return r.counts
}

// Counts says what has become of the datagrams.
func (r *Relay) Counts() DatagramCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

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
		r.mu.Lock()
		delay := r.faults.Delay
		r.mu.Unlock()
		if delay > 0 {
			timer := time.NewTimer(delay)
			select {
			case <-timer.C:
			case <-r.ctx.Done():
				timer.Stop()
				return
			}
		}
		r.take(buf[:n])
	}
}

func (r *Relay) take(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Came++
	every := func(n int64) bool { return n > 0 && r.counts.Came%n == 0 }
	if every(r.faults.LoseEvery) {
		r.counts.Lost++
		return
	}
	times := 1
	if every(r.faults.TwiceEvery) {
		times = 2
	}
	if every(r.faults.CutEvery) {
		p = p[:len(p)/2]
		r.counts.Cut += int64(times)
	}
	late := every(r.faults.SwapEvery)
	for range times {
		if late {
			r.late = append(r.late, slices.Clone(p))
			r.counts.Swapped++
			continue
		}
		r.send(p)
	}
	if !late {
		r.flush()
	}
}

// flush sends what is late.
func (r *Relay) flush() {
	for _, p := range r.late {
		r.send(p)
	}
	r.late = nil
}

func (r *Relay) send(p []byte) {
	r.counts.Passed++
	// An error says that nobody listens, which is nothing a sender would hear. It is
	// that of the datagram before, and this one was not sent.
	if _, err := r.out.Write(p); err != nil {
		_, _ = r.out.Write(p)
	}
}
