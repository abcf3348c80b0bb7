// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
)

// failer is what tests and property tests share.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// A spec is one span in short form: "id parent kind service/ip [flags]", with
// start+duration as in "10+5" and the word shared as flags. "-" is absent.
func parse(t failer, w *span.Builder, spec string) {
	t.Helper()
	f := strings.Fields(spec)
	s := span.Span{Trace: span.TraceID{Lo: 0xabc}, Name: w.Copy("span " + f[0]), Has: span.HasWire}
	s.ID = hex(t, f[0])
	s.Parent = hex(t, f[1])
	s.Wire = span.Wire{ID: s.ID, Parent: s.Parent}
	for k := span.KindUnset; k <= span.KindConsumer; k++ {
		if k.String() == strings.TrimPrefix(f[2], "-") {
			s.Kind = k
		}
	}
	if service, ip, _ := strings.Cut(f[3], "/"); service != "-" {
		s.Local.Service = w.Copy(service)
		if ip != "" {
			s.Local.SetIP(netip.MustParseAddr(ip))
		}
	}
	for _, flag := range f[4:] {
		if flag == "shared" {
			s.Has |= span.Shared
			continue
		}
		if _, err := fmt.Sscanf(flag, "%d+%d", &s.Start, &s.Duration); err != nil {
			t.Fatal(flag, err)
		}
		s.Has |= span.HasStart | span.HasDuration
	}
	w.Span(s)
}

func hex(t failer, s string) span.ID {
	if s == "-" {
		return 0
	}
	id, err := span.ParseID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func items(t failer, specs []string) []span.Item { return itemsOf(t, "", specs) }

func itemsOf(t failer, format string, specs []string) []span.Item {
	t.Helper()
	w := span.NewBuilder(nil, span.Origin{Format: format})
	for _, s := range specs {
		parse(t, w, s)
	}
	b := w.Batch()
	out := make([]span.Item, b.Len())
	for i := range out {
		s := &b.Spans()[i]
		out[i] = span.Item{Batch: b, Index: i, Identity: span.Identity{ID: s.ID, Parent: s.Parent}}
	}
	return out
}

// tree joins the spans and shows the parent of each by its place in specs:
// "0>- 1>0 2>1". A parent that is none of them is shown by its id.
func tree(t testing.TB, specs []string, order []int) string {
	t.Helper()
	all := make([]string, len(specs))
	for to, from := range order {
		all[to] = specs[from]
	}
	its := items(t, all)
	Join(its)
	place := make(map[span.ID]int)
	for to, from := range order {
		id := its[to].ID
		if other, ok := place[id]; ok {
			t.Errorf("spans %d and %d both have id %s", other, from, id)
		}
		place[id] = from
	}
	parents := make([]string, len(specs))
	for to, from := range order {
		p := its[to].Parent
		switch at, ok := place[p]; {
		case p == 0:
			parents[from] = "-"
		case ok:
			parents[from] = fmt.Sprint(at)
		default:
			parents[from] = p.String()
		}
	}
	for i, p := range parents {
		parents[i] = fmt.Sprintf("%d>%s", i, p)
	}
	return strings.Join(parents, " ")
}

func TestJoin(t *testing.T) {
	f := func(name, want string, specs ...string) {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for range 24 {
				order := rng.Perm(len(specs))
				if got := tree(t, specs, order); got != want {
					t.Fatalf("order %v: %s, want %s", order, got, want)
				}
			}
		})
	}
	f("row 40: flagged", "0>- 1>0 2>1 3>2 4>1",
		"a - server front/10.0.0.1", "b a client front/10.0.0.1", "b a server back/10.0.0.2 shared",
		"c b - back/10.0.0.2", "d b - front/10.0.0.1")
	f("row 43: unflagged server with its client", "0>- 1>0 2>1",
		"b - client front/10.0.0.1", "b - server back/10.0.0.2", "c b client back/10.0.0.2")
	f("unflagged server alone", "0>000000000000000a 1>0",
		"b a server back/10.0.0.2", "c b client back/10.0.0.2")
	f("row 49: the client never comes", "0>000000000000000b 1>0",
		"b a server back/10.0.0.2 shared", "c b client back/10.0.0.2")
	f("row 44: two servers on one id", "0>- 1>0 2>0 3>1 4>2 5>0",
		"b - client front/10.0.0.1", "b - server back/10.0.0.2 shared", "b - server back/10.0.0.3 shared",
		"c b - back/10.0.0.2", "d b - back/10.0.0.3", "e b - back/10.0.0.4")
	f("row 45: a call to itself", "0>- 1>0 2>1",
		"b - client front/10.0.0.1", "b - server front/10.0.0.1 shared", "c b - front/10.0.0.1")
	f("row 46: a server of its own means the client", "0>- 1>0 2>0",
		"b - client front/10.0.0.1", "b - server back/10.0.0.2 shared", "c b server other/10.0.0.3")
	f("row 47: behind a proxy that joined", "0>- 1>0 2>1",
		"b - client front/10.0.0.1 0+100", "b - server proxy/10.0.0.2 10+80 shared", "c b server app/10.0.0.3 20+50")
	f("row 50: a shared consumer", "0>- 1>0 2>1",
		"b - producer front/10.0.0.1", "b - consumer back/10.0.0.2 shared", "c b - back/10.0.0.2")
	f("case and port do not matter", "0>- 1>0 2>1",
		"b - client front/10.0.0.1", "b - server Back/10.0.0.2 shared", "c b - back/10.0.0.2")
	f("a child without an address", "0>- 1>0 2>1",
		"b - client front/10.0.0.1", "b - server back/10.0.0.2 shared", "c b - back")
	f("a child without a service", "0>- 1>0 2>1",
		"b - client front/10.0.0.1", "b - server back/10.0.0.2 shared", "c b - -")
	f("a flag on a client means nothing", "0>- 1>0",
		"b - client front/10.0.0.1 shared", "c b - front/10.0.0.1")
	f("nothing shared", "0>- 1>0", "a - server front", "b a client front")
}

