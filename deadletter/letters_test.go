// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// grave is letters under test, with a clock.
type grave struct {
	*Letters
	now  time.Time
	lost map[string]int
}

func dig(t *testing.T, fs queue.FS, change func(*Options)) *grave {
	t.Helper()
	g := &grave{now: time.Unix(1_700_000_000, 0), lost: make(map[string]int)}
	opts := Options{
		FS: fs, MaxBytes: 1 << 20, MaxAge: time.Hour, Now: func() time.Time { return g.now },
		Lost: func(target string, spans int, why string) { g.lost[target+" "+why] += spans },
	}
	if change != nil {
		change(&opts)
	}
	var err error
	if g.Letters, err = Open(opts); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *grave) put(t *testing.T, n, bytes int) {
	t.Helper()
	var letters []Letter
	for i := range n {
		letters = append(letters, Letter{
			At: g.now, Target: fmt.Sprintf("t%d", i%2), Reason: Refused, Answer: "400 Bad Request", Apart: true, Count: 1 + i%3, Of: 9,
			Spans: []Span{{Index: i, Trace: "a", ID: "b", Name: "n"}}, Format: "f", Transport: "http", Received: 1, Body: make([]byte, bytes),
		})
	}
	if _, err := g.Put(letters); err != nil {
		t.Fatal(err)
	}
}

func look(fs queue.FS) (letters []Letter, damaged int, err error) {
	damaged, err = Look(fs, func(l *Letter) bool {
		letters = append(letters, *l)
		return true
	})
	return letters, damaged, err
}

func (g *grave) ids() (ids []uint64) {
	for _, b := range g.Briefs() {
		ids = append(ids, b.ID)
	}
	return ids
}

