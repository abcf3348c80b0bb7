// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"os"
	"testing"

	"github.com/spanbridge/spanbridge/config"
)

// The limit of a container counts, whichever of the groups has it, and the
// machine's memory where there is none.
func TestMemoryThere(t *testing.T) {
	meminfo := "MemTotal:       8000000 kB\nMemFree:        1 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing":   {nil, 0},
		"a machine": {map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": "max\n"}, 8_000_000 << 10},
		"a container": {map[string]string{
			"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "536870912\n",
		}, 512 << 20},
		"a unit of systemd": {map[string]string{
			"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/system.slice/bridge.service\n",
			"/sys/fs/cgroup/system.slice/bridge.service/memory.max": "max\n", "/sys/fs/cgroup/system.slice/memory.max": "1073741824\n",
		}, 1 << 30},
		"a group inside one with less": {map[string]string{
			"/proc/self/cgroup": "0::/kubepods/pod1/c1\n", "/sys/fs/cgroup/kubepods/pod1/c1/memory.max": "1073741824\n",
			"/sys/fs/cgroup/kubepods/pod1/memory.max": "536870912\n", "/sys/fs/cgroup/kubepods/memory.max": "4294967296\n",
		}, 512 << 20},
		"slowed down before its limit": {map[string]string{
			"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "1073741824\n", "/sys/fs/cgroup/a/memory.high": "805306368\n",
		}, 768 << 20},
		"a container whose group is named as outside": {map[string]string{
			"/proc/self/cgroup": "0::/docker/0123\n", "/sys/fs/cgroup/memory.max": "536870912\n",
		}, 512 << 20},
		"version 1, a group inside one with less": {map[string]string{
			"/proc/self/cgroup":                               "9:cpu,cpuacct:/x\n3:hugetlb,memory:/a/b\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes":     "9223372036854771712\n",
			"/sys/fs/cgroup/memory/a/memory.limit_in_bytes":   "268435456\n",
			"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "536870912\n",
		}, 256 << 20},
		"both versions, memory by the first": {map[string]string{
			"/proc/self/cgroup":                               "3:memory:/a\n0::/a\n",
			"/sys/fs/cgroup/memory/a/memory.limit_in_bytes":   "268435456\n",
			"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "1\n",
		}, 256 << 20},
		"version 1": {map[string]string{
			"/proc/meminfo": meminfo, "/proc/self/cgroup": "3:memory:/a\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
		}, 256 << 20},
		"version 1 without a limit": {map[string]string{
			"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 8_000_000 << 10},
	} {
		got := memoryThere(func(name string) ([]byte, error) {
			if text, ok := c.files[name]; ok {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		})
		if got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// What is set aside leaves room in the heap: else clients would be told to come
// again for ever.
func TestFit(t *testing.T) {
	c := config.Default(known(protocols(nil)))
	c.Targets["a"] = &config.Target{
		Queue: config.TargetQueue{MaxBytes: 256 << 20}, Window: config.Window{MaxBytes: 128 << 20},
	}
	const budget = 384 << 20
	log := slog.New(slog.DiscardHandler)
	fit(c, budget, log)
	taken := c.View.Memory + c.Queue.Decoded + c.Targets["a"].Queue.MaxBytes + c.Targets["a"].Window.MaxBytes
	if taken >= budget/3*2 || c.View.Memory < 64<<20 || c.Limits.Message > budget/8 {
		t.Errorf("%d bytes are set aside of %d; view %s, message %s", taken, budget, c.View.Memory, c.Limits.Message)
	}
	roomy := config.Default(known(protocols(nil)))
	before := *roomy
	fit(roomy, 8<<30, log)
	if roomy.View != before.View || roomy.Queue != before.Queue || roomy.Limits != before.Limits {
		t.Error("settings that fit were changed")
	}
	c.Queue.Dir, c.Targets["a"].Queue.MaxBytes = "somewhere", 4<<30
	fit(c, budget, log)
	if c.Targets["a"].Queue.MaxBytes != 4<<30 {
		t.Error("a queue on disk takes no memory")
	}
}
