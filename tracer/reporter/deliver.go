// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/spanbridge/spanbridge/tracer"
)

// Pauses between tries.
const (
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// deliver sends records, or drops and counts them. It is false when the backend
// cannot be reached.
func (r *Reporter) deliver(records []*tracer.Record) (reached bool) {
	reached = true
	for len(records) > 0 {
		w := r.sender.Write(records)
		if w.TooLarge > 0 {
			r.counters.dropped[tooLarge].Add(int64(w.TooLarge))
			r.last.because(errSpanTooLarge)
		}
		n := w.Records - w.TooLarge
		var err error
		if n > 0 {
			err = r.send()
		}
		if some, ok := errors.AsType[*Partly](err); ok {
			lost := min(max(some.Refused, 0), n)
			r.counters.dropped[refused].Add(int64(lost))
			n, err = n-lost, nil
		}
		switch {
		case err == nil:
			r.counters.sent.Add(int64(n))
			r.counters.bytes.Add(int64(w.Bytes))
		case errors.Is(err, ErrTooLarge) && w.Records > 1:
			r.counters.dropped[tooLarge].Add(-int64(w.TooLarge)) // they will be met again
			half := w.Records / 2
			reached = r.deliver(records[:half]) && reached
			w.Records = half
		default:
			reached = r.give(n, err) && reached
		}
		records = records[w.Records:]
		if !reached && r.queue.isClosed() {
			r.counters.dropped[closed].Add(int64(len(records)))
			return false
		}
	}
	return reached
}

// give drops spans that could not be sent.
func (r *Reporter) give(spans int, err error) (reached bool) {
	why := refused
	var again *TryAgain
	switch {
	case r.ctx.Err() != nil:
		why = closed
	case errors.As(err, &again):
		why = failed
	case errors.Is(err, ErrTooLarge):
		why, reached = tooLarge, true
	default:
		reached = true
	}
	r.counters.dropped[why].Add(int64(spans))
	return reached
}

// send tries until a message is sent, the error is final or time is up.
func (r *Reporter) send() error {
	start := time.Now()
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		err := r.try()
		if err == nil {
			return nil
		}
		r.counters.failedRequests.Add(1)
		r.last.because(err)
		var again *TryAgain
		if !errors.As(err, &again) {
			r.warner.failure("a request was refused", err)
			return err
		}
		r.warner.failure("a request failed", err)
		wait := max(pause/2+rand.N(pause/2), again.After)
		if time.Since(start)+wait > r.settings.Retry || !r.wait(wait) {
			return err
		}
	}
}

func (r *Reporter) try() error {
	ctx := r.ctx
	if r.settings.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.settings.Timeout)
		defer cancel()
	}
	r.counters.requests.Add(1)
	return r.sender.Send(ctx)
}

// wait is false when the reporter may wait no longer.
func (r *Reporter) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}
