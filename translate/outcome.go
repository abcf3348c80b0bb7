// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"time"
)

// Verdict is what became of a body that a client sent.
type Verdict uint8

// Verdicts.
const (
	Taken Verdict = iota
	// BadBody: it could not be read, or some of its spans could not.
	BadBody
	// TooLarge: it is longer than the limit, as sent or after decompression.
	TooLarge
	// WrongMedia: its content type or encoding is none that the path takes.
	WrongMedia
	// Busy: the gateway takes nothing now; the client may try again.
	Busy
)

// String is the word for a verdict in metrics.
func (v Verdict) String() string {
	return [...]string{"taken", "malformed", "too_large", "wrong_media", "busy"}[v]
}

// Outcome is what a receiver tells the protocol, which knows how its own
// server would say it.
type Outcome struct {
	Verdict Verdict
	Media   string // of the request, lower case, without parameters
	Taken   int    // spans
	Refused int    // spans
	Err     error  // with a Verdict other than Taken
}

// RetryAfter is how long a client should wait; 0 when the error does not say.
func RetryAfter(err error) time.Duration {
	if err == nil {
		return 0
	}
	var later interface{ RetryAfter() time.Duration }
	if errors.As(err, &later) {
		return later.RetryAfter()
	}
	return 0
}
