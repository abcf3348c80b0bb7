// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"crypto/tls"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/access/accesstest"
)

var later = time.Now().Add(time.Hour)

// serve shakes hands with whoever connects and sends back what it reads.
func serve(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 16)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// echo is a connection that works both ways: under TLS 1.3 a client learns only
// by reading that its certificate was refused.
func echo(address string, config *tls.Config) (*tls.Conn, error) {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", address, config)
	if err != nil {
		return nil, err
	}
	if err := again(c); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func again(c *tls.Conn) error {
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	return err
}

func name(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].Subject.CommonName }

// Certificates are exchanged while connections are open: those stay, new ones
// see the new certificate. The same for the authority of clients.
func TestRotation(t *testing.T) {
	ca, other := accesstest.NewAuthority(t, "ca"), accesstest.NewAuthority(t, "other")
	server, client, stranger := ca.Issue("first", later), ca.Issue("client", later), other.Issue("stranger", later)
	config, err := access.Server{CertFile: server.CertFile, KeyFile: server.KeyFile, ClientCAFile: ca.File}.Config(discard)
	if err != nil {
		t.Fatal(err)
	}
	address := serve(t, config)
	trust, err := access.Client{CAFile: ca.File, CertFile: client.CertFile, KeyFile: client.KeyFile}.Configs(discard)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(as *tls.Config) (*tls.Conn, error) {
		as.ServerName = "127.0.0.1"
		return echo(address, as)
	}
	open, err := dial(trust())
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	as := trust()
	as.GetClientCertificate = nil
	if _, err := dial(as); err == nil {
		t.Error("a client without a certificate was let in")
	}
	strange := func() *tls.Config {
		c := trust()
		pair := stranger.Load(t)
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		return c
	}
	if _, err := dial(strange()); err == nil {
		t.Error("a client of another authority was let in")
	}

	// The certificate comes first and then its key, as files do.
	key, err := os.ReadFile(server.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	ca.Renew(server, "second", later)
	newKey, err := os.ReadFile(server.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(server.KeyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := dial(trust())
		if err != nil || name(c) != "first" {
			t.Fatalf("%v: a certificate without its key is in force", err)
		}
		_ = c.Close()
	}
	if err := os.WriteFile(server.KeyFile, newKey, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new certificate", func() bool {
		c, err := dial(trust())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return name(c) == "second"
	})
	// Another authority for clients, and for the server of the second client.
	authority, err := os.ReadFile(other.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca.File, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	other.Renew(server, "third", later)
	eventually(t, "the new authority", func() bool {
		c, err := dial(strange())
		if err != nil {
			return false
		}
		defer c.Close()
		return name(c) == "third"
	})
	if _, err := dial(trust()); err == nil {
		t.Error("a client of the former authority was let in")
	}
	if err := again(open); err != nil || name(open) != "first" {
		t.Errorf("%s, %v: the open connection did not stay", name(open), err)
	}
}

// What is wrong with certificates is said with the setting and the file.
func TestWrongCertificates(t *testing.T) {
	ca := accesstest.NewAuthority(t, "ca")
	good, second, expired := ca.Issue("good", later), ca.Issue("second", later), ca.Issue("expired", time.Now().Add(-time.Minute))
	text := t.TempDir() + "/text.pem"
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		server access.Server
		want   []string
	}{
		{access.Server{CertFile: expired.CertFile, KeyFile: expired.KeyFile}, []string{"tls.cert_file", expired.CertFile, "was valid until"}},
		{access.Server{CertFile: good.CertFile, KeyFile: second.KeyFile}, []string{"tls.key_file", second.KeyFile, "private key does not match"}},
		{access.Server{CertFile: text, KeyFile: good.KeyFile}, []string{"tls.cert_file", text, "PEM"}},
		{access.Server{CertFile: good.CertFile, KeyFile: good.KeyFile, ClientCAFile: text}, []string{"tls.client_ca_file", text, "no certificate"}},
		{access.Server{CertFile: good.CertFile, KeyFile: "nowhere.pem"}, []string{"tls.key_file", "nowhere.pem", "no such file"}},
	} {
		_, err := c.server.Config(discard)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	// A client whose own certificate is too old starts all the same: the server's
	// refusal is the error then.
	if _, err := (access.Client{CertFile: expired.CertFile, KeyFile: expired.KeyFile}).Configs(discard); err != nil {
		t.Error(err)
	}
}
