// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. It is written with a unit: 10MiB, 200MB, 512B.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

const wantSize = "a size such as 10MiB, 200MB or 4096"

func parseSize(s string) (Size, error) {
	text, unit := strings.TrimSpace(s), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v < 0 || v*float64(unit) >= math.MaxInt64 || math.IsNaN(v) {
		return 0, fmt.Errorf("want %s", wantSize)
	}
	return Size(v * float64(unit)), nil
}

// String writes the size with the largest unit that leaves a whole number.
func (s Size) String() string {
	for _, u := range []int{3, 2, 1, 0, 8, 7, 6, 4} { // TiB to KiB, TB to kB
		if n := sizeUnits[u].bytes; s != 0 && int64(s)%n == 0 {
			return strconv.FormatInt(int64(s)/n, 10) + sizeUnits[u].name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}
