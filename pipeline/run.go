// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"sync"
)

// Run moves spans until the context ends, the log is closed, or after Leave
// everything that was read is gone. What is on its way when the context ends
// counts as held.
func (t *Target) Run(ctx context.Context) {
	var sending sync.WaitGroup
	defer sending.Wait()
	for ctx.Err() == nil {
		p, err := t.gather(ctx)
		if err != nil {
			return
		}
		t.learn(p)
		if !t.begin(ctx) {
			return
		}
		sending.Go(func() {
			defer t.end()
			if t.deliver(ctx, p) {
				t.finish(p)
			}
		})
	}
}

// begin waits until another parcel may be on its way; it is false when the
// context ended first.
func (t *Target) begin(ctx context.Context) bool {
	for {
		o := t.opts()
		t.mu.Lock()
		free := t.busy < max(o.Workers, 1)
		if free {
			t.busy++
		}
		t.mu.Unlock()
		if free {
			return true
		}
		select {
		case <-t.finished:
		case <-o.replaced:
		case <-ctx.Done():
			return false
		}
	}
}

func (t *Target) end() {
	t.mu.Lock()
	t.busy--
	t.mu.Unlock()
	select {
	case t.finished <- struct{}{}:
	default:
	}
}
