// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// soakBook knows of every numbered span by which way it was sent, whether it was
// acknowledged, and how often each target got it. It takes some bytes a span.
type soakBook struct {
	mu      sync.Mutex
	way     []uint8 // by number; number 0 is none
	acked   []bool
	targets []*targetBook
	// damaged are the numbers in records of which a bit was flipped.
	damaged map[int]bool
	newest  int // number of the last span that was acknowledged
}

// targetBook is what one target got.
type targetBook struct {
	name    string
	came    []uint8 // how often, up to 255
	refused map[int]bool
	held    map[int]bool // in the queue at the end
	spoiled int          // arrived, but not as sent
	foreign int          // numbers that nobody has sent
}

func newSoakBook(targets ...string) *soakBook {
	b := &soakBook{way: make([]uint8, 1), acked: make([]bool, 1), damaged: make(map[int]bool)}
	for _, name := range targets {
		b.targets = append(b.targets, &targetBook{name: name, came: make([]uint8, 1), refused: make(map[int]bool), held: make(map[int]bool)})
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

// arrive notes that a target got a span; whole is false when it is not as it was
// sent.
func (b *soakBook) arrive(target, number int, whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.targets[target]
	switch {
	case number <= 0 || number >= len(t.came):
		t.foreign++
	case !whole:
		t.spoiled++
	case t.came[number] < 255:
		t.came[number]++
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

func (b *soakBook) hold(target string, numbers []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.targets {
		for _, n := range numbers {
			if t.name == target {
				t.held[n] = true
			}
		}
	}
}

// numberedName is the name of a numbered span; every protocol carries it as it is.
func numberedName(number int) string { return fmt.Sprintf("soak-%012d", number) }

var numberedNames = regexp.MustCompile(`soak-[0-9]{12}`)

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
	for _, name := range numberedNames.FindAll(body, -1) {
		numbers = append(numbers, numberOf(string(name)))
	}
	return numbers
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
