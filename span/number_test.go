// SPDX-License-Identifier: Apache-2.0

package span

import "testing"

func TestNumber(t *testing.T) {
	t.Parallel()
	w := NewBuilder(nil, Origin{})
	a, b := w.Batch(), NewBuilder(nil, Origin{}).Batch()
	c := a.Draft().Batch()
	if n := a.Number(); n == 0 || n == b.Number() || n == c.Number() || b.Number() == c.Number() || n != w.Batch().Number() {
		t.Errorf("%d, %d, %d", a.Number(), b.Number(), c.Number())
	}
}
