// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

func TestOutside(t *testing.T) {
	t.Parallel()
	f := func(key, want string) {
		t.Helper()
		w := span.NewBuilder(nil, span.Origin{})
		a := span.StringAttr(w.Copy(want), span.Empty)
		Inside(w, &a)
		if got := Outside(key); got != want || w.Str(a.Key) != key {
			t.Errorf("%q: %q and back %q, want %q", key, got, w.Str(a.Key), want)
		}
	}
	f("a", "a")
	f("bridge.", "bridge.")
	f("bridge.x", "bridge.x.user")
	f("bridge.x.user", "bridge.x.user.user")
	f("bridge.xuser", "bridge.xuser")
	f("bridge.x.used", "bridge.x.used")
	f("bridge.x.user.", "bridge.x.user.")
}

func TestReads(t *testing.T) {
	t.Parallel()
	f := func(text string, typ span.Type, want bool) {
		t.Helper()
		w := span.NewBuilder(nil, span.Origin{})
		a, ok := parse(w, span.Empty, typ, text, span.Text{})
		if reads(text, typ) != want || ok != want {
			t.Errorf("%q as %d: %v", text, typ, ok)
		}
		if got := string(w.Batch().AppendText(nil, &a)); ok && (got != text || a.Type != typ) {
			t.Errorf("%q as %d: %q", text, typ, got)
		}
	}
	f("1", span.Int, true)
	f("-9223372036854775808", span.Int, true)
	f("9223372036854775808", span.Int, false)
	f("01", span.Int, false)
	f("+1", span.Int, false)
	f("", span.Int, false)
	f("1", span.Float, false)
	f("1.0", span.Float, true)
	f("NaN", span.Float, true)
	f("-Inf", span.Float, true)
	f("nan", span.Float, false)
	f(fmt.Sprint(math.MaxFloat64), span.Float, true)
	f("true", span.Bool, true)
	f("TRUE", span.Bool, false)
	f("AP8=", span.Bytes, true)
	f("", span.Bytes, true)
	f("AP8", span.Bytes, false)
	f("[1]", span.JSON, true)
	f("[1] ", span.JSON, false)
	f("", span.Null, true)
	f("null", span.Null, false)
	f("", span.String, true)
}

// Attributes are found in order, in short lists and long ones.
func TestMatcher(t *testing.T) {
	t.Parallel()
	for _, n := range []int{4, 4 * short} {
		w := span.NewBuilder(nil, span.Origin{})
		for i := range n {
			w.Attr(span.IntAttr(w.Copy(string("ab"[i%2])), int64(i)))
		}
		var m matcher
		m.set(w.Batch(), w.Batch().Attrs(w.AttrsFrom(0)))
		f := func(key string, want int, used bool) {
			t.Helper()
			at, again := m.first(key)
			if at != want || again != used {
				t.Errorf("of %d: %s is %d %v, want %d", n, key, at, again, want)
			}
			if at >= 0 {
				m.use(at)
			}
		}
		f("x", -1, false)
		for i := range n / 2 {
			f("a", 2*i, i > 0)
			if m.clash() != (i+1 < n/2) {
				t.Errorf("of %d: clash after %d", n, i)
			}
		}
		f("a", -1, true)
		f("b", 1, false)
	}
}

// marked is a builder with a span of everything and a residue.
func marked(text string) *span.Builder {
	w := span.NewBuilder(nil, span.Origin{Format: "jaeger.proto"})
	w.Attr(span.StringAttr(w.Copy("a"), w.Copy("1")))
	w.Attr(span.StringAttr(w.Copy(Key), w.Copy(text)))
	w.Attr(span.StringAttr(w.Copy("a"), w.Copy("2")))
	attrs := w.AttrsFrom(0)
	w.Attr(span.IntAttr(w.Copy("field"), 3))
	w.Event(span.Event{Time: 5, Name: w.Copy("e"), Attrs: w.AttrsFrom(3)})
	w.Attr(span.StringAttr(w.Copy("r"), w.Copy("4")))
	res := w.Resource(span.Resource{Attrs: w.AttrsFrom(4)})
	w.Ref(span.Ref{Trace: span.TraceID{Lo: 1}, Span: 3, Parent: true})
	w.Span(span.Span{
		Trace: span.TraceID{Lo: 1}, ID: 2, Parent: 3, Name: w.Copy("n"), Attrs: attrs,
		Events: w.EventsFrom(0), Refs: w.RefsFrom(0), Resource: res, Has: span.Exact,
	})
	return w
}

