// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// letters are the types of attributes; those of mirrored ones are in upper
// case.
var letters = [...]byte{span.String: 's', span.Int: 'i', span.Float: 'f', span.Bool: 'b', span.Bytes: 'y', span.JSON: 'j', span.Null: 'n'}

const upper = 'a' - 'A'

func letterOf(a *span.Attr) byte {
	if a.Mirrored {
		return letters[a.Type] - upper
	}
	return letters[a.Type]
}

// typeOf reads a letter.
func typeOf(s string) (t span.Type, mirrored, ok bool) {
	if len(s) != 1 {
		return 0, false, false
	}
	for t, l := range letters {
		switch s[0] {
		case l:
			return span.Type(t), false, true
		case l - upper:
			return span.Type(t), true, true
		}
	}
	return 0, false, false
}

// sameValue is true for values of one type and content. All NaNs are one: no
// text tells them apart.
func sameValue(b *span.Batch, x *span.Attr, c *span.Batch, y *span.Attr) bool {
	if x.Type != y.Type {
		return false
	}
	switch x.Type {
	case span.Int, span.Bool:
		return x.Int() == y.Int()
	case span.Float:
		return x.Int() == y.Int() || math.IsNaN(x.Float()) && math.IsNaN(y.Float())
	case span.Null:
		return true
	}
	return b.Str(x.Text()) == c.Str(y.Text())
}

// reads is true when text is how values of a type are written, so that the
// value can be read back from it.
func reads(text string, t span.Type) bool {
	switch t {
	case span.Int:
		v, err := strconv.ParseInt(text, 10, 64)
		var room [24]byte
		return err == nil && string(strconv.AppendInt(room[:0], v, 10)) == text
	case span.Float:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || len(text) > 32 {
			return false
		}
		var b span.Batch
		var room [40]byte
		a := span.FloatAttr(span.Text{}, v)
		return string(b.AppendText(room[:0], &a)) == text
	case span.Bool:
		return text == "true" || text == "false"
	case span.Bytes:
		_, err := base64.StdEncoding.Strict().DecodeString(text)
		return err == nil
	case span.JSON:
		j := wire.JSON{Buf: []byte(text)}
		j.Skip()
		return j.Err == nil && j.Pos == len(text)
	case span.Null:
		return text == ""
	}
	return true
}

// parse is the attribute of a type that a text stands for; ok is false when
// reads says so. at is the place of the text, if it has one in the batch.
func parse(w *span.Builder, key span.Text, t span.Type, text string, at span.Text) (a span.Attr, ok bool) {
	if !reads(text, t) {
		return a, false
	}
	switch t {
	case span.Int:
		v, _ := strconv.ParseInt(text, 10, 64)
		return span.IntAttr(key, v), true
	case span.Float:
		v, _ := strconv.ParseFloat(text, 64)
		return span.FloatAttr(key, v), true
	case span.Bool:
		return span.BoolAttr(key, text == "true"), true
	case span.Bytes:
		p, _ := base64.StdEncoding.DecodeString(text)
		return span.TextAttr(key, t, w.CopyBytes(p)), true
	case span.Null:
		return span.TextAttr(key, t, span.Text{}), true
	}
	if !at.Present() {
		at = w.Copy(text)
	}
	return span.TextAttr(key, t, at), true
}
