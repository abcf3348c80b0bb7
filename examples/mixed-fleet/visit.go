// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// visit is what a service tells about a request that it got. The answer of each
// service is a list of them, its own first.
type visit struct {
	Service string `json:"service"`
	// Trace is the id by which the service's own tracer knows the trace.
	Trace   string `json:"trace"`
	Sampled bool   `json:"sampled"`
	// Headers are the tracing headers as they came, names in lower case.
	Headers map[string]string `json:"headers"`
	// Formats are those of the headers; the launcher fills them in.
	Formats []string `json:"formats,omitempty"`
	// Baggage is what the service's tracer has of it, where it can tell.
	Baggage map[string]string `json:"baggage,omitempty"`
}

// formats names the formats of some headers in the words of `bridge proxy`.
func formats(headers map[string]string) []string {
	var found []string
	for name := range headers {
		format := ""
		switch {
		case name == "b3", name == "sw8":
			format = name
		case name == "x-b3-traceid":
			format = "b3multi"
		case name == "uber-trace-id":
			format = "uber"
		case name == "traceparent":
			format = "w3c"
		case name == "ot-tracer-traceid":
			format = "ot"
		case name == "baggage", name == "sw8-correlation":
			format = name
		case strings.HasPrefix(name, "uberctx-"):
			format = "uberctx"
		case strings.HasPrefix(name, "ot-baggage-"):
			format = "ot-baggage"
		}
		if format != "" && headers[name] != "" && !slices.Contains(found, format) {
			found = append(found, format)
		}
	}
	slices.Sort(found)
	return found
}

// tracing picks the headers that tracers read.
func tracing(h http.Header) map[string]string {
	found := map[string]string{}
	for name, values := range h {
		if name = strings.ToLower(name); carriesTrace(name) {
			found[name] = strings.Join(values, ",")
		}
	}
	return found
}

func carriesTrace(name string) bool {
	switch name {
	case "b3", "sw8", "uber-trace-id", "traceparent", "tracestate", "baggage":
		return true
	}
	for _, prefix := range []string{"x-b3-", "sw8-", "uberctx-", "jaeger-", "ot-", "x-ot-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// answerVisits writes the answer of a service.
func answerVisits(w http.ResponseWriter, visits []visit) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(visits)
}

// visits sends a request and reads the answer of a service.
func visits(client *http.Client, req *http.Request) ([]visit, error) {
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.URL, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d: %.500s", req.URL, res.StatusCode, body)
	}
	var list []visit
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("%s: %w in %.200q", req.URL, err, body)
	}
	return list, nil
}
