// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// powerCuts are what a kill may take of what was not synced.
var powerCuts = []string{"none", "all", "some"}

// withoutPower is how a life begins that loses what is not synced.
func (k *soak) withoutPower(life int) []string {
	return []string{"soak-serve", "--config", k.bridge.config(), "--lose", k.cmd.PowerCut, "--seed", fmt.Sprint(k.cmd.Seed + uint64(life))}
}

// soakServeCmd is bridge serve over a disk that forgets with the process what was
// not synced. It is a command of its own, and serves only out of a directory that
// soak has made, so that nobody comes by it with a setting.
type soakServeCmd struct {
	Config string `required:"" type:"path"`
	Lose   string `required:"" enum:"all,some"`
	Seed   uint64
}

// soakDir begins the names of the directories in which soak works.
const soakDir = "bridge-soak-"

// Run serves until a signal comes, or a kill.
func (s *soakServeCmd) Run(w *world) error {
	dir := filepath.Dir(s.Config)
	if !strings.HasPrefix(filepath.Base(dir), soakDir) {
		return fmt.Errorf("soak-serve loses what it has acknowledged when it is wrong: it is for bridge soak alone, in a directory %s…", soakDir)
	}
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "BRIDGE_") })
	serve := serveCmd{Config: s.Config, disk: func(path string) queue.FS {
		c := queuetest.NewCache(queue.Dir(path))
		if s.Lose == "some" {
			// The queue and the dead letters are not to lose the same.
			h := fnv.New64a()
			fmt.Fprint(h, s.Seed, filepath.Base(path))
			c.Leak(h.Sum64())
		}
		return c
	}}
	return serve.Run(w)
}
