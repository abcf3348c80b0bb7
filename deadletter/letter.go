// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/queue"
)

// Reason is why spans are dead.
type Reason string

// Reasons.
const (
	Refused    Reason = "refused"    // the target said that it never takes them
	Malformed  Reason = "malformed"  // they cannot be written in the target's form
	Unreadable Reason = "unreadable" // the message cannot be decoded again
)

// Reasons are all of them.
func Reasons() []Reason { return []Reason{Refused, Malformed, Unreadable} }

// Letter is the spans of one message that a target did not take, all for the same
// reason.
type Letter struct {
	// ID is the number of the letter, given by Put.
	ID     uint64    `json:"id"`
	At     time.Time `json:"at"`
	Target string    `json:"target"`
	Reason Reason    `json:"reason"`
	// Answer is what the target said, or what went wrong.
	Answer string `json:"answer"`
	// Apart is false where the guilty span was not looked for to the end, so that
	// innocent ones may be among these.
	Apart bool `json:"apart"`
	// Count is the number of spans, Of that of the message.
	Count int `json:"count"`
	Of    int `json:"of"`
	// Spans are the spans; none for a message that cannot be decoded: then it is
	// the whole message.
	Spans []Span `json:"spans,omitempty"`
	// Format, Transport and Received say how the message came, in ns since 1970.
	Format    string `json:"format"`
	Transport string `json:"transport"`
	Received  int64  `json:"received"`
	Tenant    string `json:"tenant,omitempty"`
	// Bytes is the length of the message.
	Bytes int `json:"bytes"`
	// Body is the message as it arrived.
	Body []byte `json:"-"`
}

// Span is a span of a letter. Ids are in hexadecimal, as the span left: a target
// whose spans need ids of their own may have given it another one than it came
// with.
type Span struct {
	Index   int    `json:"index"` // in the message as it is decoded
	Trace   string `json:"trace"`
	ID      string `json:"id"`
	Parent  string `json:"parent,omitempty"`
	Came    string `json:"came,omitempty"` // the id it came with, if that is another one
	Service string `json:"service,omitempty"`
	Name    string `json:"name,omitempty"`
}

// mostText bounds texts that only people read.
const mostText = 1024

// Cut shortens a text that only people read, and makes it a text of its own.
func Cut(s string, most int) string {
	if len(s) > most {
		n := most
		for n > 0 && most-n < utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "…"
	}
	return string([]byte(s))
}

// A record of the log is a letter or a note; its head says which.
//
//	head = version(1 byte, 1) kind(1 byte) JSON
const (
	version    = 1
	kindLetter = 'L' // the JSON is a Letter, the body that of the message
	kindGone   = 'G' // the JSON is a list of the letters that are taken out
	kindAgain  = 'A' // a list of the letters to be sent again when a gateway runs
)

var errHead = errors.New("deadletter: a record's head cannot be read")

func (l *Letter) record() (queue.Record, error) {
	l.Answer = Cut(l.Answer, mostText)
	l.Bytes = len(l.Body)
	head, err := json.Marshal(l)
	if err != nil {
		return queue.Record{}, fmt.Errorf("deadletter: %w", err)
	}
	return queue.Record{Head: append([]byte{version, kindLetter}, head...), Body: l.Body, Items: l.Count}, nil
}

func note(kind byte, ids []uint64) queue.Record {
	head, _ := json.Marshal(ids)
	return queue.Record{Head: append([]byte{version, kind}, head...)}
}

// parse reads a record: a letter, or a note with its kind and the numbers in it.
func parse(id uint64, r queue.Record) (l *Letter, kind byte, ids []uint64, err error) {
	if len(r.Head) < 2 || r.Head[0] != version {
		return nil, 0, nil, errHead
	}
	switch kind = r.Head[1]; kind {
	case kindLetter:
		l = &Letter{}
		if err := json.Unmarshal(r.Head[2:], l); err != nil {
			return nil, 0, nil, fmt.Errorf("%w: %w", errHead, err)
		}
		l.ID, l.Body = id, r.Body
		return l, kind, nil, nil
	case kindGone, kindAgain:
		if err := json.Unmarshal(r.Head[2:], &ids); err != nil {
			return nil, 0, nil, fmt.Errorf("%w: %w", errHead, err)
		}
		return nil, kind, ids, nil
	default:
		return nil, 0, nil, errHead
	}
}
