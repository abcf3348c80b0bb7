// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package browser

import (
	"testing"
	"time"
)

// A trace of 10,000 spans must stay smooth: only rows that show are in the document,
// whatever is scrolled, folded or searched. How long that takes depends on the machine:
// it is in the log and judges nothing (on two idle processors the first row is there
// after half a second, and a frame takes 18 ms).
func TestTenThousandSpans(t *testing.T) {
	b := startBridge(t)
	p := openPage(t)
	id := sendBig(t, b, 10_000, time.Now().Add(-time.Minute))
	p.open(b.Page) // what a person has open already is not counted
	p.see(".result")
	p.open(b.Page + "?trace=" + id)
	p.see(".row")
	first := eval[float64](p, `performance.now()`)
	loaded := eval[float64](p, `(() => { const t = performance.getEntriesByType('resource').find((r) => r.name.includes('/view/trace/')); return t.responseEnd })()`)
	rows := eval[int](p, `document.querySelectorAll('.row').length`)
	nodes := eval[int](p, `document.querySelectorAll('*').length`)
	t.Logf("first rows after %.0f ms at most (the answer was there after %.0f ms), %d rows and %d elements in the document", first, loaded, rows, nodes)
	if rows > 80 {
		t.Errorf("%d rows in the document", rows)
	}

	// From top to bottom and back, 1200 px a frame.
	frames := eval[[]float64](p, `new Promise((done) => {
		const el = document.querySelector('.rows'), times = [];
		let last = performance.now(), by = 1200;
		const step = (now) => {
			times.push(now - last); last = now;
			el.scrollTop += by;
			if (el.scrollTop + el.clientHeight >= el.scrollHeight) by = -1200;
			if (by < 0 && el.scrollTop === 0) done(times.slice(2)); else requestAnimationFrame(step);
		};
		requestAnimationFrame(step);
	})`)
	worst, late, sum := 0.0, 0, 0.0
	for _, f := range frames {
		worst, sum = max(worst, f), sum+f
		if f > 34 {
			late++
		}
	}
	t.Logf("%d frames of scrolling: %.1f ms each, the worst %.1f ms, %d later than 34 ms", len(frames), sum/float64(len(frames)), worst, late)
	if n := eval[int](p, `document.querySelectorAll('.row').length`); n > 80 {
		t.Errorf("%d rows in the document after scrolling", n)
	}

	// Moving by keys, folding all, and a search through everything.
	took := func(what, expression string) {
		t.Helper()
		began := time.Now()
		p.until(expression)
		t.Logf("%s: %v", what, time.Since(began).Round(time.Millisecond))
	}
	p.keys("G")
	took("to the last span", `document.querySelector('.row.selected').getBoundingClientRect().bottom <= innerHeight`)
	p.keys("f")
	took("fold all", `document.querySelector('.rows .canvas').offsetHeight < 24 * 10`)
	p.keys("f")
	took("unfold all", `document.querySelector('.rows .canvas').offsetHeight === 24 * 10000`)
	p.click(".inside input")
	p.keys("timeout\r")
	took("search", `document.querySelector('.inside .said').textContent.startsWith('47')`)
}
