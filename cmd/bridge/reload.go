// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/config"
)

// leaveWithin is how long a target that is removed or replaced may take for what
// it has read, and a port that is closed for what it has begun to receive.
const leaveWithin = 10 * time.Second

// reloads reloads whenever it is asked to, until the context ends.
func (g *gateway) reloads(ctx context.Context, hup <-chan os.Signal) {
	for {
		select {
		case <-hup:
			_, _ = g.reload() //nolint:contextcheck // the faults are in the log; what is begun is ended whole
		case <-ctx.Done():
			return
		}
	}
}

var errNotServing = errors.New("the gateway is starting or stopping")

// reload reads the configuration again and puts it in force, whole or not at all.
// It gives a line for each change; the error is every fault.
func (g *gateway) reload() (lines []string, err error) {
	g.turn.Lock()
	defer g.turn.Unlock()
	if g.serving == nil || g.serving.Err() != nil {
		return nil, errNotServing
	}
	if lines, err = g.change(); err != nil {
		g.set.Reloads.Bad()
		g.log.Error("the configuration was not reloaded: the former one stays in force", "err", err)
		return nil, err
	}
	g.set.Reloads.Good()
	g.log.Info("the configuration was reloaded", "changes", len(lines), "what", strings.Join(lines, "; "))
	return lines, nil
}

func (g *gateway) change() (lines []string, err error) {
	next, err := g.from.read()
	if err != nil {
		return nil, err
	}
	fit(next, g.memory, g.log)
	changes := config.Changes(g.cfg, next)
	if faults := g.unchangeable(changes); len(faults) > 0 {
		return nil, faults
	}
	r := &reload{gateway: g, next: next}
	if err := r.prepare(); err != nil {
		for _, undo := range slices.Backward(r.undo) {
			undo()
		}
		return nil, err
	}
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	for _, commit := range r.commit {
		commit()
	}
	g.cfg = next
	return append(lines, r.replace()...), nil
}

// unchangeable are the faults of changes that a reload cannot make.
func (g *gateway) unchangeable(changes []config.Change) (faults config.Faults) {
	for _, c := range changes {
		if c.NeedsRestart() {
			faults = append(faults, g.from.fault(c.Path, "changed, which needs a restart", fmt.Sprintf("%q as before, or a restart", c.From)))
		}
	}
	return faults
}

// reload is one change of the configuration. All that can fail is prepared beside
// what runs; then what was prepared takes its place.
type reload struct {
	*gateway
	next   *config.Config
	commit []func() // in order; none can fail
	undo   []func()

	leaving []leaving
}

// leaving is a target whose time is over, with the one in its place, if any.
type leaving struct{ former, next *outlet }

func (r *reload) then(commit func()) { r.commit = append(r.commit, commit) }

func (r *reload) prepare() error {
	use, err := r.sampling.prepare(r.next.Sampling.StrategiesFile)
	if err != nil {
		return err
	}
	r.then(use)
	_, gate, err := open(r.next.Admin.TLS, r.next.Admin.Auth, r.log)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	r.then(func() { r.admin.gate.Store(gate) })
	r.bounds()
	if err := r.targets(); err != nil {
		return err
	}
	// The last, since it is the only one that is seen from outside.
	if err := r.receivers.Change(listens(r.next), receiverLimits(r.next.Limits), leaveWithin); err != nil {
		return err
	}
	return nil
}

// bounds are the settings of parts that stay.
func (r *reload) bounds() {
	next, now := r.next, r.cfg
	r.then(func() {
		setLevel(r.level, next.Log.Level)
		r.queue.Retain(int64(next.Queue.MaxBytes), next.Queue.MaxAge, next.Queue.ForgetAfter, int64(next.Queue.Decoded))
		r.dead.Bound(deadBound(next.Queue), next.Queue.Dead.MaxAge)
		if r.view != nil {
			r.view.Change(int64(next.View.Memory), next.View.StrictTraceID)
			r.outlets["view"].Change(r.viewOptions(next))
		}
		if !maps.Equal(next.Rename.Services, now.Rename.Services) || !maps.Equal(next.Rename.Instances, now.Rename.Instances) ||
			next.Rename.IgnoreCase != now.Rename.IgnoreCase || next.Sampling.Gateway != now.Sampling.Gateway {
			r.rules.turn(newRules(next))
		}
	})
}

