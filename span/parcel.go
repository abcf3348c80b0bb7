// SPDX-License-Identifier: Apache-2.0

package span

// Parcel is what leaves for a target in one go.
type Parcel struct {
	// Items are the spans, each with the identity under which it leaves. Spans
	// of one segment stand together.
	Items []Item
	// Notices are batches that tell of reporting processes.
	Notices []*Batch
}
