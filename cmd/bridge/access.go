// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/receivers"
)

func credentials(a config.Auth) access.Credentials {
	return access.Credentials{
		Token: string(a.Token), TokenFile: a.TokenFile,
		Username: a.Username, Password: string(a.Password), PasswordFile: a.PasswordFile,
	}
}

func certificates(t config.ListenTLS) access.Server { return access.Server(t) }

func clientTLS(t config.TLS) access.Client { return access.Client(t) }

// listens are the ports to open.
func listens(cfg *config.Config) map[string]receivers.Listen {
	ports := make(map[string]receivers.Listen)
	for name, r := range cfg.Receivers {
		if r.Enabled {
			ports[name] = receivers.Listen{Address: r.Listen, Strict: r.Strict, Busy: receivers.Busy(r.WhenBusy), TLS: certificates(r.TLS), Auth: credentials(r.Auth)}
		}
	}
	return ports
}

// checkAccess reads the files with certificates and secrets that ports need.
func checkAccess(file string, cfg *config.Config, list []config.Port) (faults config.Faults) {
	check := func(path string, t config.ListenTLS, a config.Auth) {
		if _, _, err := open(t, a, discard); err != nil {
			faults = append(faults, fileFault(file, path, err))
		}
	}
	check("security", cfg.Security.TLS, cfg.Security.Auth)
	for _, p := range list {
		r := cfg.Receivers[p.Name]
		if !r.Enabled || p.UDP {
			continue
		}
		t, a := r.TLS, r.Auth
		if t == cfg.Security.TLS {
			t = config.ListenTLS{}
		}
		if a == cfg.Security.Auth {
			a = config.Auth{}
		}
		check("receivers."+p.Name, t, a)
	}
	if cfg.Admin.Enabled {
		check("admin", cfg.Admin.TLS, cfg.Admin.Auth)
	}
	return faults
}

// fileFault is the fault of a file that a section of the settings names; the error
// begins with the key.
func fileFault(file, section string, err error) config.Fault {
	key, _, _ := strings.Cut(err.Error(), ":")
	return config.Fault{Place: cmp.Or(config.Where(file, section+"."+key), "configuration"), Path: section, Found: err.Error()}
}

var discard = slog.New(slog.DiscardHandler)

// open reads the files; what is not set is nil.
func open(t config.ListenTLS, a config.Auth, log *slog.Logger) (secure *tls.Config, gate *access.Gate, err error) {
	if !t.IsZero() {
		if secure, err = certificates(t).Config(log, "http/1.1"); err != nil {
			return nil, nil, err
		}
	}
	if !a.IsZero() {
		if gate, err = access.NewGate(credentials(a), log); err != nil {
			return nil, nil, err
		}
	}
	return secure, gate, nil
}

// gated asks who they are before requests reach a handler; probes are let
// through.
func gated(current *atomic.Pointer[access.Gate], h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gate := current.Load()
		if gate != nil && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			if err := gate.Admit(r.Header.Values("Authorization"), r.Header.Values("Authentication")); err != nil {
				receivers.Challenge(w, gate, err)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// admitted says in words who may use a port; "" for everybody who reaches it.
func admitted(r *config.Receiver, udp bool) string {
	if udp {
		r = &config.Receiver{Listen: r.Listen}
	}
	words := ""
	if !r.TLS.IsZero() {
		words += ", TLS"
	}
	if r.TLS.ClientCAFile != "" {
		words += " with client certificates"
	}
	if a := r.Auth; a.Token != "" || a.TokenFile != "" {
		words += ", token"
	}
	if r.Auth.Username != "" {
		words += ", user and password"
	}
	if r.Auth.IsZero() && r.TLS.ClientCAFile == "" && !config.Loopback(r.Listen) {
		words += ", OPEN TO EVERYBODY"
	}
	return words
}
