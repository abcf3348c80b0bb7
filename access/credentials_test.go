// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/access"
)

var discard = slog.New(slog.DiscardHandler)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAdmit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write(t, file, "first-token\r\n\nsecond-token\n")
	gate := func(c access.Credentials) *access.Gate {
		t.Helper()
		g, err := access.NewGate(c, discard)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	token := gate(access.Credentials{Token: "the-token"})
	tokens := gate(access.Credentials{TokenFile: file})
	user := gate(access.Credentials{Username: "zoe", Password: "a:b c"})
	for _, c := range []struct {
		gate                          *access.Gate
		authorization, authentication string
		want                          error
	}{
		{token, "Bearer the-token", "", nil},
		{token, "bearer  the-token", "", nil},
		{token, "", "the-token", nil},
		{token, "", "", access.ErrNoCredentials},
		{token, "Bearer the-toke", "", access.ErrWrongCredentials},
		{token, "Bearer the-token2", "", access.ErrWrongCredentials},
		{token, "Bearer ", "", access.ErrWrongCredentials},
		{token, "the-token", "", access.ErrWrongCredentials},
		{token, "Basic the-token", "", access.ErrWrongCredentials},
		{token, basic("", "the-token"), "", access.ErrWrongCredentials},
		{token, "", "Bearer the-token", access.ErrWrongCredentials},
		{tokens, "Bearer first-token", "", nil},
		{tokens, "", "second-token", nil},
		{tokens, "Bearer first-token\n", "", access.ErrWrongCredentials},
		{tokens, "Bearer ", "", access.ErrWrongCredentials},
		{user, basic("zoe", "a:b c"), "", nil},
		{user, basic("zoe", ""), "", access.ErrWrongCredentials},
		{user, basic("Zoe", "a:b c"), "", access.ErrWrongCredentials},
		{user, basic("", "a:b c"), "", access.ErrWrongCredentials},
		{user, "Basic !", "", access.ErrWrongCredentials},
		{user, "Bearer a:b c", "", access.ErrWrongCredentials},
		{user, "", "a:b c", access.ErrWrongCredentials},
		{user, "Bearer ", "", access.ErrWrongCredentials},
	} {
		if err := c.gate.Admit([]string{c.authorization}, []string{c.authentication}); !errors.Is(err, c.want) {
			t.Errorf("%q, %q: %v, want %v", c.authorization, c.authentication, err, c.want)
		}
	}
	if err := user.Admit(nil, nil); !errors.Is(err, access.ErrNoCredentials) {
		t.Error(err)
	}
}

// An empty file or an empty secret lets nobody in; what is wrong is told without
// the secret.
func TestWrongCredentialsSettings(t *testing.T) {
	dir := t.TempDir()
	empty, spaced := filepath.Join(dir, "empty"), filepath.Join(dir, "spaced")
	write(t, empty, "\n\n")
	write(t, spaced, "s3cr3t with spaces\n")
	for _, c := range []struct {
		in   access.Credentials
		want string
	}{
		{access.Credentials{TokenFile: empty}, "auth.token_file " + empty + ": the file is empty"},
		{access.Credentials{Username: "u", PasswordFile: empty}, "auth.password_file " + empty + ": the file is empty"},
		{access.Credentials{TokenFile: filepath.Join(dir, "none")}, "auth.token_file: "},
		{access.Credentials{TokenFile: dir}, "want a file"},
		{access.Credentials{TokenFile: spaced}, "a token with a space"},
		{access.Credentials{Token: "s3cr3t\n"}, "a token with a space"},
		{access.Credentials{Username: "u"}, "username without password"},
		{access.Credentials{Password: "s3cr3t"}, "without username"},
		{access.Credentials{Username: "a:b", Password: "s3cr3t"}, "colon"},
	} {
		_, err := access.NewGate(c.in, discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// Tokens in a file can be exchanged without a gap; a faulty file changes nothing,
// and the log has no secret.
func TestTokensAreReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write(t, file, "old-s3cr3t\n")
	log := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	gate, err := access.NewGate(access.Credentials{TokenFile: file}, logger)
	if err != nil {
		t.Fatal(err)
	}
	badge, err := access.NewBadge(access.Credentials{TokenFile: file}, true, logger)
	if err != nil {
		t.Fatal(err)
	}
	admits := func(token string) bool { return gate.Admit([]string{"Bearer " + token}, nil) == nil }
	write(t, file, "new-s3cr3t\nold-s3cr3t\n")
	eventually(t, "the new token", func() bool {
		_, sent := badge.Header()
		return admits("new-s3cr3t") && sent == "new-s3cr3t"
	})
	if !admits("old-s3cr3t") {
		t.Error("the old token is still in the file")
	}
	write(t, file, "")
	eventually(t, "a line in the log", func() bool { admits("x"); return strings.Contains(log.String(), "the file is empty") })
	if !admits("new-s3cr3t") {
		t.Error("a faulty file is in force")
	}
	write(t, file, "newest-s3cr3t\n")
	eventually(t, "the end of the old tokens", func() bool { return !admits("old-s3cr3t") && admits("newest-s3cr3t") })
	if strings.Contains(log.String(), "s3cr3t") {
		t.Errorf("a secret in the log:\n%s", log)
	}
}

func TestBadge(t *testing.T) {
	for _, c := range []struct {
		in         access.Credentials
		bare       bool
		key, value string
	}{
		{access.Credentials{Token: "t"}, false, "Authorization", "Bearer t"},
		{access.Credentials{Token: "t"}, true, "Authentication", "t"},
		{access.Credentials{Username: "u", Password: "p"}, true, "Authorization", basic("u", "p")},
	} {
		b, err := access.NewBadge(c.in, c.bare, discard)
		if err != nil {
			t.Fatal(err)
		}
		if k, v := b.Header(); k != c.key || v != c.value {
			t.Errorf("%s: %s, want %s: %s", k, v, c.key, c.value)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after a minute", what)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
