// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"math"

	"github.com/spanbridge/spanbridge/span"
)

// Join gives the items their identities, in place, as if nothing else ever
// came. It needs nothing but the items and their order does not matter, so two
// callers that see the same spans decide alike.
func Join(items []span.Item) {
	j := joins{users: users{max: math.MaxInt, young: sized(len(items))}}
	if !j.anyShared(items) {
		return
	}
	for i := range items {
		if r := reportOf(&items[i]); r.role == server {
			j.settleServer(&r, true)
		}
	}
	for i := range items {
		r := reportOf(&items[i])
		j.decide(&r, true)
	}
}

// anyShared notes all items. It returns false when no id can be shared, so that
// every span may keep its identity.
func (j *joins) anyShared(items []span.Item) (found bool) {
	for i := range items {
		r := reportOf(&items[i])
		j.note(&r)
		found = found || r.role >= server
	}
	return found
}
