// SPDX-License-Identifier: Apache-2.0

package view

import (
	"context"
	"math"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/zipkin"
)

// search gives the traces that match, newest first, until yield returns false.
// The lock is held only to take a list of times and, trace by trace, references
// to spans.
func (s *store) search(ctx context.Context, q query, yield func(trace) bool) error {
	first, last := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.always {
		first, last = q.from*1000, q.to*1000+999
	}
	queue := newest(s.between(first, last, q.always))
	queue.init()
	m := matcher{q: q}
	var items []span.Item
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		lo := queue.pop().lo
		var gone int
		items, gone = s.collect(items[:0], lo)
		for _, t := range divide(items, gone, s.strict.Load()) {
			if !m.matches(t.items) {
				continue
			}
			if !yield(t) {
				return nil
			}
			items = nil // they belong to the one who was given them
		}
	}
	return nil
}

// values are the values that a tag has in the stored spans.
func (s *store) values(ctx context.Context, key string) ([]string, error) {
	found := make(map[string]bool)
	var items []span.Item
	var tags translate.Tags
	var text []byte
	for _, m := range s.between(math.MinInt64, math.MaxInt64, true) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		items, _ = s.collect(items[:0], m.lo)
		for i := range items {
			b := items[i].Batch
			zipkin.CollectTags(&tags, b, items[i].Span())
			if at := tags.Find(key); at >= 0 {
				text = tags.List[at].AppendValue(text[:0], b)
				if !found[string(text)] {
					found[string(text)] = true
				}
			}
		}
	}
	return sortedKeys(found), nil
}

// newest is a heap of marks with the latest beginning on top: most searches end
// after a few traces, so sorting all would be a waste.
type newest []mark

func (h newest) before(i, j int) bool {
	if h[i].first != h[j].first {
		return h[i].first > h[j].first
	}
	return h[i].lo < h[j].lo
}

func (h newest) init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
}

func (h *newest) pop() mark {
	top := (*h)[0]
	end := len(*h) - 1
	(*h)[0] = (*h)[end]
	*h = (*h)[:end]
	h.sink(0)
	return top
}

func (h newest) sink(i int) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h.before(c+1, c) {
			c++
		}
		if !h.before(c, i) {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}
