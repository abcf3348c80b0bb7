// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// query is what a search asks for, by the rules of Zipkin's QueryRequest.
type query struct {
	service string // lower case, as the two others; "" for any
	remote  string
	name    string
	terms   map[string]string // tags and annotations; see parseTerms
	min     int64             // of a span's duration, µs; 0 for none
	max     int64             // math.MaxInt64 for none
	// from and to bound the time of the trace, µs since 1970.
	from, to int64
	// always: the time does not matter, and may be missing.
	always bool
	limit  int
}

// maxLimit bounds the traces of one answer.
const maxLimit = 10_000

// defaultLookback is how far a search of Zipkin's API goes back, in ms.
const defaultLookback = 86_400_000

// parseQuery reads the parameters of GET /api/v2/traces. Errors are worded as
// by the server, and found in its order: first all numbers, then their values.
func parseQuery(v url.Values, now time.Time) (query, error) {
	q := query{
		service: strings.ToLower(v.Get("serviceName")),
		remote:  strings.ToLower(v.Get("remoteServiceName")),
		name:    strings.ToLower(v.Get("spanName")),
		terms:   parseTerms(v.Get("annotationQuery")),
	}
	if q.name == "all" {
		q.name = ""
	}
	n := numbers{v: v}
	least, hasMin := n.optional("minDuration", 0)
	most, hasMax := n.optional("maxDuration", math.MaxInt64)
	endTs, _ := n.optional("endTs", now.UnixMilli())
	lookback, _ := n.optional("lookback", defaultLookback)
	limit := int64(10)
	if v.Has("limit") {
		limit = n.required("limit", 32)
	}
	switch {
	case n.err != nil:
		return q, n.err
	case endTs <= 0:
		return q, said("endTs <= 0")
	case limit <= 0:
		return q, said("limit <= 0")
	case lookback <= 0:
		return q, said("lookback <= 0")
	case hasMin && least <= 0:
		return q, said("minDuration <= 0")
	case hasMin && hasMax && most < least:
		return q, said("maxDuration < minDuration")
	case hasMax && !hasMin:
		return q, said("maxDuration is only valid with minDuration")
	}
	q.min, q.max = least, most
	q.from, q.to = window(endTs, lookback)
	q.limit = int(min(limit, maxLimit))
	return q, nil
}

// window is the time in µs from lookback before endTs to endTs, which are ms.
func window(endTs, lookback int64) (from, to int64) {
	const most = math.MaxInt64 / 1000 / 1000 // such that ns do not overflow
	endTs = min(endTs, most)
	return max(endTs-min(lookback, most), 0) * 1000, endTs*1000 + 999
}

// numbers reads parameters that are numbers and keeps the first error.
type numbers struct {
	v   url.Values
	err error
}

// optional reads a parameter that may be missing or empty.
func (n *numbers) optional(name string, otherwise int64) (value int64, given bool) {
	s := n.v.Get(name)
	if s == "" {
		return otherwise, false
	}
	return n.parse(s, 64), true
}

// required reads a parameter that must be there.
func (n *numbers) required(name string, bits int) int64 {
	switch {
	case !n.v.Has(name):
		n.fail(missing(name))
		return 0
	case n.v.Get(name) == "":
		n.fail(said("Cannot set null to primitive type parameter: " + name))
		return 0
	}
	return n.parse(n.v.Get(name), bits)
}

func (n *numbers) parse(s string, bits int) int64 {
	value, err := strconv.ParseInt(s, 10, bits)
	if err != nil {
		n.fail(said(fmt.Sprintf("For input string: %q", s)))
	}
	return value
}

func (n *numbers) fail(err error) {
	if n.err == nil {
		n.err = err
	}
}

// said is an error in the words of Zipkin's server.
type said string

func (s said) Error() string { return string(s) }

// missing is the server's error for a parameter that is not there.
func missing(name string) error {
	return said("Mandatory parameter/header/attribute is missing: " + name)
}

// maxTerms bounds the terms of an annotationQuery; the last one keeps the rest.
const maxTerms = 100

// parseTerms reads an annotationQuery: terms joined by " and ". A term with
// "=", split at the first one, asks for a tag with that value; a term without,
// whose value here is "", for a tag or an annotation. A later value of the same
// key wins, a term without value never does.
func parseTerms(s string) map[string]string {
	if s == "" {
		return nil
	}
	terms := make(map[string]string)
	for _, term := range strings.SplitN(s, " and ", maxTerms) {
		key, value, tag := strings.Cut(term, "=")
		key = trim(key)
		if _, ok := terms[key]; tag || !ok {
			terms[key] = trim(value)
		}
	}
	return terms
}

// trim takes away what Java's String.trim takes away.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}