// Two partial reports of one half keep one id.
func TestJoinPartialReports(t *testing.T) {
	its := items(t, []string{"b - server back/10.0.0.2 shared", "b - server back/10.0.0.2 shared"})
	Join(its)
	if its[0].ID != its[1].ID || its[0].ID == 0xb {
		t.Errorf("ids %s and %s", its[0].ID, its[1].ID)
	}
}

// Whatever two nodes see of a flagged join, they agree on every id.
func TestRow52NodesAgree(t *testing.T) {
	specs := []string{
		"b - client front/10.0.0.1", "b - server back/10.0.0.2 shared", "c b - back/10.0.0.2",
	}
	whole := items(t, specs)
	Join(whole)
	half := items(t, specs[1:])
	Join(half)
	for i := range half {
		if half[i].Identity != whole[i+1].Identity {
			t.Errorf("span %d: %v at one node, %v at the other", i+1, half[i].Identity, whole[i+1].Identity)
		}
	}
}

// An attacker may put one id on every span.
func TestJoinOneIDForAll(*testing.T) {
	w := span.NewBuilder(nil, span.Origin{})
	const n = 200_000
	for i := range n {
		var s span.Span
		s.Trace.Lo, s.ID, s.Parent, s.Kind, s.Has = 1, 7, 7, span.KindServer, span.Shared
		s.Local.SetIP4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1})
		if i%2 == 0 {
			s.Kind, s.Has = span.KindUnset, 0
		}
		w.Span(s)
	}
	b := w.Batch()
	its := make([]span.Item, n)
	for i := range its {
		its[i] = span.Item{Batch: b, Index: i, Identity: span.Identity{ID: 7, Parent: 7}}
	}
	Join(its) // must end
}

func BenchmarkJoin(b *testing.B) {
	var specs []string
	for i := range 25 {
		specs = append(specs,
			fmt.Sprintf("%x a client front/10.0.0.1", 256+i), fmt.Sprintf("%x a server back/10.0.0.2 shared", 256+i),
			fmt.Sprintf("%x %x - back/10.0.0.2", 1024+i, 256+i), fmt.Sprintf("%x a - front/10.0.0.1", 4096+i))
	}
	its := items(b, specs)
	again := make([]span.Item, len(its))
	b.ReportAllocs()
	for b.Loop() {
		copy(again, its)
		Join(again)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(its)), "ns/span")
}
