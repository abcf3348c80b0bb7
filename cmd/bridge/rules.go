// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"

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

// ruledSink applies the rules to what comes in.
type ruledSink struct {
	rules *rules.Rules
	sink  receivers.Sink
	set   *metrics.Set
}

// Put hands on what the rules leave. The log keeps the message as it came, so
// that whoever decodes it again applies the rules again; see ruledDecoder.
func (s *ruledSink) Put(ctx context.Context, b *span.Batch) error {
	kept, out := s.rules.Apply(b)
	if err := s.sink.Put(ctx, kept); err != nil {
		return err
	}
	if out > 0 {
		s.set.SampledOutSpans.WithLabelValues(metrics.Protocol(b.Origin.Format)).Add(float64(out))
	}
	return nil
}

// ruled puts the rules before a sink.
func ruled(r *rules.Rules, sink receivers.Sink, set *metrics.Set) receivers.Sink {
	if r == nil {
		return sink
	}
	return &ruledSink{r, sink, set}
}

// ruledDecoder applies the rules to what is decoded again.
func ruledDecoder(r *rules.Rules, decode pipeline.Decoder) pipeline.Decoder {
	if r == nil {
		return decode
	}
	return func(body []byte, origin span.Origin) (*span.Batch, error) {
		b, err := decode(body, origin)
		if b != nil {
			b, _ = r.Apply(b)
		}
		return b, err
	}
}
