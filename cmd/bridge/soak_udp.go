// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/internal/faultnet"
)

// datagramFaults are what the network does to datagrams all the time.
var datagramFaults = faultnet.DatagramFaults{LoseEvery: 7, TwiceEvery: 11, SwapEvery: 5, CutEvery: 13}

// soakDatagrams is the account of UDP. Nothing is acknowledged there, and what lies
// in the socket goes with the process; so the bridge's own counters are compared for
// its last life, in which all that reached the port must be in one of them.
type soakDatagrams struct {
	Sent int64 `json:"sent"`
	// Lost, Cut and Swapped are by the network, and by the bridge being away; Twice
	// is how many more went on than there were.
	Lost    int64 `json:"lost"`
	Cut     int64 `json:"cut"`
	Swapped int64 `json:"swapped"`
	Twice   int64 `json:"twice"`
	// Of the last life: what reached the port, how much of that was cut, and what the
	// bridge counted. Overflow is what the kernel threw away, as it counts it; -1 where
	// it does not say.
	Reached    int64 `json:"reached"`
	ReachedCut int64 `json:"reached_cut"`
	Taken      int64 `json:"taken"`
	Malformed  int64 `json:"malformed"`
	Busy       int64 `json:"busy"`
	Other      int64 `json:"other"`
	Overflow   int64 `json:"overflow"`
}

// missing is how many datagrams are in no counter.
func (d *soakDatagrams) missing() int64 {
	return d.Reached - d.Taken - d.Malformed - d.Busy - d.Other - max(d.Overflow, 0)
}

func (d *soakDatagrams) judge() error {
	switch {
	case d.missing() < 0 || d.missing() > 0 && d.Overflow >= 0:
		return fmt.Errorf("%d datagrams reached the port, and %d more or fewer are counted", d.Reached, -d.missing())
	// One that was cut is busy if what was whole of it found a full disk.
	case d.Malformed > d.ReachedCut || d.Overflow == 0 && d.Malformed+d.Busy < d.ReachedCut:
		return fmt.Errorf("%d datagrams were cut, and %d are counted as malformed", d.ReachedCut, d.Malformed)
	}
	return nil
}

func (d *soakDatagrams) print(out io.Writer) {
	fmt.Fprintf(out, "\nUDP: %d datagrams came to the network, which lost %d, cut %d, swapped %d and sent %d twice.\n", d.Sent, d.Lost, d.Cut, d.Swapped, d.Twice)
	fmt.Fprintf(out, "In the bridge's last life %d reached its port, %d of them cut: %d taken, %d malformed, %d busy, %d others, %d without room in the socket.\n",
		d.Reached, d.ReachedCut, d.Taken, d.Malformed, d.Busy, d.Other, max(d.Overflow, 0))
}

// away has the network lose all datagrams, so that none is in the socket of a
// process that ends, nor on its way to one that starts. It says what there was of them.
func (k *soak) away() faultnet.DatagramCounts {
	return k.relay.Set(faultnet.DatagramFaults{LoseEvery: 1})
}

// back has it pass them again.
func (k *soak) back() {
	f := faultnet.DatagramFaults{}
	if k.faults["udp"] {
		f = datagramFaults
	}
	k.datagramsBefore = k.relay.Set(f)
}

// enoughDatagrams are to reach the port in the last life, so that each fault is among
// them.
const enoughDatagrams = 60

// moreDatagrams sends some, however short the last life was.
func (k *soak) moreDatagrams(ctx context.Context) {
	way := slices.IndexFunc(k.ways, func(w soakWay) bool { return w.silent })
	c := &soakClient{w: k.ways[way], address: k.relay.Addr()}
	send := c.datagrams()
	for k.relay.Counts().Passed-k.datagramsBefore.Passed < enoughDatagrams && sleep(ctx, 5*time.Millisecond) {
		send(ctx, numberedSpans(k.book.draw(way, 1), 1, "soak-"+c.w.port, time.Now()))
	}
}

// countDatagrams waits until the bridge has counted what reached its port, or will
// not.
func (k *soak) countDatagrams(ctx context.Context) error {
	k.moreDatagrams(ctx)
	now := k.away()
	before := k.datagramsBefore
	d := &soakDatagrams{
		Sent: now.Came, Lost: now.Lost, Cut: now.Cut, Swapped: now.Swapped, Twice: now.Passed + now.Lost - now.Came,
		Reached: now.Passed - before.Passed, ReachedCut: now.Cut - before.Cut,
	}
	k.report.Datagrams = d
	for {
		var err error
		if d.Overflow, err = overflow(k.bridge.ports[udpPort]); err != nil {
			d.Overflow = -1
			k.report.NotDone["what the kernel had no room for"] = err.Error()
		}
		if err := k.bridge.datagrams(ctx, d); err != nil && ctx.Err() == nil {
			return errors.Join(err, k.bridge.died())
		}
		if d.missing() == 0 || !sleep(ctx, settlePause) {
			return nil
		}
	}
}

// datagrams reads what the bridge has counted of them.
func (b *soakBridge) datagrams(ctx context.Context, d *soakDatagrams) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.admin+"/metrics", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	by, err := datagramVerdicts(resp.Body)
	d.Taken, d.Malformed, d.Busy = by["taken"], by["malformed"], by["busy"]
	d.Other = total(by) - d.Taken - d.Malformed - d.Busy
	return err
}

// datagramVerdicts reads from metrics how many datagrams were answered how.
func datagramVerdicts(metrics io.Reader) (map[string]int64, error) {
	by := make(map[string]int64)
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		labels, ok := strings.CutPrefix(lines.Text(), "bridge_messages_total{")
		if !ok || !strings.Contains(labels, `transport="udp"`) {
			continue
		}
		labels, value, _ := strings.Cut(labels, "} ")
		_, verdict, _ := strings.Cut(labels, `verdict="`)
		verdict, _, _ = strings.Cut(verdict, `"`)
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("bridge_messages_total: %w", err)
		}
		by[verdict] += int64(n)
	}
	return by, lines.Err()
}

// overflow is how many datagrams the kernel had no room for, at a port on loopback.
func overflow(address string) (int64, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0, err
	}
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0, err
	}
	local := fmt.Sprintf("0100007F:%04X", n)
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == local {
			return strconv.ParseInt(f[len(f)-1], 10, 64)
		}
	}
	return 0, fmt.Errorf("no socket at %s in /proc/net/udp", address)
}

// udpPort is the receiver of datagrams.
const udpPort = "jaeger-compact"
