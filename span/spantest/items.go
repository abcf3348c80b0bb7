// SPDX-License-Identifier: Apache-2.0

package spantest

import "github.com/spanbridge/spanbridge/span"

// Items are all spans of a batch under the identity that it came with.
func Items(b *span.Batch) []span.Item {
	items := make([]span.Item, b.Len())
	for i := range items {
		s := &b.Spans()[i]
		items[i] = span.Item{Batch: b, Index: i, Identity: span.Identity{ID: s.ID, Parent: s.Parent}}
	}
	return items
}
