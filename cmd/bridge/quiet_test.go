// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// quietLog is a log that is written at times of the test's own.
type quietLog struct {
	out bytes.Buffer
	to  *quiet
	now time.Time
}

func newQuietLog() *quietLog {
	l := &quietLog{now: time.Unix(1_000_000, 0)}
	l.to = newQuiet(slog.NewTextHandler(&l.out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	return l
}

func (l *quietLog) say(t *testing.T, h slog.Handler, message string, attrs ...slog.Attr) {
	t.Helper()
	r := slog.NewRecord(l.now, slog.LevelWarn, message, 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func (l *quietLog) lines() []string {
	text := strings.TrimSpace(l.out.String())
	l.out.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// A million messages of one kind are ten lines a minute, and none is lost from
// the count.
func TestQuiet(t *testing.T) {
	l := newQuietLog()
	for i := range 100_000 {
		l.say(t, l.to, fmt.Sprintf("client 10.0.0.%d is bad", i%256), slog.Int("n", i))
	}
	if got := l.lines(); len(got) != quietAfter || !strings.Contains(got[0], "n=0") {
		t.Errorf("%d lines for 100000 messages within one second, want %d with the first: %q", len(got), quietAfter, got)
	}
	l.say(t, l.to, "something else")
	if got := l.lines(); len(got) != 1 {
		t.Errorf("another message: %q", got)
	}
	for name, other := range map[string]slog.Handler{
		"attributes": l.to.WithAttrs([]slog.Attr{slog.String("target", "b")}), "a group": l.to.WithGroup("b"),
	} {
		l.say(t, other, "client is bad")
		if got := l.lines(); len(got) != 1 {
			t.Errorf("the same message of a logger with %s: %q", name, got)
		}
	}
	l.now = l.now.Add(quietFor)
	l.say(t, l.to, "client 10.0.0.1 is bad")
	if got := l.lines(); len(got) != 1 || !strings.Contains(got[0], fmt.Sprintf("repeated=%d", 100_000-quietAfter)) {
		t.Errorf("the next minute: %q, want one line with how many were left out", got)
	}
	l.say(t, l.to, "client 10.0.0.1 is bad")
	if got := l.lines(); len(got) != 1 || strings.Contains(got[0], "repeated") {
		t.Errorf("the line after it: %q", got)
	}
}

// What was left out of a message that does not come again is told by a line of
// its own.
func TestQuietTellsTheRest(t *testing.T) {
	l := newQuietLog()
	target := l.to.WithAttrs([]slog.Attr{slog.String("target", "a")})
	for range quietAfter + 7 {
		l.say(t, target, "down")
	}
	l.lines()
	l.now = l.now.Add(quietFor)
	l.say(t, l.to, "up")
	if got := l.lines(); len(got) != 2 || !strings.Contains(got[0], "msg=down target=a repeated=7") || !strings.Contains(got[1], "msg=up") {
		t.Errorf("%q", got)
	}
}

// Messages with words from the network share an allowance when there are too
// many, and what is remembered of them is bounded.
func TestQuietIsBounded(t *testing.T) {
	l := newQuietLog()
	word := func(i int) string {
		return strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%08d", i))
	}
	for i := range 50_000 {
		l.say(t, l.to, word(i))
	}
	if got := len(l.lines()); got != quietKinds+quietAfter {
		t.Errorf("%d lines, want %d", got, quietKinds+quietAfter)
	}
	if n := len(l.to.kinds.seen); n > quietKinds+1 {
		t.Errorf("%d messages are remembered", n)
	}
	l.now = l.now.Add(quietFor)
	l.say(t, l.to, "the end")
	if got := l.lines(); len(got) != 2 || !strings.Contains(got[0], fmt.Sprintf("repeated=%d", 50_000-quietKinds-quietAfter)) {
		t.Errorf("%q", got)
	}
	if l.to.Enabled(t.Context(), slog.LevelDebug) {
		t.Error("the level of the handler behind is not asked")
	}
}
