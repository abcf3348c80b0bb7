// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhere: a setting, one whose section alone is there, and one that is not.
func TestWhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bridge.yaml")
	if err := os.WriteFile(file, []byte("log: {level: info}\nqueue:\n  dir: a\ntargets:\n  a:\n    tls: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"log.level": ":1", "queue.dir": ":3", "queue.max_age": ":2", "targets.a.tls.ca_file": ":6", "view.memory": "", "targets.b": ":4",
	} {
		if got := Where(file, path); got != file+want {
			t.Errorf("%s is at %s, want %s", path, got, want)
		}
	}
	if got := Where("", "log.level"); got != "" {
		t.Errorf("%q", got)
	}
}

// TestChanges: every setting that differs is named, and no secret is shown.
func TestChanges(t *testing.T) {
	parse := func(text string) *Config {
		t.Helper()
		c, err := Parse("bridge.yaml", []byte(text), nil, known)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f := func(from, to string, want ...string) {
		t.Helper()
		var got []string
		for _, c := range Changes(parse(from), parse(to)) {
			got = append(got, c.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s -> %s (-want +got)\n%s", from, to, diff)
		}
		if strings.Contains(strings.Join(got, ""), "s3cret") {
			t.Errorf("a secret is shown: %q", got)
		}
	}
	a := "{targets: {a: {kind: zipkin, endpoint: \"http://x:s3cret@a\", "
	f("{}", "{}")
	f("{log: {level: info}}", "{log: {level: debug}, shutdown: {drain: 2m}}", "log.level: debug (was info)", "shutdown.drain: 2m (was 10s)")
	f("{}", "{receivers: {zipkin: {listen: \"127.0.0.1:1\"}}}", "receivers.zipkin.listen: 127.0.0.1:1 (was 127.0.0.1:9411)")
	f(a+"}}}", a+"connections: 5, batch: {spans: 7}, headers: {x-a: s3cret}}}}", "targets.a.batch.spans: 7 (was 1000)", "targets.a.connections: 5 (was 2)", "targets.a.headers.x-a has changed")
	f(a+"auth: {token: s3cret1}}}}", a+"auth: {token: s3cret2}}}}", "targets.a.auth.token: (hidden) (was (hidden))")
	f(a+"}}}", "{}", "targets.a: not set (was zipkin at http://(hidden)@a)")
	f("{}", a+"}}}", "targets.a: zipkin at http://(hidden)@a (was not set)")
	f("{}", "{rename: {services: {a: b}}, sampling: {gateway: 0.5}}", "rename.services.a has changed", "sampling.gateway: 0.5 (was 1)")
}
