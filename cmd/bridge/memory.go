// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/config"
)

// unknownMemory is the budget where nothing says how much memory there is: on
// macOS and Windows.
const unknownMemory = 2 << 30

// memoryBudget is limits.memory, or what there is, and makes the garbage
// collector keep to it unless $GOMEMLIMIT says otherwise.
func memoryBudget(c config.Limits) int64 {
	budget, set := int64(c.Memory), debug.SetMemoryLimit(-1)
	switch {
	case budget > 0:
	case set != math.MaxInt64: // $GOMEMLIMIT
		budget = set
	default:
		budget = unknownMemory
		if there := memoryThere(os.ReadFile); there > 0 {
			budget = max(there/4*3, 64<<20)
		}
	}
	if set == math.MaxInt64 || c.Memory > 0 {
		debug.SetMemoryLimit(budget / 5 * 4) // the program itself, and what the collector is late for, take the rest
	}
	return budget
}

// memoryThere is the least of the limits of the process's control groups and the
// memory of the machine; 0 when none is known.
func memoryThere(read func(string) ([]byte, error)) (least int64) {
	note := func(n int64, ok bool) {
		if ok && n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	number := func(file string) (int64, bool) {
		p, err := read(file)
		if err != nil {
			return 0, false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(p)), 10, 64) // not "max"
		return n, err == nil
	}
	if p, err := read("/proc/meminfo"); err == nil {
		for line := range bytes.Lines(p) {
			if rest, ok := bytes.CutPrefix(line, []byte("MemTotal:")); ok {
				kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(rest)), "kB")), 10, 64)
				note(kb<<10, err == nil)
			}
		}
	}
	two, one := "/", "/" // the groups of versions 2 and 1
	if p, err := read("/proc/self/cgroup"); err == nil {
		for line := range bytes.Lines(p) {
			// A number, controllers (of version 2: none) and the group.
			if parts := strings.SplitN(strings.TrimSpace(string(line)), ":", 3); len(parts) == 3 {
				switch {
				case parts[0] == "0" && parts[1] == "":
					two = path.Clean("/" + parts[2])
				case slices.Contains(strings.Split(parts[1], ","), "memory"):
					one = path.Clean("/" + parts[2])
				}
			}
		}
	}
	// Whichever of the groups around has a limit. In a container the group may be
	// named as outside, where there is no such folder, and be what is mounted.
	for _, group := range withParents(two) {
		note(number(path.Join("/sys/fs/cgroup", group, "memory.max")))
		note(number(path.Join("/sys/fs/cgroup", group, "memory.high"))) // beyond which it is slowed down
	}
	for _, group := range withParents(one) {
		note(number(path.Join("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes")))
	}
	return least
}

// withParents is a path and those above it, up to the root.
func withParents(p string) (all []string) {
	for all = append(all, p); p != "/"; all = append(all, p) {
		p = path.Dir(p)
	}
	return all
}

// fit makes what a configuration sets aside fit into a budget: together less
// than the two thirds that the heap may take, or clients would be told to come
// again for ever.
func fit(c *config.Config, budget int64, log *slog.Logger) {
	shrink := func(setting string, size *config.Size, share int64) {
		if most := config.Size(budget / share); *size > most {
			log.Info("a setting was made smaller to fit into limits.memory", "setting", setting, "set", *size, "now", most, "memory", config.Size(budget))
			*size = most
		}
	}
	shrink("limits.body", &c.Limits.Body, 8)
	shrink("limits.inflated", &c.Limits.Inflated, 8)
	shrink("limits.message", &c.Limits.Message, 8)
	if c.View.Enabled {
		shrink("view.memory", &c.View.Memory, 4)
	}
	shrink("queue.decoded", &c.Queue.Decoded, 16)
	targets := int64(max(1, len(c.Targets)))
	for name, t := range c.Targets {
		shrink("targets."+name+".window.max_bytes", &t.Window.MaxBytes, 32*targets)
		if c.Queue.Dir == "" {
			shrink("targets."+name+".queue.max_bytes", &t.Queue.MaxBytes, 4)
		}
	}
}
