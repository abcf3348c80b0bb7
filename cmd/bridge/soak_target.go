// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/internal/faultnet"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// soakTarget is a backend that notes what comes, behind a network that breaks.
type soakTarget struct {
	name, kind string
	server     interface {
		Addr() string
		Set(faultnet.Manner)
		Close() error
	}
	proxy *faultnet.Proxy
}

// soakTargetNames are the targets, one for each way out that differs: bodies by
// HTTP, single messages by gRPC, and streams that wait for others of their trace.
var soakTargetNames = []string{"zipkin", "otlp", "skywalking"}

// refusedEvery: a target that refuses spans refuses each request that has one whose
// number is a multiple of it. The others in the request are to come by themselves.
const refusedEvery = 4_999

func newSoakTargets(book *soakBook, refuse bool) (all []*soakTarget, err error) {
	decode := decoder(protocols(nil))
	for i, name := range soakTargetNames {
		t := &soakTarget{name: name, kind: name}
		take := func(format string) faultnet.Take {
			return func(r faultnet.Request) ([]byte, error) {
				switch {
				case name != "skywalking" || strings.HasSuffix(r.Name, "TraceSegmentReportService/collectInSync"):
				case strings.HasSuffix(r.Name, "TraceSegmentReportService/collect"):
					r.Body = wire.AppendStringAlways(nil, 1, string(r.Body))
				default:
					return nil, nil // said of instances
				}
				return nil, note(book, i, decode, format, r, refuse && name != "skywalking")
			}
		}
		switch name {
		case "zipkin":
			t.server, err = faultnet.NewHTTPTarget(http.StatusAccepted, take("zipkin.v2.json"))
		case "otlp":
			t.kind = "otlp-grpc"
			t.server, err = faultnet.NewGRPCTarget(take("otlp.proto"))
		default:
			t.server, err = faultnet.NewGRPCTarget(take("skywalking.segments"))
		}
		if err == nil {
			t.proxy, err = faultnet.NewProxy(t.server.Addr())
			all = append(all, t)
		}
		if err != nil {
			for _, t := range all {
				t.close()
			}
			return nil, err
		}
	}
	return all, nil
}

func (t *soakTarget) close() {
	if t.proxy != nil {
		_ = t.proxy.Close()
	}
	_ = t.server.Close()
}

// endpoint is where the bridge sends to.
func (t *soakTarget) endpoint() string {
	if t.kind == "zipkin" {
		return "http://" + t.proxy.Addr()
	}
	return t.proxy.Addr()
}

// note writes down the spans of a body.
func note(book *soakBook, target int, decode func([]byte, span.Origin) (*span.Batch, error), format string, r faultnet.Request, refuse bool) error {
	if refuse {
		for _, n := range numbersIn(r.Body) {
			if n%refusedEvery == 0 {
				book.refuse(target, n)
				return &faultnet.Refusal{Why: fmt.Sprintf("span %d is refused, as it was asked to be", n)}
			}
		}
	}
	b, err := decode(r.Body, span.Origin{Format: format, Received: time.Now().UnixNano()})
	if err != nil {
		return err
	}
	life := lifeOf(r.Header)
	spans := b.Spans()
	for i := range spans {
		number := numberOf(b.Str(spans[i].Name))
		check := b.Find(spans[i].Attrs, checkKey)
		book.arrive(target, number, life, check != nil && string(b.AppendText(nil, check)) == checkText(number))
	}
	return nil
}

// good ends all faults of the target.
func (t *soakTarget) good() {
	t.proxy.Set(faultnet.Faults{})
	t.server.Set(faultnet.Manner{})
}

// down makes the target answer that it takes nothing.
func (t *soakTarget) down() {
	t.good()
	t.server.Set(faultnet.Manner{Answer: faultnet.Wrong})
}

// netFaults are what can be done to a target and its network, by name.
var netFaults = map[string]func(*soakTarget){
	"cut":         func(t *soakTarget) { t.proxy.Cut() },
	"reset":       func(t *soakTarget) { t.proxy.Reset() },
	"delay":       func(t *soakTarget) { t.proxy.Set(faultnet.Faults{Delay: 50 * time.Millisecond}) },
	"trickle":     func(t *soakTarget) { t.proxy.Set(faultnet.Faults{Rate: 64 << 10}) },
	"stall":       func(t *soakTarget) { t.proxy.Set(faultnet.Faults{Stall: true}) },
	"unreachable": func(t *soakTarget) { t.proxy.Set(faultnet.Faults{Refuse: true}); t.proxy.Cut() },
	"short":       func(t *soakTarget) { t.proxy.Set(faultnet.Faults{CutAfter: 20_000}) },
	"wrong":       func(t *soakTarget) { t.server.Set(faultnet.Manner{Answer: faultnet.Wrong}) },
	"unsure":      func(t *soakTarget) { t.server.Set(faultnet.Manner{Answer: faultnet.Wrong, Taken: true}) },
	"half":        func(t *soakTarget) { t.server.Set(faultnet.Manner{Answer: faultnet.Half}) },
	"twice":       func(t *soakTarget) { t.server.Set(faultnet.Manner{Answer: faultnet.Twice}) },
	"slow":        func(t *soakTarget) { t.server.Set(faultnet.Manner{Wait: 300 * time.Millisecond}) },
	"silent":      func(t *soakTarget) { t.server.Set(faultnet.Manner{Answer: faultnet.Silent}) },
}
