// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

var began = time.Unix(1_800_000_000, 0)

const (
	hold    = 2 * time.Second
	settle  = time.Second
	longest = 5 * time.Second
)

func options() Options {
	return Options{Hold: hold, Remember: time.Minute, MaxRemembered: 100_000, MaxSpans: 10_000, MaxBytes: 1 << 20}
}

// play sends messages to a window, each "@TIME spec; spec", and shows the
// parents in the manner of tree: spans are numbered in the order of the story.
// Everything that is there 20 s after the end is due.
func play(t testing.TB, opts Options, story ...string) (string, Counts) {
	t.Helper()
	w := New(opts)
	place := make(map[string]int) // by batch and index
	var out []Ready
	now := began
	advance := func(to time.Time) {
		for {
			at, ok := w.Next()
			if !ok || at.After(to) {
				break
			}
			if at.After(now) {
				now = at
			}
			w.Due(now)
		}
		now = to
		out = append(out, w.Ready()...)
		w.Take(len(w.Ready()))
	}
	n := 0
	for i, message := range story {
		at, rest, _ := strings.Cut(strings.TrimPrefix(message, "@"), " ")
		d, err := time.ParseDuration(at)
		if err != nil {
			t.Fatal(err)
		}
		advance(began.Add(d))
		its := items(t, strings.Split(rest, ";"))
		for j := range its {
			place[fmt.Sprintf("%p %d", its[j].Batch, j)] = n
			n++
		}
		w.Put(uint64(i), its, 100, now)
	}
	advance(now.Add(20 * time.Second))
	if len(out) != n {
		t.Fatalf("%d spans came out, want %d", len(out), n)
	}
	parents := make([]string, n)
	byID := make(map[span.ID]int)
	at := func(r Ready) int { return place[fmt.Sprintf("%p %d", r.Batch, r.Index)] }
	for _, r := range out {
		if twin, ok := byID[r.ID]; ok {
			t.Errorf("spans %d and %d both have id %s", twin, at(r), r.ID)
		}
		byID[r.ID] = at(r)
	}
	for _, r := range out {
		p := r.Parent.String()
		if n, ok := byID[r.Parent]; ok {
			p = fmt.Sprint(n)
		} else if r.Parent == 0 {
			p = "-"
		}
		parents[at(r)] = fmt.Sprintf("%d>%s", at(r), p)
	}
	c := w.Counts()
	if c.Waiting != 0 || w.messages.bytes != 0 {
		t.Errorf("%d spans wait, %d bytes are held", c.Waiting, w.messages.bytes)
	}
	return strings.Join(parents, " "), c
}

