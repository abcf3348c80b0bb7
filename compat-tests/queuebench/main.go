// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// store takes a record and returns when it is durable.
type store interface {
	put(record []byte) error
	close() error
}

var stores = []struct {
	name string
	open func(dir string) (store, error)
}{
	{"bare write + fdatasync", openBare},
	{"queue", openQueue},
	{"raft-wal 0.4.0", openRaft},
	{"prometheus wlog 0.315", openWlog},
}

type result struct {
	mbs, cpu, p50, p99 float64
}

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 3, "how often each store is measured, in turn")
	mb := flag.Int("mb", 256, "how much each one takes in a round, in MB")
	size := flag.Int("size", 64<<10, "the length of a record")
	producers := flag.Int("producers", 16, "how many write at once")
	dir := flag.String("dir", "", "the directory to write in; a temporary one beside the system's others when not set")
	flag.Parse()
	if *dir == "" {
		var err error
		if *dir, err = os.MkdirTemp("", "queuebench-"); err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(*dir)
	}
	records := make([][]byte, 64)
	for i := range records {
		records[i] = make([]byte, *size)
		for j := range records[i] {
			records[i][j] = byte(rand.Uint32())
		}
	}
	results := make(map[string][]result)
	for round := range *rounds {
		for i := range stores {
			s := stores[(i+round)%len(stores)] // nobody is always the first
			r, err := measure(filepath.Join(*dir, "store"), s.open, records, *mb*1_000_000 / *size, *producers)
			if err != nil {
				log.Fatalf("%s: %v", s.name, err)
			}
			results[s.name] = append(results[s.name], r)
		}
	}
	fmt.Fprintf(os.Stdout, "%d producers, records of %d bytes, %d MB, %d rounds: the middle (least – most)\n\n", *producers, *size, *mb, *rounds)
	show(os.Stdout, results)
}

// show prints a table.
func show(out io.Writer, results map[string][]result) {
	fmt.Fprintln(out, "| store | MB/s | CPU-s/GB | ack p50 ms | ack p99 ms |\n|---|---|---|---|---|")
	for _, s := range stores {
		column := func(f func(result) float64) string {
			var all []float64
			for _, r := range results[s.name] {
				all = append(all, f(r))
			}
			slices.Sort(all)
			return fmt.Sprintf("%.2f (%.2f – %.2f)", all[len(all)/2], all[0], all[len(all)-1])
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", s.name,
			column(func(r result) float64 { return r.mbs }), column(func(r result) float64 { return r.cpu }),
			column(func(r result) float64 { return r.p50 }), column(func(r result) float64 { return r.p99 }))
	}
}

func measure(dir string, open func(string) (store, error), records [][]byte, n, producers int) (r result, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	s, err := open(dir)
	if err != nil {
		return r, err
	}
	runtime.GC()
	var next atomic.Int64
	var mu sync.Mutex
	var took []float64
	var errs []error
	var all sync.WaitGroup
	cpu, began := cpuTime(), time.Now()
	for range producers {
		all.Go(func() {
			var mine []float64
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					break
				}
				at := time.Now()
				if err := s.put(records[i%len(records)]); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(at).Seconds()*1000)
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	all.Wait()
	seconds := time.Since(began).Seconds()
	used := (cpuTime() - cpu).Seconds()
	if err := errors.Join(append(errs, s.close())...); err != nil {
		return r, err
	}
	slices.Sort(took)
	gb := float64(n*len(records[0])) / 1e9
	return result{gb * 1000 / seconds, used / gb, took[len(took)/2], took[len(took)*99/100]}, nil
}

// cpuTime is what the process has used so far, in the kernel too.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
