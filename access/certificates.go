// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Server is how a port shows who it is and whom it lets in. The files are in
// PEM.
type Server struct {
	CertFile, KeyFile string
	// ClientCAFile has the certificates that a client's must come from; when
	// empty clients need none.
	ClientCAFile string
}

// Config is for a listener that offers protocols of ALPN, the first ones first.
// Each new connection gets the certificates that the files have then.
func (s Server) Config(log *slog.Logger, alpn ...string) (*tls.Config, error) {
	current, err := newReread(log, func(contents [][]byte) (*tls.Config, error) {
		pair, err := keyPair(s.CertFile, s.KeyFile, contents[0], contents[1], x509.ExtKeyUsageServerAuth)
		if err != nil {
			return nil, err
		}
		c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: alpn, Certificates: []tls.Certificate{pair}}
		if s.ClientCAFile != "" {
			c.ClientAuth = tls.RequireAndVerifyClientCert
			if c.ClientCAs, err = pool("tls.client_ca_file", s.ClientCAFile, contents[2]); err != nil {
				return nil, err
			}
			// A resumed session would be judged by the authorities of its start.
			c.SessionTicketsDisabled = true
		}
		return c, nil
	}, source{"tls.cert_file", s.CertFile}, source{"tls.key_file", s.KeyFile}, source{"tls.client_ca_file", s.ClientCAFile})
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         alpn,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return current.now(), nil },
	}, nil
}

// Client is how a server is trusted and how the gateway shows it who it is. The
// files are in PEM.
type Client struct {
	CAFile             string // of the server's certificate; the system's roots when empty
	CertFile, KeyFile  string // of the gateway
	ServerName         string // expected in the certificate, instead of the host
	InsecureSkipVerify bool   // any certificate will do
}

// IsZero is true when nothing is set.
func (c Client) IsZero() bool { return c == Client{} }

// Configs gives the setting for the next connection.
func (c Client) Configs(log *slog.Logger) (func() *tls.Config, error) {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, errors.New("tls: cert_file and key_file belong together, one of them is missing")
	}
	current, err := newReread(log, func(contents [][]byte) (*tls.Config, error) {
		t := &tls.Config{
			MinVersion:         tls.VersionTLS12,
			ServerName:         c.ServerName,
			InsecureSkipVerify: c.InsecureSkipVerify, //nolint:gosec // what the operator asked for by name
		}
		var err error
		if c.CAFile != "" {
			if t.RootCAs, err = pool("tls.ca_file", c.CAFile, contents[0]); err != nil {
				return nil, err
			}
		}
		if c.CertFile != "" {
			pair, err := keyPair(c.CertFile, c.KeyFile, contents[1], contents[2], x509.ExtKeyUsageClientAuth)
			if err != nil {
				return nil, err
			}
			// Also when the server names other authorities: its refusal says more
			// than that there was no certificate.
			t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		return t, nil
	}, source{"tls.ca_file", c.CAFile}, source{"tls.cert_file", c.CertFile}, source{"tls.key_file", c.KeyFile})
	if err != nil {
		return nil, err
	}
	return func() *tls.Config { return current.now().Clone() }, nil
}

func pool(setting, name string, pem []byte) (*x509.CertPool, error) {
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in %s, want PEM", setting, name)
	}
	return p, nil
}

// keyPair refuses what no client would take, so that it is found here. That the
// gateway's certificate for a target is too old is for the target to say: the
// spans wait for a new one, and all others are served.
func keyPair(certFile, keyFile string, cert, key []byte, usage x509.ExtKeyUsage) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return pair, fmt.Errorf("tls.cert_file and tls.key_file: %s and %s: %w", certFile, keyFile, err)
	}
	leaf := pair.Leaf
	if usage == x509.ExtKeyUsageServerAuth && time.Now().After(leaf.NotAfter) {
		return pair, fmt.Errorf("tls.cert_file: the certificate in %s was valid until %s", certFile, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if len(leaf.ExtKeyUsage) == 0 {
		return pair, nil
	}
	for _, u := range leaf.ExtKeyUsage {
		if u == usage || u == x509.ExtKeyUsageAny {
			return pair, nil
		}
	}
	role := "server"
	if usage == x509.ExtKeyUsageClientAuth {
		role = "client"
	}
	return pair, fmt.Errorf("tls.cert_file: the certificate in %s is not for a %s (extended key usage)", certFile, role)
}
