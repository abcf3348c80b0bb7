// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/config"
)

// reloadPath is where the admin port is asked to reload.
const reloadPath = "/reload"

// reloadPage reloads. Only programs on this machine may ask for it, and no page of
// another site can: its type must be JSON.
func (g *gateway) reloadPage(w http.ResponseWriter, r *http.Request) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		http.Error(w, "a reload is for programs on the machine of the gateway", http.StatusForbidden)
		return
	}
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		http.Error(w, "Content-Type: want application/json", http.StatusUnsupportedMediaType)
		return
	}
	lines, err := g.reload() //nolint:contextcheck // a client that goes away does not leave half a reload
	switch {
	case errors.Is(err, errNotServing):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	case len(lines) == 0:
		fmt.Fprintln(w, "Nothing has changed.")
	default:
		fmt.Fprintln(w, strings.Join(lines, "\n"))
	}
}

type reloadCmd struct {
	Config  string        `short:"c" env:"BRIDGE_CONFIG" placeholder:"FILE" help:"The configuration of the running bridge: admin.listen says where to ask."`
	Admin   string        `placeholder:"HOST:PORT" help:"The admin port to ask, instead of the one of the configuration."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer."`
	clientFlags
}

// errNotReloaded are the faults that the gateway has found.
type errNotReloaded struct{ faults string }

func (e *errNotReloaded) Error() string { return e.faults }

// Run asks a running bridge to read its configuration again.
func (c *reloadCmd) Run(w *world) error {
	// The configuration may have faults; the gateway is to say so.
	admin := config.ReadAdmin(c.Config, w.environ, known(protocols(nil)))
	address := c.Admin
	if address != "" {
		admin = config.Admin{}
	} else if address = browsable(admin.Listen); !admin.Enabled {
		return errors.New("the admin port is asked to reload: admin.enabled must be true; without it send SIGHUP to the process")
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	client, err := c.client(admin.Auth)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, scheme(admin)+address+reloadPath, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no bridge answers at %s, the admin port: %w", address, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(answer))
	switch resp.StatusCode {
	case http.StatusOK:
		_, err = fmt.Fprintln(w.out, text)
		return err
	case http.StatusUnprocessableEntity:
		return &errNotReloaded{text}
	default:
		return fmt.Errorf("%s answered %s: %s", address, resp.Status, text)
	}
}
