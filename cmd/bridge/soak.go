// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spanbridge/spanbridge/internal/faultnet"
)

type soakCmd struct {
	Duration   time.Duration `default:"1m" help:"How long spans are sent and things are broken; longer where the kills take longer."`
	Seed       uint64        `help:"What is broken, and when, follows from it; 0: from chance. What the machine does meanwhile does not."`
	Rate       float64       `default:"2000" help:"Spans sent a second, by all protocols together."`
	Kills      int           `default:"-1" help:"How often the bridge is killed (SIGKILL); -1: once in four seconds."`
	Faults     []string      `placeholder:"NAME,…" help:"What else is broken; all by default, none for nothing: stop, full, flip, refuse, and at the targets ${soak_faults}."`
	Data       string        `type:"path" placeholder:"DIR" help:"Where the queue lies, in a directory that is made there; kept. A temporary one by default, which goes when nothing was lost."`
	SmallDisk  string        `type:"existingdir" placeholder:"DIR" help:"A directory on a small file system of its own, such as a tmpfs, which may be filled to the last byte. The data lie there. Without it a full disk is a limit of the process (Linux only)."`
	Bridge     string        `type:"existingfile" placeholder:"FILE" help:"The program to test; this one by default."`
	PowerCut   string        `default:"none" enum:"none,all,some" help:"What a kill takes of what the bridge has written to its queue and not synced: none of it, as a kill does; all of it, as a power cut may; or some of it, any sectors."`
	DeadTarget time.Duration `placeholder:"TIME" help:"Break nothing but this: after --duration one of three targets is dead for that long. Measures what the others notice of it, and the memory."`
	Settle     time.Duration `default:"2m" help:"How long the targets may take at the end for what is still in the queue."`
	JSON       bool          `name:"json" help:"Print JSON."`
	Verbose    bool          `short:"v" help:"Say on standard error what is broken when."`
}

// diskFaults are the faults that are not of a target.
var diskFaults = []string{"stop", "full", "flip", "refuse", "udp"}

// Run sends numbered spans to a bridge of its own while it breaks everything about
// it, and then accounts for every one that was acknowledged.
func (s *soakCmd) Run(w *world) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	faults, err := s.faults()
	if err != nil {
		return err
	}
	if s.Rate <= 0 || s.Duration <= 0 {
		return errors.New("--rate and --duration must be more than 0")
	}
	if s.DeadTarget > 0 {
		if len(s.Faults) > 0 || s.Kills > 0 || s.PowerCut != "none" {
			return errors.New("--dead-target: nothing else is broken then; give neither --faults nor --kills nor --power-cut")
		}
		s.Kills, s.Settle, faults = 0, max(s.Settle, s.DeadTarget), map[string]bool{}
	}
	program := s.Bridge
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	for _, parent := range []string{s.SmallDisk, s.Data} {
		if parent != "" {
			if err := os.MkdirAll(parent, 0o700); err != nil {
				return err
			}
		}
	}
	dir := s.Data
	if s.SmallDisk != "" {
		dir = s.SmallDisk
	}
	if dir, err = os.MkdirTemp(dir, soakDir); err != nil {
		return err
	}
	for s.Seed == 0 {
		s.Seed = rand.Uint64()
	}
	k := &soak{
		cmd: s, dir: dir, err: w.err, faults: faults, ways: soakWays(), began: time.Now(),
		rng: rand.New(rand.NewPCG(s.Seed, 0)), book: newSoakBook(soakTargetNames...),
		report: soakReport{Seed: s.Seed, Data: dir, Broken: map[string]int{}, NotDone: map[string]string{}},
	}
	r, err := k.run(ctx, program)
	if r == nil {
		return err
	}
	if s.JSON {
		e := json.NewEncoder(w.out)
		e.SetIndent("", "  ")
		_ = e.Encode(r)
	} else {
		r.print(w.out)
	}
	if err = errors.Join(err, r.judge()); err != nil {
		_ = os.WriteFile(filepath.Join(dir, "bridge.log"), k.bridge.log.all(), 0o600)
		return fmt.Errorf("%w\nThe queue, the configuration and the log are in %s; the seed was %d", err, dir, s.Seed)
	}
	if s.Data == "" {
		return os.RemoveAll(dir)
	}
	return nil
}

// faults are those that are wanted.
func (s *soakCmd) faults() (map[string]bool, error) {
	all := slices.Concat(diskFaults, slices.Sorted(maps.Keys(netFaults)))
	wanted := make(map[string]bool)
	switch {
	case len(s.Faults) == 0:
		for _, name := range all {
			wanted[name] = true
		}
	case slices.Equal(s.Faults, []string{"none"}):
	default:
		for _, name := range s.Faults {
			if !slices.Contains(all, name) {
				return nil, fmt.Errorf("--faults: %q, want none or some of %s", name, strings.Join(all, ", "))
			}
			wanted[name] = true
		}
	}
	return wanted, nil
}

