// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/pipeline"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/rules"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

// newRules makes the rules of a configuration, nil when it has none.
func newRules(cfg *config.Config) *rules.Rules {
	return rules.New(rules.Options{
		Services: cfg.Rename.Services, Instances: cfg.Rename.Instances, IgnoreCase: cfg.Rename.IgnoreCase,
		Keep:    cfg.Sampling.Gateway,
		Segment: skywalking.RenameSegment, Notice: skywalking.RenameNotice,
	})
}

// printRules says what is done to every span: who looks for one that is not
// there, or for a name that nobody reports, finds the reason.
func printRules(out io.Writer, cfg *config.Config) {
	if n := len(cfg.Rename.Services) + len(cfg.Rename.Instances); n > 0 {
		fmt.Fprintf(out, "\nNames are changed on the way in: %d of them, by rename.\n", n)
	}
	if cfg.Sampling.Gateway < 1 {
		fmt.Fprintf(out, "\nOf the traces %g%% are kept, by sampling.gateway; spans with the debug flag always are.\n", 100*cfg.Sampling.Gateway)
	}
}

// rulebook is the rules with the time since which each are in force. A message
// goes by those of its receipt, also when it is decoded again later: else a change
// would lose spans that were acknowledged, or make some of others.
type rulebook struct {
	pages atomic.Pointer[[]rulePage] // the newest last; never empty
}

type rulePage struct {
	since int64 // ns since 1970
	rules *rules.Rules
}

func newRulebook(r *rules.Rules) *rulebook {
	b := &rulebook{}
	b.pages.Store(&[]rulePage{{math.MinInt64, r}})
	return b
}

// mostRulePages bounds how many are kept. Messages from before the oldest go by
// that one.
const mostRulePages = 100

// turnAhead is how far ahead the time lies from which new rules hold: whoever looks
// for the rules of a message from after it must find the new page.
const turnAhead = 50 * time.Millisecond

// turn puts other rules in force, and returns when they are.
func (b *rulebook) turn(r *rules.Rules) {
	since := time.Now().Add(turnAhead)
	pages := append(slices.Clone(*b.pages.Load()), rulePage{since.UnixNano(), r})
	if len(pages) > mostRulePages {
		pages = pages[1:]
	}
	b.pages.Store(&pages)
	time.Sleep(time.Until(since))
}

// at is the rules for a message received then; nil: none.
func (b *rulebook) at(received int64) *rules.Rules {
	pages := *b.pages.Load()
	for i := len(pages) - 1; i > 0; i-- {
		if received >= pages[i].since {
			return pages[i].rules
		}
	}
	return pages[0].rules
}

// renames is true if the newest rules change names.
func (b *rulebook) renames() bool {
	pages := *b.pages.Load()
	return pages[len(pages)-1].rules.Renames()
}

// ruledSink applies the rules to what comes in.
type ruledSink struct {
	book   *rulebook
	decode pipeline.Decoder // without rules
	sink   receivers.Sink
	set    *metrics.Set
}

// Put hands on what the rules leave. The log keeps the message as it came, so
// that whoever decodes it again applies the rules again; see decode.
func (s *ruledSink) Put(ctx context.Context, b *span.Batch) error {
	r := s.book.at(b.Origin.Received)
	if b.Outline() != nil && r.Renames() { // rules of after it was decoded
		origin := b.Origin
		origin.Outline = false
		b, _ = s.decode(b.Body(), origin) // what is malformed was refused
	}
	kept, out := r.Apply(b)
	if err := s.sink.Put(ctx, kept); err != nil {
		return err
	}
	if out > 0 {
		s.set.SampledOutSpans.WithLabelValues(metrics.Protocol(b.Origin.Format)).Add(float64(out))
	}
	return nil
}

// decode applies the rules to what is decoded again.
func (b *rulebook) decode(decode pipeline.Decoder) pipeline.Decoder {
	return func(body []byte, origin span.Origin) (*span.Batch, error) {
		r := b.at(origin.Received)
		origin.Outline = origin.Outline && !r.Renames()
		batch, err := decode(body, origin)
		if batch != nil {
			batch, _ = r.Apply(batch)
		}
		return batch, err
	}
}
