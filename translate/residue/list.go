// SPDX-License-Identifier: Apache-2.0

package residue

import (
	"math"

	"github.com/spanbridge/spanbridge/span"
)

// text reads a string, "" for another value.
func (r *Reader) text() string {
	if r.j.Peek() != '"' {
		r.j.Skip()
		return ""
	}
	s := r.j.String()
	if r.j.Err != nil {
		return ""
	}
	return r.j.Text(s)
}

// number reads an integer, 0 for another value.
func (r *Reader) number() int64 {
	v, _ := r.j.Int64()
	return v
}

// place reads a text of the batch, absent for another value.
func (r *Reader) place() span.Text {
	if r.j.Peek() != '"' {
		r.j.Skip()
		return span.Text{}
	}
	return r.w.Copy(r.text())
}

// list is a list that is read. What is not there reads as 0, absent or "".
type list struct {
	r     *Reader
	ended bool
}

// list starts to read a list; another value is stepped over and reads as an
// empty one.
func (r *Reader) list() list {
	if r.j.Peek() != '[' {
		r.j.Skip()
		return list{r, true}
	}
	r.j.Array()
	return list{r, r.j.Err != nil}
}

func (l *list) next() bool {
	if !l.ended {
		l.ended = !l.r.j.Elem()
	}
	return !l.ended
}

func (l *list) number() int64 {
	if !l.next() {
		return 0
	}
	return l.r.number()
}

func (l *list) text() string {
	if !l.next() {
		return ""
	}
	return l.r.text()
}

func (l *list) place() span.Text {
	if !l.next() {
		return span.Text{}
	}
	return l.r.place()
}

func (l *list) id() span.ID {
	id, _ := span.ParseID(l.text())
	return id
}

// count reads a number of 32 bits.
func (l *list) count() uint32 { return uint32(min(max(l.number(), 0), math.MaxUint32)) }

// rest steps over what is left.
func (l *list) rest() {
	for l.next() {
		l.r.j.Skip()
	}
}
