// SPDX-License-Identifier: Apache-2.0

package faultnet_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/internal/faultnet"
)

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// echo is a TCP server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	return l.Addr().String()
}

func proxy(t *testing.T, target string) *faultnet.Proxy {
	t.Helper()
	p, err := faultnet.NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(limit))
	return c
}

// say sends a text and reads it back.
func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("%q came back, %v, want %q", got, err, text)
	}
}

func TestProxyPasses(t *testing.T) {
	c := dial(t, proxy(t, echo(t)).Addr())
	want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	go func() {
		_, _ = c.Write(want)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, %v, want the %d that were sent", len(got), err, len(want))
	}
}

func TestProxyDelaysAndTrickles(t *testing.T) {
	for name, f := range map[string]faultnet.Faults{
		"delay":   {Delay: 100 * time.Millisecond},
		"trickle": {Rate: 100},
	} {
		p := proxy(t, echo(t))
		p.Set(f)
		began := time.Now()
		say(t, dial(t, p.Addr()), "twenty bytes of text")
		// 2 × 100 ms, or 2 × 20 bytes at 100 a second; the last wait is not waited for.
		if took := time.Since(began); took < 150*time.Millisecond {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func TestProxyStalls(t *testing.T) {
	p := proxy(t, echo(t))
	c := dial(t, p.Addr())
	say(t, c, "before")
	p.Set(faultnet.Faults{Stall: true})
	if _, err := io.WriteString(c, "later"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%d bytes came, %v", n, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(limit))
	p.Set(faultnet.Faults{})
	got := make([]byte, 5)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "later" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestProxyCutsAndResets(t *testing.T) {
	p := proxy(t, echo(t))
	c := dial(t, p.Addr())
	say(t, c, "a")
	if n := p.Cut(); n != 1 {
		t.Errorf("%d connections cut", n)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("cut: %v", err)
	}
	c = dial(t, p.Addr())
	say(t, c, "b")
	p.Reset()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	p.Set(faultnet.Faults{CutAfter: 3})
	c = dial(t, p.Addr())
	_, _ = io.WriteString(c, "abcdef")
	if got, _ := io.ReadAll(c); len(got) > 3 {
		t.Errorf("%q passed the cut", got)
	}
	p.Set(faultnet.Faults{Refuse: true})
	if c, err := net.Dial("tcp", p.Addr()); err == nil { // the reset may be later than the connection
		_ = c.SetDeadline(time.Now().Add(limit))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("refused: %v", err)
		}
		c.Close()
	}
	p.Set(faultnet.Faults{})
	say(t, dial(t, p.Addr()), "as ever")
}

func TestRelay(t *testing.T) {
	sink, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	r, err := faultnet.NewRelay(sink.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Set(faultnet.DatagramFaults{LoseEvery: 2, TwiceEvery: 3, SwapEvery: 5, CutEvery: 7})
	c, err := net.Dial("udp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = sink.SetReadDeadline(time.Now().Add(limit))
	for _, text := range []string{"1st", "2nd", "3rd", "4th", "5th", "6th", "7th"} {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	var got []string
	for range 5 {
		n, _, err := sink.ReadFrom(buf)
		if err != nil {
			t.Fatal(got, err)
		}
		got = append(got, string(buf[:n]))
	}
	if want := []string{"1st", "3rd", "3rd", "7", "5th"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := r.Counts(), (faultnet.DatagramCounts{Came: 7, Lost: 3, Passed: 5, Cut: 1, Swapped: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
