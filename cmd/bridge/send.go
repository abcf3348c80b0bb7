// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/translate"
)

type sendCmd struct {
	Config  string        `short:"c" env:"BRIDGE_CONFIG" placeholder:"FILE" help:"The configuration of the bridge to send to: its receivers say where it listens."`
	Timeout time.Duration `default:"30s" help:"How long the whole may take."`
	clientFlags
}

// Run sends one trace, a service by each protocol, and reads it back from the
// view.
func (s *sendCmd) Run(w *world) error {
	list := protocols(nil)
	cfg, err := config.Read(s.Config, w.environ, known(list))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	zipkin := cfg.Receivers["zipkin"]
	if !cfg.View.Enabled || !zipkin.Enabled {
		return errors.New("the trace is read back from the view: view.enabled and receivers.zipkin.enabled must be true")
	}
	example := newExample(time.Now())
	var failed []string
	for _, h := range example.hops {
		r := cfg.Receivers[h.port]
		if !r.Enabled {
			h.result = "not sent: receivers." + h.port + " is not enabled"
			continue
		}
		if err := h.send(ctx, s.to(r), h.items); err != nil {
			h.result = err.Error()
			failed = append(failed, h.way)
			continue
		}
		h.sent = true
	}
	base := s.to(zipkin).endpoint(translate.HTTP)
	client, err := s.client(zipkin.Auth)
	if err != nil {
		return err
	}
	if err := example.readBack(ctx, client, base); err != nil {
		failed = append(failed, "reading back: "+err.Error())
	}
	out := tabwriter.NewWriter(w.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, "SERVICE\tSENT BY\tRESULT")
	for _, h := range example.hops {
		fmt.Fprintf(out, "%s\t%s\t%s\n", h.service, h.way, h.result)
		if h.sent && h.result != found {
			failed = append(failed, h.service)
		}
	}
	_ = out.Flush()
	fmt.Fprintf(w.out, "\n%s/zipkin/traces/%s\n", base, example.trace)
	if len(failed) > 0 {
		return fmt.Errorf("the trace is not whole: %s", strings.Join(failed, ", "))
	}
	return nil
}

// found is the result for a service whose spans came back as they should.
const found = "found, with the right parents"

// seen is a span as the view shows it.
type seen struct {
	ID       string `json:"id"`
	ParentID string `json:"parentId"`
	Name     string `json:"name"`
	Local    struct {
		Service string `json:"serviceName"`
	} `json:"localEndpoint"`
}

// readBack asks for the trace until all that was sent is there, and notes the
// result of each service.
func (x *example) readBack(ctx context.Context, client *http.Client, base string) error {
	for {
		spans, err := ask(ctx, client, base+"/api/v2/trace/"+x.trace.String()+"?ids=unique")
		if err == nil && x.judge(spans) {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			if err != nil {
				return err
			}
			return errors.New("not all spans came in time")
		}
	}
}

// judge compares what came back with what was sent.
func (x *example) judge(spans []seen) (whole bool) {
	whole = true
	for _, h := range x.hops {
		if !h.sent {
			continue
		}
		h.result = found
		for _, want := range h.want {
			i := slices.IndexFunc(spans, func(s seen) bool { return s.ID == want.ID })
			switch {
			case i < 0:
				h.result = "span " + want.ID + " has not been found"
			case spans[i].ParentID != want.ParentID:
				h.result = fmt.Sprintf("span %s has parent %q, want %q", want.ID, spans[i].ParentID, want.ParentID)
			case spans[i].Local.Service != h.service:
				h.result = fmt.Sprintf("span %s is of service %q", want.ID, spans[i].Local.Service)
			}
		}
		whole = whole && h.result == found
	}
	return whole
}

func ask(ctx context.Context, client *http.Client, url string) (spans []seen, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return spans, json.Unmarshal(body, &spans)
}
