// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package browser

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// complaints collects what the browser complains of: errors of scripts, what
// the page's policy forbade, and requests to anywhere else.
func complaints(t testing.TB, p page, home string) (list func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	add := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(p.ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			add("exception: %v", e.ExceptionDetails)
		case *log.EventEntryAdded:
			add("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, home) && !strings.HasPrefix(e.Request.URL, "data:") {
				add("request to %s", e.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// A walk through the page as somebody takes it who looks for a failure.
func TestWalk(t *testing.T) {
	b := startBridge(t)
	p := openPage(t)
	complained := complaints(t, p, b.Page)
	text := func(css string) string {
		return eval[string](p, fmt.Sprintf(`document.querySelector(%q)?.textContent.replace(/\s+/g, ' ').trim() ?? '(none)'`, css))
	}
	want := func(css, want string) {
		t.Helper()
		if got := text(css); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", css, got, want)
		}
	}

	// Nothing yet; the first spans show by themselves.
	p.open(b.Page)
	p.see(".ports")
	want("h1", "No spans yet")
	now := time.Now().Add(-20 * time.Second)
	sendMixed(t, b, now)
	p.see(".result")
	want(".result", "shop-frontend GET /checkout")
	want(".result .errors", "5 errors")
	want(".result .services", "cart 4 1!")

	// More spans do not move the list; a button loads it again.
	sendMany(t, b, 30, now)
	p.until(`!document.querySelector('.fresh').classList.contains('unseen')`)
	if n := eval[int](p, `document.querySelectorAll('.result').length`); n != 1 {
		t.Errorf("%d traces before the list was loaded again", n)
	}
	p.keys("r")
	p.until(`document.querySelectorAll('.result').length === 31`)

	// A search; its address can be sent to others.
	p.click(`[name=annotationQuery]`)
	p.keys("rpc.grpc.status_code=4 and retry payment\r")
	p.until(`document.querySelectorAll('.result').length === 1`)
	if at := eval[string](p, `location.search`); at != "?annotationQuery=rpc.grpc.status_code%3D4+and+retry+payment" {
		t.Error(at)
	}
	p.open(b.Page + "?serviceName=STOCK&minDuration=100000")
	p.see(".result")
	want(".said-line", "1 trace, newest first")
	if v := eval[string](p, `document.querySelector('[name=minDuration]').value`); v != "100ms" {
		t.Error(v)
	}
	p.click(`[name=minDuration]`)
	p.keys("x\r")
	p.until(`document.querySelector('[name=minDuration]').validationMessage.includes('duration like')`)

	// By keys into the trace, to the first error, its details.
	p.open(b.Page + "?serviceName=stock")
	p.see(".result")
	p.keys("j\r")
	p.see(".row")
	want(".title-line h1", "shop-frontend GET /checkout")
	want(".notes", "1 span with a missing parent")
	rows := eval[[]string](p, `[...document.querySelectorAll('.row')].map((r) => r.getAttribute('aria-level') + ' ' + r.querySelector('.text').textContent)`)
	if got := strings.Join(rows, "\n"); got != strings.TrimSpace(mixedRows) {
		t.Errorf("rows:\n%s", got)
	}
	p.keys("ee")
	p.keys("\r")
	p.until(`document.querySelector('.details h2').textContent === 'charge'`)
	p.keys("j")
	p.until(`document.querySelector('.details .failure')?.textContent.includes('while calling the bank')`)
	want(".details", "rpc.grpc.status_code")
	want(".details", "k8s.pod.name")
	want(".details", "io.opentelemetry.grpc 2.1.0")
	want(".details", "otlp.json over http")

	// The address names the span; loaded anew it is chosen, and shows the id on
	// the wire beside its own.
	p.click(`[data-row="2"] .text`)
	p.until(`document.querySelector('.details').textContent.includes('wire id')`)
	want(".details", "b000000000000001")
	at := eval[string](p, `location.href`)
	p.open("about:blank")
	p.open(at)
	p.until(`document.querySelector('.row.selected')?.dataset.row === '2'`)
	want(".details", "Server half of a shared id")

	// Fold, unfold; the parent is a key away.
	p.keys("h")
	p.until(`document.querySelectorAll('.row').length === 4`)
	want(`[data-row="2"] .fold`, "▸8")
	p.keys("l")
	p.until(`document.querySelectorAll('.row').length === 12`)
	p.keys("l")
	p.until(`document.querySelector('.row.selected').dataset.row === '3'`)
	p.keys("hh")
	p.until(`document.querySelector('.row.selected').dataset.row === '2'`)

	// A search inside the trace also looks at tags and events.
	p.click(".inside input")
	p.keys("sockettimeout\r")
	p.until(`document.querySelector('.inside .said').textContent === '1 of 12'`)
	p.until(`document.querySelector('.row.selected .text').textContent === 'payments POST bank'`)

	// The minimap chooses a time; a double click takes it back.
	eval[bool](p, `(() => { const m = document.querySelector('.minimap'), r = m.getBoundingClientRect();
		const fire = (type, x) => m.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, clientX: r.left + r.width * x, clientY: r.top + 9 }));
		m.setPointerCapture = () => {}; fire('pointerdown', 0.25); fire('pointermove', 0.5); fire('pointermove', 0.75); fire('pointerup', 0.75); return true })()`)
	p.until(`document.querySelector('.tools .range').textContent.startsWith('103 ms – 309 ms')`)
	p.keys("0")
	p.until(`document.querySelector('.tools .range').textContent.startsWith('0 – 412 ms')`)

	// Escape closes one thing after the other.
	p.keys("?")
	p.see("dialog")
	p.click("dialog button")
	p.until(`!document.querySelector('dialog')`)
	for range 3 {
		p.keys(kb.Escape)
	}
	p.see(".result")

	// Any header opens its trace; what is not here says so.
	paste := func(text string) {
		p.click("#paste")
		p.keys(text + "\r")
	}
	paste("traceparent: 00-ffffffffffffffffffffffffffffffff-00f067aa0ba902b7-01")
	p.until(`document.querySelector('#paste-said').textContent === 'No trace ffffffffffffffffffffffffffffffff here'`)
	eval[bool](p, `(document.getElementById('paste').value = '') === ''`)
	paste("uber-trace-id: " + mixedTrace + ":a2fb4a1d1a96d312:0:1")
	p.see(".row")
	want(".title-line .id", mixedTrace)
	p.open(b.Page + "zipkin/traces/" + mixedTrace)
	p.see(".row")

	for _, c := range complained() {
		t.Error(c)
	}
}

const mixedRows = `
1 shop-frontend GET /checkout
2 shop-frontend POST /cart/order
3 cart POST /cart/order
4 cart load cart
4 cart reserve
5 stock POST:/stock/reserve
6 stock Mysql/JDBC/PreparedStatement/execute
4 cart charge
5 payments payments.Payments/Charge
6 payments POST bank
6 payments POST bank
1 mailer send mail
`

// A script that somebody gets into the page is not run, and the browser says
// so.
func TestStrictPolicy(t *testing.T) {
	b := startBridge(t)
	p := openPage(t)
	complained := complaints(t, p, b.Page)
	p.open(b.Page)
	p.see(".ports")
	if list := complained(); len(list) > 0 {
		t.Error(list)
	}
	blocked := eval[bool](p, `new Promise((done) => {
		document.addEventListener('securitypolicyviolation', () => done(true));
		const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.head.append(s);
		setTimeout(() => done(!window.ran), 300);
	})`)
	if !blocked {
		t.Error("a script that stands in the page was run")
	}
	if len(complained()) == 0 {
		t.Error("the browser's complaints are not heard")
	}
}