// Letters stay over a restart and a crash, with what was taken out.
func TestLettersStay(t *testing.T) {
	disk := &queuetest.Disk{}
	g := dig(t, disk, nil)
	g.put(t, 10, 100)
	ids := g.ids()
	if err := errors.Join(g.Remove(ids[2], ids[0]), g.SendAgain(ids[5])); err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(ids[1:2], ids[3:])
	if got := g.ids(); !slices.Equal(got, want) {
		t.Errorf("%v are there, want %v", got, want)
	}
	if _, err := g.Get(ids[0]); !errors.Is(err, ErrNoLetter) {
		t.Error(err)
	}
	// Beside the process that has them.
	seen, damaged, err := look(disk)
	if err != nil || damaged != 0 || len(seen) != len(want) || seen[0].ID != want[0] || len(seen[0].Body) != 100 {
		t.Errorf("%d letters seen, %d damaged, %v", len(seen), damaged, err)
	}
	disk.Crash()
	_ = g.Close()
	g = dig(t, disk.After(queuetest.Nothing, 1), nil)
	if got := g.ids(); !slices.Equal(got, want) || !slices.Equal(g.Again(), ids[5:6]) {
		t.Errorf("%v are there after the crash, want %v; again %v", got, want, g.Again())
	}
	l, err := g.Get(ids[4])
	if err != nil {
		t.Fatal(err)
	}
	// Which of those that were put at the same time it is nobody knows.
	i := l.Spans[0].Index
	if l.Target != fmt.Sprintf("t%d", i%2) || l.Count != 1+i%3 || l.Answer != "400 Bad Request" || len(l.Body) != 100 || l.Bytes != 100 {
		t.Errorf("%+v", l)
	}
	if err := g.Remove(ids...); err != nil {
		t.Fatal(err)
	}
	if n, spans, held := g.Held(); n != 0 || spans != 0 || held != 0 || len(g.Again()) != 0 {
		t.Errorf("%d letters of %d spans and %d bytes are held", n, spans, held)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}

// The bounds hold, on disk and in memory, and what goes is counted.
func TestLettersBound(t *testing.T) {
	for _, fs := range []queue.FS{nil, &queuetest.Disk{}} {
		g := dig(t, fs, func(o *Options) { o.MaxBytes = 100_000 })
		total := 0
		for range 50 {
			g.put(t, 6, 1000)
			total += 12
			if _, _, held := g.Held(); held > 100_000 {
				t.Errorf("%d bytes are held", held)
			}
		}
		_, spans, _ := g.Held()
		if lost := g.lost["t0 full"] + g.lost["t1 full"]; spans < 20 || int(spans)+lost != total {
			t.Errorf("%d spans are kept and %d went, want %d", spans, lost, total)
		}
		// One that is larger than the bound is kept until the next one comes.
		g.put(t, 1, 200_000)
		if n, _, _ := g.Held(); n != 1 {
			t.Errorf("%d letters, want the one that fills the bound", n)
		}
		g.now = g.now.Add(2 * time.Hour)
		g.Tidy()
		if n, _, held := g.Held(); n != 0 || held != 0 || g.lost["t0 old"] != 1 {
			t.Errorf("%d letters of %d bytes, %v went", n, held, g.lost)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A full disk keeps some letters, and says which it has not kept.
func TestLettersFullDisk(t *testing.T) {
	disk := &queuetest.Disk{}
	g := dig(t, disk, nil)
	var letters []Letter
	for i := range 300 {
		letters = append(letters, Letter{At: g.now, Target: "t", Reason: Refused, Count: 1, Received: int64(i), Body: make([]byte, 40_000)})
	}
	disk.SetSpace(6 << 20)
	left, err := g.Put(letters)
	if !errors.Is(err, syscall.ENOSPC) || len(left) == 0 || len(left)+len(g.ids()) > 300 {
		t.Fatalf("%d of 300 letters are left, %d are kept, %v", len(left), len(g.ids()), err)
	}
	disk.SetSpace(0)
	for len(left) > 0 && err != nil {
		left, err = g.Put(left)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}

// A bit flip costs the letter that it hits, which is counted.
func TestLettersDamaged(t *testing.T) {
	disk := &queuetest.Disk{}
	g := dig(t, disk, nil)
	g.put(t, 3, 5000)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for name := range disk.Files() {
		if strings.HasSuffix(name, ".seg") {
			disk.Alter(name, func(p []byte) {
				if len(p) > 10_000 {
					p[8000] ^= 4
				}
			})
		}
	}
	if seen, damaged, err := look(disk); err != nil || damaged != 1 || len(seen) != 2 {
		t.Errorf("%d letters seen, %d damaged, %v", len(seen), damaged, err)
	}
	g = dig(t, disk, nil)
	if n, _, _ := g.Held(); n != 2 || g.lost[" damaged"] == 0 {
		t.Errorf("%d letters, %v", n, g.lost)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}

// Writers, readers and whoever takes letters out do not disturb each other.
func TestLettersAtOnce(t *testing.T) {
	g := dig(t, &queuetest.Disk{}, func(o *Options) { o.MaxBytes = 1 << 30 })
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 8 {
				g.put(t, 70, 10)
			}
		})
	}
	all.Go(func() {
		for range 50 {
			for _, b := range g.Briefs() {
				if _, err := g.Get(b.ID); err != nil {
					t.Error(err)
				}
				if b.ID%2 == 0 {
					if err := g.Remove(b.ID); err != nil {
						t.Error(err)
					}
				}
				if b.ID > 200 {
					break
				}
			}
		}
	})
	all.Wait()
	left := 0
	for _, b := range g.Briefs() {
		if b.ID > 300 {
			left++
		}
	}
	if left == 0 || len(g.ids()) > 4*8*70 {
		t.Errorf("%d letters", len(g.ids()))
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCut(t *testing.T) {
	for _, s := range []string{"", "abc", strings.Repeat("é", 100), strings.Repeat("€", 100), strings.Repeat("😀", 50), "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		for most := 1; most < 20; most++ {
			got := Cut(s, most)
			if len(got) > most+len("…") || utf8.ValidString(s) && !utf8.ValidString(got) {
				t.Errorf("%q to %d is %q", s, most, got)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	l := Letter{ID: 1, Target: "a", Count: 1, Spans: []Span{{Index: 1, Trace: "a"}}}
	r, err := l.record()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Head)
	f.Add(note(kindGone, []uint64{1, 2}).Head)
	f.Fuzz(func(t *testing.T, head []byte) {
		l, kind, _, err := parse(7, queue.Record{Head: bytes.Clone(head), Body: []byte("b")})
		if err == nil && kind == kindLetter && (l == nil || l.ID != 7 || string(l.Body) != "b") {
			t.Errorf("%+v", l)
		}
	})
}
