// SPDX-License-Identifier: Apache-2.0

package reporter

import (
	"errors"
	"fmt"
	"time"
)

// ErrTooLarge is in the errors of a Sender whose message is too large for the
// backend: the spans are sent again in two halves.
var ErrTooLarge = errors.New("the message is too large for the backend")

// errSpanTooLarge is why a span is dropped that no message has room for.
var errSpanTooLarge = errors.New("a span is too large for the protocol")

// Partly is an error of a Sender whose message was taken, but for some spans.
type Partly struct {
	Refused int
	Why     string
}

func (e *Partly) Error() string {
	return fmt.Sprintf("the backend refused %d spans of a message: %s", e.Refused, e.Why)
}

// TryAgain is an error of a Sender that is for a while. Any other one is final:
// the backend does not want these spans.
type TryAgain struct {
	Err   error
	After time.Duration // what the backend asked for, 0 for nothing
}

func (e *TryAgain) Error() string { return e.Err.Error() }

func (e *TryAgain) Unwrap() error { return e.Err }
