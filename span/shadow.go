// SPDX-License-Identifier: Apache-2.0

package span

// Encoders that must know what a decoder will make of what they write note it
// while they write it: as a batch whose texts lie in what is written.

// SetBody puts a body in the place of the one that the batch began with: what is
// written moves while it grows.
func (w *Builder) SetBody(body []byte) { w.b.body = body }

// Moved is a text of the body that lies so many bytes further on by now.
func (t Text) Moved(by int) Text {
	if t.n > 0 && t.pos&sideBit == 0 {
		t.pos += uint32(by)
	}
	return t
}
