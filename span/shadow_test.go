// SPDX-License-Identifier: Apache-2.0

package span

import "testing"

func TestMoved(t *testing.T) {
	t.Parallel()
	w := NewBuilder(nil, Origin{})
	side, place := w.Copy("side"), At(1, 4)
	w.SetBody([]byte("-body"))
	if got := w.Str(place); got != "body" {
		t.Errorf("%q", got)
	}
	w.SetBody([]byte("---body"))
	for _, c := range []struct {
		text Text
		want string
	}{{place, "body"}, {side, "side"}, {Empty, ""}, {Text{}, ""}} {
		moved := c.text.Moved(2)
		if got := w.Str(moved); got != c.want || moved.Present() != c.text.Present() {
			t.Errorf("%q, %v, want %q", got, moved.Present(), c.want)
		}
	}
}
