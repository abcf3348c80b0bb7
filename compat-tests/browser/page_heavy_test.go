// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package browser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

type action = chromedp.Action[chromedp.Void]

// page is a tab of a Chromium.
type page struct {
	t   testing.TB
	ctx context.Context
}

func openPage(t testing.TB) page {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-gpu", true))
	if path := os.Getenv("CHROMIUM"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	p := page{t, ctx}
	p.do(chromedp.EmulateViewport(1400, 860))
	return p
}

// do does things, within a time that is plenty.
func (p page) do(steps ...action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// eval gives the value of an expression in the page; a promise is waited for.
func eval[T any](p page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true.
func (p page) until(expression string) {
	p.t.Helper()
	const wait = `new Promise((done) => { const look = () => { let is; try { is = EXPR } catch {} is ? done(true) : setTimeout(look, 5) }; look() })`
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](strings.ReplaceAll(wait, "EXPR", expression), chromedp.EvalAwaitPromise)); err != nil {
		p.t.Fatalf("not true: %s: %v", expression, err)
	}
}

func (p page) open(url string) { p.t.Helper(); p.do(chromedp.Navigate(url)) }

func (p page) click(css string) { p.t.Helper(); p.do(chromedp.Click(chromedp.CSS(css))) }

func (p page) keys(keys string) { p.t.Helper(); p.do(chromedp.KeyEvent(keys)) }

func (p page) see(css string) { p.t.Helper(); p.do(chromedp.WaitVisible(chromedp.CSS(css))) }

func (p page) scheme(light string) {
	p.t.Helper()
	p.do(func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: light}},
		})
		return v, err
	})
}

// pictures keeps the page as it is, in light and in dark.
func (p page) pictures(name string, width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		p.until("new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(true), 60)))")
		ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		cancel()
		if err == nil {
			err = os.WriteFile(filepath.Join(p.t.ArtifactDir(), name+"-"+scheme+".png"), png, 0o600)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	p.scheme("light")
}
