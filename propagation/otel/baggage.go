// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/baggage"

	"github.com/spanbridge/spanbridge/propagation"
)

// Bounds of OpenTelemetry's baggage.
const (
	maxMembers = 64
	maxBytes   = 8192
)

// withBaggage puts baggage where OpenTelemetry keeps it, and gives the items that
// it does not take.
func withBaggage(ctx context.Context, items propagation.Baggage) (_ context.Context, left propagation.Baggage) {
	if len(items) == 0 {
		return ctx, nil
	}
	members := make([]baggage.Member, 0, len(items))
	size := 0
	for _, it := range items {
		m, ok := member(it)
		if size += len(m.String()) + 1; ok && len(members) < maxMembers && size <= maxBytes {
			members = append(members, m)
		} else {
			left = append(left, it)
		}
	}
	b, err := baggage.New(members...)
	if err != nil {
		return ctx, items
	}
	return baggage.ContextWithBaggage(ctx, b), left
}

func member(it propagation.Item) (baggage.Member, bool) {
	var properties []baggage.Property
	if it.Properties != "" {
		// Parsing is the only way in for properties as they are written.
		if one, err := baggage.Parse("k=v;" + it.Properties); err == nil {
			properties = one.Member("k").Properties()
		}
	}
	m, err := baggage.NewMemberRaw(it.Key, it.Value, properties...)
	return m, err == nil
}

// baggageOf is the baggage of a context: first what came, in its order, as far as
// it is still there or OpenTelemetry did not take it, then the rest by key.
func baggageOf(ctx context.Context, v *visit) propagation.Baggage {
	now := baggage.FromContext(ctx)
	if now.Len() == 0 && len(v.left) == 0 {
		return nil
	}
	var all propagation.Baggage
	came := v.came.Baggage
	for _, it := range came {
		if _, twice := all.Get(it.Key); twice {
			continue
		}
		if m := now.Member(it.Key); m.Key() != "" {
			all = append(all, item(m))
		} else if _, ok := v.left.Get(it.Key); ok {
			all = append(all, it)
		}
	}
	members := now.Members()
	slices.SortFunc(members, func(a, b baggage.Member) int { return strings.Compare(a.Key(), b.Key()) })
	for _, m := range members {
		if _, ok := came.Get(m.Key()); !ok {
			all = append(all, item(m))
		}
	}
	return all
}

func item(m baggage.Member) propagation.Item {
	it := propagation.Item{Key: m.Key(), Value: m.Value()}
	for i, p := range m.Properties() {
		if i > 0 {
			it.Properties += ";"
		}
		it.Properties += p.String()
	}
	return it
}
