// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math"
	"strconv"
)

// number steps over a number of JSON's grammar.
func (j *JSON) number() (integer bool) {
	at := j.Pos
	buf := j.Buf
	i := at
	if i < len(buf) && buf[i] == '-' {
		i++
	}
	start := i
	for i < len(buf) && '0' <= buf[i] && buf[i] <= '9' {
		i++
	}
	bad := i == start || buf[start] == '0' && i > start+1
	integer = true
	if i < len(buf) && buf[i] == '.' {
		integer = false
		i++
		start = i
		for i < len(buf) && '0' <= buf[i] && buf[i] <= '9' {
			i++
		}
		bad = bad || i == start
	}
	if i < len(buf) && (buf[i] == 'e' || buf[i] == 'E') {
		integer = false
		i++
		if i < len(buf) && (buf[i] == '+' || buf[i] == '-') {
			i++
		}
		start = i
		for i < len(buf) && '0' <= buf[i] && buf[i] <= '9' {
			i++
		}
		bad = bad || i == start
	}
	if bad {
		j.Fail(at, j.Found(), "a number")
		return false
	}
	j.Pos = i
	return integer
}

// Int64 reads an integer. As Gson does, it takes a quoted one and numbers like
// 1.7e15 and 3.0 that stand for an integer; ok is false, without a fault of the
// body, for any other value.
func (j *JSON) Int64() (v int64, ok bool) {
	j.Peek()
	if v, end := j.PlainInt(j.Pos); end >= 0 {
		j.Pos = end
		return v, true
	}
	j.Lenient = true
	if !j.IsText() {
		j.Skip()
		return 0, false
	}
	s := j.String()
	if j.Err != nil {
		return 0, false
	}
	text := j.Text(s)
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return v, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// PlainInt reads the integer at a place if it is one of up to 18 figures without a
// sign, the first of which is not 0; it ends at end, which is negative for all else.
func (j *JSON) PlainInt(at int) (v int64, end int) {
	buf := j.Buf
	if uint(at) >= uint(len(buf)) || buf[at]-'1' > 8 {
		return 0, -1
	}
	i := at
	for i+8 <= len(buf) && i <= at+8 {
		n, ok := eightFigures(binary.LittleEndian.Uint64(buf[i:]))
		if !ok {
			break
		}
		v = v*100_000_000 + int64(n)
		i += 8
	}
	for ; i < len(buf) && i < at+18; i++ {
		d := buf[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + int64(d)
	}
	if i < len(buf) && !numeric[buf[i]] {
		return v, i
	}
	return 0, -1
}

// eightFigures is the number that eight figures say, the first of which is in
// the lowest byte; false if one of them is none.
func eightFigures(x uint64) (n uint32, ok bool) {
	x ^= lows * '0'
	if (x|(x+lows*6))&(lows*0xf0) != 0 {
		return 0, false
	}
	x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
	x = (x*100 + x>>16) & 0x0000ffff0000ffff
	return uint32(x*10_000 + x>>32), true
}

// IsText is true when a string or a number comes next, which String reads.
func (j *JSON) IsText() bool {
	c := j.Peek()
	return c == '"' || c == '-' || '0' <= c && c <= '9'
}

// numeric marks the bytes that may go on a number.
var numeric = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'.': true, 'e': true, 'E': true, '+': true, '-': true,
}
