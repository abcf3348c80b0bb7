// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package browser

import (
	"testing"
	"time"
)

// Pictures of the states of the page, to be looked at.
func TestScreens(t *testing.T) {
	b := startBridge(t)
	p := openPage(t)
	p.open(b.Page)
	p.see(".ports")
	p.pictures("empty", 1200, 760)
	now := time.Now().Add(-20 * time.Second)
	sendMany(t, b, 60, now.Add(-time.Second))
	sendMixed(t, b, now)
	p.see(".result")
	p.open(b.Page)
	p.see(".result")
	p.pictures("list", 1200, 760)
	p.pictures("list-800", 800, 700)
	p.open(b.Page + "?trace=" + mixedTrace)
	p.see(".row")
	p.pictures("mixed", 1400, 860)
	p.click(`[data-row="2"] .text`)
	p.see(".details .part")
	p.pictures("mixed-details", 1400, 860)
	p.pictures("mixed-details-800", 800, 760)
	p.keys("eee")
	p.see(".details .failure")
	p.pictures("mixed-failed", 1400, 860)
	big := sendBig(t, b, 10_000, now)
	p.open(b.Page + "?trace=" + big)
	p.see(".row")
	p.pictures("big", 1400, 860)
	p.keys("?")
	p.see("dialog")
	p.pictures("help", 1200, 860)
	p.open(b.Page + "?trace=abc")
	p.see("h1")
	p.pictures("missing", 1200, 500)
	p.open(b.Page + "?serviceName=none")
	p.see(".none")
	p.pictures("none", 1200, 500)
}