func TestNoResidue(t *testing.T) {
	t.Parallel()
	f := func(text string) {
		t.Helper()
		w := marked(text)
		want := spantest.Dump(w.Batch())
		mark := w.Mark()
		var r Reader
		r.Found(0)
		r.Found(7)
		r.Restore(w)
		if got := spantest.Dump(w.Batch()); got != want || w.Mark() != mark || len(w.Batch().Stale()) > 0 {
			t.Errorf("%.60q: %s", text, got)
		}
	}
	f("")
	f("mine")
	f("{}")
	f(`{"v":1}`)
	f(`{"v":2,"n":[1,"a"]}`)
	f(`{"v":1,"n"}`)
	f(`{"v":1,"n":[1,"a"]`)
	f(`{"v":1,"n":[1,"a"]} `)
	f(`{"v":1,"d":["a",}`)
	f(`{"v":1,"l":[` + fmt.Sprint(printStart.refs(nil, nil).sum()) + `,["zz"`)
	f(`{"v":1,"n":"` + strings.Repeat("x", Max) + `"}`)
}

// A text of any kind neither breaks a batch nor makes it grow beyond bounds.
func FuzzRestore(f *testing.F) {
	for _, s := range []string{
		`{"v":1,"p":"z","h":1}`, `{"v":1,"sid":[1,"0a"],"sh":1,"d":["a",["a","i"],["b","Y","AP8="]],"r":0,"x":["a"],"k":{"a":"i"}}`,
		`{"v":1,"l":[1,["","",1,1]],"ev":[1,0,[0,1,null,2,["field",["field","s"]]]],"sc":[1,"a","b",0,1,[["k","s","v"]]],"le":[1,"s",null,0,80]}`,
		`{"v":1,"sw":[1,[1,2,3],[4,5,"t","g"]],"rs":[1,"s",2],"st":[1,5],"du":[1],"e":[1,2,1,null],"f":[1,2,3],"dc":[1,2,3,4]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := marked(text)
		r := Reader{blind: true}
		r.Found(0)
		r.Restore(w)
		b := w.Batch()
		if b.Len() != 1 || b.Memory() > 100*len(text)+10_000 {
			t.Fatalf("%q: %d spans, %d bytes", text, b.Len(), b.Memory())
		}
		spantest.Dump(b)
	})
}

// names writes the names of spans, a line for each.
type names struct{ buf []byte }

func (e *names) Fork() translate.Encoder   { return &names{} }
func (e *names) Reset()                    { e.buf = e.buf[:0] }
func (e *names) Notices(*span.Batch)       {}
func (e *names) Losses() *translate.Losses { return &translate.Losses{} }
func (e *names) Messages() []translate.Message {
	return []translate.Message{{Body: e.buf}}
}

func (e *names) Add(items []span.Item) int {
	for _, it := range items {
		e.buf = append(it.Batch.AppendStr(e.buf, it.Span().Name), '\n')
	}
	return 0
}

// readNames reads what names wrote; it refuses spans without a name.
func readNames(w *span.Builder, body []byte) {
	for line := range strings.Lines(string(body)) {
		if line != "\n" {
			w.Span(span.Span{ID: 1, Name: w.Copy(strings.TrimSpace(line))})
		}
	}
}

func TestDraft(t *testing.T) {
	t.Parallel()
	d := &Draft{Protocol: span.Zipkin, Format: "zipkin.names", Encoder: &names{}, Decode: readNames}
	f := func(format, spans string, want ...string) {
		t.Helper()
		w := span.NewBuilder(nil, span.Origin{Format: format})
		for name := range strings.SplitSeq(spans, " ") {
			w.Span(span.Span{ID: 1, Name: w.Copy(name), Kind: span.KindClient})
		}
		var losses translate.Losses
		d.Compare(spantest.Items(w.Batch()), &losses)
		for i, text := range want {
			if got := string(d.Text(i)); !strings.HasPrefix(got, text) || text == "" && got != "" {
				t.Errorf("%s %s: span %d: %s, want %s", format, spans, i, got, text)
			}
		}
		if refused := strings.Contains(" "+spans+" ", "  "); losses.Empty() == refused {
			t.Errorf("%s %s: losses are empty: %v", format, spans, losses.Empty())
		}
	}
	const kind = `{"v":1,"kd":[`
	f("jaeger.x", "a", kind)
	f("jaeger.x", "a b", kind, kind)
	f("jaeger.x", "a  b", kind, "", kind)
	f("zipkin.x", "a b", "", "")
	f("jaeger.x", "", "")
}

// Every entry has a key of its own, and all but a few a field that is lost
// without it.
func TestEntries(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for e := range entries {
		key := entries[e].key
		if got, ok := entryOf(key); key == "" || seen[key] || !ok || int(got) != e {
			t.Errorf("entry %d: key %q", e, key)
		}
		seen[key] = true
	}
	for f := range translate.Fields() {
		if f.String() == "" || f.About() == "" {
			t.Errorf("field %d has no name", f)
		}
	}
}
