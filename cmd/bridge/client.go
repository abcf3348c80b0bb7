// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"time"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/translate"
)

// clientFlags are how a command trusts a running bridge and shows who it is.
type clientFlags struct {
	CAFile     string `placeholder:"FILE" help:"Certificates (PEM) that the certificate of the bridge must come from; the system's when not given."`
	CertFile   string `placeholder:"FILE" help:"The certificate (PEM) to show, where the bridge asks for one."`
	KeyFile    string `placeholder:"FILE" help:"The key (PEM) of --cert-file."`
	ServerName string `placeholder:"NAME" help:"The name expected in the certificate of the bridge, when it is not the host."`
}

func (f clientFlags) tls() access.Client {
	return access.Client{CAFile: f.CAFile, CertFile: f.CertFile, KeyFile: f.KeyFile, ServerName: f.ServerName}
}

// to is where a receiver of the bridge listens, and what it asks for.
func (f clientFlags) to(r *config.Receiver) destination {
	return destination{address: browsable(r.Listen), secure: !r.TLS.IsZero(), auth: credentials(r.Auth), tls: f.tls()}
}

// destination is a port of a running bridge.
type destination struct {
	address string
	secure  bool // it speaks TLS
	auth    access.Credentials
	tls     access.Client
}

// endpoint is the destination as the setting of a target.
func (d destination) endpoint(network translate.Network) string {
	switch {
	case d.secure:
		return "https://" + d.address
	case network == translate.HTTP:
		return "http://" + d.address
	default:
		return d.address
	}
}

// trust is how the destination is trusted, if it speaks TLS.
func (d destination) trust() access.Client {
	if !d.secure {
		return access.Client{}
	}
	return d.tls
}

// scheme begins the URL of an admin port.
func scheme(a config.Admin) string {
	if a.TLS.IsZero() {
		return "http://"
	}
	return "https://"
}

// client asks by HTTP as the settings of a receiver want.
func (f clientFlags) client(a config.Auth) (*http.Client, error) {
	current, err := f.tls().Configs(discard)
	if err != nil {
		return nil, err
	}
	t := &showing{base: &http.Transport{TLSClientConfig: current(), TLSHandshakeTimeout: 10 * time.Second}}
	if !a.IsZero() {
		if t.badge, err = access.NewBadge(credentials(a), false, discard); err != nil {
			return nil, err
		}
	}
	return &http.Client{Transport: t}, nil
}

// showing shows a badge with each request.
type showing struct {
	base  http.RoundTripper
	badge *access.Badge // nil: nothing is asked for
}

// RoundTrip adds the header.
func (s *showing) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.badge != nil {
		r = r.Clone(r.Context())
		r.Header.Set(s.badge.Header())
	}
	return s.base.RoundTrip(r)
}
