// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Agents send in batches: what ended a moment ago is shown a little later.
const viewLimit = 30 * time.Second

// seen is a span as the bridge's view shows it, with an id of its own.
type seen struct {
	TraceID   string `json:"traceId"`
	ID        string `json:"id"`
	ParentID  string `json:"parentId"`
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Timestamp int64  `json:"timestamp"`
	Local     struct {
		Service string `json:"serviceName"`
	} `json:"localEndpoint"`
}

// showSpans asks the view for the traces of the journey until every service that
// sampled is there, and then prints them. Services may know one trace by several
// names.
func (j *journey) showSpans(ctx context.Context, view string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, viewLimit)
	defer cancel()
	var order []string
	traces := map[string][]seen{}
	for _, name := range j.Traces {
		if !slices.ContainsFunc(j.Visits, func(v visit) bool { return v.Sampled && v.Trace == name }) {
			continue
		}
		spans, err := j.awaitSpans(ctx, view, name)
		if err != nil {
			return err
		}
		// By a later name more of it may have come.
		id := spans[0].TraceID
		if traces[id] == nil {
			order = append(order, id)
		}
		traces[id] = spans
	}
	for _, id := range order {
		printSpans(w, traces[id])
	}
	return nil
}

// awaitSpans asks for a trace until all services that know it by this id are in
// it.
func (j *journey) awaitSpans(ctx context.Context, view, trace string) ([]seen, error) {
	for {
		spans, err := askSpans(ctx, view, trace)
		missing := j.missing(trace, spans)
		if err == nil && len(spans) > 0 && len(missing) == 0 {
			return spans, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(err, fmt.Errorf("trace %s at %s: no spans of %s within %v",
				trace, view, strings.Join(missing, ", "), viewLimit))
		}
	}
}

func (j *journey) missing(trace string, spans []seen) (services []string) {
	for _, v := range j.Visits {
		found := slices.ContainsFunc(spans, func(s seen) bool { return s.Local.Service == v.Service })
		if v.Sampled && v.Trace == trace && !found {
			services = append(services, v.Service)
		}
	}
	return services
}

func askSpans(ctx context.Context, view, trace string) ([]seen, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, view+"/api/v2/trace/"+url.PathEscape(trace)+"?ids=unique", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", req.URL, res.StatusCode)
	}
	var spans []seen
	err = json.NewDecoder(io.LimitReader(res.Body, 10<<20)).Decode(&spans)
	return spans, err
}

// printSpans draws the tree. A span whose parent is not there is a root.
func printSpans(w io.Writer, spans []seen) {
	slices.SortStableFunc(spans, func(a, b seen) int { return int(a.Timestamp - b.Timestamp) })
	ids := map[string]bool{}
	services := map[string]bool{}
	for _, s := range spans {
		ids[s.ID] = true
		services[s.Local.Service] = true
	}
	fmt.Fprintf(w, "\n%d spans of %d services:\n", len(spans), len(services))
	var draw func(parent string, depth int)
	draw = func(parent string, depth int) {
		for _, s := range spans {
			if at := s.ParentID; at == parent || parent == "" && !ids[at] {
				fmt.Fprintf(w, "%s%-8s %s\n", strings.Repeat("  ", depth), s.Local.Service, strings.TrimSpace(s.Kind+" "+s.Name))
				// A span that is its own parent would be drawn for ever.
				if s.ID != parent && depth < len(spans) {
					draw(s.ID, depth+1)
				}
			}
		}
	}
	draw("", 0)
	fmt.Fprintln(w)
}