// soak is one run.
type soak struct {
	cmd     *soakCmd
	dir     string
	err     io.Writer
	faults  map[string]bool
	ways    []soakWay
	began   time.Time
	rng     *rand.Rand
	book    *soakBook
	targets []*soakTarget
	bridge  *soakBridge
	relay   *faultnet.Relay // before the port for datagrams
	report  soakReport

	rested          time.Time               // when the next thing may happen to the bridge
	datagramsBefore faultnet.DatagramCounts // this life of the bridge
}

// event is something that happens to the bridge at a time.
type event struct {
	at   time.Duration
	what string
}

// events are at random times, the last a little before the end.
func (k *soak) events() (all []event) {
	add := func(what string, n int) {
		for range n {
			all = append(all, event{time.Duration((0.05 + 0.9*k.rng.Float64()) * float64(k.cmd.Duration)), what})
		}
	}
	kills := k.cmd.Kills
	if kills < 0 {
		kills = max(1, int(k.cmd.Duration/(4*time.Second)))
	}
	add("kill", kills)
	for what, every := range map[string]time.Duration{"stop": 20 * time.Second, "full": 15 * time.Second, "flip": 10 * time.Second} {
		if k.faults[what] {
			add(what, max(1, int(k.cmd.Duration/every)))
		}
	}
	slices.SortFunc(all, func(a, b event) int { return int(a.at - b.at) })
	return all
}

func (k *soak) run(ctx context.Context, program string) (*soakReport, error) {
	var err error
	if k.targets, err = newSoakTargets(k.book, k.faults["refuse"]); err != nil { //nolint:contextcheck // they live until they are closed
		return nil, err
	}
	defer func() {
		for _, t := range k.targets {
			t.close()
		}
	}()
	limits := ""
	if k.cmd.DeadTarget > 0 {
		k.book.delays = newDelays(len(k.targets))
		limits = fmt.Sprintf("limits: {memory: %dMiB}\n", soakMemory>>20)
	}
	if k.bridge, err = newSoakBridge(program, k.dir, limits, k.ways, k.targets); err != nil { //nolint:contextcheck // a look for ports, at once
		return nil, err
	}
	if k.cmd.PowerCut != powerCuts[0] {
		k.bridge.serve = k.withoutPower
	}
	if k.relay, err = faultnet.NewRelay(k.bridge.ports[udpPort]); err != nil { //nolint:contextcheck // it lives until it is closed
		return nil, err
	}
	defer func() { _ = k.relay.Close() }()
	k.away()
	if err := k.bridge.start(ctx); err != nil {
		return nil, err
	}
	defer func() { k.bridge.kill() }()
	k.back()

	sending, end := context.WithCancel(ctx)
	breakIt := k.breakThings
	if k.cmd.DeadTarget > 0 {
		breakIt = k.mourn
	}
	defer end()
	var clients sync.WaitGroup
	failed := make(chan error, 2*len(k.ways))
	for i, w := range k.ways {
		for half := range 2 {
			address := k.bridge.ports[w.port]
			if w.silent {
				address = k.relay.Addr()
			}
			c := &soakClient{
				way: i, w: w, address: address, rate: k.cmd.Rate / float64(2*len(k.ways)), book: k.book,
				rng: rand.New(rand.NewPCG(k.cmd.Seed, uint64(1+2*i+half))),
			}
			clients.Go(func() {
				if err := c.run(sending); err != nil {
					failed <- err
				}
			})
		}
	}
	err = breakIt(sending)
	end()
	for _, t := range k.targets {
		t.good()
	}
	clients.Wait()
	close(failed)
	if err := errors.Join(err, <-failed); err != nil {
		return nil, k.keep(err)
	}
	return k.account(ctx)
}

// keep says where things lie for who looks into an error.
func (k *soak) keep(err error) error {
	_ = os.WriteFile(filepath.Join(k.dir, "bridge.log"), k.bridge.log.all(), 0o600)
	return fmt.Errorf("%w\nThe queue, the configuration and the log are in %s; the seed was %d", err, k.dir, k.cmd.Seed)
}

func (k *soak) say(format string, args ...any) {
	if k.cmd.Verbose {
		fmt.Fprintf(k.err, "%8.3fs  %s\n", time.Since(k.began).Seconds(), fmt.Sprintf(format, args...))
	}
}

// breakThings breaks one thing after the other, for the time that is asked for and
// until all is done that is, or until the context ends.
func (k *soak) breakThings(ctx context.Context) error {
	names := slices.Sorted(maps.Keys(netFaults))
	names = slices.DeleteFunc(names, func(name string) bool { return !k.faults[name] })
	events, began := k.events(), time.Now()
	for ctx.Err() == nil && (len(events) > 0 || time.Since(began) < k.cmd.Duration) {
		if err := k.bridge.died(); err != nil {
			return err
		}
		next := k.cmd.Duration
		if len(events) > 0 {
			// A life has some time, also where starts are slow.
			next = max(events[0].at, k.rested.Sub(began))
		}
		if len(events) > 0 && time.Since(began) >= next {
			what := events[0].what
			events = events[1:]
			if err := k.happen(ctx, what); err != nil {
				return err
			}
			continue
		}
		wait := time.Duration(100+k.rng.IntN(900)) * time.Millisecond
		sleep(ctx, min(wait, next-time.Since(began)))
		t := k.targets[k.rng.IntN(len(k.targets))]
		t.good()
		// Good times in between, so that the queue is now empty, now long.
		if len(names) > 0 && k.rng.IntN(3) > 0 {
			name := names[k.rng.IntN(len(names))]
			netFaults[name](t)
			k.report.Broken[name]++
			k.say("%s: %s", t.name, name)
		}
	}
	return nil
}

