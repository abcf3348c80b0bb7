// SPDX-License-Identifier: Apache-2.0

package faultnet

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// Answering is a way to answer.
type Answering int

// The ways to answer.
const (
	// Right: as it should be.
	Right Answering = iota
	// Wrong: with an error, Status or Code of the manner.
	Wrong
	// Half: the answer ends in the middle, with its connection. By gRPC: the
	// call ends without an answer, with the code Unavailable.
	Half
	// Twice: two answers to one request.
	Twice
	// Silent: none; the client is kept waiting until it gives up or the manner
	// changes.
	Silent
)

// Manner is how a target deals with requests.
type Manner struct {
	Answer Answering
	// Status is of HTTP (0: 503), Code of gRPC (0: Unavailable); for Wrong.
	Status int
	Code   codes.Code
	// Taken: a request that is answered Wrong or Silent was taken all the same,
	// which the client cannot know. Half and Twice are always taken.
	Taken bool
	// Wait is how long an answer takes.
	Wait time.Duration
}

// Request is what a target takes.
type Request struct {
	Name   string                  // the path by HTTP, the method by gRPC
	Header func(key string) string // of the metadata, by gRPC
	Body   []byte                  // decompressed, and not kept
}

// Take takes a request. Streams are given message by message. The answer is the body
// of a right answer. An error of type *Refusal refuses the request, with which the
// manner has nothing to do; any other is a status 500.
type Take func(Request) (answer []byte, err error)

// Refusal refuses a request for good.
type Refusal struct{ Why string }

func (r *Refusal) Error() string { return r.Why }

// mood is a manner that may change while requests are answered.
type mood struct {
	mu      sync.Mutex
	manner  Manner
	changed chan struct{} // closed when the manner changes
}

func newMood() *mood { return &mood{changed: make(chan struct{})} }

// Set changes how the target answers, from the next request on. Who waits for a
// silent one is let go.
func (m *mood) Set(next Manner) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.manner = next
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *mood) now() (Manner, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.manner, m.changed
}

// wait waits as the manner says; it is false when the client went away.
func wait(ctx context.Context, m Manner, changed <-chan struct{}) bool {
	if m.Answer == Silent {
		select {
		case <-changed:
		case <-ctx.Done():
		}
		return false
	}
	if m.Wait <= 0 {
		return true
	}
	timer := time.NewTimer(m.Wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// takes is true when a request is taken.
func (m Manner) takes() bool {
	return m.Taken || m.Answer != Wrong && m.Answer != Silent
}
