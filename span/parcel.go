// SPDX-License-Identifier: Apache-2.0

package span

// Parcel is what leaves for a target in one go.
type Parcel struct {
	// Items are the spans, each with the identity under which it leaves. Spans
	// of one segment stand together.
	Items []Item
	// Notices are batches that tell of reporting processes.
	Notices []*Batch
	// Tenant is whose spans they are, where a target does not take those of several
	// in one request; else "".
	Tenant string
}

// LeftOut says how many spans of a parcel a target did not get by themselves
// although it took the parcel, by the protocol that they came by.
type LeftOut struct {
	NoForm   Tally // they cannot be written in the target's protocol
	Refused  Tally // the target said that it refused that many
	Repeated Tally // they were written before: the target has them
	Merged   Tally // they became a part of another span of the parcel
	Why      string
}

// Bad are those that the target did not get at all.
func (l *LeftOut) Bad() int { return l.NoForm.Total() + l.Refused.Total() }

// Total are all that it did not get by themselves.
func (l *LeftOut) Total() (all Tally) {
	for _, t := range []*Tally{&l.NoForm, &l.Refused, &l.Repeated, &l.Merged} {
		all.Add(t)
	}
	return all
}

// Add adds what was left out of another parcel.
func (l *LeftOut) Add(other *LeftOut) {
	l.NoForm.Add(&other.NoForm)
	l.Refused.Add(&other.Refused)
	l.Repeated.Add(&other.Repeated)
	l.Merged.Add(&other.Merged)
	if other.Why != "" {
		l.Why = other.Why
	}
}
