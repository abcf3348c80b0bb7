// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

const userSuffix = ".user"

// isUser is true for the key followed by any number of suffixes.
func isUser(key string) bool {
	if len(key) < len(Key) || key[:len(Key)] != Key {
		return false
	}
	rest := key[len(Key):]
	return strings.Count(rest, userSuffix)*len(userSuffix) == len(rest)
}

// Outside is the key under which an attribute of a user leaves: one that would
// be taken for a residue gets a suffix, others are unchanged.
func Outside(key string) string {
	if !isUser(key) {
		return key
	}
	return key + userSuffix
}

// Inside takes the suffix of Outside away from the key of an attribute.
func Inside(w *span.Builder, a *span.Attr) {
	if key := w.Str(a.Key); len(key) > len(Key) && isUser(key) {
		a.Key = w.Copy(key[:len(key)-len(userSuffix)])
	}
}
