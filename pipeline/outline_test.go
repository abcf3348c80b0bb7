// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// outlines notes whether the batches of spans that it gets are outlined.
type outlines chan bool

func (o outlines) Consume(_ context.Context, p span.Parcel) (span.LeftOut, error) {
	o <- p.Items[0].Batch.Outline() != nil
	return span.LeftOut{}, nil
}

// decodeOutline is decodeIDs for spans that may be outlined.
func decodeOutline(body []byte, origin span.Origin) (*span.Batch, error) {
	w := span.NewBuilder(body, origin)
	w.Span(span.Span{Trace: span.TraceID{Lo: 1}, ID: 1, Has: span.Exact})
	if origin.Outline {
		w.Outlined(1, 0, 8)
	}
	return w.Batch(), nil
}

// A batch that is outlined goes to targets that only copy its form; others, which
// may have come with a reload, get it whole. What is decoded again is outlined for the
// former alone.
func TestOutlinesGoToThoseWhoCopy(t *testing.T) {
	for _, companions := range []int64{1 << 20, 0} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, companions)
			got := make(map[string]outlines)
			for name, copies := range map[string]string{"copies": "test.ids", "other": "test.other", "none": ""} {
				got[name] = make(outlines, 10)
				opts := Options{Name: name, MaxSpans: 1, MaxBytes: 1 << 20, Workers: 1, Copies: copies, Queue: queue.CursorOptions{MaxBytes: 1 << 20, WhenFull: queue.Refuse}}
				target, err := NewTarget(b.log, opts, decodeOutline, got[name], b.set, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				b.done.Go(func() { target.Run(b.ctx) })
			}
			batch, _ := decodeOutline(body(1, 1), span.Origin{Format: "test.ids", Transport: "http", Received: time.Now().UnixNano(), Outline: true})
			if err := b.intake.Put(b.ctx, batch); err != nil {
				t.Fatal(err)
			}
			for name, o := range got {
				if outlined := <-o; outlined != (name == "copies") {
					t.Errorf("%s: outlined %v", name, outlined)
				}
			}
			b.end()
		})
	}
}