// happen does something to the bridge.
func (k *soak) happen(ctx context.Context, what string) error {
	k.say("%s", what)
	switch what {
	case "kill":
		k.kill()
		return k.restart(ctx)
	case "stop":
		k.report.Broken[what]++
		return errors.Join(k.stop(), k.restart(ctx))
	case "flip":
		return k.flip(ctx)
	default:
		return k.fill(ctx)
	}
}

func (k *soak) kill() {
	k.away()
	k.bridge.kill()
	k.report.Kills++
}

func (k *soak) stop() error {
	k.away()
	return k.bridge.stop()
}

// restart looks at what the life that ended has left, and begins the next.
func (k *soak) restart(ctx context.Context) error {
	life := k.bridge.lives
	if err := heldNumbers(k.bridge.queue, func(target string, numbers []int) { k.book.fly(target, life, numbers) }); err != nil {
		return err
	}
	began := time.Now()
	// Also when the time is over: what is in the queue is to be delivered.
	if err := k.bridge.start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	k.report.SlowestStart = max(k.report.SlowestStart, time.Since(began).Seconds())
	k.rested = time.Now().Add(time.Duration(100+k.rng.IntN(900)) * time.Millisecond)
	k.back()
	return nil
}

// flip changes a bit on disk that a target still needs: none takes anything for a
// while, and an end in order seals the segment.
func (k *soak) flip(ctx context.Context) error {
	for _, t := range k.targets {
		t.down()
	}
	sleep(ctx, 500*time.Millisecond)
	if err := k.stop(); err != nil {
		return err
	}
	f, err := flipBit(k.bridge.queue, k.rng)
	if err != nil {
		return err
	}
	if f == nil {
		k.report.NotDone["flip"] = "once there was no sealed segment with a record"
	} else {
		k.book.damage(f.numbers)
		k.report.Flips = append(k.report.Flips, soakFlip{Segment: f.segment, Record: f.record, Offset: f.offset, Spans: len(f.numbers)})
		k.say("a bit of byte %d of %s, in record %d with %d spans", f.offset, f.segment, f.record, len(f.numbers))
	}
	for _, t := range k.targets {
		t.good()
	}
	return k.restart(ctx)
}

// mostRecovery is how long a bridge may take to acknowledge spans when there is
// room on the disk again, before that is an error.
const mostRecovery = 20 * time.Second

// fill fills the disk for a while, and half of the time kills the bridge on it.
func (k *soak) fill(ctx context.Context) error {
	var room func() error
	if k.cmd.SmallDisk != "" {
		var err error
		if room, err = ballast(k.cmd.SmallDisk); err != nil {
			return err
		}
	} else if !k.limited() {
		return nil
	}
	sleep(ctx, time.Duration(300+k.rng.IntN(1000))*time.Millisecond)
	kill := k.rng.IntN(2) == 0
	if kill {
		k.say("kill on the full disk")
		k.kill()
	}
	switch {
	case room != nil:
		if err := room(); err != nil {
			return err
		}
	case !kill: // the limit goes with the process
		if err := limitFiles(k.bridge.cmd.Process, false); err != nil {
			return err
		}
	}
	k.report.Broken["full"]++
	if kill {
		if err := k.restart(ctx); err != nil {
			return err
		}
	}
	return k.recovered(ctx)
}

// limited lets the bridge write nothing; it is false where that cannot be done.
func (k *soak) limited() bool {
	err := limitFiles(k.bridge.cmd.Process, true)
	if err != nil {
		k.report.NotDone["full"] = err.Error()
	}
	return err == nil
}

// recovered waits until spans are acknowledged again.
func (k *soak) recovered(ctx context.Context) error {
	drawn, began := k.book.drawn(), time.Now()
	for k.book.lastAcknowledged() < drawn {
		select {
		case <-ctx.Done():
			return nil // nobody sends any more
		case <-time.After(5 * time.Millisecond):
		}
		if err := k.bridge.died(); err != nil {
			return err
		}
		if time.Since(began) > mostRecovery {
			return fmt.Errorf("%v after there was room on the disk again nothing is acknowledged\n%s", mostRecovery, k.bridge.log.tail())
		}
	}
	k.report.SlowestRecovery = max(k.report.SlowestRecovery, time.Since(began).Seconds())
	return nil
}
