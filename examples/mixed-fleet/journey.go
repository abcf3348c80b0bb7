// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
)

// journey is what came of one request.
type journey struct {
	call
	Order string `json:"order"`
	// CallerTrace is the trace id in the headers of the first caller, "" without.
	CallerTrace string            `json:"caller_trace"`
	Sent        map[string]string `json:"sent"`
	Visits      []visit           `json:"visits"`
	// Traces are the ids by which the services know the trace, each once.
	Traces []string `json:"traces"`
	// View is where to look at it, "" when no service recorded anything.
	View string `json:"view"`
	// Broker is the address of Kafka, as OAP draws it.
	Broker string `json:"broker"`
}

// what each service is, for people.
var about = map[string]string{
	"edge":  "aiozipkin, Python, with bridge proxy beside it",
	"stock": "SkyWalking agent for Java",
	"cart":  "package tracer, Go",
	"price": "jaeger-client-go with our adapter",
	"rate":  "SkyWalking agent for Python",
	"ship":  "go2sky with our adapter",
	"mail":  "aiozipkin, Python, from Kafka",
}

// finish fills in what follows from the visits.
func (j *journey) finish(view string) {
	for i, v := range j.Visits {
		j.Visits[i].Formats = formats(v.Headers)
		if v.Trace != "" && !slices.Contains(j.Traces, v.Trace) {
			j.Traces = append(j.Traces, v.Trace)
		}
		if v.Sampled && j.View == "" {
			j.View = view + "/?trace=" + url.QueryEscape(v.Trace)
		}
	}
}

// print writes a line for each hop.
func (j *journey) print(w io.Writer) {
	sent := formats(j.Sent)
	if len(sent) == 0 {
		sent = []string{"no headers"}
	}
	fmt.Fprintf(w, "order %s: client sent %s to %s\n", j.Order, strings.Join(sent, ", "), j.Enter)
	out := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "SERVICE\tTRACED BY\tGOT\tKNOWS THE TRACE AS")
	for _, v := range j.Visits {
		got := strings.Join(v.Formats, ", ")
		if got == "" {
			got = "nothing"
		}
		trace := v.Trace
		if !v.Sampled {
			trace += " (not sampled)"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", v.Service, about[v.Service], got, trace)
	}
	_ = out.Flush()
	if j.View == "" {
		fmt.Fprintln(w, "nobody recorded anything")
		return
	}
	fmt.Fprintln(w, j.View)
}
