// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/receivers"
	"github.com/spanbridge/spanbridge/translate"
)

// printPorts prints what listens where, and what goes where. open is nil when
// nothing has been opened.
func printPorts(out io.Writer, cfg *config.Config, open *receivers.Server, list []translate.Protocol) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LISTENING\tFOR\tSETTING")
	for _, p := range list {
		for _, port := range p.Ports {
			r := cfg.Receivers[port.Name]
			if !r.Enabled {
				continue
			}
			address := r.Listen
			if open != nil {
				if a := open.Address(port.Name); a != nil {
					address = a.String()
				}
			}
			network := ""
			if port.Network == translate.UDP {
				network = "/udp"
			}
			fmt.Fprintf(w, "%s%s\t%s%s\treceivers.%s\n", address, network, port.About, admitted(r, port.Network == translate.UDP), port.Name)
			if port.Name == "zipkin" && cfg.View.Enabled {
				scheme := "http"
				if !r.TLS.IsZero() {
					scheme = "https"
				}
				fmt.Fprintf(w, "%s://%s/\tthe view: a page and Zipkin's query API\tview\n", scheme, browsable(address))
			}
		}
	}
	if cfg.Admin.Enabled {
		fmt.Fprintf(w, "%s\tmetrics, health, profiles\tadmin\n", cfg.Admin.Listen)
	}
	_ = w.Flush()
	fmt.Fprintln(w)
	fmt.Fprintln(w, "SENDING TO\tAS\tSETTING")
	if cfg.View.Enabled {
		fmt.Fprintf(w, "the view\t%s of memory, lost with the process\tview\n", cfg.View.Memory)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Targets)) {
		if t := cfg.Targets[name]; t.Enabled {
			fmt.Fprintf(w, "%s\t%s\ttargets.%s\n", config.Redacted(t.Endpoint), t.Kind, name)
		}
	}
	_ = w.Flush()
	printRules(out, cfg)
	if cfg.Queue.Dir == "" {
		fmt.Fprintln(out, "\nThe queue is in memory: what it holds when the process is killed is lost.")
		return
	}
	fmt.Fprintf(out, "\nThe queue is on disk, in %s: what was acknowledged stays there until every target has it.\n", cfg.Queue.Dir)
}

// browsable is the address under which a browser on this machine finds a port
// that listens at every interface.
func browsable(address string) string {
	for _, every := range []string{"0.0.0.0:", "[::]:", ":"} {
		if port, ok := strings.CutPrefix(address, every); ok {
			return "127.0.0.1:" + port
		}
	}
	return address
}