func (r *reload) targets() error {
	wanted := maps.Collect(enabled(r.next))
	for name, o := range r.outlets {
		if _, ok := wanted[name]; !ok && o.exporter != nil {
			r.then(func() {
				delete(r.outlets, name)
				r.leaving = append(r.leaving, leaving{former: o})
			})
		}
	}
	for name, c := range enabled(r.next) {
		o, there := r.outlets[name]
		var err error
		switch {
		case !there:
			err = r.add(name, c)
		case !o.isLike(c):
			err = r.exchange(o, c)
		default:
			err = r.adjust(o, c)
		}
		if err != nil {
			return fmt.Errorf("targets.%s: %w", name, err)
		}
	}
	r.then(r.arrange)
	return nil
}

// add makes a target that there was none of.
func (r *reload) add(name string, c *config.Target) error {
	o, err := r.newOutlet(name, c)
	if err != nil {
		return err
	}
	r.undo = append(r.undo, func() {
		o.Return()
		o.close()
	})
	r.then(func() {
		r.outlets[name] = o
		o.start(r.work)
	})
	return nil
}

// adjust changes a target that goes on.
func (r *reload) adjust(o *outlet, c *config.Target) error {
	send := func() {}
	if !o.sendsLike(c) {
		change, discard, err := o.exporter.Prepare(r.settings(o.Name(), c))
		if err != nil {
			return err
		}
		send = change
		r.undo = append(r.undo, discard)
	}
	r.then(func() {
		send()
		if !reflect.DeepEqual(o.cfg, c) {
			o.Change(r.targetOptions(o.Name(), o.kind, c))
		}
		o.cfg = c
	})
	return nil
}

// exchange makes a target in the place of one of the same name that is of another
// kind, or writes in another way.
func (r *reload) exchange(o *outlet, c *config.Target) error {
	e, kind, err := r.newExporter(o.Name(), c)
	if err != nil {
		return err
	}
	r.undo = append(r.undo, e.Close)
	r.then(func() {
		delete(r.outlets, o.Name()) // until it is there
		r.leaving = append(r.leaving, leaving{o, &outlet{cfg: c, kind: kind, exporter: e}})
	})
	return nil
}

// replace ends the targets whose time is over, all at once, and starts those in
// their places. It gives a line for each one that has left spans.
func (r *reload) replace() (lines []string) {
	within, cancel := context.WithTimeout(r.serving, leaveWithin)
	defer cancel()
	var all sync.WaitGroup
	for _, l := range r.leaving {
		all.Go(func() { l.former.leave(within) })
	}
	all.Wait()
	for _, l := range r.leaving {
		name := l.former.Name()
		if l.next != nil {
			l.next.Target = l.former.Succeed(r.targetOptions(name, l.next.kind, l.next.cfg), r.decode, l.next.exporter, r.log)
			r.outlets[name] = l.next
			l.next.start(r.work)
		} else if left, kept := l.former.Release(); kept > 0 {
			lines = append(lines, fmt.Sprintf("targets.%s: %d spans that it has not got stay in the queue for queue.forget_after, %s", name, left, r.cfg.Queue.ForgetAfter))
		} else if left > 0 {
			lines = append(lines, fmt.Sprintf("targets.%s: %d spans that it has not got are dropped", name, left))
		}
		l.former.exporter.Close()
	}
	if len(r.leaving) > 0 {
		r.arrange()
	}
	return lines
}
