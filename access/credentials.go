// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Credentials are a token, or a user with a password, or both. A file has one
// secret in each line: all of them are let in, and the first is sent, so that
// a secret can be exchanged without a gap. Empty lines are left out.
type Credentials struct {
	Token, TokenFile       string
	Username               string
	Password, PasswordFile string
}

// IsZero is true when nothing is set.
func (c Credentials) IsZero() bool { return c == Credentials{} }

// secrets are the tokens and passwords of now.
type secrets struct{ tokens, passwords []string }

func (c Credentials) read(log *slog.Logger) (*reread[secrets], error) {
	if c.Username == "" && (c.Password != "" || c.PasswordFile != "") {
		return nil, errors.New("auth: a password without username")
	}
	if c.Username != "" && c.Password == "" && c.PasswordFile == "" {
		return nil, errors.New("auth: username without password or password_file")
	}
	if strings.Contains(c.Username, ":") {
		return nil, errors.New("auth.username: it has a colon, which ends a name in basic authentication")
	}
	return newReread(log, func(contents [][]byte) (s secrets, err error) {
		s.tokens, err = lines("auth.token", c.Token, c.TokenFile, contents[0])
		if err != nil {
			return s, err
		}
		for _, t := range s.tokens {
			if strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }) {
				// The text is a secret, and so it is not part of the message.
				return s, fmt.Errorf("auth.token%s: a token with a space or a character outside ASCII, which no header can carry", in(c.TokenFile))
			}
		}
		s.passwords, err = lines("auth.password", c.Password, c.PasswordFile, contents[1])
		return s, err
	}, source{"auth.token_file", c.TokenFile}, source{"auth.password_file", c.PasswordFile})
}

func in(file string) string {
	if file == "" {
		return ""
	}
	return "_file " + file
}

func lines(setting, text, file string, content []byte) (all []string, err error) {
	if text != "" {
		all = append(all, text)
	}
	if file == "" {
		return all, nil
	}
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s_file %s: the file is empty, want one secret in each line", setting, file)
	}
	return all, nil
}

// Gate lets in who knows a token or a password.
type Gate struct {
	username string
	secrets  *reread[secrets]
}

// NewGate reads the files. Log tells of later changes.
func NewGate(c Credentials, log *slog.Logger) (*Gate, error) {
	s, err := c.read(log)
	if err != nil {
		return nil, err
	}
	return &Gate{username: c.Username, secrets: s}, nil
}

// Basic is true when a name and a password are asked for.
func (g *Gate) Basic() bool { return g.username != "" }

// Errors of Admit.
var (
	ErrNoCredentials    = errors.New("no token and no user were given")
	ErrWrongCredentials = errors.New("the token, or the user or password, is wrong")
)

// Admit judges what a caller gave: the values of the header Authorization
// (bearer or basic) and of SkyWalking's Authentication, which is the bare token.
// The time that it takes tells nothing of how much of a secret was right.
func (g *Gate) Admit(authorization, authentication []string) error {
	now := g.secrets.now()
	given, good := false, 0
	for _, v := range authorization {
		given = given || v != ""
		scheme, rest, _ := strings.Cut(v, " ")
		rest = strings.TrimLeft(rest, " ")
		switch {
		case strings.EqualFold(scheme, "bearer"):
			good |= oneOf(now.tokens, rest)
		case strings.EqualFold(scheme, "basic") && g.username != "":
			pair, err := base64.StdEncoding.DecodeString(rest)
			user, password, ok := strings.Cut(string(pair), ":")
			if err == nil && ok {
				good |= same(g.username, user) & oneOf(now.passwords, password)
			}
		}
	}
	for _, v := range authentication {
		given = given || v != ""
		good |= oneOf(now.tokens, v)
	}
	switch {
	case good == 1:
		return nil
	case given:
		return ErrWrongCredentials
	default:
		return ErrNoCredentials
	}
}

func oneOf(secrets []string, given string) int {
	good := 0
	for _, s := range secrets {
		good |= same(s, given)
	}
	return good
}

// same compares sums, so that not even the length of a secret shows.
func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// Badge is what the gateway shows to a target.
type Badge struct {
	bare     bool
	username string
	secrets  *reread[secrets]
}

// NewBadge reads the files. Bare sends a token as SkyWalking's agents do, alone
// in the header Authentication.
func NewBadge(c Credentials, bare bool, log *slog.Logger) (*Badge, error) {
	s, err := c.read(log)
	if err != nil {
		return nil, err
	}
	return &Badge{bare: bare, username: c.Username, secrets: s}, nil
}

// Header is the header to send now.
func (b *Badge) Header() (key, value string) {
	now := b.secrets.now()
	switch {
	case b.username != "":
		return "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(b.username+":"+now.passwords[0]))
	case b.bare:
		return "Authentication", now.tokens[0]
	default:
		return "Authorization", "Bearer " + now.tokens[0]
	}
}