func TestWindow(t *testing.T) {
	t.Parallel()
	f := func(name, want string, story ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, c := play(t, options(), story...); got != want {
				t.Errorf("%s, want %s (%+v)", got, want, c)
			}
		})
	}
	f("row 40: all at once", "0>- 1>0 2>1 3>2 4>1",
		"@0s a - server front/10.0.0.1;b a client front/10.0.0.1;b a server back/10.0.0.2 shared;c b - back/10.0.0.2;d b - front/10.0.0.1")
	f("row 41: child, server, client, child", "0>1 1>2 2>4 3>2 4>-",
		"@0s c b - back/10.0.0.2", "@500ms b a server back/10.0.0.2 shared", "@900ms b a client front/10.0.0.1",
		"@1s d b - front/10.0.0.1", "@1100ms a - server front/10.0.0.1")
	f("row 42: the server comes after the hold", "0>2 1>2 2>-",
		"@0s c b - back/10.0.0.2", "@3s b - server back/10.0.0.2 shared", "@3500ms b - client front/10.0.0.1")
	f("row 43: an unflagged server, then its client", "0>- 1>- 2>0 3>1",
		"@0s b - server back/10.0.0.2", "@500ms b - client front/10.0.0.1", "@600ms c b - back/10.0.0.2", "@700ms d b - front/10.0.0.1")
	f("row 43: a service that is known to join waits for its client", "0>1 1>- 2>- 3>2 4>3 5>2",
		"@0s 1 - server back/10.0.0.2;1 - client front/10.0.0.1",
		"@9s b - client front/10.0.0.1", "@10s b - server back/10.0.0.2", "@10100ms c b - back/10.0.0.2", "@10200ms d b client front/10.0.0.1")
	f("row 43: it waits when it comes first", "0>1 1>- 2>3 3>4 4>- 5>4",
		"@0s 1 - server back/10.0.0.2;1 - client front/10.0.0.1",
		"@9s c b - back/10.0.0.2", "@9100ms b - server back/10.0.0.2", "@10s b - client front/10.0.0.1", "@10200ms d b client front/10.0.0.1")
	f("a service that joins at times has an id of its own when its caller is a client", "0>1 1>- 2>3 3>-",
		"@0s 1 - server back/10.0.0.2;1 - client front/10.0.0.1",
		"@9s c b server back/10.0.0.2", "@9500ms b - client front/10.0.0.1")
	f("row 44: two servers, children of each", "0>3 1>4 2>- 3>2 4>2",
		"@0s c b - back/10.0.0.2", "@1ms d b - back/10.0.0.3", "@2ms b - client front/10.0.0.1",
		"@3ms b - server back/10.0.0.2 shared", "@4ms b - server back/10.0.0.3 shared")
	f("two unflagged servers on one id", "0>000000000000000a 1>000000000000000a",
		"@0s b a server back/10.0.0.2", "@4ms b a server back/10.0.0.3")
	f("row 45: a call to itself, the child first", "0>2 1>- 2>1",
		"@0s c b - front/10.0.0.1", "@1ms b - client front/10.0.0.1", "@2ms b - server front/10.0.0.1 shared")
	f("a client that calls another, and its child", "0>1 1>- 2>1",
		"@0s c b - front/10.0.0.1", "@1ms b - client front/10.0.0.1", "@2ms b - server back/10.0.0.2 shared")
	f("row 47: behind a proxy, all at once", "0>- 1>0 2>1",
		"@0s b - client front/10.0.0.1 0+100;b - server proxy/10.0.0.2 10+80 shared;c b server app/10.0.0.3 20+50")
	f("row 47: a proxy that reports last is expected the next time", "0>- 1>0 2>0 3>- 4>5 5>3",
		"@0s b - client front/10.0.0.1 0+100", "@1ms c b server app/10.0.0.3 20+50", "@2ms b - server proxy/10.0.0.2 10+80 shared",
		"@9s 2 - client front/10.0.0.1 0+100", "@9001ms 3 2 server app/10.0.0.3 20+50", "@9500ms 2 - server proxy/10.0.0.2 10+80 shared")
	f("two consumers of one message are no proxies", "0>- 1>0 2>0",
		"@0s b - producer front/10.0.0.1 0+10", "@1ms b - consumer queue/10.0.0.2 10+80 shared", "@2ms c b consumer app/10.0.0.3 20+50")
	f("row 48: 64 and 128 bits are one trace", "0>1 1>2 2>-",
		"@0s c b - back/10.0.0.2", "@1ms b - server back/10.0.0.2 shared", "@2ms b - client front/10.0.0.1")
	f("row 49: the client never comes", "0>1 1>000000000000000b",
		"@0s c b - back/10.0.0.2", "@1ms b a server back/10.0.0.2 shared")
	f("a child of a server that waits is decided after it", "0>1 1>- 2>3 3>-",
		"@0s 1 - server back/10.0.0.2;1 - client front/10.0.0.1",
		"@9s c b - back/10.0.0.2", "@10900ms b - server back/10.0.0.2")
	f("a child without an address", "0>1 1>2 2>-",
		"@0s c b - back", "@1s b - server back/10.0.0.2 shared", "@2s b - client front/10.0.0.1")
	f("a child without a service", "0>1 1>2 2>-",
		"@0s c b - -", "@1s b - server back/10.0.0.2 shared", "@1500ms b - client front/10.0.0.1")
}

