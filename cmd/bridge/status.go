// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spanbridge/spanbridge/config"
)

type statusCmd struct {
	Config  string        `short:"c" env:"BRIDGE_CONFIG" placeholder:"FILE" help:"The configuration of the running bridge: admin.listen says where to ask."`
	Admin   string        `placeholder:"HOST:PORT" help:"The admin port to ask, instead of the one of the configuration."`
	JSON    bool          `name:"json" help:"Print JSON."`
	Timeout time.Duration `default:"10s" help:"How long to wait for the answer."`
	clientFlags
}

// Run prints the ledger of a running bridge.
func (s *statusCmd) Run(w *world) error {
	address, admin := s.Admin, config.Admin{}
	if address == "" {
		cfg, err := config.Read(s.Config, w.environ, known(protocols(nil)))
		if err != nil {
			return err
		}
		if !cfg.Admin.Enabled {
			return errors.New("the ledger is read from the admin port: admin.enabled must be true")
		}
		address, admin = browsable(cfg.Admin.Listen), cfg.Admin
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	client, err := s.client(admin.Auth)
	if err != nil {
		return err
	}
	l, err := askLedger(ctx, client, scheme(admin)+address)
	if err != nil {
		return err
	}
	if s.JSON {
		e := json.NewEncoder(w.out)
		e.SetIndent("", "  ")
		err = e.Encode(l)
	} else {
		l.print(w.out)
	}
	if err == nil && !l.Agree {
		err = errors.New("the sums do not agree: under load the counters move while they are read, a difference that stays is a bug")
	}
	return err
}

// askLedger asks the admin port of a running bridge.
func askLedger(ctx context.Context, client *http.Client, address string) (*ledger, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+statusJSONPath, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no bridge answers at %s, the admin port: %w", req.URL.Host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %s", req.URL.Host, resp.Status, strings.TrimSpace(string(body)))
	}
	l := &ledger{}
	if err := json.Unmarshal(body, l); err != nil {
		return nil, fmt.Errorf("%s answered no ledger: %w", req.URL.Host, err)
	}
	return l, nil
}

// print is the ledger for people.
func (l *ledger) print(out io.Writer) {
	ready := "ready"
	if !l.Ready {
		ready = "not ready"
	}
	fmt.Fprintf(out, "bridge %s, %s\n\n", l.Version, ready)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "RECEIVED BY\tFORMAT\tTRANSPORT\tSPANS")
	sum := int64(0)
	for _, r := range l.Received {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", r.Protocol, r.Format, r.Transport, r.Spans)
		sum += r.Spans
	}
	fmt.Fprintf(w, "all\t\t\t%d\n", sum)
	for _, r := range l.Rejected {
		fmt.Fprintf(w, "%s\trefused to its sender: %s\t\t%d\n", r.Protocol, r.Reason, r.Spans)
	}
	for _, r := range l.SampledOut {
		fmt.Fprintf(w, "%s\tleft out by sampling.gateway\t\t%d\n", r.Protocol, r.Spans)
	}
	_ = w.Flush()
	fmt.Fprintln(out)
	fmt.Fprintln(w, "TARGET\tSTATE\tPROTOCOL\tRECEIVED\tRESUMED\tREVIVED\tDELIVERED\tNOT DELIVERED\tREPEATED\tMERGED\tDROPPED\tDEAD\tHELD\tSUM")
	row := func(name, state, protocol string, a *account, sum string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%d\t%s\t%s\t%d\t%s\n", name, state, protocol,
			a.Received, a.Resumed, a.Revived, a.Delivered(), a.Undelivered(), a.RepeatedBy(), a.Merged, a.DroppedBy(), a.DeadBy(), a.Held, sum)
	}
	for i := range l.Targets {
		t := &l.Targets[i]
		row(t.Name, t.State(), "all", &t.account, t.Sum())
		for i := range t.Protocols {
			p := &t.Protocols[i]
			row("", "", p.Protocol, &p.account, p.Sum())
		}
	}
	_ = w.Flush()
	if l.Panics > 0 {
		fmt.Fprintf(out, "\n%d panics were caught: see the log.\n", l.Panics)
	}
}
