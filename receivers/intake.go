// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// intake decodes bodies, gives the batches to the sink and counts.
type intake struct {
	opts    Options
	inForce atomic.Pointer[Limits]
	formats map[string]translate.Format
	working chan struct{} // bounds those that decode or decompress messages
	// stopping ends the waiting for room.
	stopping context.Context
	stop     context.CancelFunc
}

func newIntake(opts Options) *intake {
	in := &intake{opts: opts, formats: make(map[string]translate.Format), working: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	in.inForce.Store(&opts.Limits)
	in.stopping, in.stop = context.WithCancel(context.Background())
	for _, p := range opts.Protocols {
		for _, f := range p.Formats {
			in.formats[f.Name] = f
		}
	}
	return in
}

func (in *intake) limits() *Limits { return in.inForce.Load() }

// body is a message on its way in.
type body struct {
	format    string
	transport string
	media     string
	strict    bool
	tenant    string
	wait      time.Duration // how long the client may be kept waiting
}

// hold is the share of a message in the budget, of nothing so far.
func (in *intake) hold() hold { return hold{budget: in.opts.Budget} }

// expect is how much memory a body may take when decoded, as far as is set aside
// before it is known.
func (in *intake) expect(p []byte) int64 {
	if in.opts.Budget == nil {
		return 0
	}
	return min(8*int64(len(p)), int64(in.room()))
}

// room is the most memory that a message may take when decoded, beside its body.
func (in *intake) room() int {
	if in.opts.Budget == nil {
		return span.MaxSlabs
	}
	return int(min(span.MaxSlabs, in.opts.Budget.onWayMost()/2))
}

// take decodes a body, which h holds, and gives its spans to the sink. The caller
// ends h, and has the buffer no more.
func (in *intake) take(ctx context.Context, m body, f *span.Buffer, h *hold) translate.Outcome {
	p := f.Body
	in.opts.Set.BytesReceived.WithLabelValues(metrics.Protocol(m.format), m.transport).Add(float64(len(p)))
	limits := in.limits()
	b, err := in.decode(m, f, h, limits)
	if errors.Is(err, errNoMemory) {
		if b != nil {
			in.reject(m.format, translate.Busy, b.Len())
		}
		return in.refuse(m, translate.Busy, err)
	}
	o := translate.Outcome{Media: m.media}
	if err != nil {
		o.Verdict, o.Err, o.Refused = translate.BadBody, err, 1
		if bad, ok := errors.AsType[*translate.Malformed](err); ok {
			o.Refused = bad.Spans
		}
	}
	if b != nil && b.Over() {
		// Who sends millions of empty things wants to fill the memory.
		err = fmt.Errorf("%s: a body of %d bytes that takes more than %d bytes when decoded", m.format, len(p), in.room())
		return in.refuse(m, translate.TooLarge, err)
	}
	if b != nil {
		if err := limits.measure(b); err != nil {
			in.reject(m.format, translate.TooLarge, b.Len())
			return in.refuse(m, translate.TooLarge, fmt.Errorf("%s: %w", m.format, err))
		}
	}
	if b != nil && m.strict && err != nil {
		o.Refused += b.Len()
		b = nil
	}
	if b != nil {
		o.Taken = b.Len()
		if o.Err != nil {
			b.Hold() // what is said of the rest may quote it
		}
		err := in.put(ctx, m, b, h)
		if errors.Is(err, errPanic) {
			o = translate.Outcome{Media: m.media, Verdict: translate.BadBody, Err: err, Refused: o.Refused + o.Taken}
			in.reject(m.format, o.Verdict, o.Refused)
			in.count(m, o.Verdict)
			return o
		}
		if err != nil {
			// What is malformed stays so; that the gateway is busy is what the
			// client can do something about.
			in.reject(m.format, translate.Busy, o.Taken)
			o = translate.Outcome{Media: m.media, Verdict: translate.Busy, Err: err, Refused: o.Refused + o.Taken}
			in.count(m, o.Verdict)
			return o
		}
	}
	in.reject(m.format, o.Verdict, o.Refused)
	in.count(m, o.Verdict)
	return o
}

var errPanic = errors.New("the gateway failed on this message (a bug of the gateway)")

// put hands a batch on. A panic there costs the message: the messages of a stream
// are taken by goroutines of its own, where nobody else would stop it.
func (in *intake) put(ctx context.Context, m body, b *span.Batch, h *hold) (err error) {
	defer func() {
		if r := recover(); r != nil {
			in.opts.Set.Panics.WithLabelValues("take " + m.format).Inc()
			in.opts.Log.Error("panic while taking spans", "format", m.format, "panic", r, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	if n := h.bytes; m.wait > 0 && (h.budget == nil || h.budget.mayStay(n)) {
		if h.budget != nil {
			defer h.budget.leave(n)
		}
		var p *patience
		ctx, p = in.patience(ctx)
		defer p.end()
		b.Origin.Patience = m.wait
	}
	return in.opts.Sink.Put(ctx, b)
}

// refuse counts a message that was not even read.
func (in *intake) refuse(m body, v translate.Verdict, err error) translate.Outcome {
	in.count(m, v)
	return translate.Outcome{Media: m.media, Verdict: v, Err: err}
}

func (in *intake) count(m body, v translate.Verdict) {
	in.opts.Set.Messages.WithLabelValues(metrics.Protocol(m.format), m.format, m.transport, v.String()).Inc()
}

func (in *intake) reject(format string, v translate.Verdict, spans int) {
	if spans > 0 {
		in.opts.Set.SpansRejected.WithLabelValues(metrics.Protocol(format), v.String()).Add(float64(spans))
	}
}

// decode is the format's decoder. A panic there is a bug that costs the message.
func (in *intake) decode(m body, f *span.Buffer, h *hold, l *Limits) (b *span.Batch, err error) {
	p := f.Body
	if len(p) > span.MaxBody {
		return nil, fmt.Errorf("%s: %d bytes, want at most %d", m.format, len(p), span.MaxBody)
	}
	in.working <- struct{}{}
	defer func() { <-in.working }()
	if err := h.set(max(int64(f.Memory()), int64(cap(p))+in.expect(p))); err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			in.opts.Set.Panics.WithLabelValues("decode " + m.format).Inc()
			in.opts.Log.Error("panic while decoding", "format", m.format, "panic", r, "stack", string(debug.Stack()))
			b, err = nil, fmt.Errorf("%s: the decoder failed on this body (a bug of the gateway)", m.format)
		}
	}()
	origin := span.Origin{
		Format: m.format, Transport: m.transport, Received: time.Now().UnixNano(), Tenant: m.tenant, Room: in.room(), Buffer: f,
		Outline: in.opts.Outline != nil && in.opts.Outline(m.format),
	}
	decode := in.formats[m.format].Decode
	b, err = decode(p, origin)
	if b != nil && l.outgrown(b.Outline()) {
		origin.Outline = false
		b, err = decode(p, origin)
	}
	if b != nil && !b.Over() && h.set(int64(b.Memory())) != nil {
		return b, errNoMemory
	}
	return b, err
}