// Without a hold every span leaves at once, as far as its message tells.
func TestWindowWithoutHold(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.Hold = 0
	got, c := play(t, opts, "@0s c b - back/10.0.0.2", "@1ms b - server back/10.0.0.2 shared;d b - back/10.0.0.2", "@2ms b - client front/10.0.0.1")
	if want := "0>3 1>3 2>1 3>-"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if c.Released != [reasons]int{} {
		t.Errorf("%+v", c)
	}
}

// Once a proxy was seen, calls wait for one that may be between; those of a
// service that is not behind it do so for a while only.
func TestWindowProxies(t *testing.T) {
	t.Parallel()
	w := New(options())
	n, now := uint64(0), began
	f := func(waiting int, spec string) {
		t.Helper()
		n++
		w.Due(now)
		w.Put(n, items(t, strings.Split(spec, ";")), 100, now)
		if got := w.Counts().Waiting; got != waiting {
			t.Fatalf("%s: %d spans wait, want %d", spec, got, waiting)
		}
		now = now.Add(hold)
	}
	f(0, "2 - client front/10.0.0.1 0+100;3 2 server app/10.0.0.3 20+50")
	f(0, "b - client front/10.0.0.1 0+100;b - server proxy/10.0.0.2 10+80 shared;c b server app/10.0.0.3 20+50")
	for i := range patience {
		f(1, fmt.Sprintf("%x - client front/10.0.0.1 0+100;%x %[1]x server other/10.0.0.4 20+50", 1000+i, 2000+i))
	}
	f(0, "2 - client front/10.0.0.1 0+100;3 2 server other/10.0.0.4 20+50")
	for i := range 2 * patience {
		f(1, fmt.Sprintf("%x - client front/10.0.0.1 0+100;%x %[1]x server app/10.0.0.3 20+50", 3000+i, 4000+i))
	}
}

func TestWindowCounts(t *testing.T) {
	t.Parallel()
	_, c := play(t, options(), "@0s c b - back/10.0.0.2", "@1ms b - server back/10.0.0.2 shared", "@2ms d e - back/10.0.0.2")
	if c.Released[Complete] != 1 || c.Released[Quiet] != 1 || c.ServerHalves != 1 || c.Remembered == 0 {
		t.Errorf("%+v", c)
	}
	_, c = play(t, options(), "@0s b - client front/10.0.0.1;b - server back/10.0.0.2")
	if c.ServerHalves != 1 {
		t.Errorf("%d server halves without a flag, want 1", c.ServerHalves)
	}
}

