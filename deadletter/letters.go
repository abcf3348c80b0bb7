// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/queue"
)

// Options of a log of dead letters.
type Options struct {
	// FS is the directory; nil: the letters are in memory and end with the process.
	FS queue.FS
	// MaxBytes and MaxAge bound the letters: the oldest go. 0: no bound of age.
	MaxBytes int64
	MaxAge   time.Duration
	// Now is the clock.
	Now func() time.Time
	// Log is told what a start finds; nil: nobody is.
	Log *slog.Logger
	// Lost is told of letters that went because of a bound ("full", "old"), or that
	// the disk has damaged ("damaged", of a target that is no longer known: "").
	Lost func(target string, spans int, why string)
}

// segmentBytes is the length of a file. Files go as a whole, and the last one is
// kept whatever it holds.
const segmentBytes = 4 << 20

// cursorName is the reader whose place is the oldest letter.
const cursorName = "letters"

// ErrNoLetter is the answer to a number that no letter has, or not any more.
var ErrNoLetter = errors.New("no such dead letter")

// Letters is a log of dead letters. Its methods may be called from several
// goroutines.
type Letters struct {
	opts   Options
	log    *queue.Log
	cursor *queue.Cursor

	mu    sync.Mutex
	live  []Brief  // by number
	last  uint64   // the newest record that was read
	again []uint64 // to be sent again
}

// Brief is what is known of a letter without reading it.
type Brief struct {
	ID     uint64
	Target string
	Reason Reason
	Spans  int
	At     time.Time
}

// Open opens the letters as they were left, or as a crash left them.
func Open(opts Options) (*Letters, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Lost == nil {
		opts.Lost = func(string, int, string) {}
	}
	l := &Letters{opts: opts}
	if opts.FS == nil {
		l.log = queue.NewMemory(0)
		// Numbers in memory begin with 0, which is no name for a letter.
		if err := l.log.Append(note(kindGone, nil)); err != nil {
			return nil, err
		}
	} else {
		var err error
		if l.log, _, err = queue.Open(opts.FS, queue.Options{Now: opts.Now, Log: opts.Log, SegmentBytes: segmentBytes}); err != nil {
			return nil, err
		}
	}
	var err error
	l.cursor, err = l.log.Cursor(cursorName, queue.CursorOptions{
		MaxBytes: math.MaxInt64, WhenFull: queue.Refuse,
		Dropped: func(items int, _ uint8, _ queue.Why) { opts.Lost("", items, "damaged") },
	})
	if err == nil {
		err = l.read()
	}
	if err == nil {
		err = l.log.Settle()
	}
	if err != nil {
		return nil, errors.Join(err, l.log.Close())
	}
	l.Tidy()
	return l, nil
}

// read takes in what was appended. The lock is held, or nobody else is there yet.
func (l *Letters) read() error {
	for failures := 0; ; {
		r, ok, err := l.cursor.TryTake()
		switch {
		case errors.Is(err, queue.ErrClosed):
			return err
		case err != nil: // the disk; after some tries the cursor passes over it
			if failures++; failures > 100 {
				return err
			}
			continue
		case !ok:
			return nil
		}
		l.last = r.Seq
		letter, kind, ids, err := parse(r.Seq, r.Record)
		switch {
		case err != nil:
			l.opts.Log.Error("a dead letter cannot be read", "letter", r.Seq, "err", err)
			l.opts.Lost("", r.Items, "damaged")
		case kind == kindLetter:
			l.live = append(l.live, Brief{letter.ID, letter.Target, letter.Reason, letter.Count, letter.At})
		case kind == kindGone:
			l.strike(ids)
		case kind == kindAgain:
			l.again = append(l.again, ids...)
		}
	}
}

