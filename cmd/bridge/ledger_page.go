// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// The paths of the ledger on the admin port.
const (
	statusPath     = "/status"
	statusJSONPath = "/status.json"
)

// ledgerPages serves the ledger for people and for programs.
func ledgerPages(get func(string, http.Handler), from prometheus.Gatherer, ready func() bool) {
	get(statusJSONPath, serveLedger(from, ready, "application/json", func(w http.ResponseWriter, l *ledger) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(l)
	}))
	get(statusPath, ledgerPage(from, ready))
}

// ledgerPage is the ledger for people.
func ledgerPage(from prometheus.Gatherer, ready func() bool) http.Handler {
	return serveLedger(from, ready, "text/html; charset=utf-8", func(w http.ResponseWriter, l *ledger) error {
		return ledgerTemplate.Execute(w, l)
	})
}

func serveLedger(from prometheus.Gatherer, ready func() bool, media string, write func(http.ResponseWriter, *ledger) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l, err := settledLedger(r.Context(), from)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		l.Ready = ready()
		h := w.Header()
		h.Set("Content-Type", media)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", ledgerPolicy)
		if r.Method != http.MethodHead {
			_ = write(w, l) // an error is a client that went away
		}
	})
}

// ledgerPolicy lets the page have its one style and nothing else.
var ledgerPolicy = func() string {
	_, rest, _ := strings.Cut(ledgerText, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

var ledgerTemplate = template.Must(template.New("ledger").Parse(ledgerText))

const ledgerText = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<title>bridge: status</title>
<style>
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em; max-width: 75em }
table { border-collapse: collapse; margin: 0 0 2em }
th, td { text-align: left; padding: .2em 1.2em .2em 0; border-bottom: 1px solid #8884 }
.all td { font-weight: 600; border-top: 1px solid #8888 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.bad { color: #c22; font-weight: bold }
</style>
<h1>bridge {{.Version}}</h1>
<p>{{if .Ready}}Ready{{else}}<span class="bad">Not ready</span>{{end}}.
{{if .Agree}}Every span is accounted for.{{else}}<span class="bad">The sums do not agree.</span>
Under load the counters move while they are read; a difference that stays is a bug.{{end}}
{{with .Panics}}<span class="bad">{{.}} panics were caught: see the log.</span>{{end}}</p>
<h2>Targets</h2>
<table>
<tr><th>target<th>state<th>protocol<th class="n">received<th class="n">resumed<th class="n">revived<th class="n">delivered<th>not delivered<th>repeated<th class="n">merged<th>dropped<th>dead<th class="n">held<th class="n">bytes held<th>sum
{{define "account"}}<td class="n">{{.Received}}<td class="n">{{.Resumed}}<td class="n">{{.Revived}}<td class="n">{{.Delivered}}<td>{{.Undelivered}}<td>{{.RepeatedBy}}<td class="n">{{.Merged}}<td>{{.DroppedBy}}<td>{{.DeadBy}}<td class="n">{{.Held}}{{end}}
{{range .Targets}}<tr class="all"><td>{{.Name}}<td{{if .Failing}} class="bad"{{end}}>{{.State}}<td>all{{template "account" .}}<td class="n">{{.HeldBytes}}<td{{if ne .Sum "agrees"}} class="bad"{{end}}>{{.Sum}}
{{range .Protocols}}<tr><td><td><td>{{.Protocol}}{{template "account" .}}<td><td{{if .Difference}} class="bad"{{end}}>{{.Sum}}
{{end}}{{else}}<tr><td colspan="15">none
{{end}}</table>
<p>In spans, since the process started, for each target and protocol that they came by:
received + resumed + revived = delivered + not delivered + repeated + merged + dropped + dead + held.
Received is what came while the target was there, resumed what the queue on disk held at the start, revived what was sent again of dead letters.
Repeated was not sent, for the target has it; merged became a part of another span.</p>
<h2>Received</h2>
<table>
<tr><th>protocol<th>format<th>transport<th class="n">spans
{{range .Received}}<tr><td>{{.Protocol}}<td>{{.Format}}<td>{{.Transport}}<td class="n">{{.Spans}}
{{else}}<tr><td colspan="4">nothing yet
{{end}}</table>
{{if .Rejected}}<h2>Refused to senders</h2>
<table>
<tr><th>protocol<th>reason<th class="n">spans
{{range .Rejected}}<tr><td>{{.Protocol}}<td>{{.Reason}}<td class="n">{{.Spans}}
{{end}}</table>{{end}}
{{if .SampledOut}}<h2>Left out by sampling.gateway</h2>
<table>
<tr><th>protocol<th class="n">spans
{{range .SampledOut}}<tr><td>{{.Protocol}}<td class="n">{{.Spans}}
{{end}}</table>{{end}}
<p>The same for programs, at the admin port: <code>/status.json</code>, <code>/metrics</code>.</p>
`
