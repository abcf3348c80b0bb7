// SPDX-License-Identifier: Apache-2.0

package view

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// files is the page as it is: nothing is built.
//
//go:embed page
var files embed.FS

// page serves the files of the page from memory.
type page struct {
	files  map[string]file // by path below page/
	policy string
}

type file struct {
	body []byte
	tag  string
	typ  string
}

// The browser must take scripts for what they are, whatever the machine's own
// table of types says.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

func newPage() *page {
	p := &page{files: make(map[string]file)}
	err := fs.WalkDir(files, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		typ, ok := types[path.Ext(name)]
		if !ok {
			typ = mime.TypeByExtension(path.Ext(name))
		}
		p.files[strings.TrimPrefix(name, "page/")] = file{body, `"` + hex.EncodeToString(sum[:8]) + `"`, typ}
		return nil
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	p.policy = policy(p.files["index.html"].body)
	return p
}

// policy lets the page load its own files and nothing else. The one script that
// stands in the page itself, the map that says where to import "preact" from,
// is allowed by its hash.
func policy(index []byte) string {
	scripts := "'self'"
	const open, end = `<script type="importmap">`, `</script>`
	if _, rest, ok := bytes.Cut(index, []byte(open)); ok {
		text, _, _ := bytes.Cut(rest, []byte(end))
		sum := sha256.Sum256(text)
		scripts += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src " + scripts + "; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// serve answers with a file. Browsers keep it, and ask each time whether it is
// still the same.
func (p *page) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := p.files[name]
	if !ok {
		notFound(w, r)
		return
	}
	h := w.Header()
	h.Del("Access-Control-Allow-Origin")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", f.tag)
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.typ)
	h.Set("Content-Length", strconv.Itoa(len(f.body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(f.body)
	}
}
