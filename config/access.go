// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
)

// Security is for all receivers by TCP.
type Security struct {
	AllowAnonymous bool      `yaml:"allow_anonymous" doc:"true lets receivers without authentication listen at addresses that other machines reach: whoever reaches a port may send spans, and at the receiver zipkin read them. For networks in which that is decided elsewhere."`
	TLS            ListenTLS `yaml:"tls" doc:"TLS for every receiver by TCP that has no settings in tls of its own."`
	Auth           Auth      `yaml:"auth" doc:"What clients of every receiver by TCP must know, unless it has settings in auth of its own or allow_anonymous."`
}

// ListenTLS is TLS of a port.
type ListenTLS struct {
	CertFile     string `yaml:"cert_file" doc:"The certificate (PEM) to show, with those between it and the authority; turns TLS on. All files are read again when they change; open connections stay."`
	KeyFile      string `yaml:"key_file" doc:"The key (PEM) of cert_file."`
	ClientCAFile string `yaml:"client_ca_file" doc:"Certificates (PEM) of which one must have signed the client's; clients without one are refused (mTLS)."`
}

// Auth is a token, or a user with a password, or both.
type Auth struct {
	Token        Secret `yaml:"token" doc:"A token. Clients send it as authorization: Bearer TOKEN, and SkyWalking's agents alone, in the metadata authentication (agent.authentication, SW_AGENT_AUTHENTICATION)."`
	TokenFile    string `yaml:"token_file" doc:"A file with tokens, one in each line; read again when it changes. Clients may have any of them; a target gets the first."`
	Username     string `yaml:"username" doc:"The user of basic authentication."`
	Password     Secret `yaml:"password" doc:"The password of username."`
	PasswordFile string `yaml:"password_file" doc:"A file with passwords of username, as token_file."`
}

// IsZero is true when nothing is set.
func (t ListenTLS) IsZero() bool { return t == ListenTLS{} }

// IsZero is true when nothing is set.
func (a Auth) IsZero() bool { return a == Auth{} }

// Loopback is true for an address to listen at that no other machine reaches.
// Names are not looked up: who they lead to may change.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// access gives the receivers what is set for all of them, and checks that nobody
// is let in by oversight.
func (r *reader) access(c *Config) {
	r.listenTLS("security.tls", c.Security.TLS)
	r.auth("security.auth", c.Security.Auth)
	for _, p := range r.known.Ports {
		x, path := c.Receivers[p.Name], "receivers."+p.Name
		r.listenTLS(path+".tls", x.TLS)
		r.auth(path+".auth", x.Auth)
		if p.UDP {
			if !x.TLS.IsZero() || !x.Auth.IsZero() {
				r.wrong(path, "tls or auth", "neither: datagrams of agents have no place for them")
			}
			if x.Enabled && !x.AllowAnonymous && !c.Security.AllowAnonymous && !Loopback(x.Listen) {
				r.open(path, x.Listen, "an address such as 127.0.0.1:6831, since agents by UDP cannot show who they are")
			}
			continue
		}
		if x.AllowAnonymous && !x.Auth.IsZero() {
			r.wrong(path+".allow_anonymous", "true beside "+path+".auth", "one of them")
		}
		if x.TLS.IsZero() {
			x.TLS = c.Security.TLS
		}
		if x.Auth.IsZero() && !x.AllowAnonymous {
			x.Auth = c.Security.Auth
		}
		checked := !x.Auth.IsZero() || x.TLS.ClientCAFile != "" || x.AllowAnonymous || c.Security.AllowAnonymous
		if x.Enabled && !checked && !Loopback(x.Listen) {
			r.open(path, x.Listen, "auth.token_file or another setting of "+path+".auth or security.auth, or tls.client_ca_file, or an address on loopback")
		}
	}
	r.listenTLS("admin.tls", c.Admin.TLS)
	r.auth("admin.auth", c.Admin.Auth)
	if a := c.Admin; a.Enabled && !Loopback(a.Listen) {
		switch {
		case !a.Public:
			r.wrong("admin.listen", fmt.Sprintf("%q, which other machines reach: metrics and profiles are for operators", a.Listen),
				"an address such as 127.0.0.1:9410, or admin.public: true with admin.auth or admin.tls.client_ca_file")
		case a.Auth.IsZero() && a.TLS.ClientCAFile == "":
			r.wrong("admin.public", "true without authentication", "admin.auth (a token or a user) or admin.tls.client_ca_file; /healthz and /readyz stay open")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Targets)) {
		path := "targets." + name
		t := c.Targets[name]
		r.auth(path+".auth", t.Auth)
		for k := range t.Headers {
			if (strings.EqualFold(k, "authorization") || strings.EqualFold(k, "authentication")) && !t.Auth.IsZero() {
				r.wrong(path+".auth", "beside headers."+k, "one of them")
			}
		}
	}
}

// open is the fault of a port that lets everybody in without a word about it.
// Two settings put it right, by file or by variable.
func (r *reader) open(path, listen, want string) {
	r.wrong(path+".listen", fmt.Sprintf("%q is open to other machines and nobody is asked who they are", listen),
		want+fmt.Sprintf("; or, if everybody may use it, %s.allow_anonymous: true (for all receivers: security.allow_anonymous: true, %sSECURITY_ALLOW_ANONYMOUS=true)", path, envPrefix))
}

func (r *reader) listenTLS(path string, t ListenTLS) {
	switch {
	case (t.CertFile == "") != (t.KeyFile == ""):
		r.wrong(path, "one of cert_file and key_file", "both or none")
	case t.ClientCAFile != "" && t.CertFile == "":
		r.wrong(path, "client_ca_file without cert_file", "cert_file and key_file too")
	}
}

func (r *reader) auth(path string, a Auth) {
	switch {
	case a.Token != "" && a.TokenFile != "":
		r.wrong(path, "token and token_file", "one of them")
	case a.Password != "" && a.PasswordFile != "":
		r.wrong(path, "password and password_file", "one of them")
	case a.Username == "" && (a.Password != "" || a.PasswordFile != ""):
		r.wrong(path, "a password without username", "both")
	case a.Username != "" && a.Password == "" && a.PasswordFile == "":
		r.wrong(path, "username without a password", "password_file or password (or the variable of it)")
	case strings.Contains(a.Username, ":"):
		r.wrong(path+".username", "a name with a colon", "one without: it ends the name in basic authentication")
	}
}