func (l *Letters) strike(ids []uint64) {
	gone := make(map[uint64]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	l.live = slices.DeleteFunc(l.live, func(b Brief) bool { return gone[b.ID] })
	l.again = slices.DeleteFunc(l.again, func(id uint64) bool { return gone[id] })
}

// mostAtOnce is how many letters are appended at the same time; they share syncs.
const mostAtOnce = 64

// Put keeps letters. When it returns without an error they are as safe as the log
// makes them; with one, those in left are not kept, and the others are.
func (l *Letters) Put(letters []Letter) (left []Letter, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	results := make([]error, len(letters))
	for from := 0; from < len(letters); from += mostAtOnce {
		var appends sync.WaitGroup
		for i := from; i < min(from+mostAtOnce, len(letters)); i++ {
			r, err := letters[i].record()
			if err != nil {
				results[i] = err
				continue
			}
			appends.Go(func() { results[i] = l.log.Append(r) })
		}
		appends.Wait()
	}
	for i, err := range results {
		if err != nil {
			left = append(left, letters[i])
		}
	}
	err = errors.Join(results...)
	if unread := l.read(); unread != nil {
		l.opts.Log.Error("dead letters were kept that cannot be read now", "err", unread)
	}
	l.bound()
	return left, err
}

// Tidy lets go of letters that are too old.
func (l *Letters) Tidy() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bound()
}

// Bound changes the bounds; what is beyond them goes.
func (l *Letters) Bound(maxBytes int64, maxAge time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opts.MaxBytes, l.opts.MaxAge = maxBytes, maxAge
	l.bound()
}

// bound drops the oldest letters while there are too many bytes, with what was
// taken out behind them, and those that are too old.
func (l *Letters) bound() {
	for {
		l.commit()
		_, bytes := l.cursor.Held()
		if len(l.live) == 0 {
			return
		}
		why := ""
		switch {
		case bytes > l.opts.MaxBytes && len(l.live) > 1:
			why = "full"
		case l.opts.MaxAge > 0 && l.opts.Now().Sub(l.live[0].At) > l.opts.MaxAge:
			why = "old"
		default:
			return
		}
		l.opts.Lost(l.live[0].Target, l.live[0].Spans, why)
		l.live = append(l.live[:0], l.live[1:]...)
	}
}

// commit lets go of the records before the oldest letter.
func (l *Letters) commit() {
	if len(l.live) > 0 {
		l.cursor.Commit(l.live[0].ID - 1)
		return
	}
	l.cursor.Commit(l.last)
}

// Briefs are the letters that are kept, the oldest first.
func (l *Letters) Briefs() []Brief {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bound()
	return slices.Clone(l.live)
}

// Held is how many letters are kept, and of how many spans.
func (l *Letters) Held() (letters, spans, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.live {
		spans += int64(l.live[i].Spans)
	}
	_, bytes = l.cursor.Held()
	return int64(len(l.live)), spans, bytes
}

// Get reads a letter. The error is ErrNoLetter when it is not there.
func (l *Letters) Get(id uint64) (*Letter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := slices.BinarySearchFunc(l.live, id, func(b Brief, id uint64) int { return int(int64(b.ID - id)) }); !ok {
		return nil, fmt.Errorf("%d: %w", id, ErrNoLetter)
	}
	r, err := l.log.Read(id)
	if err != nil {
		return nil, err
	}
	letter, kind, _, err := parse(id, r)
	if err == nil && kind != kindLetter {
		err = errHead
	}
	return letter, err
}

// Remove takes letters out for good.
func (l *Letters) Remove(ids ...uint64) error { return l.note(kindGone, ids) }

// SendAgain marks letters to be sent again by the next process; see Again.
func (l *Letters) SendAgain(ids ...uint64) error { return l.note(kindAgain, ids) }

// Again are the letters that were marked to be sent again.
func (l *Letters) Again() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.again)
	return slices.Clone(slices.Compact(l.again))
}

func (l *Letters) note(kind byte, ids []uint64) error {
	if len(ids) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.log.Append(note(kind, ids)); err != nil {
		return err
	}
	err := l.read()
	l.bound()
	return err
}

// Close ends the letters.
func (l *Letters) Close() error { return l.log.Close() }
