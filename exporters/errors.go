// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"errors"
	"fmt"
	"time"
)

// TryAgain is an error that is for a while.
type TryAgain struct {
	Err   error
	After time.Duration // what the target asked for, 0 for nothing
	// Nothing: the target has nothing of what it was sent. Otherwise nobody knows.
	Nothing bool
}

func (e *TryAgain) Error() string { return e.Err.Error() }

func (e *TryAgain) Unwrap() error { return e.Err }

// RetryAfter is when to try again at the earliest; it marks the error as one
// that is for a while.
func (e *TryAgain) RetryAfter() time.Duration { return e.After }

// partly is an error of a message after others that were taken.
func partly(err error) error {
	if again, ok := errors.AsType[*TryAgain](err); ok {
		again.Nothing = false
	}
	return err
}

// NothingTaken is true when it is known that the target has nothing.
func (e *TryAgain) NothingTaken() bool { return e.Nothing }

// Refused is the answer of a target that does not want what it was sent.
type Refused struct {
	Answer string // "400 Bad Request: …"
	// Large: it is the length that the target does not want (413).
	Large bool
}

// TooLarge is true when less of the same may be taken.
func (e *Refused) TooLarge() bool { return e.Large }

func (e *Refused) Error() string { return fmt.Sprintf("the target refused: %s", e.Answer) }
