// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"regexp"
)

// Secret is text that is never printed, in whatever way somebody tries.
type Secret string

const hidden = "(hidden)"

// String tells whether there is one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format is String for every verb: %q, %x and %#v would show the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText is String, for JSON, for logs and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML is String.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

var userinfo = regexp.MustCompile(`//[^/?#]*@`)

// Redacted is an endpoint without the user and password that may be in it.
func Redacted(endpoint string) string {
	return userinfo.ReplaceAllString(endpoint, "//"+hidden+"@")
}