// Spans of one trace and service leave together.
func TestGroups(t *testing.T) {
	t.Parallel()
	f := func(name, want string, story ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			opts.Together, opts.Settle, opts.Longest, opts.GroupSpans = true, settle, longest, 4
			if got := together(t, opts, story...); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	f("the caller comes late", "3s: b; 3s: a",
		"@0s b a server back/10.0.0.2", "@2s a - client front/10.0.0.1")
	f("a half whose client comes late", "3s: 82575a2b15e35d1f; 3s: a",
		"@0s a - server back/10.0.0.2 shared", "@2s a - client front/10.0.0.1")
	f("the caller never comes", "5s: b", "@0s b a server back/10.0.0.2")
	f("complete", "2s: a b; 2.1s: c",
		"@0s b a - front/10.0.0.1", "@1s a - server front/10.0.0.1", "@1100ms c b server back/10.0.0.2")
	f("its parent never comes", "7s: b c",
		"@0s b a - front/10.0.0.1", "@1s c a - front/10.0.0.1")
	f("full", "3ms: a b c d; 1.004s: e",
		"@0s a - server front/10.0.0.1", "@1ms b a - front/10.0.0.1", "@2ms c a - front/10.0.0.1", "@3ms d a - front/10.0.0.1",
		"@4ms e a server front/10.0.0.1")
	f("news every now and then", "5s: a c d",
		"@0s a - server front/10.0.0.1", "@900ms c a - front/10.0.0.1", "@1700ms d f - front/10.0.0.1")
}

// together shows when spans leave and which leave together.
func together(t *testing.T, opts Options, story ...string) string {
	t.Helper()
	return togetherIn(t, New(opts), story...)
}

func togetherIn(t *testing.T, w *Window, story ...string) string {
	t.Helper()
	var out []string
	now := began
	show := func() {
		for i, r := range w.Ready() {
			id := strings.TrimLeft(r.ID.String(), "0")
			if r.With && i > 0 {
				out[len(out)-1] += " " + id
				continue
			}
			out = append(out, fmt.Sprintf("%v: %s", now.Sub(began), id))
		}
		w.Take(len(w.Ready()))
	}
	advance := func(to time.Time) {
		for {
			at, ok := w.Next()
			if !ok || at.After(to) {
				break
			}
			now = at
			w.Due(now)
			show()
		}
		now = to
	}
	for i, message := range story {
		at, rest, _ := strings.Cut(strings.TrimPrefix(message, "@"), " ")
		d, err := time.ParseDuration(at)
		if err != nil {
			t.Fatal(err)
		}
		advance(began.Add(d))
		w.Put(uint64(i), items(t, strings.Split(rest, ";")), 100, now)
		show()
	}
	advance(now.Add(20 * time.Second))
	return strings.Join(out, "; ")
}

// Row 53: the limits hold whatever comes, and the counters tell.
func TestRow53Bounds(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.MaxSpans, opts.MaxRemembered, opts.Together, opts.Settle, opts.Longest, opts.GroupSpans = 10, 10, true, settle, longest, 300
	w := New(opts)
	left := 0
	for n := range 1000 {
		// A child whose parent never comes, and a server that is alone.
		its := items(t, []string{"c b - back/10.0.0.2", "d - server back/10.0.0.2"})
		for i := range its {
			s := &its[i].Batch.Spans()[its[i].Index]
			s.Trace.Lo = uint64(n + 1)
		}
		w.Put(uint64(n), its, 10, began)
		left += len(w.Ready())
		w.Take(len(w.Ready()))
		if c := w.Counts(); c.Waiting > 10 || c.Remembered > 11 {
			t.Fatalf("%+v", c)
		}
	}
	c := w.Counts()
	if left+c.Waiting != 2000 {
		t.Errorf("%d left and %d wait, want 2000", left, c.Waiting)
	}
	if c.Released[Size] < 900 || c.Groups[Size] < 900 || c.Evicted < 900 {
		t.Errorf("%+v", c)
	}
}

// A window keeps at most so many bytes of the log from being let go.
func TestWindowBytes(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.MaxBytes = 1000
	w := New(opts)
	for n := range 100 {
		w.Put(uint64(n), items(t, []string{"c b - back/10.0.0.2"}), 100, began)
		if w.messages.bytes > 1000 {
			t.Fatalf("%d bytes are held back", w.messages.bytes)
		}
	}
	if c := w.Counts(); c.Released[Memory] != 90 {
		t.Errorf("%+v", c)
	}
}

// A span that waits takes at most 500 bytes beside its batch.
func TestWindowMemory(t *testing.T) {
	const spans = 200_000
	opts := options()
	opts.MaxSpans, opts.MaxBytes, opts.MaxRemembered = spans, 0, 2*spans
	opts.Together, opts.Settle, opts.Longest, opts.GroupSpans = true, settle, longest, 300
	b := span.NewBuilder(nil, span.Origin{Format: "zipkin.v2.json"})
	for i := range spans {
		s := span.Span{Trace: span.TraceID{Lo: uint64(i/20 + 1)}, ID: span.ID(2*i + 1), Parent: span.ID(2*i + 2)}
		if i%2 == 0 {
			s.Parent = 0 // it goes into a group instead
		}
		b.Span(s)
	}
	batch := b.Batch()
	its := make([]span.Item, spans)
	for i := range its {
		its[i] = span.Item{Batch: batch, Index: i}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := New(opts)
	for i := 0; i < spans; i += 20 {
		w.Put(uint64(i), its[i:i+20], 0, began)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if c := w.Counts(); c.Waiting != spans {
		t.Fatalf("%+v", c)
	}
	each := float64(after.HeapAlloc-before.HeapAlloc) / spans
	t.Logf("%.0f bytes a span", each)
	if each > 500 {
		t.Errorf("%.0f bytes for each span that waits, want at most 500", each)
	}
	w.Flush(began)
	if n := len(w.Ready()); n != spans {
		t.Errorf("%d spans left, want %d", n, spans)
	}
}

// What a span costs that need not wait, and one that does.
func BenchmarkWindow(b *testing.B) {
	f := func(name string, parents string) {
		b.Run(name, func(b *testing.B) {
			var specs []string
			for i := range 25 {
				specs = append(specs,
					fmt.Sprintf("%x a client front/10.0.0.1", 256+i), fmt.Sprintf("%x a server back/10.0.0.2 shared", 256+i),
					fmt.Sprintf("%x %x - back/10.0.0.2", 1024+i, 256+i), fmt.Sprintf("%x %s - front/10.0.0.1", 4096+i, parents))
			}
			specs = append(specs, "a - server front/10.0.0.1")
			its := items(b, specs)
			again := make([]span.Item, len(its))
			opts := options()
			w := New(opts)
			now := began
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				for i := range its {
					its[i].Batch.Spans()[i].Trace.Lo = uint64(n)
				}
				copy(again, its)
				now = now.Add(10 * time.Millisecond)
				w.Due(now)
				w.Put(uint64(n), again, 1000, now)
				w.Take(len(w.Ready()))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(its)), "ns/span")
		})
	}
	f("in one message", "a")
	f("a quarter waits", "e")
}

// What a span costs that is collected with those of its trace and service.
func BenchmarkWindowTogether(b *testing.B) {
	var specs []string
	for i := range 10 {
		of := func(id, parent int, kind, place string) {
			at := "-"
			if parent > 0 {
				at = fmt.Sprintf("%x", i<<4+parent)
			}
			specs = append(specs, fmt.Sprintf("%x %s %s", i<<4+id, at, kind+" "+place))
		}
		of(1, 0, "server", "front/10.0.0.1")
		of(2, 1, "-", "front/10.0.0.1")
		of(3, 1, "client", "front/10.0.0.1")
		of(3, 1, "server", "cart/10.0.0.2 shared")
		of(5, 3, "client", "cart/10.0.0.2")
		of(6, 1, "client", "front/10.0.0.1")
		of(6, 1, "server", "payment/10.0.0.3 shared")
		of(8, 6, "producer", "payment/10.0.0.3")
		of(9, 8, "consumer", "shipping/10.0.0.4")
		of(10, 9, "client", "shipping/10.0.0.4")
	}
	its := items(b, specs)
	again := make([]span.Item, len(its))
	opts := options()
	opts.Together, opts.Settle, opts.Longest, opts.GroupSpans, opts.MaxSpans, opts.MaxBytes = true, settle, longest, 300, 1_000_000, 1<<30
	opts.MaxRemembered = 1_000_000
	w := New(opts)
	now := began
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		for i := range its {
			its[i].Batch.Spans()[i].Trace.Lo = uint64(n*10 + i/10)
		}
		copy(again, its)
		now = now.Add(10 * time.Millisecond)
		w.Due(now)
		w.Put(uint64(n), again, 1000, now)
		w.Take(len(w.Ready()))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(its)), "ns/span")
}
