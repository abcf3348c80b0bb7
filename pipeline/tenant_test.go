// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
	"github.com/spanbridge/spanbridge/span"
)

// TestHeadOfTenant: a message without a tenant has a head as ever, and heads of both
// versions are read; what is cut is not.
func TestHeadOfTenant(t *testing.T) {
	plain := span.Origin{Format: "test.ids", Transport: "http", Received: 1700000000000000001}
	named := plain
	named.Tenant = "team-a"
	for _, o := range []span.Origin{plain, named} {
		head := appendHead(nil, o)
		if got, err := readHead(head); err != nil || got != o {
			t.Errorf("%+v, %v, want %+v", got, err, o)
		}
		for n := range len(head) {
			if got, err := readHead(head[:n]); err == nil {
				t.Errorf("%q is read as %+v", head[:n], got)
			}
		}
	}
	// As it was written before there were tenants.
	old := append([]byte{1}, binary.AppendUvarint(nil, uint64(plain.Received))...)
	old = append(old, "\x08test.ids\x04http"...)
	if head := appendHead(nil, plain); !bytes.Equal(head, old) {
		t.Errorf("%q without a tenant, want %q", head, old)
	}
	of := span.Origin{Format: "zipkin.v2.json", Transport: "http", Received: 1700000000000000001}
	for _, tenant := range []string{"", "team-a"} {
		of.Tenant = tenant
		if class := ClassOf(appendHead(nil, of)); class != classOf(span.Zipkin) {
			t.Errorf("class %d of a record of zipkin and the tenant %q, want %d", class, tenant, classOf(span.Zipkin))
		}
	}
	if _, err := readHead([]byte{3, 0, 0, 0}); err == nil {
		t.Error("a head of version 3 is read")
	}
}

// TestByTenant: a target that asks for it gets no two tenants in one parcel, with a
// window and without, and the parcel says whose it is; others get them together.
func TestByTenant(t *testing.T) {
	for _, window := range []bool{false, true} {
		t.Run(fmt.Sprintf("window=%v", window), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, 1<<20)
				b.intake.CountTenants(2)
				var mu sync.Mutex
				got := make(map[string]int)
				mixed, together := 0, 0
				apart := b.target(named("apart", func(o *Options) {
					o.ByTenant, o.MaxSpans, o.Linger = true, 1000, time.Second
					if window {
						o.Window = &assemble.Options{Hold: time.Second, Remember: time.Second, MaxRemembered: 1000, MaxSpans: 1000, MaxBytes: 1 << 20}
					}
				}), &sink{answer: func(_ int, p span.Parcel) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					for _, it := range p.Items {
						if it.Batch.Origin.Tenant != p.Tenant {
							mixed++
						}
						got[p.Tenant]++
					}
					return 0, nil
				}})
				all := b.target(named("all", func(o *Options) { o.MaxSpans, o.Linger = 1000, time.Second }),
					&sink{answer: func(_ int, p span.Parcel) (int, error) {
						mu.Lock()
						defer mu.Unlock()
						together = max(together, len(p.Items))
						if p.Tenant != "" {
							mixed++
						}
						return 0, nil
					}})
				for i, tenant := range []string{"a", "a", "b", "", "a", "c", "d"} {
					batch, _ := decodeIDs(body(1+10*i, 10), span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano(), Tenant: tenant})
					if err := b.intake.Put(b.ctx, batch); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if mixed != 0 || got["a"] != 30 || got["b"] != 10 || got[""] != 10 || got["c"] != 10 {
					t.Errorf("%d spans of the wrong tenant, %v", mixed, got)
				}
				if together != 70 {
					t.Errorf("%d spans at most at once for a target that does not ask, want 70", together)
				}
				for tenant, want := range map[string]float64{"a": 30, "b": 10, "": 10, otherTenants: 20} {
					if n := testutil.ToFloat64(b.set.TenantSpans.WithLabelValues(tenant)); n != want {
						t.Errorf("%v spans counted for %q, want %v", n, tenant, want)
					}
				}
				b.sums(apart)
				b.sums(all)
				b.end()
			})
		})
	}
}

// TestUnreadableOfTenant: a message that cannot be read again is dead as its tenant's.
func TestUnreadableOfTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &queuetest.Disk{}
		b := onDisk(t, disk, 0)
		dead := &sink{answer: func(int, span.Parcel) (int, error) { return 0, later(0) }}
		b.target(named("a", nil), dead)
		if err := b.log.Settle(); err != nil {
			t.Fatal(err)
		}
		batch, _ := decodeIDs(body(1, 10), span.Origin{Format: "zipkin.ids", Transport: "http", Received: time.Now().UnixNano(), Tenant: "team-a"})
		if err := b.intake.Put(b.ctx, batch); err != nil {
			t.Fatal(err)
		}
		b = onDisk(t, b.kill(disk), 0)
		letters, err := deadletter.Open(deadletter.Options{MaxBytes: 1 << 20, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer letters.Close()
		opts := named("a", func(o *Options) {
			o.Dead, o.Queue = letters, queue.CursorOptions{MaxBytes: 1 << 30, WhenFull: queue.Refuse}
		})
		broken := func([]byte, span.Origin) (*span.Batch, error) { return nil, errors.New("another version") }
		target, err := NewTarget(b.log, opts, broken, &sink{}, b.set, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		b.done.Go(func() { target.Run(b.ctx) })
		time.Sleep(time.Second)
		synctest.Wait()
		briefs := letters.Briefs()
		if len(briefs) != 1 {
			t.Fatalf("%d letters, want 1", len(briefs))
		}
		if l, err := letters.Get(briefs[0].ID); err != nil || l.Tenant != "team-a" {
			t.Errorf("a letter of the tenant %q, want team-a: %v", l.Tenant, err)
		}
		b.sums(target)
		b.end()
		_ = b.log.Close()
	})
}
