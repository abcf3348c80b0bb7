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

// LeftOut says which spans of a parcel a target did not get although it took
// the parcel.
type LeftOut struct {
	NoForm  int // they cannot be written in the target's protocol
	Refused int // the target said that it refused that many
	Why     string
}
