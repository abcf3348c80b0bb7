// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// soakBook knows of every numbered span by which way it was sent, whether it was
// acknowledged, and how often each target got it. It takes some twenty bytes a span.
type soakBook struct {
	mu      sync.Mutex
	way     []uint8 // by number; number 0 is none
	acked   []bool
	targets []*targetBook
	// damaged are the numbers in records of which a bit was flipped.
	damaged map[int]bool
	newest  int     // number of the last span that was acknowledged
	delays  *delays // nil: not measured
}

// targetBook is what one target got.
type targetBook struct {
	name    string
	came    []uint8 // how often, up to 255
	refused map[int]bool
	held    map[int]bool // in the queue at the end
	spoiled int          // arrived, but not as sent
	foreign int          // numbers that nobody has sent
	flight  flight
}

func newSoakBook(targets ...string) *soakBook {
	b := &soakBook{way: make([]uint8, 1), acked: make([]bool, 1), damaged: make(map[int]bool)}
	for _, name := range targets {
		t := &targetBook{name: name, came: make([]uint8, 1), refused: make(map[int]bool), held: make(map[int]bool)}
		t.flight.draw()
		b.targets = append(b.targets, t)
	}
	return b
}

// draw gives n numbers, from first on, to a way.
func (b *soakBook) draw(way, n int) (first int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first = len(b.way)
	for range n {
		b.way = append(b.way, uint8(way))
		b.acked = append(b.acked, false)
		for _, t := range b.targets {
			t.came = append(t.came, 0)
			t.flight.draw()
		}
		if b.delays != nil {
			b.delays.draw(time.Now())
		}
	}
	return first
}

// acknowledge notes that n spans from first on were acknowledged.
func (b *soakBook) acknowledge(first, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := first; i < first+n; i++ {
		b.acked[i] = true
	}
	b.newest = max(b.newest, first+n-1)
}

func (b *soakBook) lastAcknowledged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newest
}

func (b *soakBook) drawn() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.way)
}

// arrive notes that a target got a span from a life of the bridge; whole is false
// when it is not as it was sent.
func (b *soakBook) arrive(target, number, life int, whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.targets[target]
	switch {
	case number <= 0 || number >= len(t.came):
		t.foreign++
	case !whole:
		t.spoiled++
	default:
		if b.delays != nil && t.came[number] == 0 {
			b.delays.arrive(target, number, time.Now())
		}
		t.flight.arrive(number, life)
		if t.came[number] < 255 {
			t.came[number]++
		}
	}
}

// refuse notes that a target refused a request for this span.
func (b *soakBook) refuse(target, number int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets[target].refused[number] = true
}

func (b *soakBook) damage(numbers []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range numbers {
		b.damaged[n] = true
	}
}

// each calls f with each of the numbers that somebody has drawn.
func (b *soakBook) each(target string, numbers []int, f func(*targetBook, int)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.targets {
		for _, n := range numbers {
			if t.name == target && n > 0 && n < len(b.way) {
				f(t, n)
			}
		}
	}
}

// hold notes what the queue holds for a target when all is over.
func (b *soakBook) hold(target string, numbers []int) {
	b.each(target, numbers, func(t *targetBook, n int) { t.held[n] = true })
}

// fly notes what the queue holds for a target when a life of the bridge has ended.
func (b *soakBook) fly(target string, life int, numbers []int) {
	b.each(target, numbers, func(t *targetBook, n int) { t.flight.hold(n, life) })
}

// enter begins a phase, of which spans are that are drawn from now on.
func (b *soakBook) enter(phase uint8) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delays.phase = phase
}

// numberedName is the name of a numbered span; every protocol carries it as it is.
func numberedName(number int) string { return fmt.Sprintf("soak-%012d", number) }

const numberedLength = len("soak-000000000000")

// numberOf reads the number from a name; 0 if it has none.
func numberOf(name string) int {
	digits, ok := strings.CutPrefix(name, "soak-")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// numbersIn finds the numbers of the spans in a body of any form.
func numbersIn(body []byte) (numbers []int) {
	for {
		i := bytes.Index(body, []byte("soak-"))
		if i < 0 || len(body) < i+numberedLength {
			return numbers
		}
		if n := numberOf(string(body[i : i+numberedLength])); n > 0 {
			numbers = append(numbers, n)
		}
		body = body[i+1:]
	}
}

// checkKey is the tag by which a span shows that it is the one of its number.
const checkKey = "soak.check"

// checkOf spreads a number over 64 bits (the finaliser of splitmix64).
func checkOf(number int) uint64 {
	v := uint64(number) + 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

func checkText(number int) string { return fmt.Sprintf("%016x", checkOf(number)) }
