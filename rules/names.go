// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"maps"
	"slices"
	"strings"
)

// names are old names with the numbers of the new ones.
type names struct {
	number map[string]int // by the old name, in lower case when fold
	to     []string
	fold   bool
}

func newNames(m map[string]string, fold bool) names {
	n := names{number: make(map[string]int, len(m)), fold: fold}
	for _, from := range slices.Sorted(maps.Keys(m)) {
		i := slices.Index(n.to, m[from])
		if i < 0 {
			i = len(n.to)
			n.to = append(n.to, m[from])
		}
		if fold {
			from = strings.ToLower(from)
		}
		n.number[from] = i
	}
	return n
}

// find is the number of the new name of a name, -1 when it keeps its own.
func (n *names) find(name string) int {
	if len(n.to) == 0 || name == "" {
		return -1
	}
	i, ok := n.number[name]
	if !ok && n.fold {
		i, ok = n.folded(name)
	}
	if !ok || n.to[i] == name {
		return -1
	}
	return i
}

// folded looks a name up in lower case, without an allocation for the usual.
func (n *names) folded(name string) (int, bool) {
	var room [64]byte
	lower := room[:0]
	for i := range len(name) {
		c := name[i]
		if c >= 0x80 || i == len(room) {
			v, ok := n.number[strings.ToLower(name)]
			return v, ok
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower = append(lower, c)
	}
	v, ok := n.number[string(lower)]
	return v, ok
}

// name is the new name of a name, or the name itself.
func (n *names) name(old string) string {
	if i := n.find(old); i >= 0 {
		return n.to[i]
	}
	return old
}
