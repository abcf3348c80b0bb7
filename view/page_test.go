// SPDX-License-Identifier: Apache-2.0

package view

import (
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	imports  = regexp.MustCompile(`(?:import|export)[^'"();]*from\s*['"]([^'"]+)['"]`)
	linked   = regexp.MustCompile(`(?:href|src)="(view/page/[^"]+)"`)
	anywhere = regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
)

// Every script that is imported is there and is named in the page, so that the
// browser asks for all of them at once; nothing comes from elsewhere.
func TestPageFiles(t *testing.T) {
	t.Parallel()
	index := string(newPage().files["index.html"].body)
	named := make(map[string]bool)
	for _, m := range linked.FindAllStringSubmatch(index, -1) {
		named[strings.TrimPrefix(m[1], "view/page/")] = true
	}
	err := fs.WalkDir(files, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		text, short := string(body), strings.TrimPrefix(name, "page/")
		vendored := strings.HasPrefix(short, "vendor/")
		if !vendored && path.Ext(name) != ".svg" {
			if !strings.Contains(text, "SPDX-License-Identifier: Apache-2.0") {
				t.Errorf("%s: no licence", short)
			}
			if at := anywhere.FindString(text); at != "" {
				t.Errorf("%s: names %s", short, at)
			}
		}
		if ext := path.Ext(name); ext == ".js" || ext == ".mjs" {
			if !named[short] {
				t.Errorf("%s is not named in index.html", short)
			}
			for _, m := range imports.FindAllStringSubmatch(text, -1) {
				if m[1] == "preact" && vendored {
					continue // the page's import map says where
				}
				if _, ok := newPage().files[path.Join(path.Dir(short), m[1])]; !ok || !strings.HasPrefix(m[1], ".") {
					t.Errorf("%s imports %s, which is not there", short, m[1])
				}
			}
			if strings.Contains(text, "eval(") || strings.Contains(text, "new Function") || strings.Contains(text, "dangerouslySetInnerHTML") && !vendored {
				t.Errorf("%s makes code or markup of text", short)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range named {
		if _, ok := newPage().files[name]; !ok {
			t.Errorf("index.html names %s, which is not there", name)
		}
	}
}

func TestPageHeaders(t *testing.T) {
	t.Parallel()
	v := newView(Options{})
	w := ask(t, v, http.MethodGet, "/")
	index := string(v.page.files["index.html"].body)
	_, rest, _ := strings.Cut(index, `<script type="importmap">`)
	script, _, _ := strings.Cut(rest, "</script>")
	sum := sha256.Sum256([]byte(script))
	want := "default-src 'none'; script-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; style-src 'self'; " +
		"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	if got := w.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if strings.Count(index, "<script") != 2 || strings.Contains(index, "style=") || strings.Contains(index, " on") && regexp.MustCompile(` on[a-z]+=`).MatchString(index) {
		t.Error("the page holds what its policy forbids")
	}
	for name, want := range map[string]string{
		"app.js": "text/javascript; charset=utf-8", "vendor/preact.mjs": "text/javascript; charset=utf-8",
		"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml", "vendor/htm.LICENSE.txt": "text/plain; charset=utf-8",
	} {
		w := ask(t, v, http.MethodGet, "/view/page/"+name)
		if w.StatusCode != http.StatusOK || w.Header.Get("Content-Type") != want || w.Header.Get("X-Content-Type-Options") != "nosniff" || w.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d %v", name, w.StatusCode, w.Header)
		}
	}
}
