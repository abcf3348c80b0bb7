// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// ParseSW8 reads SkyWalking's header sw8: flag, trace id, segment id, span
// number, service, instance, endpoint and address, joined by "-", all but flag
// and number in standard base64. Padding may be missing and further fields are
// ignored. Flag 0 is a denial.
func ParseSW8(s string) (Context, error) {
	f := strings.Split(strings.TrimSpace(s), "-")
	if len(f) < 8 {
		return Context{}, fmt.Errorf("sw8: %d fields, want 8", len(f))
	}
	flag, err := strconv.Atoi(f[0])
	if err != nil {
		return Context{}, fmt.Errorf("sw8: flag: %q, want a number", short(f[0]))
	}
	var c Context
	if c.TraceName, err = sw8Text(f[1]); err != nil {
		return Context{}, fmt.Errorf("sw8: trace id: %w", err)
	}
	segment, err := sw8Text(f[2])
	if err != nil {
		return Context{}, fmt.Errorf("sw8: segment id: %w", err)
	}
	number, err := strconv.ParseInt(f[3], 10, 32)
	if err != nil || number < 0 {
		return Context{}, fmt.Errorf("sw8: span number: %q, want 0 or more", short(f[3]))
	}
	c.Trace = span.TraceOf(c.TraceName)
	c.Span = span.SpanOf(c.Trace, segment, int32(number))
	c.Sampling = Accept
	if flag == 0 {
		c.Sampling = Deny
	}
	return c, nil
}

func sw8Text(s string) (string, error) {
	p, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return "", fmt.Errorf("%q, want base64", short(s))
	}
	if len(p) == 0 {
		return "", errors.New("empty, want base64 of a text")
	}
	return string(p), nil
}
