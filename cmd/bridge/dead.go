// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/queue"
)

// deadCmd is about the dead letters of a gateway, which may be running or not.
type deadCmd struct {
	List  deadListCmd  `cmd:"" help:"List the dead letters: each is the spans of one message that a target refused for the same reason."`
	Show  deadShowCmd  `cmd:"" help:"Show a dead letter: the target's answer, the spans, and the message as it arrived."`
	Retry deadRetryCmd `cmd:"" help:"Send dead letters to their targets again."`
	Drop  deadDropCmd  `cmd:"" help:"Throw dead letters away."`
}

// whereabouts say where the queue and the gateway are.
type whereabouts struct {
	Config string `short:"c" env:"BRIDGE_CONFIG" placeholder:"FILE" help:"The configuration (YAML) of the gateway."`
	Dir    string `placeholder:"DIR" help:"The directory of the queue, when it is not that of the configuration."`
	Admin  string `placeholder:"HOST:PORT" help:"The admin port of the gateway, when it is not that of the configuration."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

func (x *whereabouts) read(w *world) (*config.Config, error) {
	cfg, err := config.Read(x.Config, w.environ, known(protocols(nil)))
	if err != nil {
		return nil, err
	}
	if x.Dir != "" {
		cfg.Queue.Dir = x.Dir
	}
	if x.Admin != "" {
		cfg.Admin.Listen, cfg.Admin.Enabled = x.Admin, true
	}
	if host, port, err := net.SplitHostPort(cfg.Admin.Listen); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		cfg.Admin.Listen = net.JoinHostPort("127.0.0.1", port)
	}
	return cfg, nil
}

// choice is which letters are meant.
type choice struct {
	IDs    []uint64 `arg:"" optional:"" name:"number" help:"Numbers of dead letters."`
	Target string   `placeholder:"NAME" help:"Those of a target."`
	Reason string   `enum:"refused,malformed,unreadable," default:"" help:"Those with a reason: refused, malformed or unreadable."`
	All    bool     `help:"All of them."`
}

func (c *choice) chosen() (chosen, error) {
	if len(c.IDs) == 0 && c.Target == "" && c.Reason == "" && !c.All {
		return chosen{}, errors.New("which dead letters? Give their numbers, --target, --reason or --all")
	}
	return chosen{IDs: c.IDs, Target: c.Target, Reason: deadletter.Reason(c.Reason)}, nil
}

type deadListCmd struct {
	whereabouts
	Target string `placeholder:"NAME" help:"Only those of a target."`
	Reason string `enum:"refused,malformed,unreadable," default:"" help:"Only those with a reason: refused, malformed or unreadable."`
}

// Run lists the letters.
func (c *deadListCmd) Run(w *world) error {
	cfg, err := c.read(w)
	if err != nil {
		return err
	}
	only := chosen{Target: c.Target, Reason: deadletter.Reason(c.Reason)}
	letters := []*deadletter.Letter{}
	damaged, err := eachLetter(cfg, only, func(l *deadletter.Letter) bool {
		l.Body = nil
		letters = append(letters, l)
		return true
	})
	if err != nil {
		return err
	}
	if damaged > 0 {
		fmt.Fprintf(w.err, "bridge: %d records among the dead letters are damaged; bridge queue verify says which\n", damaged)
	}
	if c.JSON {
		return printJSON(w.out, letters)
	}
	if len(letters) == 0 {
		fmt.Fprintln(w.out, "No dead letters.")
		return nil
	}
	table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "number\twhen\ttarget\treason\tspans\tanswer")
	spans := 0
	for _, l := range letters {
		spans += l.Count
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%s\n", l.ID, l.At.Format(time.RFC3339), l.Target, l.Reason, l.Count, oneLine(l.Answer))
	}
	fmt.Fprintf(table, "\n%d dead letters, %d spans. bridge dead show NUMBER, retry, drop.\n", len(letters), spans)
	return table.Flush()
}

// oneLine is a text that came from outside, fit for a line of a terminal.
func oneLine(s string) string {
	return deadletter.Cut(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s), 160)
}

type deadShowCmd struct {
	whereabouts
	Message bool   `help:"Print the message as it arrived, and nothing else."`
	ID      uint64 `arg:"" name:"number" help:"The number of a dead letter."`
}

// Run shows a letter.
func (c *deadShowCmd) Run(w *world) error {
	cfg, err := c.read(w)
	if err != nil {
		return err
	}
	var l *deadletter.Letter
	if _, err := eachLetter(cfg, chosen{IDs: []uint64{c.ID}}, func(found *deadletter.Letter) bool {
		l = found
		return false
	}); err != nil {
		return err
	}
	switch {
	case l == nil:
		return fmt.Errorf("%d: %w", c.ID, deadletter.ErrNoLetter)
	case c.Message:
		if cfg.Queue.Dir == "" {
			if l.Body, err = askAdmin(cfg, http.MethodGet, fmt.Sprintf("/dead/%d/message", c.ID), nil); err != nil {
				return err
			}
		}
		_, err := w.out.Write(l.Body)
		return err
	case c.JSON:
		return printJSON(w.out, l)
	}
	fmt.Fprintf(w.out, "Dead letter %d, of %s\n", l.ID, l.At.Format(time.RFC3339))
	fmt.Fprintf(w.out, "target    %s\nreason    %s\nanswer    %s\n", l.Target, l.Reason, oneLine(l.Answer))
	fmt.Fprintf(w.out, "message   %s by %s, %d bytes, received %s\n", l.Format, l.Transport, l.Bytes, time.Unix(0, l.Received).Format(time.RFC3339))
	if l.Tenant != "" {
		fmt.Fprintf(w.out, "tenant    %s\n", l.Tenant)
	}
	fmt.Fprintf(w.out, "spans     %d of the message's %d\n", l.Count, l.Of)
	if !l.Apart {
		fmt.Fprintln(w.out, "          The target refused too much to look for the guilty ones to the end: some of these may be good.")
	}
	table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	for _, s := range l.Spans {
		fmt.Fprintf(table, "  %d\ttrace %s\tspan %s\t%s\t%s\n", s.Index, s.Trace, s.ID, oneLine(s.Service), oneLine(s.Name))
	}
	return table.Flush()
}

type deadRetryCmd struct {
	whereabouts
	choice
	Within time.Duration `default:"30s" help:"How long the targets are waited for."`
}

// Run sends letters again.
func (c *deadRetryCmd) Run(w *world) error {
	cfg, err := c.read(w)
	if err != nil {
		return err
	}
	which, err := c.chosen()
	if err != nil {
		return err
	}
	letters, err := ownLetters(cfg)
	if err != nil {
		return err
	}
	if letters != nil { // no gateway runs
		h, ids := pick(letters, which)
		if err := errors.Join(letters.SendAgain(ids...), letters.Close()); err != nil {
			return err
		}
		h.Held = h.Spans
		if c.JSON {
			return printJSON(w.out, h)
		}
		fmt.Fprintf(w.out, "No gateway is running: %d dead letters of %d spans will be sent again when one starts.\n", h.Letters, h.Spans)
		return nil
	}
	which.Within = c.Within
	h, err := order(cfg, "/dead/retry", which, c.Within)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := printJSON(w.out, h); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w.out, "%d dead letters of %d spans: %d delivered, %d refused again, %d given up, %d stay.\n",
			h.Letters, h.Spans, h.Delivered, h.Dead, h.Expired, h.Held)
	}
	for _, f := range h.Faults {
		fmt.Fprintln(w.err, "bridge:", f)
	}
	if n := h.Dead + h.Held; n > 0 {
		return fmt.Errorf("%d spans were not taken", n)
	}
	return nil
}

type deadDropCmd struct {
	whereabouts
	choice
}

// Run drops letters.
func (c *deadDropCmd) Run(w *world) error {
	cfg, err := c.read(w)
	if err != nil {
		return err
	}
	which, err := c.chosen()
	if err != nil {
		return err
	}
	letters, err := ownLetters(cfg)
	if err != nil {
		return err
	}
	var h handled
	if letters != nil {
		var ids []uint64
		h, ids = pick(letters, which)
		err = errors.Join(letters.Remove(ids...), letters.Close())
	} else {
		h, err = order(cfg, "/dead/drop", which, 30*time.Second)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.out, h)
	}
	fmt.Fprintf(w.out, "%d dead letters of %d spans are gone.\n", h.Letters, h.Spans)
	return nil
}

// eachLetter reads the letters of the directory, or if there is none those that a
// running gateway has in memory.
func eachLetter(cfg *config.Config, which chosen, f func(*deadletter.Letter) bool) (damaged int, err error) {
	pass := func(l *deadletter.Letter) bool { return !which.has(l.ID, l.Target, l.Reason) || f(l) }
	if cfg.Queue.Dir == "" {
		p, err := askAdmin(cfg, http.MethodGet, "/dead?"+url.Values{"target": {which.Target}, "reason": {string(which.Reason)}}.Encode(), nil)
		if err != nil {
			return 0, err
		}
		var letters []*deadletter.Letter
		if err := json.Unmarshal(p, &letters); err != nil {
			return 0, fmt.Errorf("what answers at %s is no gateway: %w", cfg.Admin.Listen, err)
		}
		for _, l := range letters {
			if !pass(l) {
				break
			}
		}
		return 0, nil
	}
	if err := isQueue(cfg.Queue.Dir); err != nil {
		return 0, err
	}
	if _, err := os.Stat(deadDir(cfg.Queue)); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return deadletter.Look(queue.Dir(deadDir(cfg.Queue)), pass)
}

// isQueue says what is wrong with a directory that is none of a queue.
func isQueue(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("queue.dir: %w", err)
	}
	for _, e := range entries {
		if name := e.Name(); name == "LOCK" || strings.HasSuffix(name, ".seg") {
			return nil
		}
	}
	return fmt.Errorf("queue.dir: %s holds no queue: no file LOCK and none that ends in .seg", dir)
}

// ownLetters opens the letters of the directory; nil when a running gateway has
// them.
func ownLetters(cfg *config.Config) (*deadletter.Letters, error) {
	if cfg.Queue.Dir == "" {
		return nil, nil
	}
	if err := isQueue(cfg.Queue.Dir); err != nil {
		return nil, err
	}
	letters, err := deadletter.Open(deadletter.Options{
		FS: queue.Dir(deadDir(cfg.Queue)), MaxBytes: int64(cfg.Queue.Dead.MaxBytes), MaxAge: cfg.Queue.Dead.MaxAge, Now: time.Now,
	})
	if errors.Is(err, queue.ErrInUse) {
		return nil, nil
	}
	return letters, err
}

func pick(letters *deadletter.Letters, which chosen) (h handled, ids []uint64) {
	for _, b := range letters.Briefs() {
		if which.has(b.ID, b.Target, b.Reason) {
			ids = append(ids, b.ID)
			h.Spans += b.Spans
		}
	}
	h.Letters = len(ids)
	return h, ids
}

// order has a running gateway do something with dead letters.
func order(cfg *config.Config, path string, which chosen, within time.Duration) (h handled, err error) {
	body, err := json.Marshal(which)
	if err != nil {
		return h, err
	}
	p, err := askAdminFor(cfg, http.MethodPost, path, body, within+30*time.Second)
	if err == nil {
		err = json.Unmarshal(p, &h)
	}
	return h, err
}

func askAdmin(cfg *config.Config, method, path string, body []byte) ([]byte, error) {
	return askAdminFor(cfg, method, path, body, time.Minute)
}

// askAdminFor asks the admin port of a running gateway.
func askAdminFor(cfg *config.Config, method, path string, body []byte, within time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, scheme(cfg.Admin)+browsable(cfg.Admin.Listen)+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	client, err := (clientFlags{CAFile: cfg.Admin.TLS.CertFile}).client(cfg.Admin.Auth)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		why := "without queue.dir only a running gateway has dead letters"
		if cfg.Queue.Dir != "" {
			why = "the queue in " + cfg.Queue.Dir + " is in use, so that its gateway must do it"
		}
		return nil, fmt.Errorf("%s, and its admin port does not answer (admin.listen, --admin): %w", why, err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the gateway at %s answered %s: %s", cfg.Admin.Listen, resp.Status, oneLine(string(p)))
	}
	return p, err
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
