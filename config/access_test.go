// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Only addresses that no other machine reaches need no word about who may come.
func TestLoopback(t *testing.T) {
	for listen, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true, "LOCALHOST:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "[fe80::1%eth0]:1": false, "localhost.example:1": false, "127.0.0.1": false,
	} {
		if got := Loopback(listen); got != want {
			t.Errorf("%s: %v", listen, got)
		}
	}
}

// A listener that others reach is taken with authentication, with client
// certificates, or with the words for it.
func TestPublicListener(t *testing.T) {
	for settings, good := range map[string]bool{
		`receivers: {zipkin: {listen: ":1"}}`:                                                                                                      false,
		`receivers: {zipkin: {listen: ":1", tls: {cert_file: a, key_file: b}}}`:                                                                    false,
		`receivers: {zipkin: {listen: ":1", allow_anonymous: true}}`:                                                                               true,
		`receivers: {zipkin: {listen: ":1", auth: {token: t}}}`:                                                                                    true,
		`receivers: {zipkin: {listen: ":1", tls: {cert_file: a, key_file: b, client_ca_file: c}}}`:                                                 true,
		`receivers: {zipkin: {listen: ":1", enabled: false}}`:                                                                                      true,
		`{security: {auth: {token: t}}, receivers: {zipkin: {listen: ":1"}}}`:                                                                      true,
		`{security: {tls: {cert_file: a, key_file: b, client_ca_file: c}}, receivers: {zipkin: {listen: ":1"}}}`:                                   true,
		`{security: {tls: {cert_file: a, key_file: b, client_ca_file: c}}, receivers: {zipkin: {listen: ":1", tls: {cert_file: a, key_file: b}}}}`: false,
		`{security: {allow_anonymous: true}, receivers: {zipkin: {listen: ":1"}, jaeger-compact: {listen: ":1"}}}`:                                 true,
		`{security: {auth: {token: t}}, receivers: {jaeger-compact: {listen: ":1"}}}`:                                                              false,
		`receivers: {jaeger-compact: {listen: ":1", allow_anonymous: true}}`:                                                                       true,
		`admin: {listen: ":1"}`:                                                false,
		`admin: {listen: ":1", public: true}`:                                  false,
		`admin: {listen: ":1", auth: {token: t}}`:                              false,
		`admin: {listen: ":1", public: true, auth: {token: t}}`:                true,
		`{security: {allow_anonymous: true}, admin: {listen: ":1"}}`:           false,
		`{security: {auth: {token: t}}, admin: {listen: ":1", public: true}}`:  false,
		`{admin: {listen: ":1", public: true, enabled: false}, receivers: {}}`: true,
	} {
		if _, err := Parse("bridge.yaml", []byte(settings), nil, known); (err == nil) != good {
			t.Errorf("%s: %v", settings, err)
		}
	}
}

// What is set for all receivers is that of each which says nothing of its own.
func TestSecurityOfReceivers(t *testing.T) {
	c, err := Parse("", []byte(`
security: {auth: {token: all}, tls: {cert_file: a, key_file: b, client_ca_file: c}}
receivers:
  zipkin: {allow_anonymous: true, tls: {cert_file: own, key_file: own}}
`), nil, known)
	if err != nil {
		t.Fatal(err)
	}
	if z := c.Receivers["zipkin"]; !z.Auth.IsZero() || z.TLS != (ListenTLS{CertFile: "own", KeyFile: "own"}) {
		t.Errorf("%+v", z)
	}
	if s := c.Receivers["skywalking-grpc"]; s.Auth.Token != "all" || s.TLS != c.Security.TLS {
		t.Errorf("%+v", s)
	}
	if u := c.Receivers["jaeger-compact"]; !u.Auth.IsZero() || !u.TLS.IsZero() {
		t.Errorf("%+v", u)
	}
}

// A secret is not printed, whoever prints it and however.
func TestSecretIsHidden(t *testing.T) {
	const secret = "s3cr3t"
	c, err := Parse("", []byte(`
security: {auth: {token: s3cr3t}}
targets: {a: {kind: zipkin, endpoint: 'http://u:s3cr3t@host', auth: {username: u, password: s3cr3t}}}
`), nil, known)
	if err != nil {
		t.Fatal(err)
	}
	if string(c.Receivers["zipkin"].Auth.Token) != secret {
		t.Fatal("the secret is not there at all")
	}
	var printed strings.Builder
	a := c.Targets["a"].Auth
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&printed, verb+" "+verb+"\n", a, a.Password)
	}
	asJSON, err := json.Marshal(c.Security)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c.Security)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&printed, nil))
	log.Info("m", "auth", a, "secret", a.Password)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("m", "auth", a, "secret", a.Password)
	fmt.Fprintf(&printed, "%s %s %s", asJSON, asYAML, Redacted(c.Targets["a"].Endpoint))
	for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret)} {
		if strings.Contains(printed.String(), form) {
			t.Errorf("%s is printed:\n%s", form, printed.String())
		}
	}
	if !strings.Contains(printed.String(), hidden) {
		t.Error("that there is a secret does not show")
	}
}

// None of the messages of the golden files shows a secret.
func TestFaultsShowNoSecret(t *testing.T) {
	for _, file := range []string{"testdata/access.bad.txtar", "testdata/access_more.bad.txtar"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		given, faults, _ := strings.Cut(string(data), "-- faults --")
		if !strings.Contains(given, "a-secret") || strings.Contains(faults, "a-secret") || faults == "\n" {
			t.Errorf("%s:\n%s", file, faults)
		}
	}
}
